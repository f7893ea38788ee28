"""Look at decks in Chromium: whether everything fits, is large enough, and needs no network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bookmaking.html.slides import SMALLEST

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SIZE = {"width": 1280, "height": 720}
FAULTS = """async smallest => {
    const faults = [];
    // What scrolls in a panel cannot overflow the slide.
    const scrolls = (part) => part.parentElement.closest(".live *") &&
        ["auto", "scroll"].includes(getComputedStyle(part.parentElement).overflowY);
    const inside = (part) =>
        !part.matches("section") && (scrolls(part) || inside(part.parentElement));
    const ownText = (part) => [...part.childNodes].some((node) =>
        node.nodeType === 3 && node.data.trim());
    const size = (part) => {
        const panel = part.closest(".live");
        const times = panel ? panel.getBoundingClientRect().width / panel.offsetWidth : 1;
        const whole = part.closest("math") ?? part.closest(":not(sub, sup)");
        return times * parseFloat(getComputedStyle(whole).fontSize);
    };
    for (const slide of Reveal.getSlides()) {
        const { h, v } = Reveal.getIndices(slide);
        Reveal.slide(h, v);
        await Promise.all([...slide.querySelectorAll("img")].map((image) => image.decode()));
        for (let frame = 0; frame < 2 && slide.querySelector(".live"); frame++)
            await new Promise(requestAnimationFrame);
        const say = (part, words) => faults.push(`slide ${Reveal.getSlidePastCount() + 1}: ` +
            `${words}: ${part.localName}, ${(part.alt || part.textContent).trim().slice(0, 60)}`);
        const parts = [...slide.querySelectorAll(":scope *:not(.notes, .notes *)")]
            .filter((part) => part.checkVisibility());
        const over = new Set();
        for (const part of parts) {
            const { right, bottom } = part.getBoundingClientRect();
            if ((right > innerWidth - 16 || bottom > innerHeight - 8) && !inside(part)) {
                if (!over.has(part.parentElement))
                    say(part, `ends at ${right.toFixed()}, ${bottom.toFixed()}`);
                over.add(part);
            }
            if (ownText(part) && size(part) < smallest - 0.1)
                say(part, `letters of ${size(part).toFixed(1)} pixels`);
            if (part.localName === "img" && !(part.alt.length > 60)) say(part, "no alt text");
        }
    }
    return faults;
}"""


@contextmanager
def opened(deck: Path, browser: Any, query: str = "") -> Iterator[tuple[Any, list[str]]]:
    """Open a deck without a network; yield its page, and what it complains of or asks for."""
    context = browser.new_context(viewport=SIZE, offline=True)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.extend([message.text] * (message.type == "error")))
    page.on("pageerror", lambda error: said.append(str(error)))
    own = (deck.parents[1].as_uri(), "data:", "blob:", "about:")
    page.on("request", lambda asked: said.extend([asked.url] * (not asked.url.startswith(own))))
    page.goto(deck.as_uri() + query)
    page.wait_for_function("Reveal.isReady()")
    yield page, said
    context.close()


def faults(deck: Path, browser: Any) -> list[str]:
    """Return what is wrong with the slides of a deck.

    Parameters
    ----------
    deck
        The file.
    browser
        Chromium, as Playwright opens it.

    Returns
    -------
    A line for each part that is outside its slide or too small, each picture without a text, and
    each error and request
    """
    with opened(deck, browser) as (page, said):
        return [f"{deck.name}, {fault}" for fault in [*page.evaluate(FAULTS, SMALLEST), *said]]


def all_faults(folder: Path) -> list[str]:
    """Return what is wrong with all decks of a folder."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        found = [fault for deck in sorted(folder.glob("*.html")) for fault in faults(deck, browser)]
        browser.close()
        return found
