"""Grade what came back: run, judge, enter into the gradebook, write feedback, export.

usage: python -m bookmaking grade ASSIGNMENT [--course FOLDER] [--jobs N] [--seconds N] [--memory N]

Submissions are looked for where nbgrader collects them: COURSE/submitted/STUDENT/ASSIGNMENT/. Each
is graded once; after an interruption, of whatever kind, the same command goes on where it was. A
submission that changed since it was graded is graded anew. At the end COURSE/grades-ASSIGNMENT.csv
holds a line for each student, written atomically.
"""

import argparse
import csv
import fcntl
import hashlib
import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from bookmaking.environments import set_up
from bookmaking.paths import DIST
from multilevel.files import atomic

MAX_SUBMISSION = 100 * 1024**2
"""Bytes of all files of a submission; a notebook with stored fits takes a few megabytes."""
# nbgrader calls a program of its own environment by its name.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def fingerprint(submission: Path) -> str:
    """Return a checksum of a submission's contents.

    Parameters
    ----------
    submission
        Its folder.

    Returns
    -------
    The SHA-256 of names and contents of all its files

    Raises
    ------
    ValueError
        There is a link in it, which could lead out of the folder; or it is too large to be read.
    """
    digest, paths = hashlib.sha256(), sorted(submission.rglob("*"))
    for path in paths:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ValueError(f"{path.name} is neither a file nor a folder: refused.")
    if (size := sum(path.stat().st_size for path in paths)) > MAX_SUBMISSION:
        raise ValueError(
            f"The submission has {size / 1024**2:.0f} MB, more than {MAX_SUBMISSION // 1024**2}: "
            "refused."
        )
    for path in paths:
        if path.is_file():
            name = str(path.relative_to(submission)).encode()
            digest.update(f"{len(name)} {path.stat().st_size} ".encode() + name)
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
    return digest.hexdigest()


def grade(course: Path, assignment: str, student: str, options: Mapping[str, Any]) -> None:
    """Grade one submission with nbgrader in this process, and record that it was.

    Parameters
    ----------
    course
        nbgrader's course folder.
    assignment, student
        Which submission.
    options
        Limits of time and memory, for the preprocessor.
    """
    record = _record(course, assignment, student)
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.with_suffix(".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for one that outlived an interrupted grading
        if _is_graded(course, assignment, student):
            return
        record.unlink(missing_ok=True)
        start, problem = time.monotonic(), None
        try:
            key = fingerprint(course / "submitted" / student / assignment)
            api = NbGraderAPI(config=settings(course, options))
            for step in (api.autograde, api.generate_feedback):
                done = step(assignment, student, force=True)
                if not done["success"]:
                    log = record.with_suffix(".log")
                    write(log, f"{done['log']}\n{done['error']}")
                    problem = f"{_reason(done['log'])} All of it: {log}"
                    break
        except (ValueError, OSError) as error:
            key, problem = "", str(error)
        remember(record, key, problem, time.monotonic() - start)


def remember(record: Path, submission: str, problem: str | None, seconds: float) -> None:
    """Record that a submission was graded, or why it could not be, atomically."""
    state = {"submission": submission, "problem": problem, "seconds": round(seconds, 1)}
    write(record, json.dumps(state))


def grade_each(
    course: Path, assignment: str, names: list[str], jobs: int, options: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Grade submissions in parallel, each in a process of its own, whose crash is its own too.

    Parameters
    ----------
    course, assignment, options
        As for :func:`grade`.
    names
        The students.
    jobs
        How many submissions are graded at once.

    Yields
    ------
    The student, and what is remembered: ``submission`` (its fingerprint), ``problem`` (or None),
    ``seconds``
    """
    # A fork has nbgrader imported already. There are no threads here that it could break.
    fork = multiprocessing.get_context("fork")
    todo, running = list(names), dict[Any, tuple[str, Any]]()
    while todo or running:
        while todo and len(running) < jobs:
            student = todo.pop(0)
            process = fork.Process(target=grade, args=(course, assignment, student, options))
            process.start()
            running[process.sentinel] = student, process
        for ended in wait(running):
            student, process = running.pop(ended)
            process.join()
            record = _record(course, assignment, student)
            if process.exitcode != 0:
                remember(record, "", f"the grader ended with exit code {process.exitcode}", 0)
            yield student, json.loads(record.read_text(encoding="utf-8"))


def _reason(log: str | None) -> str:
    """Return the last line of nbgrader's log that names an error."""
    lines = [line.strip() for line in (log or "").splitlines()]
    named = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Entry)\b", line)]
    return named[-1] if named else "nbgrader failed."


def settings(course: Path, options: Mapping[str, Any]) -> Config:
    """Return the settings in the course's nbgrader_config.py, with the limits asked for."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    for name, value in options.items():
        if value is not None:
            config.SandboxedGrading[name] = value
    return config


def waiting(course: Path, assignment: str) -> list[str]:
    """Return the students whose submission is not graded yet, or changed since."""
    return [s for s in students(course, assignment) if not _is_graded(course, assignment, s)]


def students(course: Path, assignment: str) -> list[str]:
    """Return the students who handed in, sorted."""
    found = (course / "submitted").glob(f"*/{assignment}")
    return sorted(folder.parent.name for folder in found if folder.is_dir())


def _is_graded(course: Path, assignment: str, student: str) -> bool:
    record = _record(course, assignment, student)
    if not record.is_file():
        return False
    remembered = json.loads(record.read_text(encoding="utf-8"))
    try:
        key = fingerprint(course / "submitted" / student / assignment)
    except ValueError:
        key = ""
    return bool(remembered["submission"] == key) and remembered["problem"] is None


def _record(course: Path, assignment: str, student: str) -> Path:
    return course / "graded" / assignment / f"{student}.json"


def write(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def rows(course: Path, assignment: str) -> Iterator[dict[str, Any]]:
    """Yield a row for each student who handed in: points by answer, their sum, and problems."""
    config = settings(course, {})
    database = config.CourseDirectory.get("db_url", f"sqlite:///{course / 'gradebook.db'}")
    with Gradebook(database, config.CourseDirectory.course_id) as book:
        for student in students(course, assignment):
            record = _record(course, assignment, student)
            problem = (
                json.loads(record.read_text(encoding="utf-8"))["problem"]
                if record.is_file()
                else "not graded"
            )
            row: dict[str, Any] = {"student": student, "assignment": assignment}
            try:
                submission = book.find_submission(assignment, student)
            except MissingEntry:
                yield row | {"problem": problem or "not in the gradebook"}
                continue
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            row |= {"score": submission.score, "max_score": submission.max_score}
            row |= {grade.name: grade.score for grade in sorted(grades, key=lambda g: g.name)}
            yield row | {"problem": problem or ""}


def export(course: Path, assignment: str) -> Path:
    """Write the grades as a CSV file, atomically; return its path."""
    table = list(rows(course, assignment))
    columns = list(dict.fromkeys(name for row in table for name in row if name != "problem"))
    path = course / f"grades-{assignment}.csv"
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*columns, "problem"], restval="")
        writer.writeheader()
        writer.writerows(table)
    return path


def main(arguments: list[str]) -> int:
    """Grade all that wait; the exit code is 1 if one could not be graded."""
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS)
    parser.add_argument("assignment")
    parser.add_argument("--course", type=Path, default=DIST / "nbgrader")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--memory", type=float)
    chosen = parser.parse_args(arguments)
    course, assignment = chosen.course.resolve(), chosen.assignment
    set_up("book")  # in which submissions and solutions run
    if not (course / "source" / assignment).is_dir():
        parser.error(f"there is no assignment {assignment!r} in {course / 'source'}: make nbgrader")
    if not students(course, assignment):
        parser.error(f"nobody has handed in: no folder {course}/submitted/STUDENT/{assignment}")
    options = {"seconds": chosen.seconds, "memory": chosen.memory}
    todo, start, failed = waiting(course, assignment), time.monotonic(), 0
    print(f"{len(students(course, assignment))} submissions, {len(todo)} to grade", flush=True)
    graded = grade_each(course, assignment, todo, chosen.jobs, options)
    for number, (student, result) in enumerate(graded, start=1):
        failed += result["problem"] is not None
        said = result["problem"] or "graded"
        print(f"{number}/{len(todo)} {student}: {said} ({result['seconds']} s)", flush=True)
    path = export(course, assignment)
    minutes = (time.monotonic() - start) / 60
    print(f"{len(todo) - failed} graded in {minutes:.1f} minutes, {failed} could not be: {path}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
