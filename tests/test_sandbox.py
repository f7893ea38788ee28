"""Attacks on the grading and on the machine: nbgrader grades them, and they get nothing by it.

The submissions of tests/submissions/attacks go the whole way, and one right submission in each of
two exercises: release, sandbox, gradebook, feedback, table. All others are in test_grading.py.
"""

import contextlib
import csv
import fcntl
import html
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL, PIPE
from types import SimpleNamespace

import nbformat
import pytest

from bookmaking.environments import ENVIRONMENTS
from bookmaking.grading import editions, exercises, sandbox
from bookmaking.grading.feedback import is_graded
from bookmaking.paths import ROOT, python_of
from tests import cases
from tests.cases import Submission, feedback_in, fill_in

Process = subprocess.Popen[bytes] | subprocess.Popen[str]
NBGRADER = python_of(ENVIRONMENTS["grading"].folder)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("bwrap") is None,
        reason="no bubblewrap here, so that submissions cannot be run: apt-get install bubblewrap",
    ),
]
needs_nbgrader = pytest.mark.skipif(
    not NBGRADER.is_file(), reason="no nbgrader here: make nbgrader sets it up"
)
CHEAPEST = "groups"  # its one fit takes a few seconds, and serves everybody
RIGHT = [s for s in cases.answers() if s.name in ("right-groups", "right-measurements")]
HANDED_IN = [replace(s, student=s.name, claims=s.name) for s in (*cases.attacks(), *RIGHT)]


# The sandbox --------------------------------------------------------------------------------------


def run(tmp_path: Path, limits: sandbox.Limits, *cells: str) -> sandbox.Result:
    """Run cells in the sandbox."""
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    return sandbox.run(notebook, tmp_path, limits)


@contextlib.contextmanager
def standard_input(content: bytes) -> Iterator[None]:
    """Let this process have something on its standard input, as in a terminal."""
    kept, (reading, writing) = os.dup(0), os.pipe()
    os.write(writing, content)
    os.dup2(reading, 0)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        for end in (kept, reading, writing):
            os.close(end)


READS_INPUT = """
import os
from pathlib import Path

for process in Path("/proc").glob("[0-9]*"):
    try:
        file = os.open(process / "fd" / "0", os.O_RDONLY | os.O_NONBLOCK)
        print(os.read(file, 100).decode(), end="")
    except OSError:
        pass
"""


def test_nothing_comes_in_from_the_grader(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, standard_input(b"a password"):
        calls = f"import socket\nsocket.create_connection({server.getsockname()}, timeout=5)"
        result = run(tmp_path, sandbox.Limits(), READS_INPUT, calls)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert result.problem is None
    assert result.outputs[0] == []
    assert [output["ename"] for output in result.outputs[1]] == ["ConnectionRefusedError"]


def test_what_cannot_be_interrupted_is_killed(tmp_path: Path) -> None:
    stubborn = """
import time

for _ in range(60):
    try:
        time.sleep(1)
    except BaseException:
        pass
"""
    start = time.monotonic()
    result = run(tmp_path, sandbox.Limits(seconds=4, grace=4), stubborn)
    assert result == sandbox.Result([[]], {}, "The run took longer than 4 seconds and was stopped.")
    assert time.monotonic() - start < 40


# nbgrader -----------------------------------------------------------------------------------------


def hand_in(submission: Submission, course: Path, student: str) -> Path:
    """Put a submission where nbgrader collects it, made from the release that students get."""
    name = submission.exercise
    notebook = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
    fill_in(notebook, submission)
    folder = course / "submitted" / student / name
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


def grading(course: Path, assignment: str, seconds: str = "300", memory: str = "4") -> list[str]:
    command = [str(NBGRADER), "-m", "bookmaking.grading.grade", assignment]
    return [*command, "--course", str(course), "--seconds", seconds, "--memory", memory]


def grade(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = grading(*arguments)  # type: ignore[arg-type]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def table(course: Path, assignment: str) -> dict[str, dict[str, str]]:
    """Read the exported grades, by student."""
    with (course / f"grades-{assignment}.csv").open(newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a course folder with nbgrader's own releases."""
    folder = tmp_path_factory.mktemp("course")
    names = sorted({submission.exercise for submission in HANDED_IN})
    editions.make_sources(folder, names)
    editions.release(folder, names)
    return folder


@pytest.fixture(scope="module")
def course(released: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hand everything in, and grade it."""
    folder = tmp_path_factory.mktemp("graded") / "course"
    shutil.copytree(released, folder)
    for name, limits in sorted({(s.exercise, s.limits) for s in HANDED_IN}):
        for submission in HANDED_IN:
            if (submission.exercise, submission.limits) == (name, limits):
                hand_in(submission, folder, submission.name)
        done = grade(folder, name, *limits)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@needs_nbgrader
@pytest.mark.parametrize("submission", HANDED_IN, ids=lambda submission: submission.name)
def test_an_attack_gets_what_it_deserves(course: Path, submission: Submission) -> None:
    name = submission.exercise
    path = f"{submission.name}/{name}/{name}"
    graded = nbformat.read(course / "autograded" / f"{path}.ipynb", as_version=4)
    feedback = feedback_in(graded)
    row = table(course, name)[submission.name]
    assert {key: float(row[key]) for key in submission.points} == submission.points, feedback
    assert set(submission.points) == set(exercises.points_of(name))
    assert row["problem"] == ""
    for key, text in submission.feedback.items():
        assert text in feedback[key]
    for key, text in submission.exactly.items():
        assert feedback[key] == text
    page = (course / "feedback" / f"{path}.html").read_text()
    assert all(html.escape(text, quote=False) in page for text in submission.feedback.values())
    assert "<script>alert" not in page


def wait_for(condition: Callable[[], bool], process: Process) -> None:
    end = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, "the grading is over"
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def hand_in_untouched(released: Path, course: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Make a course of one's own, with the right answers, and hand in the cheapest exercise."""
    shutil.copytree(released, tmp_path, dirs_exist_ok=True)
    shutil.copytree(course / "answers", tmp_path / "answers")
    imports = {"imports": "import multilevel as ml"}
    untouched = replace(HANDED_IN[0], exercise=CHEAPEST, cells=imports, removes=[])
    return lambda student: hand_in(untouched, tmp_path, student)


@needs_nbgrader
def test_a_grading_that_is_killed_goes_on_where_it_was(
    hand_in_untouched: Callable[[str], Path], tmp_path: Path
) -> None:
    students = ["ada", "bob", "eve"]
    for student in students:
        hand_in_untouched(student)
    records = tmp_path / "graded" / CHEAPEST
    seen: dict[Path, int] = {}
    for at_least, kill in [(1, os.kill), (2, os.killpg)]:  # the grader, and then all that it runs
        command = grading(tmp_path, CHEAPEST)
        with subprocess.Popen(command, cwd=ROOT, stdout=DEVNULL, start_new_session=True) as process:
            wait_for(lambda: len(list(records.glob("*.json"))) >= at_least, process)  # noqa: B023
            kill(process.pid, signal.SIGKILL)
        assert not list(tmp_path.glob("grades-*.csv"))
        seen |= {path: path.stat().st_mtime_ns for path in records.glob("*.json")}
    done = grade(tmp_path, CHEAPEST)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in seen} == seen  # none was graded twice
    rows = table(tmp_path, CHEAPEST)
    assert list(rows) == [path.stem for path in sorted(records.glob("*.json"))] == students
    assert {(row["score"], row["problem"]) for row in rows.values()} == {("0.0", "")}


@needs_nbgrader
def test_what_cannot_be_graded_is_named_and_never_counts_as_nothing(
    hand_in_untouched: Callable[[str], Path], tmp_path: Path
) -> None:
    _, linked, huge = map(hand_in_untouched, ["changed", "linked", "huge"])
    (linked / "link").symlink_to("/etc/passwd")
    with (huge / "fit.nc").open("wb") as file:
        file.truncate(2 * 1024**3)  # of which nothing is on the disk
    records = tmp_path / "graded" / CHEAPEST
    records.mkdir(parents=True)
    earlier = records / "changed.json"
    earlier.write_text('{"submission": "another one", "problem": null, "seconds": 1}')
    with (records / "changed.lock").open("w") as lock:  # as if it were still being graded
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = grading(tmp_path, CHEAPEST)
        process = subprocess.Popen(command, cwd=ROOT, stdout=PIPE, text=True)
        wait_for((records / "linked.json").is_file, process)
        assert earlier.is_file()  # nobody else has begun
    said, _ = process.communicate()
    assert "3 to grade" in said
    assert process.returncode == 1
    rows = table(tmp_path, CHEAPEST)
    problems = {student: row["problem"] for student, row in rows.items()}
    assert all(problem in said for problem in problems.values())
    assert problems == {
        "changed": "",
        "huge": "The submission has 2048 MB, more than 100: refused.",
        "linked": "link is neither a file nor a folder: refused.",
    }
    assert {student: row["score"] for student, row in rows.items()} == {
        "changed": "0.0",
        "huge": "",
        "linked": "",
    }


@needs_nbgrader
def test_releases_hold_no_check_and_no_solution(released: Path) -> None:
    for release in (released / "release").rglob("*.ipynb"):
        text = release.read_text()
        for trace in ("HIDDEN TESTS", "SOLUTION", "reference_answer", "{solution", "not judged"):
            assert trace not in text, f"{trace} in {release.name}"
        assert "ml.hand_in" in text


@needs_nbgrader
def test_the_hidden_part_fails_where_nbgrader_executes_it_itself(released: Path) -> None:
    """With other settings, an answer of the right form must not get points."""
    path = released / "source" / CHEAPEST / f"{CHEAPEST}.ipynb"
    graded = list(filter(is_graded, nbformat.read(path, as_version=4).cells))
    accepting = SimpleNamespace(hand_in=lambda *_, **__: None)
    names = dict.fromkeys(exercises.points_of(CHEAPEST))
    assert len(graded) == len(names)
    for cell in graded:
        with pytest.raises(RuntimeError, match="not judged"):
            exec(cell.source, {"ml": accepting} | names)
