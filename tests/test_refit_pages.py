"""The panels of the built book: as they stand, they give the posterior of their page's fit."""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

from bookmaking.html.extensions.panels import SCRIPTS
from bookmaking.paths import pages
from tests.chromium import NEEDS_CHROMIUM
from tests.test_browser import open_all
from tests.test_refit import handed_over, page_file

pytestmark = NEEDS_CHROMIUM
PANELS = [
    ("repeated-measures", "partial_pooling"),
    ("repeated-measures", "no_pooling"),
    ("crossed-clusters", "crossed_intercepts"),
    ("varying-slopes", "varying_slopes"),
    ("sampler-struggles", "one_cluster"),
    ("exercise-moral-judgement", "ordered_logit"),
    ("exercise-moral-judgement", "ordered_logit_varying"),
]
READ = """root => [...root.querySelectorAll("td[data-parameter]")].map(
    ({ dataset: { parameter, statistic, value } }) => [parameter, statistic, Number(value)])"""


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[dict[str, Page]]:
    """Return each page with panels, opened from the file system, with no network."""
    context = browser.new_context(offline=True)
    found = {}
    for name in dict(PANELS):
        found[name] = context.new_page()
        found[name].add_init_script(
            "window.errors = []; addEventListener('error', ({ message }) => errors.push(message))"
        )
        found[name].goto(page_file(name).as_uri())
    yield found
    context.close()


@pytest.mark.parametrize(("name", "model"), PANELS)
def test_the_panel_of_a_page_gives_the_posterior_of_its_fit(
    opened: dict[str, Page], name: str, model: str
) -> None:
    page, place = opened[name], f'[data-refit="{model}"]'
    open_all(page)
    root = page.locator(place)
    book, quantiles = handed_over(name, model, "[data-book]")["tables"]
    if model == "one_cluster":  # the page shows that the centred form does not get there
        root.locator("[name=form]").select_option(label="non-centred")
        root.locator("[name=target_accept]").fill("0.99")
    root.locator("[data-action=sample]").click()
    page.wait_for_selector(f"{place}:not([data-state=sampling])", timeout=120_000)
    assert root.get_attribute("data-state") == "done"
    read = pd.DataFrame(root.evaluate(READ), columns=["parameter", "statistic", "value"])
    found = read.pivot_table(index="parameter", columns="statistic", values="value")
    expected = pd.DataFrame(book["values"], book["index"], book["columns"]).loc[found.index]
    errors = pd.DataFrame(book["mcse"], book["index"], book["columns"]).loc[found.index]
    assert len(found) == len(book["index"]) - 6 * (model == "one_cluster")  # without z
    assert set(quantiles["index"]) <= set(found.index)
    for statistic in ("mean", "sd"):  # the error of an sd is about that of its mean, over root 2
        spread = np.hypot(found["mcse"], errors[statistic])
        apart: pd.Series = abs(found[statistic] - expected[statistic]) / spread
        assert apart.max() < 5, apart.idxmax()
    assert found["r_hat"].max() < 1.01
    assert found["ess_bulk"].min() > 400
    assert "The draws pass the checks" in (root.text_content() or "")
    assert page.evaluate("errors") == []


@pytest.mark.parametrize("name", pages())
def test_a_page_loads_the_scripts_that_it_needs(name: str) -> None:
    text = page_file(name).read_text(encoding="utf-8")
    for attribute, scripts in SCRIPTS.items():
        for script in scripts:
            has_one = re.search(f'<[^<>]*{attribute}="', text) is not None  # not in words about it
            assert (f"_static/{script}" in text) == has_one, (attribute, script)
    assert ("_static/panel.css" in text) == (name in dict(PANELS))
