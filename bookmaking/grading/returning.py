"""Return grades, as a table and in the platform's form, and feedback, as an archive.

Everything is made from the gradebook, so that it includes the manual grades from formgrader.
"""

import csv
import datetime as dt
import hashlib
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from traitlets.config import Config

from bookmaking.grading import alike, collecting, feedback
from bookmaking.grading.collecting import Roster
from bookmaking.grading.exercises import PREFIX
from bookmaking.grading.records import recorded, students, write
from multilevel.files import atomic


def give_back(
    course: Path,
    assignment: str,
    config: Config,
    roster: Roster | None = None,
    due: dt.datetime | None = None,
) -> str:
    """Write grades, feedback and a list of similar work; return a summary in words.

    Parameters
    ----------
    course, assignment
        nbgrader's course folder, and the exercise.
    config
        The settings in its nbgrader_config.py.
    roster
        The students of the class; without it, those who handed in.
    due
        The due time.
    """
    table = rows(course, assignment, config, roster, due)
    written = [_table(course / f"grades-{assignment}.csv", table)]
    if roster is not None and roster.platform != "plain":
        target = course / f"{roster.platform}-{assignment}.csv"
        written += [_for_platform(target, assignment, roster, table)]
        written += [_archive(course / f"feedback-{assignment}.zip", course, assignment, table)]
    written += [alike.report(course, assignment, [row["student"] for row in table])]
    todo = sum(int(row.get("to_grade") or 0) for row in table)
    waiting = f"{todo} answers wait for manual grading in formgrader. " if todo else ""
    return waiting + "Written: " + ", ".join(path.name for path in written) + f" in {course}"


def rows(
    course: Path,
    assignment: str,
    config: Config,
    roster: Roster | None = None,
    due: dt.datetime | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each student: points by answer, their sum, days late, problems.

    Work that could not be graded, or was not handed in, has no points, which differs from 0.
    """
    database = config.CourseDirectory.get("db_url", f"sqlite:///{course / 'gradebook.db'}")
    handed_in = students(course, assignment)
    all_students = [student.id for student in roster.students] if roster else []
    result = []
    with Gradebook(database, config.CourseDirectory.course_id) as book:
        for student in [*all_students, *(each for each in handed_in if each not in all_students)]:
            row: dict[str, Any] = {"student": student, "assignment": assignment}
            said = collecting.about(course, assignment, student)
            if student not in handed_in:
                result.append(row | {"problem": said.get("problem") or "not handed in"})
                continue
            row["days_late"] = collecting.days_late(said, due)
            problem = recorded(course, assignment, student).get("problem", "not graded")
            problem = said.get("problem") or problem
            try:
                submission = book.find_submission(assignment, student)
            except MissingEntry:
                problem = problem or "not in the gradebook"
            if problem:
                result.append(row | {"problem": problem})
                continue
            row |= _grades(submission)
            _refresh(course, assignment, student, submission)
            result.append(row | {"problem": ""})
    return result


def _grades(submission: Any) -> dict[str, Any]:
    """Return the points of a submission; those that a person has not given yet are None."""
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    points = {g.name: None if g.needs_manual_grade else g.score for g in grades}
    to_grade = sum(grade.needs_manual_grade for grade in grades)
    so_far = sum((score or 0.0 for score in points.values()), 0.0)
    whole = {"score": None if to_grade else so_far, "max_score": submission.max_score}
    return whole | {"so_far": so_far, "to_grade": to_grade} | dict(sorted(points.items()))


def _refresh(course: Path, assignment: str, student: str, submission: Any) -> None:
    """Write a student's feedback page, unless it is up to date with the gradebook."""
    name = f"{PREFIX}{assignment}"
    (notebook,) = submission.notebooks
    comments = {each.name: each.comment for each in notebook.comments if each.comment}
    grades = {
        grade.name: feedback.Grade(
            0.0 if grade.needs_manual_grade else grade.score,
            grade.max_score,
            grade.needs_manual_grade,
            "" if grade.needs_manual_grade else comments.get(grade.name, ""),
        )
        for grade in notebook.grades
    }
    source = course / "autograded" / student / assignment / f"{name}.ipynb"
    page = course / "feedback" / student / assignment / f"{name}.html"
    state = hashlib.sha256(source.read_bytes() + repr(sorted(grades.items())).encode()).hexdigest()
    if not page.is_file() or state not in page.read_text(encoding="utf-8")[:1000]:
        graded = nbformat.read(source, as_version=4)
        write(page, feedback.page(graded, student, grades, state))


def _table(path: Path, table: list[dict[str, Any]]) -> Path:
    """Write the rows as CSV, atomically; return its path."""
    names = list(dict.fromkeys(name for row in table for name in row if name != "problem"))
    return _csv(path, [*names, "problem"], table)


def _for_platform(path: Path, assignment: str, roster: Roster, table: list[dict[str, Any]]) -> Path:
    """Write the roster's table with the grades that are complete."""
    complete = {row["student"]: row["score"] for row in table if row.get("to_grade") == 0}
    column, columns = "Grade", roster.columns
    if roster.platform == "canvas":
        words = rf"\b{assignment.replace('-', ' ')}\b.*\(\d+\)$"
        named = [c for c in columns if re.search(words, c.casefold().replace("-", " "))]
        column = named[0] if len(named) == 1 else f"Exercise {assignment}"
        known = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
        columns = [*(c for c in columns if c in known), column]
    lines = [
        {name: student.row.get(name, "") for name in columns}
        | {column: complete.get(student.id, "")}
        for student in roster.students
    ]
    return _csv(path, columns, lines)


def _csv(path: Path, columns: list[str], lines: Iterable[Mapping[str, Any]]) -> Path:
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(lines)
    return path


def _archive(path: Path, course: Path, assignment: str, table: list[dict[str, Any]]) -> Path:
    """Pack the feedback pages under the names by which the platform assigns them."""
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
        for row in table:
            who = collecting.about(course, assignment, row["student"]).get("who")
            name = f"{PREFIX}{assignment}.html"
            page = course / "feedback" / row["student"] / assignment / name
            if who and page.is_file() and not row["problem"]:
                separator = "/" if "assignsubmission" in str(who) else ""
                packed.write(page, f"{who}{separator}feedback-{name}")
    return path
