"""The decks in Chromium: everything fits, is large enough, and needs no network."""

from collections.abc import Iterator
from typing import Any

import pytest

from bookmaking.html.projection import FAULTS, faults, opened
from bookmaking.html.slides import SMALLEST, decks
from bookmaking.paths import HTML, TOC
from tests.chromium import NEEDS_CHROMIUM

pytestmark = NEEDS_CHROMIUM


@pytest.mark.parametrize("name", decks(TOC))
def test_everything_fits_is_large_and_needs_no_network(browser: Any, name: str) -> None:
    assert faults(HTML / "slides" / f"{name}.html", browser) == []


@pytest.mark.parametrize(
    ("breaking", "said"),
    [
        ("slide.querySelector('h2').style.marginTop = '690px'", "ends at"),
        ("slide.querySelector('h2').style.fontSize = '20px'", "letters of 20.0 pixels"),
        ("document.querySelector('img').alt = ''", "no alt text"),
    ],
)
def test_a_broken_slide_is_reported(browser: Any, breaking: str, said: str) -> None:
    with opened(HTML / "slides" / "why-cluster.html", browser) as (page, _):
        page.evaluate(f"const slide = Reveal.getSlides()[3]; {breaking}")
        first, *_ = page.evaluate(FAULTS, SMALLEST)
        assert said in first


def test_a_request_and_an_error_are_reported(browser: Any) -> None:
    with opened(HTML / "slides" / "why-cluster.html", browser) as (page, said):
        page.evaluate("fetch('https://example.org/').catch(() => console.error('failed'))")
        page.wait_for_timeout(200)
        assert {"https://example.org/", "failed"} <= {*said}


@pytest.fixture
def panel(browser: Any) -> Iterator[Any]:
    """Open the slide with a drawing that moves."""
    with opened(HTML / "slides" / "repeated-measures.html", browser) as (page, _):
        page.evaluate("""() => {
            const slide = document.querySelector("[data-explorable]").closest(".panel");
            const { h, v } = Reveal.getIndices(slide);
            Reveal.slide(h, v);
        }""")
        yield page


def test_what_is_typed_into_a_panel_does_not_turn_the_slide(panel: Any) -> None:
    place = panel.evaluate("Reveal.getSlidePastCount()")
    panel.locator("[data-explorable] select").focus()
    panel.keyboard.press("ArrowRight")
    assert panel.evaluate("Reveal.getSlidePastCount()") == place
    panel.evaluate("document.activeElement.blur()")
    panel.keyboard.press("ArrowRight")
    assert panel.evaluate("Reveal.getSlidePastCount()") == place + 1


def test_a_drawing_is_enlarged_with_its_letters_and_finds_what_is_under_the_mouse(
    panel: Any,
) -> None:
    drawing = panel.locator("[data-explorable] svg")
    panel.wait_for_timeout(100)
    # The box of a word has the height of a line, and room for its margin.
    assert drawing.locator("text").first.bounding_box()["height"] >= 1.5 * SMALLEST
    mark = drawing.locator(".own").first.bounding_box()
    panel.mouse.move(mark["x"] + mark["width"] / 2, mark["y"] + 5)
    line = drawing.locator("line.cut").bounding_box()
    assert abs(line["x"] - mark["x"] - mark["width"] / 2) < 12


def test_a_deck_prints_a_page_for_each_slide(browser: Any) -> None:
    deck = HTML / "slides" / "why-cluster.html"
    with opened(deck, browser, "?print-pdf") as (page, said):
        page.wait_for_selector(".pdf-page")
        pages = page.locator(".pdf-page").count()
        assert pages == deck.read_text("utf-8").count("data-timing")
        assert said == []
