"""Whatever was done to a notebook, what the student wrote is graded, and nothing of it executes."""

import copy
import json
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from bookmaking.grading import repair
from bookmaking.grading.repair import UnreadableError, files_of, harmless, read, repaired

Cell = Any


def cell(kind: str, source: str, name: str = "", **said: Any) -> Cell:
    made = (
        nbformat.v4.new_code_cell(source)
        if kind == "code"
        else nbformat.v4.new_markdown_cell(source)
    )
    if name:
        about = {
            "grade": False,
            "solution": False,
            "task": False,
            "locked": True,
            "schema_version": 3,
        }
        made.metadata["nbgrader"] = about | {"grade_id": name} | said
    return made


RELEASE = nbformat.v4.new_notebook(
    cells=[
        cell("markdown", "# The exercise"),
        cell("code", "import multilevel as ml"),
        cell("markdown", "**To write**: equations.", "equations", task=True, points=2),
        cell("markdown", "*Your answer here.*"),
        cell("code", "# Draws\na = None", "x-1", solution=True, locked=False),
        cell("code", "b = None", "x-2", solution=True, locked=False),
        cell("markdown", "## Hand in"),
        cell("code", 'ml.hand_in("a", a)', "a", grade=True, points=1),
        cell("code", 'ml.hand_in("b", b)', "b", grade=True, points=1),
    ],
    metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
)
DONE = copy.deepcopy(RELEASE)
DONE.cells[3].source = "It is $y$."
DONE.cells[4].source, DONE.cells[5].source = "a = 1", "b = 2"


def changed(change: Callable[[list[Cell]], Any]) -> Any:
    """Do something to the cells of a notebook that is worked out."""
    notebook = copy.deepcopy(DONE)
    notebook.cells = change(notebook.cells) or notebook.cells
    return notebook


def without_metadata(cells: list[Cell]) -> None:
    for each in cells:
        each.metadata = nbformat.from_dict({})


def merged(cells: list[Cell], *places: int) -> list[Cell]:
    """Merge neighbours as JupyterLab does: the first one's metadata stay."""
    first, *rest = (cells[place] for place in places)
    first.source = "\n\n".join([first.source, *(each.source for each in rest)])
    return [each for each in cells if not any(each is other for other in rest)]


def converted(cells: list[Cell], place: int, kind: str) -> None:
    cells[place].cell_type = kind
    if kind == "code":
        cells[place].outputs, cells[place].execution_count = [], None


CHANGES: dict[str, Callable[[list[Cell]], Any]] = {
    "nothing": lambda cells: None,
    "hand-in cell copied": lambda cells: cells.append(copy.deepcopy(cells[7])),
    "starter copied": lambda cells: cells.insert(5, copy.deepcopy(cells[4])),
    "task copied": lambda cells: cells.insert(3, copy.deepcopy(cells[2])),
    "hand-in cells first": lambda cells: [*cells[7:], *cells[:7]],
    "upside down": lambda cells: [*cells[:2], *cells[8:6:-1], *cells[2:7]],
    "hand-in cell deleted": lambda cells: cells.pop(7) and None,
    "task deleted": lambda cells: cells.pop(2) and None,
    "starters merged": lambda cells: merged(cells, 4, 5),
    "starter and hand-in merged": lambda cells: merged(cells, 5, 6, 7),
    "hand-in cells merged": lambda cells: merged(cells, 7, 8),
    "task and answer merged": lambda cells: merged(cells, 2, 3),
    "hand-in cell as text": lambda cells: converted(cells, 7, "markdown"),
    "hand-in cell raw": lambda cells: converted(cells, 7, "raw"),
    "starter as text": lambda cells: converted(cells, 4, "markdown"),
    "task as code": lambda cells: converted(cells, 2, "code"),
    "no metadata": without_metadata,
    "metadata of another kind": lambda cells: cells[4].metadata.update(nbgrader="x", tags=1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_done_to_the_cells_costs_nothing(
    change: Callable[[list[Cell]], Any], tmp_path: Path
) -> None:
    text = json.dumps(changed(change))  # as by a program that validates nothing
    (tmp_path / "my homework (1).ipynb").write_text(text)
    notebook = repaired(read(files_of(tmp_path), RELEASE), RELEASE)
    nbformat.validate(notebook)
    marked = [c.metadata.nbgrader.grade_id for c in notebook.cells if "nbgrader" in c.metadata]
    assert sorted(set(marked)) == sorted(marked)  # nbgrader fails where an id is there twice
    assert {"equations", "a", "b"} <= set(marked)
    assert marked[-2:] == ["a", "b"]
    for name in ("equations", "a", "b"):
        (kept,) = (
            c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name
        )
        (given,) = (
            c for c in RELEASE.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name
        )
        assert (kept.source, kept.metadata, kept.cell_type) == (
            given.source,
            given.metadata,
            given.cell_type,
        )
    handed_in: dict[str, Any] = {}
    names = {"ml": SimpleNamespace(hand_in=handed_in.__setitem__)}
    for code in (c.source for c in notebook.cells if c.cell_type == "code"):
        exec(code.replace("import multilevel as ml", ""), names)
    assert handed_in == {"a": 1, "b": 2}
    assert "It is $y$." in "".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def test_a_repaired_notebook_is_as_the_release_but_for_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "x.ipynb").write_text(nbformat.writes(RELEASE))
    notebook = repaired(read(files_of(tmp_path), RELEASE), RELEASE)
    assert [(c.cell_type, c.source) for c in notebook.cells] == [
        (c.cell_type, c.source) for c in RELEASE.cells
    ]
    assert notebook.metadata == RELEASE.metadata


# Files --------------------------------------------------------------------------------------------


def test_any_name_and_a_zip_file_will_do(tmp_path: Path) -> None:
    text = nbformat.writes(DONE)
    for folder, write in {
        "a": lambda at: (at / "Übung 学生 (2).ipynb").write_bytes(b"\xef\xbb\xbf" + text.encode()),
        "b": lambda at: _zip(
            at / "work.zip", {"work/x.ipynb": text, "__MACOSX/work/._x.ipynb": "?"}
        ),
        "c": lambda at: [(at / n).write_text(text) for n in ("x.ipynb", ".x-checkpoint.ipynb")],
        "copy": lambda at: [(at / n).write_text(text) for n in ("x.ipynb", "y.IPYNB")],
        "d": lambda at: [(at / "x.ipynb").write_text(text), (at / "o.ipynb").write_text("{}")],
    }.items():
        (tmp_path / folder).mkdir()
        write(tmp_path / folder)
        assert len(read(files_of(tmp_path / folder), RELEASE).cells) == len(DONE.cells), folder


def _zip(path: Path, files: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def test_a_notebook_of_an_older_format_is_read(tmp_path: Path) -> None:
    old = nbformat.convert(copy.deepcopy(DONE), 3)
    (tmp_path / "x.ipynb").write_text(json.dumps(old))
    notebook = repaired(read(files_of(tmp_path), RELEASE), RELEASE)
    assert "a = 1" in [c.source for c in notebook.cells]


OTHER = nbformat.writes(nbformat.v4.new_notebook(cells=[cell("code", "1 + 1")]))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, r"contains no notebook: ask for the file that ends in \.ipynb"),
        ({"x.html": "<p>"}, "contains no notebook"),
        ({"x.ipynb": "<p>"}, r"'x\.ipynb' is damaged or not a notebook \(JSONDecodeError\)"),
        ({"x.ipynb": "{}"}, "damaged"),
        ({"x.ipynb": '{"nbformat": 4, "cells": [{"cell_type": "code"}, 3]}'}, "damaged"),
        ({"x.ipynb": "[" * 100_000}, "damaged"),
        ({"x.ipynb": OTHER}, "contains no cell of this exercise"),
        ({"x.ipynb": nbformat.writes(DONE), "y.ipynb": json.dumps(DONE)}, "any of 'x.ipynb', 'y"),
        ({"x.zip": "no zip file"}, "'x.zip' cannot be unpacked"),
        ({"x.ipynb": '{"nbformat": 4, "cells": [{"source": ""}]}'}, "damaged"),
        ({"x.ipynb": json.dumps(changed(lambda c: c + c * 200))}, "more than 1000 cells"),
        ({"x.ipynb": json.dumps(changed(lambda c: [*c, cell("code", "x" * 3_000_000)]))}, "2 MB"),
    ],
)
def test_what_cannot_be_read_is_named_with_what_to_ask_for(
    files: dict[str, str], said: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UnreadableError, match=said):
        read(files_of(tmp_path), RELEASE)


def test_an_archive_that_unpacks_to_too_much_is_refused_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "MAX_FILES", 1_000_000)
    _zip(tmp_path / "x.zip", {f"{n}.ipynb": "0" * 400_000 for n in range(4)})
    with pytest.raises(UnreadableError, match="more than 0 MB"):
        files_of(tmp_path)


# Attacks ------------------------------------------------------------------------------------------


TAGS = [
    "<img src=x onerror=alert(1)>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "&amp;lt;img src=x onerror=alert(1)&amp;gt;",
    "`` ` <script>alert(1)</script>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<?x <svg/onload=alert(1)>?>",
    "</textarea><script>alert(1)</script>",
    "[a](javascript:alert(1))",
    "[a](JaVa&#x53;cript&colon;alert(1))",
    "[a](java&Tab;script:alert(1))",
    "[a](javascript\\:alert(1))",
    "[a]\n\n[a]: <javascript:alert(1)>",
    "<javascript:alert(1)>",
    "[a](vbscript:x)",
]


@pytest.mark.parametrize("text", TAGS)
def test_nothing_in_a_text_opens_a_tag_or_executes_a_link(text: str) -> None:
    left = harmless(text)
    assert not re.search(r"<[a-zA-Z/!?]", left)
    assert not re.search(r"(?i)script[\s\\]*:", left)
    assert "&" not in left.replace("&⁠", "")  # what is unescaped once more is as harmless
    assert left.replace(repair.JOINER, "").startswith(
        text[:2].replace("&l", "<i").replace("&a", "&l")
    )


@pytest.mark.parametrize("place", [3, 2, 0])
def test_every_text_of_a_submission_is_made_harmless(place: int, tmp_path: Path) -> None:
    attack = "<img src=x onerror=alert(1)>"
    notebook = changed(lambda cells: None)
    notebook.cells[place].source += attack
    notebook.cells[place].metadata["x"] = attack
    notebook.cells[place]["attachments"] = {"x.svg": {"image/svg+xml": attack}}
    notebook.cells.append(nbformat.v4.new_raw_cell(attack, metadata={"raw_mimetype": "text/html"}))
    notebook.metadata["title"] = attack
    notebook.cells[4].outputs = [nbformat.v4.new_output("display_data", {"text/html": attack})]
    (tmp_path / "x.ipynb").write_text(json.dumps(notebook))
    text = nbformat.writes(repaired(read(files_of(tmp_path), RELEASE), RELEASE))
    assert "<img" not in text
    assert text.count(f"<{repair.JOINER}img") == 2


@pytest.mark.parametrize(
    "text",
    [
        "### BEGIN HIDDEN TESTS\n" * 80_000,
        "&amp;" * 300_000,
        "script" * 300_000,
        "script" + " " * 1_000_000,
        "<" * 1_500_000,
    ],
)
def test_no_text_takes_long_to_be_repaired(text: str, tmp_path: Path) -> None:
    """Each took seconds to hours, growing with the square, if one regular expression were wrong."""
    notebook = changed(lambda cells: [*cells, cell("markdown", text), cell("code", "#" + text[:9])])
    (tmp_path / "x.ipynb").write_text(json.dumps(notebook))
    start = time.process_time()
    repaired(read(files_of(tmp_path), RELEASE), RELEASE)
    assert time.process_time() - start < 10
