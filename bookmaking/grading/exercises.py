"""Read the parts of an exercise page: starter cells, solution, answers to hand in, points.

The tags of its code cells are ``starter``, ``solution``, ``hand-in``, ``check``. A text cell with
the tag ``written`` is a task whose answer a person grades; its metadata have its ``name`` and
``points``, and the teaching note has its rubric.
"""

import ast
import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bookmaking.paths import BOOKMAKING, CHAPTERS

PREFIX = "exercise-"
NOTES = BOOKMAKING / "grading" / "notes"
STUDENT = re.compile(r'^STUDENT = "[^"\n]*"', re.MULTILINE)
HIDDEN_TESTS = """

### BEGIN HIDDEN TESTS
raise RuntimeError("not judged: autograde with the settings in nbgrader_config.py")
### END HIDDEN TESTS"""
"""Text below each call that hands in, which nbgrader restores before it grades."""


MARK_SCHEME = """

<!-- BEGIN MARK SCHEME -->

**Rubric**

{rubric}

<!-- END MARK SCHEME -->"""
"""Text that nbgrader shows a grader below a task, and removes from the release."""


def assignments() -> list[str]:
    """Return the names of the pages that can be assigned, without ``exercise-``."""
    return sorted(path.stem.removeprefix(PREFIX) for path in CHAPTERS.glob(f"{PREFIX}*.md"))


def source_of(assignment: str) -> Path:
    """Return the path of an exercise page's source.

    Parameters
    ----------
    assignment
        Its name, such as ``moral-judgement``.

    Returns
    -------
    The file

    Raises
    ------
    FileNotFoundError
        The exercise does not exist; the message lists those that do.
    """
    source = CHAPTERS / f"{PREFIX}{assignment}.md"
    if not source.is_file():
        raise FileNotFoundError(
            f"There is no exercise {assignment!r}; the exercises are {', '.join(assignments())}."
        )
    return source


def has_tag(cell: Any, *tags: str) -> bool:
    """Return whether a cell is a code cell with one of these tags."""
    return cell.cell_type == "code" and bool(set(tags) & set(cell.metadata.get("tags", [])))


def has_variants(assignment: str) -> bool:
    """Return whether every student has different rows or data."""
    return bool(STUDENT.search(source_of(assignment).read_text(encoding="utf-8")))


def variant_of(assignment: str, student: str) -> str:
    """Return the name of a student's variant of an exercise, which is also that of a folder."""
    name = quote(student.strip().casefold(), safe="")
    return f"of-{name}" if has_variants(assignment) else "all"


def points_of(assignment: str) -> dict[str, int]:
    """Return the points of each answer of an exercise.

    Parameters
    ----------
    assignment
        Its name.

    Returns
    -------
    Points by the name of the answer, in the order of the page
    """
    import jupytext  # not installed where nbgrader is

    cells = jupytext.read(source_of(assignment), fmt="md:myst").cells
    return dict(_checks("\n".join(cell.source for cell in cells if has_tag(cell, "check"))))


def _checks(code: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "reference_answer":
            (points,) = (key.value for key in node.keywords if key.arg == "points")
            yield ast.literal_eval(node.args[0]), ast.literal_eval(points)


def answer_of(cell: Any) -> str:
    """Return the name of the answer that a ``hand-in`` cell hands in."""
    (call,) = (
        node
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "ml.hand_in"
    )
    return str(ast.literal_eval(call.args[0]))


def is_written(cell: Any) -> bool:
    """Return whether a cell of a page is a task whose answer a person grades."""
    return cell.cell_type == "markdown" and "written" in cell.metadata.get("tags", [])


def written_of(assignment: str) -> dict[str, int]:
    """Return the points of each task of an exercise whose answer a person grades, by name."""
    import jupytext

    cells = jupytext.read(source_of(assignment), fmt="md:myst").cells
    return {c.metadata["name"]: c.metadata["points"] for c in cells if is_written(c)}


def rubric_of(assignment: str) -> dict[str, str]:
    """Return the rubric of each of these tasks in the teaching note, by name."""
    note = (NOTES / f"{PREFIX}{assignment}.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"^## Rubric\n(.*?)(?=^## |\Z)", note, re.MULTILINE | re.DOTALL) or [""]
    _, *parts = re.split(r"^### `?(\w+)`?\s*$", section, flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def without_hidden_tests(notebook: Any) -> Any:
    """Return a copy of a notebook without the parts that nbgrader hides from students.

    nbgrader restores them at the end of each cell that hands in, as :data:`HIDDEN_TESTS`.
    """
    shown = copy.deepcopy(notebook)
    for cell in shown.cells:
        cell.source = without_rubric(cell.source.removesuffix(HIDDEN_TESTS))
    return shown


def without_rubric(text: str) -> str:
    """Return the text of a task without the part that nbgrader shows to graders only."""
    begin, end = MARK_SCHEME.split("{rubric}")
    task, _, rest = text.partition(begin)
    return task + rest.rpartition(end)[2] if rest else text
