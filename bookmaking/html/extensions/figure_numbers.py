"""Add a table that opens above each figure, with the numbers of the figure.

Figures, tables and quoted numbers carry their numbers with standard errors for the tests. This
representation is removed from the page; that of a figure is replaced by a table.
"""

import json
import re
from collections.abc import Iterable
from html import escape
from itertools import batched
from math import ceil
from typing import Any

from sphinx.application import Sphinx

from bookmaking.html.extensions.formulas import as_mathml
from multilevel.estimates import MIME

DIGITS = 3  # significant ones; the notebook has them all
WIDEST = 9  # columns of a table; those of a wider one follow below


def show_numbers(app: Sphinx, page: str, source: list[str]) -> None:
    """Remove the representation from the outputs of a notebook, and add the tables of figures."""
    if not source[0].startswith("{"):
        return
    notebook = json.loads(source[0])
    cells = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            carried = [data.pop(mime) for mime in list(data) if mime.endswith(MIME)]
            if "image/png" in data:
                cells += [_openable(numbers["tables"], cell["id"]) for numbers in carried]
        cells.append(cell)
    source[0] = json.dumps(notebook | {"cells": cells})


def _openable(tables: list[dict[str, Any]], figure: str) -> dict[str, Any]:
    """Return a text cell with the tables; to Markdown it is a single block of HTML."""
    parts = "".join(_table(table) for table in tables)
    summary = "<summary>Numbers of the figure</summary>"
    html = f'<details class="figure-numbers">{summary}<div class="tables">{parts}</div></details>'
    name = f"numbers-of-{figure}"
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": html}


def _table(table: dict[str, Any]) -> str:
    """Return a table as HTML; if it has many columns, in parts that are about equally wide."""
    corner = ", ".join(name for name in table["index_names"] if name != "None")
    labels = [corner, *table["index"]]
    columns = list(zip(table["columns"], *table["values"], strict=True))
    size = ceil(len(columns) / ceil(len(columns) / WIDEST))
    caption = f"<caption>{_label(table['name'])}</caption>"
    return "".join(
        f'<table class="dataframe">{caption}{_rows(zip(labels, *part, strict=True))}</table>'
        for part in batched(columns, size)
    )


def _rows(rows: Iterable[tuple[Any, ...]]) -> str:
    """Return rows as HTML: first the heads; the labels of rows are header cells as well."""
    heads, *body = rows
    head = "".join(f"<th>{_label(name)}</th>" for name in heads)
    below = "".join(
        f"<tr><th>{_label(label)}</th>{''.join(f'<td>{_written(v)}</td>' for v in values)}</tr>"
        for label, *values in body
    )
    return f"<thead><tr>{head}</tr></thead><tbody>{below}</tbody>"


def _label(text: str) -> str:
    """Return a label as HTML, with the formula in it that Matplotlib draws."""
    parts = re.split(r"\$(.+?)\$", text)
    return "".join(as_mathml(part) if k % 2 else escape(part) for k, part in enumerate(parts))


def _written(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return escape(str(value))
    return f"{value:#.{DIGITS}g}".removesuffix(".")  # with zeros at the end: 0.190 below 0.141


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", show_numbers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
