"""Grading, by nbgrader itself: right submissions get all points, others what they deserve."""

import csv
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE
from types import SimpleNamespace

import nbformat
import pytest

from bookmaking.grading import editions, exercises
from tests import cases
from tests.cases import FILES, Submission, feedback_of, read

ROOT = Path(__file__).resolve().parents[1]
NBGRADER = ROOT / "_build" / "nbgrader" / "bin"
pytestmark = [
    pytest.mark.skipif(not NBGRADER.is_dir(), reason="no nbgrader here: make nbgrader sets it up"),
    pytest.mark.skipif(
        shutil.which("bwrap") is None,
        reason="no bubblewrap here, so that submissions cannot be run: apt-get install bubblewrap",
    ),
]
SMALL = "groups"  # everybody has the same variant of it
HANDED_IN = [read(file) for file in FILES]


def make_course(course: Path, assignments: list[str]) -> None:
    """Make a course folder with nbgrader's own releases."""
    editions.nbgrader(course, assignments)
    for name in assignments:
        subprocess.run(
            [NBGRADER / "nbgrader", "generate_assignment", name, "--log-level", "WARN"],
            cwd=course,
            env=os.environ | {"PATH": f"{NBGRADER}:{os.environ['PATH']}"},
            check=True,
        )


def grading(course: Path, assignment: str, seconds: int = 300) -> list[str]:
    command = [str(NBGRADER / "python"), str(ROOT / "teaching" / "grade.py"), assignment]
    return [*command, "--course", str(course), "--seconds", str(seconds), "--memory", "4"]


def grade(course: Path, assignment: str, seconds: int = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(grading(course, assignment, seconds), capture_output=True, text=True)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("course")
    used = sorted({submission.exercise for submission in HANDED_IN})
    make_course(folder, used)
    for name, seconds in sorted({(s.exercise, s.seconds) for s in HANDED_IN}, reverse=True):
        for submission in HANDED_IN:
            if (submission.exercise, submission.seconds) == (name, seconds):
                cases.hand_in(submission, folder)
        done = grade(folder, name, seconds)
        assert done.returncode == 0, done.stdout + done.stderr
    yield folder
    shutil.rmtree(folder)


def scores(course: Path, submission: Submission) -> dict[str, float]:
    with (course / f"grades-{submission.exercise}.csv").open(newline="") as file:
        (row,) = (row for row in csv.DictReader(file) if row["student"] == submission.student)
    assert row["problem"] == ""
    return {name: float(row[name]) for name in submission.points}


@pytest.mark.parametrize("submission", HANDED_IN, ids=lambda s: s.name)
def test_a_submission_gets_what_it_deserves(course: Path, submission: Submission) -> None:
    feedback = feedback_of(submission, course)
    assert set(submission.points) == set(exercises.points_of(submission.exercise))
    assert scores(course, submission) == submission.points, feedback
    for name, text in submission.feedback.items():
        assert text in feedback[name]


@pytest.mark.parametrize("submission", HANDED_IN, ids=lambda s: s.name)
def test_what_costs_points_is_explained_and_does_not_tell_the_answer(
    course: Path, submission: Submission
) -> None:
    full, feedback = exercises.points_of(submission.exercise), feedback_of(submission, course)
    for name, points in submission.points.items():
        assert (feedback[name].strip() == "Right.") == (points == full[name])
        if points < full[name]:
            assert len(feedback[name]) > 20
        path = course / "feedback" / submission.student / submission.exercise
        assert (path / f"{submission.exercise}.html").stat().st_size > 1000


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_grading_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    untouched = next(s for s in HANDED_IN if s.name == "untouched")
    make_course(tmp_path, [SMALL])
    for number in range(5):
        student = f"student-{number}"
        cases.hand_in(replace(untouched, student=student, claims=student, exercise=SMALL), tmp_path)
    marks = tmp_path / "graded" / SMALL
    seen: dict[Path, int] = {}
    for at_least in (1, 3):
        command = grading(tmp_path, SMALL)
        process = subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True)
        wait_for(lambda: len(list(marks.glob("*.json"))) >= at_least, process)  # noqa: B023
        process.kill()
        process.wait()
        assert not list(tmp_path.glob("grades-*.csv"))
        seen |= {path: path.stat().st_mtime_ns for path in marks.glob("*.json")}
    done = grade(tmp_path, SMALL)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in seen} == seen  # none was graded twice
    assert len(list(marks.glob("*.json"))) == 5
    with (tmp_path / f"grades-{SMALL}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["student"] for row in rows] == [f"student-{number}" for number in range(5)]
    assert {(row["score"], row["problem"]) for row in rows} == {("0.0", "")}

    again = grade(tmp_path, SMALL)
    assert "0 to grade" in again.stdout

    changed = tmp_path / "submitted" / "student-2" / SMALL
    (changed / "notes.txt").write_text("one more file")
    (tmp_path / "submitted" / "student-3" / SMALL / "link").symlink_to("/etc/passwd")
    third = grade(tmp_path, SMALL)
    assert "2 to grade" in third.stdout
    assert third.returncode == 1
    assert "student-3: link is neither a file nor a folder: refused." in third.stdout


def test_there_are_enough_of_both_kinds() -> None:
    full = {name: exercises.points_of(name) for name in {s.exercise for s in HANDED_IN}}
    right = [s for s in HANDED_IN if s.points == full[s.exercise]]
    assert len(right) >= 5
    assert len(HANDED_IN) - len(right) >= 12


def test_releases_hold_no_check_and_no_solution(course: Path) -> None:
    for release in (course / "release").rglob("*.ipynb"):
        text = release.read_text()
        for trace in ("HIDDEN TESTS", "SOLUTION", "reference_answer", "{solution", "not judged"):
            assert trace not in text, f"{trace} in {release.name}"
        assert re.search(r"ml\.hand_in", text)


def test_the_hidden_part_fails_where_nbgrader_executes_it_itself(course: Path) -> None:
    """With other settings, an answer of the right form must not get points."""
    notebook = nbformat.read(course / "source" / SMALL / f"{SMALL}.ipynb", as_version=4)
    graded = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    accepting = SimpleNamespace(hand_in=lambda *_, **__: None)
    names = dict.fromkeys(exercises.points_of(SMALL))
    assert len(graded) == len(names)
    for cell in graded:
        with pytest.raises(RuntimeError, match="not judged"):
            exec(cell.source, {"ml": accepting} | names)
