"""Submissions that prove the grading: what is in tests/submissions, and how to hand it in.

A file there is what one student wrote: comments that say of which exercise and what it deserves,
and a cell for each answer, which takes the place of the starter cell of that name::

    # exercise: another-outcome
    # points: population 2, people 0, icc 2
    # feedback: people | what the feedback on it has to say
    # %% population
    population = ...

``# student: ID`` hands in under an id of one's own (the name of the file, by default), ``# claims:
ID`` puts another one into STUDENT, ``# removes: NAME`` takes the cell that hands in NAME out, a
cell ``# %% hand-in NAME`` replaces it, and ``# seconds: N`` is the time it gets instead of 300.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

FOLDER = Path(__file__).parent / "submissions"
FILES = sorted(FOLDER.glob("*.py"))


@dataclass(frozen=True)
class Submission:
    """What one student handed in, and what it deserves."""

    name: str
    exercise: str
    student: str
    claims: str
    points: dict[str, float]
    feedback: dict[str, str]
    cells: dict[str, str]
    removes: list[str]
    seconds: int


def read(file: Path) -> Submission:
    """Read a file of tests/submissions."""
    head, *parts = re.split(r"^# %% (.*)$", file.read_text(), flags=re.MULTILINE)
    said = re.findall(r"^# ([a-z]+): (.*)$", head, re.MULTILINE)
    one = dict(said)
    points = dict(part.split() for part in one["points"].split(","))
    feedback = [text.split("|", 1) for key, text in said if key == "feedback"]
    student = str(one.get("student", file.stem))
    return Submission(
        file.stem,
        one["exercise"],
        student,
        str(one.get("claims", student)),
        {name: float(value) for name, value in points.items()},
        {name.strip(): text.strip() for name, text in feedback},
        {name: code.strip() for name, code in zip(parts[::2], parts[1::2], strict=True)},
        [text.strip() for key, text in said if key == "removes"],
        int(one.get("seconds", 300)),
    )


def hand_in(submission: Submission, course: Path) -> None:
    """Write a submission where nbgrader collects it, made from the release that students get."""
    release = course / "release" / submission.exercise / f"{submission.exercise}.ipynb"
    notebook = nbformat.read(release, as_version=4)
    used = set()
    for cell in list(notebook.cells):
        answer = _answer(cell)
        if answer in submission.cells:
            cell.source = submission.cells[answer]
            used.add(answer)
        cell.source = re.sub('^STUDENT = ".*?"', f'STUDENT = "{submission.claims}"', cell.source)
        if answer in [f"hand-in {name}" for name in submission.removes]:
            notebook.cells.remove(cell)
    assert used == set(submission.cells), f"{submission.name}: no such cell in {release.name}"
    folder = course / "submitted" / submission.student / submission.exercise
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / release.name)


def _answer(cell: Any) -> str | None:
    """Name the answer that a cell is for."""
    tags = cell.metadata.get("tags", [])
    if "starter" in tags:
        found = re.search(r"^(\w+) = None", cell.source, re.MULTILINE)
        return found and found[1]
    if "hand-in" in tags:
        return f"hand-in {cell.metadata.nbgrader.grade_id}"
    return None


def feedback_of(submission: Submission, course: Path) -> dict[str, str]:
    """Give what nbgrader shows below each answer."""
    name = submission.exercise
    path = course / "autograded" / submission.student / name / f"{name}.ipynb"
    cells = json.loads(path.read_text())["cells"]
    return {
        cell["metadata"]["nbgrader"]["grade_id"]: " ".join(
            "".join(output.get("text", output.get("evalue", ""))) for output in cell["outputs"]
        )
        for cell in cells
        if cell["metadata"].get("nbgrader", {}).get("grade")
    }
