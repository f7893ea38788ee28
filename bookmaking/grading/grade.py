"""Grade submissions: collect, repair, run, judge, enter into the gradebook, return.

usage: python -m bookmaking grade ASSIGNMENT [--archive ZIP] [--roster CSV] [--due TIME] [OPTIONS]

Submissions are in COURSE/received/STUDENT/ASSIGNMENT/, where ``--archive`` puts them. Repaired and
made harmless (:mod:`bookmaking.grading.repair`) they go to COURSE/submitted, from which nbgrader
takes them. Each is graded once; after any interruption, the same command resumes the grading. A
submission that changed since it was graded is graded again. Grades and feedback are written by
:mod:`bookmaking.grading.returning` at every run, atomically.
"""

import argparse
import contextlib
import datetime as dt
import fcntl
import itertools
import json
import multiprocessing
import re
import resource
import shutil
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.apps import NbGraderAPI
from sqlalchemy.exc import SAWarning
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from bookmaking.environments import set_up
from bookmaking.grading import bench, collecting, repair, returning, sandbox
from bookmaking.grading.collecting import CollectingError, Roster
from bookmaking.grading.exercises import PREFIX
from bookmaking.grading.preprocessor import folder_of
from bookmaking.grading.records import (
    fingerprint,
    is_graded,
    record_of,
    recorded,
    remember,
    students,
    waiting,
    write,
)
from bookmaking.paths import DIST

MEMORY = 4 * 1024**3
"""Bytes that reading a submission may take, outside the sandbox."""
TOGETHER = 20
"""Students whose solutions run in one process."""
READING = 300
"""Seconds for all work on a submission outside the sandbox."""


def grade(course: Path, assignment: str, student: str, options: Mapping[str, Any]) -> None:
    """Grade one submission with nbgrader in this process, and record the result.

    Parameters
    ----------
    course
        nbgrader's course folder.
    assignment, student
        The exercise and the student's id.
    options
        Limits of time and memory, for the preprocessor.
    """
    record = record_of(course, assignment, student)
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.with_suffix(".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for one that outlived an interrupted grading
        if is_graded(course, assignment, student):
            return
        record.unlink(missing_ok=True)
        start, key, problem = time.monotonic(), "", None
        try:
            key = fingerprint(course / "received" / student / assignment)
            prepare(course, assignment, student)
            api = NbGraderAPI(config=settings(course, options))
            done = api.autograde(assignment, student, force=True)
            if not done["success"]:
                log = record.with_suffix(".log")
                write(log, f"{done['log']}\n{done['error']}")
                problem = f"{_reason(done['log'])} All of it: {log}"
        except (ValueError, OSError, MemoryError) as error:
            problem = str(error) or type(error).__name__
        remember(record, key, problem, time.monotonic() - start)


def prepare(course: Path, assignment: str, student: str) -> None:
    """Write a submission to ``submitted``, repaired and harmless, with its stored fits.

    Raises
    ------
    UnreadableError
        It contains no notebook that can be graded.
    """
    name = f"{PREFIX}{assignment}.ipynb"
    release = nbformat.read(course / "release" / assignment / name, as_version=4)
    files = repair.files_of(course / "received" / student / assignment)
    notebook = repair.repaired(repair.read(files, release), release)
    folder = course / "submitted" / student / assignment
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path, content in files.items():
        if path.suffix == ".nc":
            (folder / "fits").mkdir(exist_ok=True)
            (folder / "fits" / path.name).write_bytes(content)
    write(folder / name, nbformat.writes(notebook))
    if when := collecting.about(course, assignment, student).get("when"):
        write(folder / "timestamp.txt", str(when))


def solve(course: Path, assignment: str, names: list[str], jobs: int) -> None:
    """Find the right answers of students together, which is faster than one by one.

    Solutions that fail are tried again, and reported, when the student's submission is graded.
    """
    answers = Path(settings(course, {}).SandboxedGrading.answers)
    folders = {name: folder_of(answers, assignment, name) for name in names}
    missing = {folder: name for name, folder in folders.items() if not folder.is_dir()}
    parts = list(itertools.batched(missing.items(), TOGETHER))

    def ask(part: tuple[tuple[Path, str], ...]) -> None:
        with contextlib.suppress(bench.BenchError):
            wanted = {name: folder for folder, name in part}
            bench.ask("solve", assignment, wanted, cache=sandbox.CACHE)

    with ThreadPoolExecutor(jobs) as pool:
        for number, _ in enumerate(pool.map(ask, parts), start=1):
            print(
                f"solutions: {min(number * TOGETHER, len(missing))} of {len(missing)}", flush=True
            )


def grade_each(
    course: Path, assignment: str, names: list[str], jobs: int, options: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Grade submissions in parallel, each in a separate process, so that a crash affects only one.

    Parameters
    ----------
    course, assignment, options
        As for :func:`grade`.
    names
        The students.
    jobs
        Number of submissions that are graded at once.

    Yields
    ------
    The student, and the record: ``submission`` (its fingerprint), ``problem`` (or None),
    ``seconds``
    """
    # A fork has already imported nbgrader. No threads run here that it could break.
    fork = multiprocessing.get_context("fork")
    todo, running = list(names), dict[Any, tuple[str, Any, float]]()
    seconds = settings(course, options).SandboxedGrading.seconds + READING
    while todo or running:
        while todo and len(running) < jobs:
            student = todo.pop(0)
            process = fork.Process(target=_limited, args=(course, assignment, student, options))
            process.start()
            running[process.sentinel] = student, process, time.monotonic() + seconds
        ended = wait(running, timeout=1)
        for sentinel, (student, process, end) in list(running.items()):
            late = time.monotonic() > end
            if not late and sentinel not in ended:
                continue
            process.kill()  # if it is not through
            process.join()
            del running[sentinel]
            if late or process.exitcode != 0:
                said = "took too long" if late else f"ended with exit code {process.exitcode}"
                record = record_of(course, assignment, student)
                remember(record, "", f"the grader {said}", seconds)
            yield student, recorded(course, assignment, student)


def _limited(course: Path, assignment: str, student: str, options: Mapping[str, Any]) -> None:
    """Grade a submission in a separate process, with a limit of the memory for reading it."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, most))  # the sandbox sets another
    grade(course, assignment, student, options)


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


def _class(
    course: Path, assignment: str, chosen: argparse.Namespace
) -> tuple[Roster | None, dt.datetime | None, list[str]]:
    """Return the roster, the due time, and what was left out; unpack the archive.

    Roster and due time are kept in the course, and used again if they are not given.
    """
    kept, table = course / f"class-{assignment}.json", course / f"roster-{assignment}.csv"
    said = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    given = {"due": chosen.due, "id_column": chosen.id_column}
    said |= {name: value for name, value in given.items() if value}
    due = collecting.due_time(said["due"]) if "due" in said else None
    if chosen.roster:
        collecting.read_roster(chosen.roster, said.get("id_column"))  # before it is kept
        write(table, chosen.roster.read_text(encoding="utf-8-sig"))
    write(kept, json.dumps(said))
    if not table.is_file():
        if chosen.archive:
            raise CollectingError("--archive needs --roster: whose files are they?")
        return None, due, []
    roster = collecting.read_roster(table, said.get("id_column"))
    for line in roster.left_out:  # test students and guests: nothing of theirs is missing
        print(f"left out: {line}")
    archive = chosen.archive
    return roster, due, collecting.collect(archive, roster, course, assignment) if archive else []


def main(arguments: list[str]) -> int:
    """Grade all submissions that wait; the exit code is 1 if one could not be graded."""
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS)
    parser.add_argument("assignment")
    parser.add_argument("--course", type=Path, default=DIST / "nbgrader")
    parser.add_argument("--archive", type=Path, help="the archive from Moodle or Canvas")
    parser.add_argument("--roster", type=Path, help="the students of the class, as CSV")
    parser.add_argument(
        "--id-column", help="the roster's column with the ids that students put into STUDENT"
    )
    parser.add_argument("--due", help="2027-01-15T23:59, or the whole day")
    parser.add_argument("--again", nargs="*", metavar="ID", help="grade again; without ids, all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--memory", type=float)
    chosen = parser.parse_args(arguments)
    course, assignment = chosen.course.resolve(), chosen.assignment
    set_up("book")  # in which submissions and solutions run
    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")  # caused by nbgrader
    if not (course / "source" / assignment).is_dir():
        parser.error(f"there is no assignment {assignment!r} in {course / 'source'}: make nbgrader")
    try:
        roster, due, left_out = _class(course, assignment, chosen)
    except (CollectingError, OSError, ValueError) as error:
        parser.error(str(error))
    for line in left_out:
        print(f"left out: {line}")
    if not students(course, assignment):
        parser.error(f"no one has handed in: no folder {course}/received/STUDENT/{assignment}")
    for student in students(course, assignment) if chosen.again == [] else chosen.again or ():
        record_of(course, assignment, student).unlink(missing_ok=True)
    options = {"seconds": chosen.seconds, "memory": chosen.memory}
    todo, start, failed = waiting(course, assignment), time.monotonic(), 0
    print(f"{len(students(course, assignment))} submissions, {len(todo)} to grade", flush=True)
    with bench.running(sandbox.CACHE):
        solve(course, assignment, todo, max(chosen.jobs, 1))
        graded = grade_each(course, assignment, todo, max(chosen.jobs, 1), options)
        for number, (student, result) in enumerate(graded, start=1):
            failed += result["problem"] is not None
            said = result["problem"] or "graded"
            print(f"{number}/{len(todo)} {student}: {said} ({result['seconds']} s)", flush=True)
    minutes = (time.monotonic() - start) / 60
    print(f"{len(todo) - failed} graded in {minutes:.1f} minutes, {failed} could not be")
    print(returning.give_back(course, assignment, settings(course, {}), roster, due))
    return 1 if failed or left_out else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
