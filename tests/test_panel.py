"""The panel "Refit it yourself" in a page of its own, from the file system and with no network."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.chromium import NEEDS_CHROMIUM
from tests.test_browser import darken, violations
from tests.test_refit import BLOCK, MLM, NAMES, PEOPLE, SCRIPTS, table

STATIC = SCRIPTS.parent
SPEC = find_spec("pydata_sphinx_theme")
assert SPEC
assert SPEC.origin
THEME = next(Path(SPEC.origin).parent.rglob("pydata-sphinx-theme.css"))
LIMIT = 20_000
"""Size of the panel's script, in bytes."""
WORDS = "Here, with JavaScript, the model is sampled with other priors."
BOOK = {  # of ml.fit(ml.partial_pooling(ml.load_mlm(), "con", "id"), seed=1)
    "alpha_bar": {"mean": 0.189232, "sd": 0.006741, "mcse": 7.27e-05, "mcse_sd": 0.000114},
    "sigma_alpha": {"mean": 0.0566066, "sd": 0.005778, "mcse": 6.77e-05, "mcse_sd": 0.000107},
    "sigma": {"mean": 0.0474546, "sd": 0.002996, "mcse": 3.42e-05, "mcse_sd": 5.29e-05},
}
SHORT = {"settings": {"tune": 150, "draws": 100}}
LONG = {"settings": {"tune": 1000, "draws": 200_000}}
STATISTICS = ["mean", "sd", "lower", "upper", "mcse", "r_hat", "ess_bulk"]

pytestmark = NEEDS_CHROMIUM
NORMAL = {"family": "Normal", "mu": 0, "sigma": 1.5}
EXPONENTIAL = {"family": "Exponential", "rate": 1}
PEOPLE_PANEL: dict[str, Any] = {
    "title": "Refit it yourself: partial pooling",
    "data": PEOPLE,
    "priors": {"alpha_bar": NORMAL, "sigma_alpha": EXPONENTIAL, "sigma": EXPONENTIAL},
    "symbols": {"alpha_bar": "ᾱ", "sigma_alpha": "σ_α", "sigma": "σ", "alpha": "α"},
    "book": BOOK,
    "population": ["alpha_bar", "sigma_alpha", "sigma"],
    "changes": [
        {"label": "all people"},
        {"label": "leave person 29 out", "leave_out": {"id": 29}},
        {"label": "two measurements of everyone", "first": {"of": "id", "rows": 2}},
        {
            "label": "two measurements of person 6",
            "first": {"of": "id", "rows": 2, "where": {"id": 6}},
        },
    ],
    "form": None,
}
BLOCK_PANEL: dict[str, Any] = {
    "title": "Refit it yourself: one cluster",
    "data": BLOCK,
    "priors": {"alpha_bar": NORMAL, "sigma_alpha": EXPONENTIAL},
    "symbols": {"sigma_alpha": "σ_α"},
    "population": ["alpha_bar", "sigma_alpha"],
    "form": {"choices": ["centred", "non-centred"]},
    "target_accept": 0.9,
}


def write(file: Path, model: str, content: dict[str, Any]) -> Path:
    """Write a page with a panel, with the book's styles."""
    styles = [THEME, STATIC / "book.css", STATIC / "panel.css"]
    scripts = [*(SCRIPTS / f"{name}.js" for name in NAMES), STATIC / "panel.js"]
    links = "".join(f'<link rel="stylesheet" href="{style.as_uri()}">' for style in styles)
    sources = "".join(f'<script src="{script.as_uri()}"></script>' for script in scripts)
    data = json.dumps(content).replace("<", "\\u003c")
    file.write_text(
        '<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">'
        f'<title>Page</title><meta name="viewport" content="width=device-width">{links}{sources}'
        '<main class="bd-content"><article><h1>Page</h1>'
        f'<div data-refit="{model}"><script type="application/json">{data}</script>'
        f"<p>{WORDS}</p></div></article></main>",
        encoding="utf-8",
    )
    return file


def look(browser: Browser, file: Path, width: int = 1000, **options: Any) -> Page:
    """Open a page; its workers are counted, and a test that asks for its state fails on errors."""
    context = browser.new_context(offline=True, viewport={"width": width, "height": 900}, **options)
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.add_init_script("""
        window.workers = 0;
        window.errors = [];
        addEventListener("error", ({ message }) => errors.push(message));
        window.Worker = class extends Worker {
            constructor(address) { super(address); workers += 1; }
            terminate() { super.terminate(); workers -= 1; }
        };
    """)
    page.goto(file.as_uri())
    return page


@pytest.fixture
def people(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """Return a page with partial pooling, of few draws."""
    page = look(browser, write(tmp_path / "page.html", "partial_pooling", PEOPLE_PANEL | SHORT))
    yield page
    assert page.evaluate("errors") == []
    page.context.close()


@pytest.fixture(scope="module")
def sampled(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Return a page with partial pooling, sampled as it stands, and how it went meanwhile."""
    file = tmp_path_factory.mktemp("panel") / "page.html"
    page = look(browser, write(file, "partial_pooling", PEOPLE_PANEL))
    page.evaluate("""() => {
        window.seen = { gaps: [], states: [], bars: [] };
        let before = performance.now();
        const root = document.querySelector("[data-refit]");
        setInterval(() => {
            const now = performance.now();
            if (root.dataset.state === "sampling") {
                seen.gaps.push(now - before);
                const bars = [...root.querySelectorAll("progress")];
                seen.bars.push(bars.map(({ value, labels }) => [labels[0].textContent, value]));
            }
            before = now;
        }, 10);
        const watch = () => seen.states.push([root.dataset.state, workers]);
        new MutationObserver(watch).observe(root, { attributeFilter: ["data-state"] });
    }""")
    page.focus("[data-action=sample]")
    page.keyboard.press("Enter")
    assert finish(page) == "done"
    return page


def finish(page: Page) -> str:
    """Wait until a panel no longer samples; return its state."""
    page.wait_for_selector("[data-refit]:not([data-state=sampling])")
    state = page.get_attribute("[data-refit]", "data-state")
    assert state
    return state


def sample(page: Page) -> str:
    page.click("[data-action=sample]")
    return finish(page)


def said(page: Page, selector: str = "[role=status]") -> str:
    return page.text_content(selector) or ""


def cells(page: Page) -> dict[str, dict[str, float]]:
    """Return the full numbers of the tables, by parameter and statistic."""
    found: dict[str, dict[str, float]] = {}
    for parameter, statistic, value in page.eval_on_selector_all(
        "td[data-parameter]",
        "all => all.map(({ dataset: d }) => [d.parameter, d.statistic, d.value])",
    ):
        assert statistic not in found.setdefault(parameter, {})
        found[parameter][statistic] = float(value)
    return found


def refit(page: Page, **given: Any) -> dict[str, dict[str, float]]:
    """Return what the sampler answers by itself, by parameter and statistic."""
    settings = {"model": "partial_pooling", "data": PEOPLE, "seed": 1, **given}
    rows = page.evaluate("async given => (await Refit.run(given)).summary", settings)
    return {row["key"]: {name: row[name] for name in STATISTICS} for row in rows}


def short(page: Page, **given: Any) -> dict[str, dict[str, float]]:
    return refit(page, **SHORT["settings"], **given)


def test_a_panel_is_ready_and_names_what_can_be_changed(people: Page) -> None:
    assert people.get_attribute("[data-refit]", "data-state") == "ready"
    values = "all => Object.fromEntries(all.map(one => [one.name, one.value]))"
    assert people.eval_on_selector_all("[data-refit] :is([type=number], select)", values) == {
        "alpha_bar-mu": "0",
        "alpha_bar": "1.5",
        "alpha_bar-family": "Normal",
        "sigma_alpha-family": "Exponential",
        "sigma_alpha": "1",
        "sigma-family": "Exponential",
        "sigma": "1",
        "change": "0",
        "seed": "1",
    }
    assert people.locator("button[data-action=sample]").count() == 1
    unnamed = "all => all.filter(one => !one.labels.length && !one.ariaLabel).length"
    assert people.eval_on_selector_all("input, select, progress", unnamed) == 0
    assert not people.get_by_text(WORDS).is_visible()
    people.emulate_media(media="print")
    assert people.get_by_text(WORDS).is_visible()


def test_without_javascript_its_words_stand_there(browser: Browser, tmp_path: Path) -> None:
    file = write(tmp_path / "page.html", "partial_pooling", PEOPLE_PANEL)
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(file.as_uri())
    assert page.inner_text("[data-refit]").strip() == WORDS


def test_the_course_priors_give_the_posterior_of_the_book(sampled: Page) -> None:
    found = cells(sampled)
    assert len(found) == 3 + MLM["id"].nunique()
    for name, book in BOOK.items():
        spread = (found[name]["mcse"] ** 2 + book["mcse"] ** 2) ** 0.5
        assert abs(found[name]["mean"] - book["mean"]) < 5 * spread
        assert found[name]["sd"] == pytest.approx(book["sd"], rel=0.15)
    assert said(sampled, ".refit-passed").startswith("The draws pass the checks: 0 divergences")
    assert said(sampled, ".refit-change").startswith("The means agree with the book’s")
    assert sampled.locator(".refit-conflict").count() == 0


def test_tables_are_the_summary_of_the_sampler(sampled: Page) -> None:
    assert cells(sampled) == refit(sampled, targetAccept=0.9)
    mean = sampled.locator('[data-parameter="alpha[29]"][data-statistic="mean"]')
    value = float(mean.get_attribute("data-value") or "nan")
    assert float((mean.text_content() or "").replace("−", "-")) == pytest.approx(value, abs=5e-4)


def test_the_page_stays_responsive_and_tells_how_far_each_chain_is(sampled: Page) -> None:
    seen = sampled.evaluate("seen")
    (first, workers), last = seen["states"][0], seen["states"][-1]
    assert first == "sampling"
    assert workers > 0
    assert last == ["done", 0]
    assert len(seen["gaps"]) > 10
    assert max(seen["gaps"]) < 500  # milliseconds
    names = {tuple(name for name, _ in bars) for bars in seen["bars"] if bars}
    assert names == {("chain 1", "chain 2", "chain 3", "chain 4")}
    assert any(0 < value < 1 for bars in seen["bars"] for _, value in bars)


def test_the_posterior_is_drawn_over_that_of_the_book(sampled: Page) -> None:
    sampled.select_option("[name=shown]", "sigma")
    assert sampled.locator(".refit-posterior path").count() == 2
    sampled.select_option("[name=shown]", "alpha[29]")
    assert sampled.locator(".refit-posterior path").count() == 1
    assert "draws of α[29], mean 0." in said(sampled, ".refit-posterior + p")


def test_axe_finds_nothing_and_a_phone_is_wide_enough(sampled: Page) -> None:
    sampled.evaluate("document.querySelector('details').open = true")
    assert violations(sampled) == []
    sampled.set_viewport_size({"width": 360, "height": 800})
    assert sampled.evaluate("document.documentElement.scrollWidth") <= 360
    darken(sampled)
    assert violations(sampled) == []


def test_the_same_seed_gives_the_same_numbers(people: Page) -> None:
    found = []
    for seed in ("1", "2", "1"):
        people.fill("[name=seed]", seed)
        assert people.get_attribute("[data-refit]", "data-state") == "ready"
        assert sample(people) == "done"
        found.append(cells(people))
    assert found[0] == found[2]
    assert found[0] != found[1]


def test_priors_of_the_fields_are_sampled_and_conflicts_are_named(people: Page) -> None:
    people.fill("[name=sigma_alpha]", "1000")
    people.fill("[name=alpha_bar-mu]", "0.5")
    before = people.locator(".refit-prior path").nth(4).get_attribute("d")
    people.select_option("[name=sigma-family]", "HalfNormal")
    people.fill("[name=sigma]", "0.004")
    assert people.locator(".refit-prior path").nth(4).get_attribute("d") != before
    assert sample(people) == "done"
    priors = {
        "sigma_alpha": {"family": "Exponential", "rate": 1000},
        "alpha_bar": {"family": "Normal", "mu": 0.5, "sigma": 1.5},
        "sigma": {"family": "HalfNormal", "sigma": 0.004},
    }
    assert cells(people) == short(people, priors=priors)
    assert "conflict: the posterior mean of σ, 0.0" in said(people, ".refit-conflict")
    assert "The mean of σ moved most: from 0.0475 in the book" in said(people, ".refit-change")
    assert "σα ~ Exponential(1000)" in said(people, ".refit-results > p:last-child")
    people.fill("[name=sigma_alpha]", "999")
    assert said(people).startswith("Changed.")


def test_a_slider_moves_its_number(people: Page) -> None:
    slider = people.get_by_label("slider: The rate of σ_α’s prior")
    slider.focus()
    people.keyboard.press("End")
    assert people.input_value("[name=sigma_alpha]") == "100"
    assert slider.get_attribute("aria-valuetext") == "100"
    assert "mean 0.01, 95 % below 0.03" in (people.text_content("fieldset >> nth=1") or "")
    people.fill("[name=sigma_alpha]", "0.1")
    assert float(slider.input_value()) == -1


@pytest.mark.parametrize("number", [1, 2, 3])
def test_changes_of_the_data_reach_the_sampler(people: Page, number: int) -> None:
    turn = MLM.groupby("id").cumcount()
    kept = [MLM["id"] != 29, turn < 2, (turn < 2) | (MLM["id"] != 6)][number - 1]
    assert 0 < (~kept).sum() < len(MLM) / 2
    people.select_option("[name=change]", index=number)
    assert sample(people) == "done"
    data = table(MLM[kept], ["con", "id"], outcome="con", group="id")
    assert cells(people) == short(people, data=data)
    assert PEOPLE_PANEL["changes"][number]["label"] in said(people, ".refit-results > p:last-child")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sigma_alpha", "-1"),
        ("sigma_alpha", ""),
        ("sigma", "0"),
        ("alpha_bar-mu", ""),
        ("alpha_bar", "-2"),
        ("seed", "1.5"),
        ("seed", "-1"),
    ],
)
def test_wrong_input_is_refused_in_words(people: Page, name: str, value: str) -> None:
    people.fill(f"[name={name}]", value)
    assert sample(people) == "failed"
    assert f"(field {name}) is a" in said(people)
    assert people.evaluate("document.activeElement.name") == name
    assert people.get_attribute(f"[name={name}]", "aria-invalid") == "true"
    assert people.evaluate("workers") == 0
    people.fill(f"[name={name}]", "1")
    assert people.get_attribute("[data-refit]", "data-state") == "ready"
    assert people.locator("[aria-invalid=true]").count() == 0


@pytest.mark.parametrize("way", ["button", "leaving"])
def test_sampling_stops_on_request_and_when_one_leaves(
    browser: Browser, tmp_path: Path, way: str
) -> None:
    page = look(browser, write(tmp_path / "page.html", "partial_pooling", PEOPLE_PANEL | LONG))
    page.click("[data-action=sample]")
    page.wait_for_function("document.querySelector('progress').value > 0")
    assert page.evaluate("workers") > 0
    assert page.get_attribute("[data-refit]", "data-state") == "sampling"
    if way == "button":
        page.click("[data-action=stop]")
    else:
        page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert finish(page) == "ready"
    assert page.evaluate("workers") == 0
    assert "Stopped" in said(page)
    page.context.close()


def test_forms_are_offered_and_bad_draws_are_not_trusted(browser: Browser, tmp_path: Path) -> None:
    page = look(browser, write(tmp_path / "page.html", "one_cluster", BLOCK_PANEL))
    assert sample(page) == "done"
    words = said(page, ".refit-refused")
    assert words.startswith("Do not trust these draws:")
    assert "divergences" in words
    assert cells(page) == refit(
        page, model="one_cluster", data=BLOCK, form="centred", targetAccept=0.9
    )
    page.select_option("[name=form]", label="non-centred")
    page.fill("[name=target_accept]", "0.99")
    assert sample(page) == "done"
    assert cells(page) == refit(
        page, model="one_cluster", data=BLOCK, form="non-centred", targetAccept=0.99
    )
    assert page.locator(".refit-passed").count() == 1
    page.fill("[name=target_accept]", "1")
    assert sample(page) == "failed"
    assert "target_accept" in said(page)
    page.context.close()


def test_the_script_is_small() -> None:
    assert (STATIC / "panel.js").stat().st_size <= LIMIT
