"""The chapters: both halves of a pair agree, every cell ran, figures are described."""

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest
import yaml

from bookmaking.html.extensions.comments import CAPTION
from bookmaking.notebooks.derivation import derive, essence
from bookmaking.notebooks.execution import outdated
from bookmaking.notebooks.filling import fill, glued
from bookmaking.notebooks.outputs import disagreements
from bookmaking.paths import EXECUTED
from multilevel.estimates import MIME

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "chapters").glob("*.md"))


def read_pair(source: Path) -> tuple[list[Any], list[Any]]:
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    return jupytext.read(source, fmt="md:myst").cells, notebook.cells


def code_cells(source: Path) -> list[Any]:
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def draws_a_figure(cell: Any) -> bool:
    return any("image/png" in output.get("data", {}) for output in cell.outputs)


def test_table_of_contents_lists_every_chapter_once() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = [toc["root"], *(page["file"] for part in toc["parts"] for page in part["chapters"])]
    assert sorted(listed) == [f"chapters/{source.stem}" for source in SOURCES]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_both_halves_hold_the_same_cells(source: Path) -> None:
    markdown, notebook = read_pair(source)
    assert [essence(cell) for cell in markdown] == [essence(cell) for cell in notebook], (
        f"chapters/{source.stem}.ipynb is not derived from {source.name}: run make notebooks"
    )


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_tables_of_estimates_keep_their_standard_errors(source: Path) -> None:
    """Columns chosen by name leave them behind, and another run is compared to the last digit."""
    for cell in code_cells(source):
        for data in [output.data for output in cell.outputs if MIME in output.get("data", {})]:
            for table in data[MIME]["tables"] if "image/png" not in data else []:
                for name in {"mean", "elpd_loo"}.intersection(table["columns"]):
                    errors = [row[table["columns"].index(name)] for row in table["mcse"]]
                    assert None not in errors, f"take columns away (drop):\n{cell.source}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_saving_the_notebook_in_jupyterlab_would_leave_the_source_as_it_is(source: Path) -> None:
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert jupytext.writes(notebook, fmt="md:myst") == source.read_text(encoding="utf-8"), (
        f"write {source.name} as Jupytext does: jupytext --to md:myst chapters/{source.stem}.ipynb"
    )


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_after_a_claim_that_a_change_makes_false_a_readers_run_goes_on(source: Path) -> None:
    for cell in code_cells(source):
        asserts = bool(re.search(r"^ *assert ", cell.source, re.MULTILINE))
        assert ("raises-exception" in cell.metadata.get("tags", [])) == asserts, cell.source


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_code_cell_was_executed_in_order(source: Path) -> None:
    counts = [cell.execution_count for cell in code_cells(source)]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_cell_failed_or_wrote_to_stderr(source: Path) -> None:
    outputs = [output for cell in code_cells(source) for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_figure_has_name_caption_and_alt_text(source: Path) -> None:
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    for cell, below in pairwise(notebook.cells):
        described = cell.metadata.get("mystnb", {})
        alt = described.get("image", {}).get("alt", "")
        if cell.cell_type == "code" and draws_a_figure(cell):
            assert described.get("figure", {}).get("name", "").startswith("fig-"), cell.source
            assert below.source.startswith(CAPTION), cell.source
            assert len(below.source.split("\n\n")[0]) > 30, cell.source
            assert len(alt) > 60, cell.source
            assert alt not in below.source, cell.source


def test_names_of_figures_are_unique() -> None:
    names = [
        cell.metadata["mystnb"]["figure"]["name"]
        for source in SOURCES
        for cell in filter(draws_a_figure, code_cells(source))
    ]
    assert len(names) == len(set(names)) > 0


def in_solution(cells: list[Any]) -> list[bool]:
    """Say of each cell whether it stands between a solution's gates."""
    inside, answer = False, []
    for cell in cells:
        opens = "{solution-start}" in cell.source
        answer.append(inside or opens)
        inside = (inside or opens) and "{solution-end}" not in cell.source
    return answer


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_code_is_tagged_solution_exactly_inside_the_gates(source: Path) -> None:
    cells = jupytext.read(source, fmt="md:myst").cells
    for cell, inside in zip(cells, in_solution(cells), strict=True):
        if cell.cell_type == "code":
            tagged = "solution" in cell.metadata.get("tags", [])
            assert tagged == inside, cell.source


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_solution_is_folded_with_its_heading_and_nothing_else_is(source: Path) -> None:
    """JupyterLab folds the cells from a heading to the next cell with one."""
    cells = derive(source).cells
    folded = False
    for cell, inside in zip(cells, in_solution(cells), strict=True):
        headings = re.findall(r"^## .*$", cell.source, re.MULTILINE) * (cell.cell_type != "code")
        if headings:
            assert cell.source.startswith(headings[0]) or not inside, cell.source
            folded = headings[0] == "## Solution"
        assert folded == inside, cell.source


def names_assigned(cells: list[Any]) -> set[str]:
    nodes = [node for cell in cells for node in ast.walk(ast.parse(cell.source))]
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return stored | {n.arg for n in nodes if isinstance(n, ast.arg)}


def names_used(cells: list[Any]) -> set[str]:
    nodes = [node for cell in cells for node in ast.walk(ast.parse(cell.source))]
    return {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_nothing_depends_on_a_solution(source: Path) -> None:
    """Names that only solutions and their checks assign are not used elsewhere."""
    cells = [c for c in jupytext.read(source, fmt="md:myst").cells if c.cell_type == "code"]
    solution = [c for c in cells if {"solution", "check"} & set(c.metadata.get("tags", []))]
    others = [c for c in cells if c not in solution]
    only_in_solution = names_assigned(solution) - names_assigned(others)
    assert not only_in_solution & names_used(others)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_text_quotes_the_stored_run_and_the_dictionary_of_the_data(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert fill(text, glued(notebook.cells)) == text, "make notebooks fills them in"


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_what_was_executed_agrees_with_what_is_stored(source: Path) -> None:
    """What nbval executed, and the pages show, is compared with the notebook in the repository."""
    assert outdated([source.stem]) == [], "it was not executed since something changed: make test"
    executed = nbformat.read(EXECUTED / f"{source.stem}.ipynb", as_version=4)
    fresh = [cell for cell in executed.cells if cell.cell_type == "code"]
    for number, (old, new) in enumerate(zip(code_cells(source), fresh, strict=True)):
        assert old.source == new.source
        found = disagreements(old.outputs, new.outputs)
        assert found == [], f"{source.stem}, cell {number}: {found}"
