"""The panel "Refit it yourself" in a page of its own, from the file system and with no network."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydata_sphinx_theme
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import multilevel as ml
from tests.test_browser import CHROMIUM, FLAGS, darken, violations
from tests.test_refit import BLOCK, NAMES, PEOPLE, SCRIPTS

STATIC = SCRIPTS.parent
THEME = next(Path(pydata_sphinx_theme.__file__).parent.rglob("pydata-sphinx-theme.css"))
LIMIT = 20_000
"""Size of the panel's script, in bytes."""
WORDS = "Here, with JavaScript, the model is sampled with other priors."
BOOK = {  # of ml.fit(ml.partial_pooling(ml.load_mlm(), "con", "id"), seed=1)
    "alpha_bar": {"mean": 0.189232, "sd": 0.006741, "mcse": 7.27e-05, "mcse_sd": 0.000114},
    "sigma_alpha": {"mean": 0.0566066, "sd": 0.005778, "mcse": 6.77e-05, "mcse_sd": 0.000107},
    "sigma": {"mean": 0.0474546, "sd": 0.002996, "mcse": 3.42e-05, "mcse_sd": 5.29e-05},
}
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
        '<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8"><title>Page</title>'
        f'<meta name="viewport" content="width=device-width">{links}{sources}'
        '<main class="bd-content"><article><h1>Page</h1>'
        f'<div data-refit="{model}"><script type="application/json">{data}</script>'
        f"<p>{WORDS}</p></div></article></main>",
        encoding="utf-8",
    )
    return file


def look(browser: Browser, file: Path, width: int = 1000, **options: Any) -> Page:
    page = browser.new_context(
        offline=True, viewport={"width": width, "height": 900}, **options
    ).new_page()
    page.goto(file.as_uri())
    return page
