"""List similar submissions of two students, for the instructor to look at.

Draws that are the same to the last digit need not be copied: students who fit the same model with
the same seed on the same machine get the same draws. They are informative where each student has a
variant.
"""

import csv
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

import nbformat

from bookmaking.grading.exercises import PREFIX
from multilevel.files import atomic

LENGTH = 5
"""Words and signs in a row that are compared."""
LONGEST = 20_000
"""Words and signs of a notebook that are looked at."""
ENOUGH = 40
"""Notebooks with fewer of these, besides what was handed out, are like others by chance."""
NEAR = 0.8
"""The share of them that two notebooks have in common, from which they are listed."""


def save_digests(answers: Mapping[str, bytes], path: Path) -> None:
    """Write a checksum of each answer."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in answers.items()}
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(digests), encoding="utf-8")


def report(course: Path, assignment: str, students: Iterable[str]) -> Path:
    """Write a list of students with the same draws, or almost the same code; return the file.

    Parameters
    ----------
    course, assignment
        nbgrader's course folder, and the exercise.
    students
        Students whose work is compared.

    Returns
    -------
    A CSV file with the columns ``what``, ``students`` and ``alike`` (the share of the code)
    """
    lines = [("what", "students", "alike"), *_same_draws(course, assignment, students)]
    lines += _near_code(course, assignment, students)
    path = course / f"alike-{assignment}.csv"
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    return path


def _same_draws(
    course: Path, assignment: str, students: Iterable[str]
) -> list[tuple[str, str, str]]:
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for student in students:
        path = course / "graded" / assignment / f"{student}.digests"
        if path.is_file():
            for answer, digest in json.loads(path.read_text(encoding="utf-8")).items():
                owners[answer, digest].append(student)
    return [
        (f"the same draws of {name}", " ".join(who), "")
        for (name, _), who in sorted(owners.items())
        if len(who) > 1
    ]


def _near_code(
    course: Path, assignment: str, students: Iterable[str]
) -> list[tuple[str, str, str]]:
    name = f"{PREFIX}{assignment}.ipynb"
    given = _pieces(course / "release" / assignment / name)
    pieces = {s: _pieces(course / "submitted" / s / assignment / name) - given for s in students}
    found = []
    for first, second in combinations((s for s in pieces if len(pieces[s]) >= ENOUGH), 2):
        share = len(pieces[first] & pieces[second]) / len(pieces[first] | pieces[second])
        if share >= NEAR:
            found.append(("nearly the same code", f"{first} {second}", f"{share:.2f}"))
    return sorted(found, key=lambda line: line[2], reverse=True)


def _pieces(path: Path) -> set[tuple[str, ...]]:
    """Return all sequences of words and signs in the code of a notebook, without comments."""
    if not path.is_file():
        return set()
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    words = re.findall(r"\w+|[^\w\s]", re.sub(r"#.*", "", code))[:LONGEST]
    return {tuple(words[i : i + LENGTH]) for i in range(len(words) - LENGTH + 1)}
