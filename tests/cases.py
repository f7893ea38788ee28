"""Submissions that prove the grading: what is in tests/submissions, and how to hand it in.

A file there is what one student wrote: comments that say of which exercise and what it deserves,
and a cell for each answer, which takes the place of the starter cell of that name::

    # exercise: another-outcome
    # points: population 2, people 0, icc 2
    # feedback: people | what the feedback on it has to say
    # %% population
    population = ...

``# exactly: NAME | TEXT`` is all of the feedback, ``# student: ID`` hands in under another id than
most, ``# claims: ID`` puts another one into STUDENT, ``# removes: NAME`` takes the cell that hands
in NAME out, a cell ``# %% hand-in NAME`` replaces it, and ``# %% imports`` replaces what comes
before the answers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bookmaking.grading.exercises import answer_of, has_tag
from bookmaking.grading.feedback import is_graded

FOLDER = Path(__file__).parent / "submissions"
STUDENT = "ada"
"""Whose variant of the exercises most submissions are about, so that few solutions are run."""


@dataclass(frozen=True)
class Submission:
    """What one student handed in, and what it deserves."""

    name: str
    exercise: str
    student: str
    claims: str
    points: dict[str, float]
    feedback: dict[str, str]
    exactly: dict[str, str]
    cells: dict[str, str]
    removes: list[str]


def read(file: Path) -> Submission:
    """Read a file of tests/submissions."""
    head, *parts = re.split(r"^# %% (.*)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    said = re.findall(r"^# ([a-z]+): (.*)$", head, re.MULTILINE)
    one = dict(said)
    points = dict(part.split() for part in one["points"].split(","))
    student = str(one.get("student", STUDENT))
    return Submission(
        file.stem,
        one["exercise"],
        student,
        str(one.get("claims", student)),
        {name: float(value) for name, value in points.items()},
        _by_answer(text for key, text in said if key == "feedback"),
        _by_answer(text for key, text in said if key == "exactly"),
        {name: code.strip() for name, code in zip(parts[::2], parts[1::2], strict=True)},
        [f"hand-in {text.strip()}" for key, text in said if key == "removes"],
    )


def _by_answer(lines: Iterable[str]) -> dict[str, str]:
    pairs = [line.split("|", 1) for line in lines]
    return {name.strip(): text.strip() for name, text in pairs}


WHOLE_WAY = ["right-groups", "right-measurements"]
"""The right submissions that go the whole way, in test_nbgrader.py, with all attacks."""


def answers() -> list[Submission]:
    """Read the submissions that attack nothing."""
    return [read(file) for file in sorted((FOLDER / "answers").glob("*.py"))]


def attacks() -> list[Submission]:
    """Read the submissions that attack the grading or the machine."""
    return [read(file) for file in sorted((FOLDER / "attacks").glob("*.py"))]


def fill_in(notebook: Any, submission: Submission) -> None:
    """Put what a student wrote into a notebook as students get it."""
    used, begun = set(), False
    for cell in [cell for cell in notebook.cells if cell.cell_type == "code"]:
        begun = begun or _answer(cell) is not None
        answer = _answer(cell) if begun else "imports"
        if answer in submission.removes or (answer in used and answer == "imports"):
            notebook.cells.remove(cell)
        elif answer in submission.cells:
            cell.source = submission.cells[answer]
            used.add(answer)
        cell.source = re.sub('^STUDENT = ".*?"', f'STUDENT = "{submission.claims}"', cell.source)
    assert used == set(submission.cells), f"{submission.name}: no such cell in the notebook"


def _answer(cell: Any) -> str | None:
    """Return the name of the answer that a cell is for."""
    if has_tag(cell, "starter"):
        found = re.search(r"^(\w+) = None", cell.source, re.MULTILINE)
        return found and found[1]
    return f"hand-in {answer_of(cell)}" if has_tag(cell, "hand-in") else None


def feedback_in(notebook: Any) -> dict[str, str]:
    """Return what is written below each answer."""
    return {
        cell.metadata.nbgrader.grade_id: " ".join(
            output.get("text", output.get("evalue", "")) for output in cell.outputs
        )
        for cell in notebook.cells
        if is_graded(cell)
    }
