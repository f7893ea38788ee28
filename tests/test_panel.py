"""The panel "Refit it yourself" in a page of its own, from the file system and with no network."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from multilevel.panels import change
from tests.chromium import NEEDS_CHROMIUM
from tests.test_browser import darken, violations
from tests.test_refit import (
    BLOCK,
    CHIMPANZEES,
    JUDGEMENTS,
    LINES,
    MLM,
    NAMES,
    PEOPLE,
    PULLS,
    SCRIPTS,
    table,
)

STATIC = SCRIPTS.parent
SPEC = find_spec("pydata_sphinx_theme")
assert SPEC
assert SPEC.origin
THEME = next(Path(SPEC.origin).parent.rglob("pydata-sphinx-theme.css"))
LIMITS = {"panel.js": 24_000, "funnel.js": 5_000}
"""Sizes of the panel's scripts, in bytes."""
WORDS = "Here, with JavaScript, the model is sampled with other priors."
BOOK = {  # of ml.fit(ml.partial_pooling(ml.load_mlm(), "con", "id"), seed=1)
    "alpha_bar": {"mean": 0.189232, "sd": 0.006741, "mcse": 7.27e-05, "mcse_sd": 0.000114},
    "sigma_alpha": {"mean": 0.0566066, "sd": 0.005778, "mcse": 6.77e-05, "mcse_sd": 0.000107},
    "sigma": {"mean": 0.0474546, "sd": 0.002996, "mcse": 3.42e-05, "mcse_sd": 5.29e-05},
}
SHORT = {"settings": {"tune": 150, "draws": 100}}
LONG = {"settings": {"tune": 1000, "draws": 200_000}}
SHORTER = {"settings": {"tune": 60, "draws": 30}}
STATISTICS = ["mean", "sd", "lower", "upper", "mcse", "r_hat", "ess_bulk"]

pytestmark = NEEDS_CHROMIUM
NORMAL = {"family": "Normal", "mu": 0, "sigma": 1.5}
NARROW = {"family": "Normal", "mu": 0, "sigma": 0.5}
EXPONENTIAL = {"family": "Exponential", "rate": 1}
SHARES = (np.arange(40) + 0.5) / 40
BOOK_TABLES = {
    "tables": [
        {
            "name": "book",
            "index": [*BOOK, "alpha[6]"],
            "columns": ["mean", "sd"],
            "values": [*([row["mean"], row["sd"]] for row in BOOK.values()), [0.19, 0.02]],
            "mcse": [*([row["mcse"], row["mcse_sd"]] for row in BOOK.values()), [3e-4, 3e-4]],
        },
        {
            "name": "quantiles",
            "index": list(BOOK),
            "columns": [f"{share:.4f}" for share in SHARES],
            "values": [
                [NormalDist(row["mean"], row["sd"]).inv_cdf(share) for share in SHARES]
                for row in BOOK.values()
            ],
        },
    ]
}
TURN = MLM.groupby("id").cumcount()
KEPT = {  # rows of each change of the data
    "all people": MLM["id"] > 0,
    "two measurements of everyone": TURN < 2,
    "two measurements of person 6": (TURN < 2) | (MLM["id"] != 6),
}
PEOPLE_PANEL: dict[str, Any] = {
    "title": "Refit it yourself: partial pooling",
    "data": PEOPLE,
    "priors": {"alpha_bar": NORMAL, "sigma_alpha": EXPONENTIAL, "sigma": EXPONENTIAL},
    "population": ["alpha_bar", "sigma_alpha", "sigma"],
    "changes": [change(label, MLM, kept) for label, kept in KEPT.items()],
    "leave_out": "id",
    "form": None,
    "book": BOOK_TABLES,
}
ACTOR = {"label": "actors instead of blocks", "roles": {"group": "actor"}}
BLOCK_PANEL: dict[str, Any] = {
    "title": "Refit it yourself: one cluster",
    "data": table(
        CHIMPANZEES, ["pulled_left", "block", "actor"], outcome="pulled_left", group="block"
    ),
    "priors": {"alpha_bar": NORMAL, "sigma_alpha": EXPONENTIAL},
    "population": ["alpha_bar", "sigma_alpha"],
    "changes": [{"label": "blocks"}, ACTOR],
    "form": {"choices": ["centred", "non-centred"]},
    "target_accept": 0.9,
    "funnel": True,
}


def coded(data: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return data some of whose columns are stored as positions among their levels."""
    columns = dict(data["columns"])
    levels = data["levels"] | {
        name: sorted(set(columns[name])) for name in names if name not in data["levels"]
    }
    codes = {name: [levels[name].index(value) for value in columns.pop(name)] for name in names}
    return data | {"columns": columns, "levels": levels, "codes": codes}


def panel(data: dict[str, Any], priors: dict[str, Any], population: list[str]) -> dict[str, Any]:
    content = {"title": "Refit it yourself", "data": data, "priors": priors, "form": None}
    return content | SHORT | {"population": population}


LKJ = {"family": "LKJ", "eta": 2}
LINE_PRIORS = {"alpha_bar": NORMAL, "beta": NARROW, "rho_id": LKJ} | dict.fromkeys(
    ["sigma", "sigma_id", "sigma_time_id"], EXPONENTIAL
)
JUDGEMENTS_CODED = coded(JUDGEMENTS, "response", "id")
PANELS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    # each with some parameters and what they are called
    "no_pooling": (
        panel(PEOPLE, {"alpha": NORMAL, "sigma": EXPONENTIAL}, ["sigma"]),
        {"sigma": "σ", "alpha[29]": "α[29]"},
    ),
    "crossed_intercepts": (
        panel(
            coded(PULLS, "treatment"),
            {"alpha_bar": NORMAL, "beta": NARROW}
            | {"sigma_actor": EXPONENTIAL, "sigma_block": EXPONENTIAL},
            ["alpha_bar", "beta", "sigma_actor", "sigma_block"],
        ),
        {"alpha_bar": "ᾱ", "sigma_actor": "σ<sub>actor</sub>"}
        | {"alpha_actor[2]": "α<sub>actor</sub>[2]"},
    ),
    "varying_slopes": (
        panel(LINES, LINE_PRIORS, ["alpha_bar", "beta", "sigma_id", "sigma_time_id", "rho_id"]),
        {"beta[is_pd]": "β[is_pd]", "sigma_time_id": "σ<sub>time,id</sub>"}
        | {"rho_id": "ρ<sub>id</sub>", "time_id[6]": "β<sub>time,id</sub>[6]"},
    ),
    "ordered_logit": (
        panel(
            JUDGEMENTS_CODED,
            {"threshold": NORMAL, "beta": {"family": "Flat"}},
            ["beta", "threshold"],
        ),
        {"beta[contact]": "β[contact]", "threshold[1]": "κ[1]"},
    ),
    "ordered_logit_varying": (
        panel(
            JUDGEMENTS_CODED,
            {"threshold": NORMAL, "beta": NARROW, "sigma_id": EXPONENTIAL},
            ["beta", "threshold", "sigma_id"],
        )
        | SHORTER,
        {"sigma_id": "σ<sub>id</sub>"},
    ),
}


def script(content: dict[str, Any], kind: str = "") -> str:
    data = json.dumps(content).replace("<", "\\u003c")
    return f'<script type="application/json" {kind}>{data}</script>'


def write(file: Path, *panels: tuple[str, dict[str, Any]]) -> Path:
    """Write a page with panels, with the book's styles."""
    styles = [THEME, STATIC / "book.css", STATIC / "panel.css"]
    scripts = [*(SCRIPTS / f"{name}.js" for name in NAMES), *(STATIC / name for name in LIMITS)]
    links = "".join(f'<link rel="stylesheet" href="{style.as_uri()}">' for style in styles)
    sources = "".join(f'<script src="{script.as_uri()}"></script>' for script in scripts)
    parts = [
        f'<div data-refit="{model}">{script(content)}'
        + (script(content["book"], "data-book") if "book" in content else "")
        + f"<p>{WORDS}</p></div>"
        for model, content in panels
    ]
    file.write_text(
        '<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">'
        f'<title>Page</title><meta name="viewport" content="width=device-width">{links}{sources}'
        f'<main class="bd-content"><article><h1>Page</h1>{"".join(parts)}</article></main>',
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
    page = look(browser, write(tmp_path / "page.html", ("partial_pooling", PEOPLE_PANEL | SHORT)))
    yield page
    assert page.evaluate("errors") == []
    page.context.close()


@pytest.fixture(scope="module")
def sampled(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Return a page with partial pooling, sampled as it stands, and how it went meanwhile."""
    file = tmp_path_factory.mktemp("panel") / "page.html"
    page = look(browser, write(file, ("partial_pooling", PEOPLE_PANEL)))
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
        "leave_out": "",
        "seed": "1",
    }
    assert people.locator("button[data-action=sample]").count() == 1
    unnamed = "all => all.filter(one => !one.labels.length && !one.ariaLabel).length"
    assert people.eval_on_selector_all("input, select, progress", unnamed) == 0
    assert not people.get_by_text(WORDS).is_visible()
    people.emulate_media(media="print")
    assert people.get_by_text(WORDS).is_visible()


def test_without_javascript_its_words_stand_there(browser: Browser, tmp_path: Path) -> None:
    file = write(tmp_path / "page.html", ("partial_pooling", PEOPLE_PANEL))
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
    assert "Dashed: the book’s, smoothed from its quantiles, mean 0.047" in said(
        sampled, ".refit-posterior + p"
    )
    drawn = np.array(curve(sampled, ".refit-posterior .book"))
    height = drawn[:, 1].max() - drawn[:, 1]
    x = (np.arange(len(drawn)) - height.argmax()) / 200 * 8  # of eight standard deviations
    assert np.average(x**2, weights=height) ** 0.5 == pytest.approx(1, abs=0.1)
    assert abs(np.average(x, weights=height)) < 0.2
    sampled.select_option("[name=shown]", "alpha[6]")
    assert "the book’s, drawn normal, mean 0.19" in said(sampled, ".refit-posterior + p")
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
    conflicts = people.locator(".refit-conflict").all_text_contents()
    assert [words.split(": ")[1].split(", 0.0")[0] for words in conflicts] == [
        f"the posterior mean of {name}" for name in ["σα", "σ"]
    ]
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


def some(kept: Any) -> dict[str, Any]:
    return table(MLM[kept], ["con", "id"], outcome="con", group="id")


@pytest.mark.parametrize(
    ("number", "person"), [(0, "29"), (1, ""), (2, "29")], ids=["person", "rows", "both"]
)
def test_changes_of_the_data_reach_the_sampler(people: Page, number: int, person: str) -> None:
    label, kept = list(KEPT.items())[number]
    kept = kept & (MLM["id"] != int(person or 0))
    assert 0 < (~kept).sum() < len(MLM) / 2
    people.select_option("[name=change]", index=number)
    people.select_option("[name=leave_out]", person)
    assert sample(people) == "done"
    assert cells(people) == short(people, data=some(kept))
    words = said(people, ".refit-results > p:last-child")
    assert label in words
    assert ("without id 29" in words) == bool(person)


def test_anybody_can_be_left_out(people: Page) -> None:
    options = people.locator("[name=leave_out] option").all_text_contents()
    assert options == ["no one", *(f"id {number}" for number in sorted(set(MLM["id"])))]


def test_columns_stored_as_positions_are_the_same_data(browser: Browser, tmp_path: Path) -> None:
    content = PEOPLE_PANEL | SHORT | {"data": coded(PEOPLE, "id")}
    page = look(browser, write(tmp_path / "page.html", ("partial_pooling", content)))
    page.select_option("[name=leave_out]", label="id 29")
    assert sample(page) == "done"
    assert cells(page) == short(page, data=some(MLM["id"] != 29))
    page.context.close()


def test_the_group_can_be_another(browser: Browser, tmp_path: Path) -> None:
    table = {"name": "book", "index": ["alpha[2]"], "values": [[0.2, 0.1]], "mcse": [[0.01, 0.01]]}
    content = BLOCK_PANEL | SHORT | {"book": {"tables": [table]}}
    page = look(browser, write(tmp_path / "page.html", ("one_cluster", content)))
    paths = {}
    for index, group in enumerate(["block", "actor"]):
        page.select_option("[name=change]", index=index)
        assert sample(page) == "done"
        data = BLOCK_PANEL["data"] | {"group": group}
        assert cells(page) == short(page, model="one_cluster", data=data, form="centred")
        assert f"deviation of {group} 1 (log-odds)" in said(page, ".refit-funnel")
        page.select_option("[name=shown]", "alpha[2]")
        paths[group] = page.locator(".refit-posterior path").count()
    assert paths == {"block": 2, "actor": 1}  # actor 2 is not the book's block 2
    page.context.close()


@pytest.mark.parametrize("model", PANELS)
def test_all_models_of_the_course_are_sampled(browser: Browser, tmp_path: Path, model: str) -> None:
    content, symbols = PANELS[model]
    page = look(browser, write(tmp_path / "page.html", (model, content)), width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert sample(page) == "done"
    page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert violations(page) == []
    for key, expected in symbols.items():
        row = page.locator("tr").filter(has=page.locator(f'[data-parameter="{key}"]'))
        assert row.locator("th").inner_html() == expected
    used = {"data": content["data"], "priors": content["priors"], **content["settings"]}
    data = used["data"]
    for name, places in data.get("codes", {}).items():
        data["columns"][name] = [data["levels"][name][place] for place in places]
    assert cells(page) == refit(page, model=model, targetAccept=0.9, **used)
    assert page.evaluate("errors") == []
    page.context.close()


def curve(page: Page, selector: str) -> list[list[float]]:
    """Return the points of a curve that is drawn."""
    path = page.locator(selector).first.get_attribute("d") or ""
    return [[float(x) for x in point.split()] for point in path[1:].rstrip("Z").split("L")]


def test_flat_slopes_become_normal_and_flat_again(browser: Browser, tmp_path: Path) -> None:
    page = look(
        browser, write(tmp_path / "page.html", ("ordered_logit", PANELS["ordered_logit"][0]))
    )
    assert page.locator("[name=beta]").count() == 0
    box = page.locator("fieldset", has=page.locator("[name=beta-family]"))
    assert "Flat: all values alike" in (box.text_content() or "")
    page.select_option("[name=beta-family]", "Normal")
    page.fill("[name=beta]", "0.05")
    assert sample(page) == "done"
    conflict = said(page, ".refit-conflict")
    assert "conflict: the posterior mean of β[" in conflict
    assert "tail of its prior, Normal(0, 0.05), like those of 2 more." in conflict
    assert page.locator(".refit-conflict").count() == 1
    slope = cells(page)["beta[contact]"]["mean"]
    page.select_option("[name=beta-family]", "Flat")
    assert page.locator("[name=beta]").count() == 0
    assert sample(page) == "done"
    assert cells(page)["beta[contact]"]["mean"] < slope - 0.05
    assert page.locator(".refit-conflict").count() == 0
    page.context.close()


def test_the_prior_of_a_correlation_is_sampled(browser: Browser, tmp_path: Path) -> None:
    content = PANELS["varying_slopes"][0]
    page = look(browser, write(tmp_path / "page.html", ("varying_slopes", content)))
    box = page.locator("fieldset", has=page.locator("[name=rho_id]"))
    assert "LKJ(2): mean 0, sd 0.447" in (box.text_content() or "")
    page.fill("[name=rho_id]", "5000")
    assert "LKJ(5000): mean 0, sd 0.01" in (box.text_content() or "")
    assert sample(page) == "done"
    found = cells(page)["rho_id"]
    assert abs(found["mean"]) < 0.01
    assert found["sd"] == pytest.approx(0.01, rel=0.2)
    page.fill("[name=rho_id]", "0")
    assert sample(page) == "failed"
    assert "(field rho_id) is a number above zero" in said(page)
    page.context.close()


def test_a_normal_prior_far_from_the_data_is_named(people: Page) -> None:
    people.fill("[name=alpha_bar-mu]", "1")
    people.fill("[name=alpha_bar]", "0.1")
    assert sample(people) == "done"
    assert "the posterior mean of ᾱ, 0." in said(people, ".refit-conflict")
    assert "is in a 0.1 % tail of its prior, Normal(1, 0.1)." in said(people, ".refit-conflict")


def test_panels_of_a_page_do_not_mix(browser: Browser, tmp_path: Path) -> None:
    long = PANELS["no_pooling"][0] | {"settings": {"tune": 1000, "draws": 40_000}}
    file = write(
        tmp_path / "page.html", ("no_pooling", long), ("partial_pooling", PEOPLE_PANEL | SHORT)
    )
    page = look(browser, file)
    identifiers = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
    assert len(set(identifiers)) == len(identifiers)
    first, second = page.locator("[data-refit]").all()
    first.locator("[data-action=sample]").click()
    second.locator("[name=sigma]").fill("2")
    second.locator("[data-action=sample]").click()
    page.wait_for_selector("[data-refit=partial_pooling][data-state=done]")
    assert first.get_attribute("data-state") == "sampling"
    assert first.locator("[name=sigma]").input_value() == "1"
    assert first.locator("progress").count() == 4
    priors = {"sigma": {"family": "Exponential", "rate": 2}}
    assert cells(page) == short(page, priors=priors)
    first.locator("[data-action=stop]").click()
    page.wait_for_function("workers === 0")
    assert page.evaluate("errors") == []
    page.context.close()


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
    page = look(browser, write(tmp_path / "page.html", ("partial_pooling", PEOPLE_PANEL | LONG)))
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


@pytest.fixture(scope="module")
def struggling(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Return a page whose blocks have been sampled, centred, and how it went meanwhile."""
    file = tmp_path_factory.mktemp("panel") / "page.html"
    page = look(browser, write(file, ("one_cluster", BLOCK_PANEL)))
    page.evaluate("""() => {
        window.seen = { gaps: [], dots: [], spoken: new Set() };
        const root = document.querySelector("[data-refit]");
        const status = root.querySelector("[role=status]");
        const speak = () => seen.spoken.add(status.textContent);
        new MutationObserver(speak).observe(status, { childList: true });
        let before = performance.now();
        setInterval(() => {
            const now = performance.now();
            seen.gaps.push(now - before);
            if (root.dataset.state === "sampling") seen.dots.push(drawn("draws"));
            before = now;
        }, 10);
        window.drawn = kind => [...root.querySelectorAll(`.refit-funnel .${kind} path`)]
            .reduce((sum, path) => sum + path.getAttribute("d").split("M").length - 1, 0);
    }""")
    assert sample(page) == "done"
    return page


def test_draws_appear_in_the_funnel_as_they_are_made(struggling: Page) -> None:
    seen = struggling.evaluate("({ ...seen, spoken: [...seen.spoken] })")
    dots = seen["dots"]
    assert sorted(dots) == dots
    assert len(set(dots)) > 4
    assert max(seen["gaps"]) < 200  # milliseconds
    assert len(seen["spoken"]) == 2  # that it begins and how it ended


def test_divergences_are_triangles_and_counted(struggling: Page) -> None:
    divergent = int(said(struggling, ".refit-refused").split(": ")[1].split()[0])
    assert divergent > 10
    struggling.wait_for_function("drawn('draws') + drawn('divergent') > 3900")
    words = f"4000 draws, of which {divergent} diverge"
    assert words in said(struggling, ".refit-funnel + p")
    assert said(struggling) == f"Sampled: {words}. Do not trust these draws."
    draws = """async ([data, targetAccept]) => {
        const found = await Refit.run(
            { model: "one_cluster", data, seed: 1, form: "centred", targetAccept });
        const { "alpha[1]": level, alpha_bar: mean, sigma_alpha: sd } = found.draws;
        const diverging = found.chains.flatMap(chain => [...chain.diverging]);
        return [[...level].map((one, i) => one - mean[i]), [...sd], diverging];
    }"""
    away, sd, diverged = np.array(struggling.evaluate(draws, [BLOCK_PANEL["data"], 0.9]))
    inside = (sd >= 0.005) & (sd <= 5)
    expected = [int((inside & (diverged == is_so)).sum()) for is_so in (0, 1)]
    counts = struggling.evaluate("[drawn('draws'), drawn('divergent')]")
    assert counts == expected
    # The highest dot has the largest standard deviation, and lies at its deviation.
    place = (
        "all => all.flatMap(one => one.getAttribute('d').match(/M[^mh]+/g).map(m => m.slice(1)))"
    )
    places = struggling.eval_on_selector_all(".refit-funnel .draws path", place)
    points = np.array([[float(x) for x in one.split()] for one in places])
    keep = inside & (diverged == 0)
    order = [np.sort(points[:, 0]), np.sort(-points[:, 1])]
    for found, values in zip(order, [away[keep], np.log(sd[keep])], strict=True):
        assert np.corrcoef(found, np.sort(values))[0, 1] > 0.99999
    best = sd[keep].argmax()
    spread = np.polyfit(np.sort(away[keep]), np.sort(points[:, 0]), 1)
    assert points[points[:, 1].argmin(), 0] == pytest.approx(
        np.polyval(spread, away[keep][best]), abs=1
    )


def test_the_funnel_stays_until_the_next_draws_and_on_a_phone(struggling: Page) -> None:
    words = said(struggling, ".refit-funnel")
    assert "deviation of block 1 (log-odds)" in words
    assert "sd of blocks (log-odds)" in words
    assert struggling.get_attribute(".refit-funnel", "aria-hidden") == "true"
    counts = struggling.evaluate("[drawn('draws'), drawn('divergent')]")
    struggling.fill("[name=seed]", "2")
    assert violations(struggling) == []
    struggling.set_viewport_size({"width": 360, "height": 800})
    struggling.wait_for_function(
        "document.querySelector('.refit-funnel').viewBox.baseVal.width < 360"
    )
    assert struggling.evaluate("[drawn('draws'), drawn('divergent')]") == counts
    assert struggling.evaluate("document.documentElement.scrollWidth") <= 360
    cut = """all => { const own = all[0].closest('svg').getBoundingClientRect();
        return all.filter(one => { const box = one.getBoundingClientRect();
            return box.left < own.left - 1 || box.right > own.right + 1
                || box.bottom > own.bottom + 1;
        }).length; }"""
    assert struggling.eval_on_selector_all(".refit-funnel text", cut) == 0
    darken(struggling)
    assert violations(struggling) == []
    assert struggling.evaluate("errors") == []


def test_forms_are_offered_and_bad_draws_are_not_trusted(browser: Browser, tmp_path: Path) -> None:
    page = look(browser, write(tmp_path / "page.html", ("one_cluster", BLOCK_PANEL)))
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


def test_the_scripts_are_small() -> None:
    assert all((STATIC / name).stat().st_size <= limit for name, limit in LIMITS.items())
