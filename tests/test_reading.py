"""What a reader sees of a page's code: the model, the fit, the question, and tables to be read."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from bookmaking.notebooks import names

SOURCES = sorted((Path(__file__).parents[1] / "chapters").glob("*.ipynb"))
FOLDED = {"hide-input", "hide-cell", "remove-cell", "remove-input"}
each_page = pytest.mark.parametrize("page", SOURCES, ids=lambda path: path.stem)


def code_cells(page: Path) -> list[Any]:
    cells = nbformat.read(page, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


def tags(cell: Any) -> set[str]:
    return set(cell.metadata.get("tags", []))


def is_check(cell: Any) -> bool:
    return bool(tags(cell) & {"raises-exception", "check"})


def is_open(cell: Any) -> bool:
    """Say whether its code is in sight at first, other than in a solution."""
    return not tags(cell) & (FOLDED | {"solution"})


# Checks stand apart -------------------------------------------------------------------------------


def shared_names(cells: Sequence[Any]) -> set[str]:
    """Return names that a check makes or changes, and that other code makes or uses."""
    checks = [cell.source for cell in cells if is_check(cell)]
    others = [cell.source for cell in cells if not is_check(cell)]
    imports = re.findall(r"^(?:import|from) .*", "\n".join([*checks, *others]), re.MULTILINE)
    modules = names.made("\n".join(imports))  # which a call does not change
    touched = {name for check in checks for name in names.made(check)}
    touched |= {name for check in checks for name in names.changed(check)} - modules
    return touched & {name for other in others for name in names.made(other) | names.used(other)}


@each_page
def test_checks_neither_feed_other_cells_nor_overwrite_what_a_reader_made(page: Path) -> None:
    assert shared_names(code_cells(page)) == set()


def cell(source: str, *given: str) -> Any:
    return nbformat.v4.new_code_cell(source, metadata={"tags": list(given)})


@pytest.mark.parametrize(
    "check",
    [
        "fit = 1",
        "import numpy as fit",
        "def fit(): ...",
        "for fit in []: ...",
        "with open() as fit: ...",
        "if (fit := 1): ...",
        "fit['sigma'] = 0",
        "fit.attrs['seed'] = 0",
        "fit.pop('sigma')",
        "a, (b, *fit) = []",
    ],
)
def test_a_check_that_overwrites_a_name_is_found(check: str) -> None:
    assert shared_names([cell("fit = 0"), cell(check, "raises-exception")]) == {"fit"}
    inner = cell("def later():\n    return [fit for _ in range(3)]")
    assert shared_names([cell(check, "check"), inner]) == {"fit"}


def test_names_inside_a_check_are_its_own() -> None:
    sets = "a = [x for x in o], {x for x in o}, {x: y for x, y in o}, all(x for x in o)"
    check = cell(f"{sets}\ndef f():\n    fit = 1", "raises-exception")
    assert shared_names([cell("x = y = fit = 0"), check]) == set()


# What is in sight ---------------------------------------------------------------------------------


@each_page
def test_code_that_only_draws_is_folded(page: Path) -> None:
    for each in filter(is_open, code_cells(page)):
        assert not any("image/png" in output.get("data", {}) for output in each.outputs), (
            f"fold it (tags: [hide-input]):\n{each.source}"
        )


@each_page
def test_what_serves_the_checks_is_folded(page: Path) -> None:
    for each in filter(is_open, code_cells(page)):
        found = re.findall(r"\bEstimates\b|\bQuoted\b|\.quote\(|\bglue\(", each.source)
        assert not found, f"fold it, or move it to a folded cell:\n{each.source}"


def outputs(page: Path) -> Iterator[tuple[str, Any]]:
    """Return what the cells whose output is in sight display, with their code."""
    for each in code_cells(page):
        if not tags(each) & {"hide-cell", "hide-output", "remove-cell", "remove-output"}:
            yield from ((each.source, output.data) for output in each.outputs if "data" in output)


@each_page
def test_outputs_are_tables_not_the_insides_of_python(page: Path) -> None:
    for source, data in outputs(page):
        text = data.get("text/plain", "")
        assert "text/html" in data or not re.search(r"dtype: |^[{\[]['\d]|^array\(", text), (
            f"show a small table (to_frame, pd.DataFrame):\n{source}\n{text}"
        )


def empty_columns(html: str) -> list[str]:
    """Return the heads of the columns in which every number is a row of zeros after the point."""
    soup = BeautifulSoup(html, "html.parser")
    rows = [[td.get_text() for td in tr.find_all("td")] for tr in soup.select("tbody tr")]
    heads = [th.get_text() for th in soup.select("thead tr")[-1].find_all("th")] if rows else []
    columns = list(zip(*rows, strict=False))
    return [
        name
        for name, column in zip(heads[len(heads) - len(columns) :], columns, strict=False)
        if all(re.fullmatch(r"[-−]?0\.0+", text) for text in column)
    ]


@each_page
def test_no_column_of_a_table_is_all_zeros(page: Path) -> None:
    for source, data in outputs(page):
        html = data.get("text/html", "")
        assert "<table" not in html or empty_columns(html) == [], source


def test_a_column_of_zeros_is_found() -> None:
    head = "<thead><tr><th></th><th>mean</th><th>mcse</th></tr></thead>"
    cells = [("a", "0.10", "0.000"), ("b", "2.00", "-0.0")]
    rows = "".join(f"<tr><th>{a}</th><td>{b}</td><td>{c}</td></tr>" for a, b, c in cells)
    assert empty_columns(f"<table>{head}<tbody>{rows}</tbody></table>") == ["mcse"]
