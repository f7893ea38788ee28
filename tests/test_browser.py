"""The built book in a browser, from the file system and with no network, as a reader opens it."""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytensor.tensor as pt
import pytest
import xarray as xr
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

import multilevel as ml
from multilevel import likelihoods
from multilevel.structure import Structure, to_json
from tests.chromium import NEEDS_CHROMIUM

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
NAMES = sorted(path.stem for path in (ROOT / "chapters").glob("*.md"))
WIDE, NARROW = 1280, 360
EXPLORABLES = {  # the pages that have one, and the names of the axes
    "repeated-measures": ["people, by number of measurements", "con: averages ○, estimates ■"],
    "predictions": ["treatment", "probability of pulling left"],
    "exercise-moral-judgement": ["judgement", "density", "response", "probability"],
}
type Mode = Literal["light", "dark"]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FONT = 12 * 240 / 72
"""Size of the letters of figures, in dots."""

pytestmark = NEEDS_CHROMIUM


def outside(address: str) -> list[str]:
    """Return an address as a list if it is not in the built book."""
    return [] if address.startswith((HTML.as_uri(), "data:", "blob:")) else [address]


def visit(
    browser: Browser, name: str, width: int = WIDE, mode: Mode = "light", touch: bool = False
) -> Page:
    """Open a page; it fails the test when it complains or asks for something outside the book."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=mode,
        offline=True,
        has_touch=touch,
    )
    context.add_init_script(f"localStorage.setItem('mode', '{mode}')")
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.extend([message.text] * (message.type == "error")))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.extend(outside(request.url)))
    name, mark, query = name.partition("?")
    page.goto(f"{(HTML / 'chapters' / name).as_uri()}.html{mark}{query}", wait_until="load")
    page.wait_for_timeout(300)
    assert said == []
    return page


def fonts_of_formulas(page: Page) -> set[str]:
    """Return the fonts in which the formulas in sight are set."""
    inspector = page.context.new_cdp_session(page)
    for part in ("DOM", "CSS"):
        inspector.send(f"{part}.enable")
    root = inspector.send("DOM.getDocument")["root"]["nodeId"]
    found = inspector.send("DOM.querySelectorAll", {"nodeId": root, "selector": "article math"})
    fonts = [
        inspector.send("CSS.getPlatformFontsForNode", {"nodeId": formula})["fonts"]
        for formula in found["nodeIds"]
    ]
    return {font["familyName"] for formula in fonts for font in formula}


def violations(page: Page) -> list[str]:
    """Return what axe finds on a page, by the rules of WCAG 2.2 at level AA."""
    options = {"runOnly": {"type": "tag", "values": WCAG}, "resultTypes": ["violations"]}
    return [
        f"{found['id']}: {node['html'][:150]} ({node['failureSummary'][:300]})"
        for found in Axe().run(page, options=options).response["violations"]
        for node in found["nodes"][:3]
    ]


def darken(page: Page) -> None:
    page.add_style_tag(content="*, ::before, ::after { transition: none !important; }")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")


def cut(page: Page, hinted: bool = True) -> list[str]:
    """Return how tables, code, outputs, formulas and figures begin that are cut at an edge.

    What fades at the edge is left out on request.
    """
    return page.evaluate(
        """hinted => {
        const article = document.querySelector('article');
        const isCut = part => {
            for (let box = part; box !== article; box = box.parentElement) {
                const { overflowX, maskImage } = getComputedStyle(box);
                if (overflowX !== 'visible' && box.scrollWidth > box.clientWidth + 1)
                    return hinted || maskImage === 'none';
            }
            return part.getBoundingClientRect().right > innerWidth;
        };
        return [...article.querySelectorAll('table, pre, .formula, figure, img')]
            .filter(part => part.checkVisibility({ visibilityProperty: true }) && isCut(part))
            .map(part => `${part.tagName}: ${part.innerText.slice(0, 100)}`);
    }""",
        hinted,
    )


def open_all(page: Page) -> None:
    """Open all folds and solutions."""
    page.evaluate("""() => {
        document.querySelectorAll('details').forEach(part => part.open = true);
        document.querySelectorAll('.toggle-button-hidden').forEach(button => button.click());
    }""")
    page.wait_for_timeout(200)


def shorten(page: Page) -> None:
    """Keep a few rows of the tables in folds: axe measures every word, and rows are alike."""
    page.evaluate(
        "document.querySelectorAll('details tr:nth-child(n+4)').forEach(row => row.remove())"
    )


@pytest.mark.parametrize("name", NAMES)
def test_page_opens_without_network_and_is_accessible(browser: Browser, name: str) -> None:
    page = visit(browser, name)
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    wide = page.evaluate("document.documentElement.scrollWidth")
    blurred = page.evaluate(
        "[...document.querySelectorAll('.cell_output img')]"
        ".filter(image => image.getAttribute('width') < 2 * image.clientWidth)"  # dots a pixel
        ".map(image => image.alt)"
    )
    tall = page.evaluate(
        "[...document.querySelectorAll('.toggle-hidden')]"
        ".filter(part => part.offsetHeight > 60).length"
    )
    cut_off = cut(page)
    open_all(page)
    cut_off += cut(page)
    shorten(page)
    page.wait_for_timeout(600)  # until the theme has noticed what scrolls now
    found = violations(page)
    darken(page)  # contrast depends on the mode, all else on the width: two passes see both
    page.set_viewport_size({"width": NARROW, "height": 900})
    narrow = page.evaluate("document.documentElement.scrollWidth")
    page.wait_for_timeout(600)
    found += violations(page)
    fonts = fonts_of_formulas(page)
    cut_without_hint = cut(page, hinted=False)
    letters = page.evaluate(
        "[...document.querySelectorAll('.cell_output img')].filter(image => image.clientWidth)"
        f".map(image => {FONT} * image.clientWidth / image.getAttribute('width'))"
    )
    page.context.close()
    assert found == []
    assert fonts <= {"STIX Two Math"}
    assert cut_off == []
    assert cut_without_hint == []
    assert min(letters, default=8) >= 8  # pixels
    assert blurred == []
    assert tall == 0  # what is folded away takes no room
    assert wide <= WIDE
    assert narrow <= NARROW


def test_text_that_is_too_pale_is_found(browser: Browser) -> None:
    page = visit(browser, "notation")
    page.add_style_tag(content="html[data-theme=dark] article p { color: #444 !important; }")
    assert violations(page) == []
    darken(page)
    assert any(line.startswith("color-contrast") for line in violations(page))
    page.add_style_tag(content="html[data-theme=dark] article p { color: #bbb !important; }")
    assert violations(page) == []
    page.add_style_tag(content="article p { color: #ccc !important; }")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert any(line.startswith("color-contrast") for line in violations(page))
    page.context.close()


def test_a_page_is_printed_in_light_mode(browser: Browser) -> None:
    page = visit(browser, "estimates", WIDE, "dark")
    page.evaluate("addEventListener('beforeprint', () => { window.printed = true; })")
    page.pdf()
    assert page.evaluate("printed")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    hidden = page.evaluate(
        "[...document.querySelectorAll('details:not([open]), .bd-sidebar-primary')]"
        ".every(part => !part.checkVisibility())"
    )
    assert hidden
    weights = page.evaluate(
        "[...document.querySelectorAll('math')].map(math => getComputedStyle(math).fontWeight)"
    )
    assert set(weights) == {"400"}
    page.context.close()


def test_search_finds_a_word_without_network(browser: Browser) -> None:
    page = visit(browser, "../search?q=shrinkage")
    page.wait_for_selector("#search-results li a")
    assert "repeated-measures" in (page.content())
    page.context.close()


def test_the_meaning_of_a_term_is_shown_by_pointer_and_by_keyboard(browser: Browser) -> None:
    page = visit(browser, "repeated-measures")
    link, tip = page.locator("a.glossary-term").first, page.locator("#glossary-tip")
    assert not tip.is_visible()
    link.hover()
    assert tip.is_visible()
    assert tip.inner_text() == link.get_attribute("data-meaning")
    tip.hover()
    page.wait_for_timeout(400)
    assert tip.is_visible()
    page.mouse.move(0, 0)
    page.wait_for_timeout(400)
    assert not tip.is_visible()
    link.focus()
    assert tip.is_visible()
    assert link.get_attribute("aria-describedby") == "glossary-tip"
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    page.context.close()


def test_a_first_tap_shows_the_meaning_of_a_term_and_a_second_one_leads_to_it(
    browser: Browser,
) -> None:
    page = visit(browser, "repeated-measures", NARROW, touch=True)
    here = page.url
    links, tip = page.locator("a.glossary-term:visible"), page.locator("#glossary-tip")
    for link in (links.first, links.last):
        link.tap()
        page.wait_for_timeout(400)
        meaning = link.get_attribute("data-meaning")
        assert tip.inner_text() == f"{meaning} (Tap again for the glossary.)"
        assert page.url == here
    page.locator("h1").last.tap()
    assert not tip.is_visible()
    links.last.tap()
    assert page.url == here
    links.last.tap()
    page.wait_for_url("**/glossary.html#*")
    page.context.close()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_page_for_lost_visitors_is_accessible(browser: Browser, mode: Mode) -> None:
    page = visit(browser, "../404", WIDE, mode)
    assert violations(page) == []
    page.context.close()


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_numbers_of_figures_are_accessible_when_opened(browser: Browser, mode: Mode) -> None:
    page = visit(browser, "calibration", NARROW, mode)
    page.locator(".figure-numbers summary").first.click(timeout=5000)  # nothing lies over it
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
    assert violations(page) == []
    page.context.close()


# What moves ---------------------------------------------------------------------------------------


def computed(page: Page, name: str, *arguments: Any) -> Any:
    return page.evaluate(f"explorables.{name}(...{json.dumps(arguments)})")


def test_shrinkage_is_that_of_the_model(browser: Browser) -> None:
    page = visit(browser, "repeated-measures")
    data = ml.load_mlm()
    model = ml.partial_pooling(data, "con", "id", form="centred")
    people = data.groupby("id")["con"]
    clusters = [{"n": len(con), "mean": con.mean()} for _, con in people]
    slope = model.compile_dlogp(mode="FAST_COMPILE")
    for sigma_alpha, sigma in [(0.06, 0.05), (0.02, 0.05), (0.2, 0.1)]:
        scales = sigma_alpha, sigma
        alpha_bar = computed(page, "grandMean", clusters, *scales)
        alpha = np.array(computed(page, "shrink", clusters, *scales))
        point = {
            "alpha_bar": np.array(alpha_bar),
            "sigma_log__": np.log(sigma),
            "sigma_alpha_log__": np.log(sigma_alpha),
            "alpha": alpha,
        }
        gradient = dict(zip(point, np.split(slope(point), [1, 2, 3]), strict=True))
        # For given scales the posterior is normal: its mean is where the density does not slope.
        np.testing.assert_allclose(gradient["alpha_bar"], 0, atol=1e-6)
        np.testing.assert_allclose(gradient["alpha"], 0, atol=1e-6)
    page.context.close()


def test_category_probabilities_are_those_of_the_model(browser: Browser) -> None:
    page = visit(browser, "exercise-moral-judgement")
    threshold = [-2.0, -1.4, -0.8, 0.3, 1.0, 1.9]
    for eta in (-3.0, 0.0, 0.4):
        odds = np.full(7, np.exp(eta))
        exact = likelihoods.ordered_logistic_logp(
            pt.constant(np.arange(7)),
            pt.constant(odds),
            pt.constant(np.array(threshold)),
        )
        found = computed(page, "categories", threshold, eta)
        np.testing.assert_allclose(found, np.exp(exact.eval()), rtol=1e-10)
    page.context.close()


def test_predictions_are_those_of_the_library(browser: Browser) -> None:
    page = visit(browser, "predictions")
    rng = np.random.default_rng(1)
    treatments, z = ["R/N", "L/N", "R/P", "L/P"], rng.normal(size=50)
    sigma = rng.exponential(2, 50)
    posterior = xr.Dataset(
        {
            "alpha_bar": (("chain", "draw"), rng.normal(size=(1, 50))),
            "sigma_actor": (("chain", "draw"), sigma[None]),
            "beta": (("chain", "draw", "treatment"), rng.normal(size=(1, 50, 4))),
            "alpha_actor": (("chain", "draw", "actor"), (sigma * z)[None, :, None]),
        },
        {"treatment": treatments, "actor": [1]},
    )
    draws = [
        {
            "alpha_bar": one["alpha_bar"].item(),
            "sigma_actor": one["sigma_actor"].item(),
            "actor 1": one["alpha_actor"].item(),
            **dict(zip(treatments, one["beta"].to_numpy().tolist(), strict=True)),
        }
        for one in (posterior.isel(chain=0, draw=k) for k in range(50))
    ]
    fit = xr.DataTree.from_dict({"posterior": posterior})
    structure = Structure("bernoulli", "pulled_left", treatment="treatment", groups=("actor",))
    fit.attrs["structure"] = to_json(structure)
    rows = pd.DataFrame({"actor": 1, "treatment": treatments})
    same, average = ml.predict(fit, rows, "same"), ml.predict(fit, rows, "average")
    for expected, actor in [(same, "actor 1"), (average, None)]:
        table = ml.interval(expected, rows)[["mean", "lower", "upper"]]
        found = pd.DataFrame(computed(page, "predict", draws, treatments, actor))
        np.testing.assert_allclose(found, table, rtol=1e-9)
    # A new actor with the deviation z is the actor whose effect is z standard deviations.
    for k in (0, 7, 49):
        met = computed(page, "meet", draws[k], treatments, z[k])
        np.testing.assert_allclose(met, same.isel(chain=0, draw=k), rtol=1e-9)
    page.context.close()


def test_normals_are_standard_normal(browser: Browser) -> None:
    page = visit(browser, "predictions")
    drawn = np.array(
        page.evaluate(
            "(() => { const n = explorables.normals(1); return Array.from({length: 4000}, n) })()"
        )
    )
    assert abs(drawn.mean()) < 5 / np.sqrt(4000)
    assert abs(drawn.std() - 1) < 5 / np.sqrt(8000)
    page.context.close()


def test_sliders_move_by_keyboard_and_say_what_they_do(browser: Browser) -> None:
    page = visit(browser, "repeated-measures")
    said = page.locator(".explorable-said")
    before = said.inner_text()
    page.get_by_label("how much people differ").focus()
    page.keyboard.press("Home")
    assert "= 0.00" in said.inner_text() != before
    page.get_by_role("button", name="As estimated from the data").press("Enter")
    assert said.inner_text() == before
    page.context.close()


def test_new_chimpanzees_are_met_by_keyboard(browser: Browser) -> None:
    page = visit(browser, "predictions")
    said = page.locator(".explorable-said")
    assert said.inner_text().startswith("Actor 1 pulls left")
    page.get_by_label("one of the seven").focus()
    page.keyboard.press("ArrowDown")
    assert said.inner_text().startswith("The average chimpanzee pulls left")
    page.keyboard.press("ArrowDown")
    page.get_by_role("button", name="Meet one more").press("Enter")
    assert said.inner_text().startswith("New chimpanzee number 2 pulls left")
    page.context.close()


def boxes(page: Page, selector: str) -> list[dict[str, float]]:
    """Return where the elements are that a selector finds: their edges, in pixels of the page."""
    return page.evaluate(
        "selector => [...document.querySelectorAll(selector)].map(part => {"
        "const box = part.getBoundingClientRect();"
        "const [left, right] = [box.left, box.right];"
        "return {left, right, top: box.top + scrollY, bottom: box.bottom + scrollY}; })",
        selector,
    )


def badly_placed_words(page: Page) -> list[str]:
    """Return words of a drawing that are cut off, small, or on top of another."""
    return page.evaluate("""() => {
        const svg = document.querySelector('.explorable svg');
        const [edge, scale] = [svg.getBoundingClientRect(), svg.getScreenCTM().a];
        const words = [...svg.querySelectorAll('text')];
        const box = word => word.getBoundingClientRect();
        const isCut = ({ left, right, top, bottom }) => left < edge.left - 1
            || right > edge.right + 1 || top < edge.top - 1 || bottom > edge.bottom + 1;
        const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;  // room between lines
        return words.filter((word, k) => isCut(box(word))
            || scale * parseFloat(getComputedStyle(word).fontSize) < 13
            || words.slice(k + 1).some(other => meet(box(word), box(other)))
        ).map(word => word.textContent);
    }""")


@pytest.mark.parametrize("name", EXPLORABLES)
@pytest.mark.parametrize("width", [WIDE, 692, 576, NARROW])
def test_explorables_are_in_sight_as_they_move(browser: Browser, name: str, width: int) -> None:
    page = visit(browser, name, width)
    (header,) = boxes(page, ".bd-header-article")
    (whole,) = boxes(page, ".explorable")
    (drawn,) = boxes(page, ".explorable svg")
    phone = 640  # as high as a phone's window
    assert header["bottom"] - header["top"] + drawn["bottom"] - whole["top"] < phone
    assert whole["left"] < drawn["left"] < drawn["right"] < whole["right"] <= width
    words = page.locator(".explorable svg text").all_text_contents()
    assert set(EXPLORABLES[name]) <= set(words)
    assert badly_placed_words(page) == []
    for control in page.locator(".explorable :is([type=range], [type=checkbox], button)").all():
        for key in ("Home", "End", "Space"):
            if control.is_visible():
                control.press(key)
            assert badly_placed_words(page) == []
    page.context.close()


def test_the_notes_of_explorables_belong_to_their_own_sliders(browser: Browser) -> None:
    page = visit(browser, "repeated-measures", NARROW)
    notes, inputs = boxes(page, ".explorable-note"), boxes(page, ".explorable [type=range]")
    labels = boxes(page, ".explorable-slider label")
    assert len(notes) == len(inputs) == len(labels) == 2
    for note, own in zip(notes, inputs, strict=True):
        assert 0 <= note["top"] - own["bottom"] < 5
        assert own["left"] <= note["left"] < note["right"] <= own["right"]
    assert labels[1]["top"] - notes[0]["bottom"] > notes[0]["top"] - inputs[0]["bottom"] + 5
    page.context.close()


def heights(path: str | None) -> list[float]:
    return [float(point.split(",")[1]) for point in (path or "").strip("MZ").split("L")]


def test_explorable_of_new_chimpanzees_keeps_the_average_ones_band(browser: Browser) -> None:
    page = visit(browser, "predictions")
    band, newest = page.locator(".explorable .band"), page.locator(".explorable .newest")
    page.get_by_label("the average chimpanzee").check()
    average = band.get_attribute("d")
    page.get_by_label("new chimpanzees").check()
    counts = set()
    for met in range(20):
        assert band.get_attribute("d") == average
        assert page.locator(".explorable .met").count() == met
        edges = heights(average)
        upper, lower = edges[:4], edges[:3:-1]  # there, and back
        now = heights(newest.get_attribute("d"))
        outside = sum(not a <= y <= b for a, y, b in zip(upper, now, lower, strict=True))
        told = f"In {outside or 'none'} of the 4 treatments, that is outside the band"
        assert told in page.locator(".explorable-said").inner_text()
        counts.add(outside)
        page.get_by_role("button", name="Meet one more").click()
    assert {0, 4} <= counts
    page.context.close()


def test_people_of_an_explorable_are_found_by_pointer_and_by_keyboard(browser: Browser) -> None:
    page = visit(browser, "repeated-measures")
    choice, facts = page.get_by_label("Person:"), page.locator(".explorable-buttons output")
    circles = page.locator(".explorable .own")
    assert choice.locator("option").count() == circles.count() + 1
    choice.select_option("162")
    expected = ml.load_mlm().groupby("id")["con"].agg(["size", "mean"])
    told = "n = {:.0f}, average {:.3f}, estimate"
    assert facts.inner_text().startswith(told.format(*expected.loc[162]))
    circles.first.hover(force=True)
    lowest = expected[expected["size"] == 2].sort_values("mean").iloc[0]
    assert facts.inner_text().startswith(told.format(*lowest))
    assert page.locator(".explorable svg").get_by_text(f"person {lowest.name}").count() == 1
    assert badly_placed_words(page) == []
    page.mouse.move(0, 0)
    assert choice.input_value() == "162"
    circles.first.click(force=True)
    page.mouse.move(0, 0)
    assert choice.input_value() == f"{lowest.name}"
    before = facts.inner_text()
    page.get_by_label("how much people differ").press("End")
    assert facts.inner_text() != before
    choice.press("ArrowDown")
    assert choice.input_value() != f"{lowest.name}"
    page.context.close()


@pytest.mark.parametrize("name", EXPLORABLES)
def test_on_paper_explorables_stand_still(browser: Browser, name: str) -> None:
    page = visit(browser, name)
    sentence = page.locator(".explorable-still")
    assert not sentence.is_visible()
    page.emulate_media(media="print")
    assert sentence.inner_text().startswith("This drawing moves in the built book")
    assert page.locator(".explorable svg").is_visible()
    for control in page.locator(".explorable :is(input, select, button, label, legend)").all():
        assert not control.is_visible()
    page.context.close()


def test_without_javascript_a_sentence_stands_in_for_what_moves(browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    for name in EXPLORABLES:
        page.goto(f"{(HTML / 'chapters' / name).as_uri()}.html")
        assert "moves in the built book" in page.locator(".explorable").inner_text()
    context.close()
