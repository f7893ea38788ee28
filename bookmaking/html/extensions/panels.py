"""Put what a panel samples into its place in the page, and load scripts where they are needed."""

import json
import re
from typing import Any

import nbformat
from sphinx.application import Sphinx

from multilevel.estimates import MIME
from multilevel.panels import PANEL

REFIT = ["parts", "slopes", "normal", "logistic", "ordered", "sampler", "diagnostics", "workers"]
SCRIPTS = {
    "data-explorable": ["explorables.js"],
    "data-refit": [*(f"refit/{name}.js" for name in REFIT), "funnel.js", "panel.js"],
}
"""Scripts of a page, in the order in which they are loaded, by an attribute that its text has."""
STYLES = {"data-refit": ["panel.css"]}
HERE = re.compile(r'^<a href="/static/.*\n', re.MULTILINE)
"""What a notebook says of its built page, which that page itself does not say."""


def fill_panels(app: Sphinx, page: str, source: list[str]) -> None:
    """Move the output of a cell into the element that names the cell's model."""
    if PANEL not in source[0]:
        return
    notebook = nbformat.reads(source[0], as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = HERE.sub("", cell.source)
    for data in [output.data for output in outputs if PANEL in output.get("data", {})]:
        panel, book = data.pop(PANEL), json.dumps(data.pop(MIME))
        place = f'<div data-refit="{panel["model"]}">'
        scripts = _script("", panel["content"]) + _script(" data-book", book)
        (cell,) = (cell for cell in notebook.cells if place in cell.source)
        cell.source = cell.source.replace(place, place + scripts)
    source[0] = nbformat.writes(notebook)


def _script(attribute: str, content: str) -> str:
    content = content.replace("<", "\\u003c")
    return f'<script type="application/json"{attribute}>{content}</script>'


def load_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the scripts and styles that a page needs."""
    body = context.get("body", "")
    for attribute in [name for name in SCRIPTS if re.search(f"<[^<>]*{name}=", body)]:
        for script in SCRIPTS[attribute]:
            app.add_js_file(script)
        for style in STYLES.get(attribute, []):
            app.add_css_file(style)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx, before the extension that removes what the outputs carry."""
    app.connect("source-read", fill_panels, priority=450)
    app.connect("html-page-context", load_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
