"""What a copy of the book gives is compared with what is stored, and reported."""

import copy
from pathlib import Path
from typing import Any

import nbformat
import pytest

from bookmaking import codecheck, newest, rebuilding
from bookmaking.paths import CHAPTERS, ROOT, pages
from bookmaking.rebuilding import Cell
from multilevel.estimates import MIME

PAGE = "repeated-measures"


def made_again(shift: float = 0.0, page: str = PAGE) -> list[Cell]:
    """Return the cells of a page, of which the first number with an error moved by some errors."""
    cells = [
        Cell(page, number, cell.outputs, copy.deepcopy(cell.outputs), cell)
        for number, cell in enumerate(nbformat.read(CHAPTERS / f"{page}.ipynb", 4).cells, start=1)
        if cell.cell_type == "code"
    ]
    table = next(
        output["data"][MIME]["tables"][0]
        for cell in cells
        for output in cell.fresh
        if "image/png" in output.get("data", {}) and has_errors(output["data"][MIME]["tables"][0])
    )
    row = next(row for row, errors in enumerate(table["mcse"]) if errors[0])
    table["values"][row][0] += shift * table["mcse"][row][0]
    return cells


def has_errors(table: dict[str, Any]) -> bool:
    return any(errors[0] for errors in table["mcse"])


def test_numbers_that_chance_explains_are_reported_as_moved() -> None:
    text = "\n".join(newest.report("pymc==6.4.0", "pymc==6.5.0\nnew==1", [], made_again(2)))
    assert "| pymc | 6.4.0 | 6.5.0 |" in text
    assert "| new |  | 1 |" in text
    assert "## Pages that fail\n\nNone." in text
    assert "## Beyond chance\n\nNothing." in text
    assert f"| {PAGE} |" in text
    assert "| 1 | 1.4 |" in text  # one number, by two of one error: the root of two of both


def test_numbers_beyond_chance_and_pages_that_fail_are_named() -> None:
    text = "\n".join(newest.report("", "", ["estimates"], made_again(50)))
    assert "- estimates" in text
    assert f"- {PAGE}, cell " in text.partition("## Beyond chance")[2].partition("## Numbers")[0]


def test_what_stayed_is_not_reported() -> None:
    text = "\n".join(newest.report("a==1", "a==1", [], made_again()))
    assert text.count("None.") == 2
    assert "They are those of the book." in text


def test_upper_limits_are_lifted_and_other_limits_stay(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text('"pymc>=6.4,<7",\n"jsonschema<4.25",\n"jupyter-book==1.0.4.post1",\n')
    newest.lift_limits(file)
    assert file.read_text() == '"pymc>=6.4",\n"jsonschema<4.25",\n"jupyter-book==1.0.4.post1",\n'


def test_a_copy_has_the_sources_alone(tmp_path: Path) -> None:
    copied = rebuilding.copy(tmp_path / "copy")
    for name in ("chapters/welcome.md", "lib/multilevel/models.py", "requirements.txt"):
        assert (copied / name).read_bytes() == (ROOT / name).read_bytes()
    for name in (".venv", "_build", ".git", "chapters/fits"):
        assert not (copied / name).exists()


def test_the_manifest_lists_every_figure_and_table() -> None:
    stored = codecheck.MANIFEST.read_text(encoding="utf-8")
    assert stored == codecheck.manifest(pages()), "run make notebooks"
    figures = sum(
        "image/png" in output.get("data", {})
        for name in pages()
        for cell in nbformat.read(CHAPTERS / f"{name}.ipynb", 4).cells
        for output in cell.get("outputs", [])
    )
    assert stored.count(".png\n") == figures > 100


@pytest.mark.parametrize(("shift", "wrong"), [(2, 0), (50, 1)])
def test_each_figure_and_table_is_written_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shift: float, wrong: int
) -> None:
    monkeypatch.setattr(codecheck, "ROOT", tmp_path)
    made = {(cell.page, cell.number): cell for cell in made_again(shift)}
    rows = [(entry, codecheck._check(entry, made)) for entry in codecheck.entries(PAGE)]
    assert sum(verdict != codecheck.SAME for _, verdict in rows) == wrong
    assert all((tmp_path / entry.file).stat().st_size for entry, _ in rows)
    assert f"{len(rows) - wrong} of {len(rows)} figures" in codecheck.report(rows)


def test_what_was_not_made_is_wrong() -> None:
    entry = next(codecheck.entries(PAGE))
    assert codecheck._check(entry, {}) == "was not made"


@pytest.mark.parametrize("command", [newest.main, codecheck.main])
def test_a_page_that_does_not_exist_is_refused(command: Any) -> None:
    with pytest.raises(SystemExit):
        command(["no-such-page"])
