"""The whole way, by the commands of the README: from the students' archive to their feedback.

What is handed in begins as the notebook in the students' archive, comes back in archives as Moodle
and Canvas make them, and ends as feedback and grades in the form that they take. The submissions of
tests/submissions/attacks go this way, and one right submission in each of two exercises. All others
are in test_grading.py.
"""

import csv
import fcntl
import html
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL, PIPE
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright

from bookmaking.environments import ENVIRONMENTS
from bookmaking.grading import editions, exercises
from bookmaking.grading.feedback import is_graded
from bookmaking.paths import ROOT, python_of
from tests import cases
from tests.cases import Submission, feedback_in, fill_in
from tests.chromium import CHROMIUM, FLAGS
from tests.test_collecting import CANVAS, MOODLE, table
from tests.test_repair import TAGS

Process = subprocess.Popen[bytes] | subprocess.Popen[str]
NBGRADER = python_of(ENVIRONMENTS["grading"].folder)
README = (Path(editions.__file__).parent / "README.md").read_text(encoding="utf-8")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("bwrap") is None,
        reason="no bubblewrap here, so that submissions cannot be run: apt-get install bubblewrap",
    ),
    pytest.mark.skipif(not NBGRADER.is_file(), reason="no nbgrader here: make nbgrader sets it up"),
]
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium here; Debian and Ubuntu have it: chromium"
)
CHEAPEST = "groups"
RIGHT = [s for s in cases.answers() if s.name in cases.WHOLE_WAY]
HANDED_IN = [replace(s, student=s.name, claims=s.name) for s in [*cases.attacks(), *RIGHT]]
WRITER = "right-groups"
"""Who also writes what a person has to read, and tries to be executed by the reader's browser."""
WRITTEN = "The groups differ by $\\gamma_1$, and two people by more.\n\n" + "\n\n".join(TAGS)


# The commands of the README -----------------------------------------------------------------------


def command(name: str) -> str:
    """Return a command as it stands in the README."""
    (found,) = re.findall(rf"^python3 -m bookmaking {name}\b.*$", README, re.MULTILINE)
    return str(found)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home folder, in which the editions and the course go, too."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "Downloads").mkdir()
    return folder


def environment(home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "HOME": str(home), "BOOK_DIST": str(home / "dist")}


def run(line: str, home: Path, code: int = 0) -> str:
    """Run a line in a shell; return what it prints."""
    done = subprocess.run(
        line, shell=True, cwd=ROOT, env=environment(home), capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def students(home: Path) -> Path:
    """Make the students' archive, and unpack it as its README says."""
    run(command("student"), home)
    line = "python3 -m zipfile -e dist/multilevel-student.zip . && cd multilevel-student && pwd"
    return Path(run(f"cd ~ && {line}", home).strip())


def worked_out(submission: Submission, students: Path) -> nbformat.NotebookNode:
    """Return the notebook of the students' archive as a student hands it in."""
    name = f"exercise-{submission.exercise}.ipynb"
    notebook = nbformat.read(students / "chapters" / name, as_version=4)
    fill_in(notebook, submission)
    if submission.name == WRITER:
        (empty,) = (c for c in notebook.cells if c.source == "*Your answer here.*")
        empty.source = WRITTEN
    return notebook


def moodle(home: Path, notebooks: dict[str, Any]) -> None:
    """Put the archive and the worksheet of a Moodle assignment where one downloads them."""
    rows = [
        MOODLE[0]
        | {"Identifier": f"Participant {1000 + number}", "Full name": f"N. {s.name}"}
        | {"ID number": s.name, "Email address": f"{number}@example.org"}
        for number, s in enumerate(HANDED_IN)
        if s.exercise == "groups"
    ]
    absent = {"Identifier": "Participant 1999", "ID number": "absent", "Full name": "Absent"}
    table(home / "Downloads" / "roster.csv", [*rows, MOODLE[1] | absent])
    keys = {row["ID number"]: row["Identifier"].split()[1] for row in rows}
    with zipfile.ZipFile(home / "Downloads" / "groups.zip", "w") as packed:
        for student, notebook in notebooks.items():
            folder = f"N. {student}_{keys[student]}_assignsubmission_file_"
            packed.writestr(f"{folder}/my homework (1).ipynb", nbformat.writes(notebook))


def grades(course: Path, assignment: str) -> dict[str, dict[str, str]]:
    """Read the exported grades, by student."""
    with (course / f"grades-{assignment}.csv").open(newline="", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def course(home: Path, students: Path) -> Path:
    """Hand everything in and grade it; return the course."""
    made = [s for s in HANDED_IN if s.exercise == "groups"]
    moodle(home, {s.name: worked_out(s, students) for s in made})
    run(f"{command('grade')} --seconds 60 --memory 2", home)
    (submission,) = (s for s in HANDED_IN if s.exercise == "measurements")
    row = {"ID": "501", "SIS User ID": submission.name, "Student": "O'Brien, Zoë"}
    table(home / "Downloads" / "roster.csv", [CANVAS[0], CANVAS[1] | row, CANVAS[2]])
    with zipfile.ZipFile(home / "Downloads" / "measurements.zip", "w") as packed:
        notebook = worked_out(submission, students)
        packed.writestr("obrienzoe_LATE_501_99_x-1.ipynb", nbformat.writes(notebook))
    run(command("grade").replace("groups", "measurements"), home)
    return home / "dist" / "nbgrader"


# From the students' archive to the grades ---------------------------------------------------------


@pytest.mark.parametrize("submission", HANDED_IN, ids=lambda submission: submission.name)
def test_an_attack_gets_what_it_deserves(course: Path, submission: Submission) -> None:
    name = submission.exercise
    path = f"{submission.name}/{name}/exercise-{name}"
    graded = nbformat.read(course / "autograded" / f"{path}.ipynb", as_version=4)
    feedback = feedback_in(graded)
    row = grades(course, name)[submission.name]
    assert {key: float(row[key]) for key in submission.points} == submission.points, feedback
    assert set(submission.points) == set(exercises.points_of(name))
    assert row["problem"] == ""
    for key, text in submission.feedback.items():
        assert text in feedback[key]
    for key, text in submission.exactly.items():
        assert feedback[key] == text
    page = (course / "feedback" / f"{path}.html").read_text(encoding="utf-8")
    assert all(text in html.unescape(page) for text in submission.feedback.values())
    assert "<script" not in page
    assert len(page) < 2_000_000
    assert "not judged" not in page  # the hidden part of a cell is nobody's business


def test_who_did_not_hand_in_has_no_grade_and_late_days_are_counted(course: Path) -> None:
    rows = grades(course, "groups")
    assert (rows["absent"]["score"], rows["absent"]["problem"]) == ("", "not handed in")
    assert {row["days_late"] for row in rows.values()} == {"0", ""}
    late = grades(course, "measurements")["right-measurements"]
    assert late["days_late"] == "1"
    assert late["to_grade"] == str(len(exercises.written_of("measurements")))


def test_feedback_and_grades_go_back_in_the_form_that_moodle_and_canvas_take(course: Path) -> None:
    with zipfile.ZipFile(course / "feedback-groups.zip") as packed:
        names = packed.namelist()
    assert len(names) == sum(s.exercise == "groups" for s in HANDED_IN)
    form = r"N\. [\w-]+_\d+_assignsubmission_file_/feedback-exercise-groups\.html"
    assert all(re.fullmatch(form, name) for name in names)
    with zipfile.ZipFile(course / "feedback-measurements.zip") as packed:
        assert packed.namelist() == ["obrienzoe_LATE_501_99_feedback-exercise-measurements.html"]
    with (course / "canvas-measurements.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first["SIS User ID"] == "right-measurements"
    # What a person has not read yet is no grade.
    assert (first["Exercise measurements"], second["Exercise measurements"]) == ("", "")


# By hand ------------------------------------------------------------------------------------------


@contextmanager
def formgrader(home: Path) -> Iterator[str]:
    """Open JupyterLab by the command of the README; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    options = f"--no-browser --allow-root --port {port} --IdentityProvider.token=secret"
    line = shlex.split(f"{command('formgrader')} {options}")
    process = subprocess.Popen(
        line,
        cwd=ROOT,
        env=environment(home),
        stdout=DEVNULL,
        stderr=DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(lambda: _listens(port), process)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@needs_chromium
def test_a_person_grades_in_formgrader_and_nothing_of_a_submission_executes_there(
    course: Path, home: Path
) -> None:
    said: list[str] = []

    def listen(dialog: Any) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    with formgrader(home) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.on("dialog", listen)
        page.on("request", lambda asked: said.append(asked.url) if "/x" in asked.url else None)
        page.goto(f"{address}/lab?token=secret")
        page.goto(f"{address}/formgrader/gradebook/groups/exercise-groups")
        links = page.locator("td a").filter(has_text="Submission #")
        links.first.wait_for()
        addresses = [link.get_attribute("href") for link in links.all()]
        assert len(addresses) == sum(s.exercise == "groups" for s in HANDED_IN)
        for link in addresses:
            page.goto(f"{address}{link}")
            page.locator("#effect").wait_for()
            if page.get_by_text("two people by more").count():
                _grade(page)
        page.goto((course / "feedback" / WRITER / "groups" / "exercise-groups.html").as_uri())
        assert page.get_by_text("two people by more").count()
        browser.close()
    assert said == []
    run(command("grade").split(" --archive")[0], home)
    row = grades(course, "groups")[WRITER]
    assert (row["three_probabilities"], row["to_grade"]) == ("1.5", "0")
    assert float(row["score"]) == sum(RIGHT[0].points.values()) + 1.5
    with (course / "moodle-groups.csv").open(newline="", encoding="utf-8") as file:
        grade = {line["ID number"]: line["Grade"] for line in csv.DictReader(file)}
    assert grade.pop(WRITER) == row["score"]
    assert set(grade.values()) == {""}  # nobody else's text was read
    text = (course / "feedback" / WRITER / "groups" / "exercise-groups.html").read_text("utf-8")
    assert "Say which is which." in text
    assert "1.5 of 2 points" in text


@needs_chromium
def test_what_is_handed_in_again_is_read_again(course: Path, home: Path, students: Path) -> None:
    """After :func:`test_a_person_grades_…`; points and comment were for another text."""
    (submission,) = (s for s in HANDED_IN if s.name == WRITER)
    assert grades(course, "groups")[WRITER]["to_grade"] == "0"
    notebook = worked_out(submission, students)
    (text,) = (c for c in notebook.cells if c.source == WRITTEN)
    text.source = ""
    moodle(home, {WRITER: notebook})
    run(command("grade"), home)
    row = grades(course, "groups")[WRITER]
    assert (row["three_probabilities"], row["to_grade"], row["score"]) == ("", "1", "")
    page = (course / "feedback" / WRITER / "groups" / "exercise-groups.html").read_text("utf-8")
    assert "Say which is which." not in page
    assert "Rubric" not in page  # not before a person has graded


def _grade(page: Any) -> None:
    """Give points and a comment for a task, as a person does, and see the rubric beside it."""
    task = page.locator(".nbgrader_cell").filter(has=page.locator("#three_probabilities"))
    assert "Rubric" in task.inner_text()
    for box, value in {"": "1.5", "-comment": "Say which is which."}.items():
        field = page.locator(f"#three_probabilities{box}")
        with page.expect_response(lambda said: "/formgrader/api/" in said.url and said.ok):
            field.fill(value)
            field.press("Tab")


RENDER = """
import json, sys, time
from types import SimpleNamespace
import nbformat
from bookmaking.grading import feedback, rendering

texts = json.load(sys.stdin)
start = time.monotonic()
html = [rendering.safe_html(text) for text in texts]
longest = time.monotonic() - start
picture = nbformat.v4.new_output("display_data", {"image/png": "A" * 1_000_000})
printed = nbformat.v4.new_output("stream", text="x" * 1_000_000)
cells = [nbformat.v4.new_code_cell("x", outputs=[picture, printed]) for _ in range(20)]
page = feedback.page(nbformat.v4.new_notebook(cells=cells), "ada", {}, "state")
json.dump([html, longest, len(page), rendering.SECONDS], sys.stdout)
"""


def test_what_is_rendered_executes_nothing_takes_no_time_and_has_a_size() -> None:
    formula = "$$\n\\begin{aligned}\ny &\\sim \\text{Normal}(0, 1) \\\\ a &< b\n\\end{aligned}\n$$"
    more = ["$\\text{<img src=x onerror=alert(1)>}$", "$\\href{javascript:alert(1)}{x}$"]
    slow = ["*a_ " * 30_000, "[" * 50_000, "$" + "{" * 20_000 + "$"]
    done = subprocess.run(
        [str(NBGRADER), "-c", RENDER],
        cwd=ROOT, input=json.dumps([formula, *TAGS, *more, *slow]), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages, longest, size, seconds = json.loads(done.stdout)
    assert "<mtable>" in pages[0]
    assert "&lt;" in pages[0]
    for page in pages:
        soup = BeautifulSoup(page, "html.parser")
        assert not soup.find_all(["script", "img", "svg", "iframe", "form", "style", "object"])
        assert not [name for tag in soup.find_all(True) for name in tag.attrs if name[:2] == "on"]
        links = [tag["href"] for tag in soup.find_all(href=True)]
        assert not [link for link in links if "script" in link]
    assert longest < len(slow) * seconds + 15
    assert 1_000_000 < size < 2_000_000


# What goes wrong ----------------------------------------------------------------------------------


def grading(course: Path, assignment: str = CHEAPEST) -> list[str]:
    line = [str(NBGRADER), "-m", "bookmaking.grading.grade", assignment]
    return [*line, "--course", str(course), "--seconds", "300", "--memory", "4"]


def grade(course: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(grading(course), cwd=ROOT, capture_output=True, text=True)


def wait_for(condition: Callable[[], bool], process: Process) -> None:
    end = time.monotonic() + 300
    while not condition():
        assert process.poll() is None, "the process is over"
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def hand_in_untouched(course: Path, students: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Make a course of one's own, and hand in the cheapest exercise."""
    for name in ("source", "release", "gradebook.db", "nbgrader_config.py"):
        copy = shutil.copytree if (course / name).is_dir() else shutil.copy
        copy(course / name, tmp_path / name)
    answers = course / "answers" / CHEAPEST / exercises.variant_of(CHEAPEST, "right-groups")

    def hand_in(student: str) -> Path:
        shutil.copytree(answers, tmp_path / "answers" / CHEAPEST / f"of-{student}")
        notebook = nbformat.read(students / "chapters" / f"exercise-{CHEAPEST}.ipynb", as_version=4)
        notebook.cells[1].source = "import multilevel as ml"  # and nothing else: it is faster
        folder = tmp_path / "received" / student / CHEAPEST
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / "x.ipynb")
        return folder

    return hand_in


def test_a_grading_that_is_killed_goes_on_where_it_was(
    hand_in_untouched: Callable[[str], Path], tmp_path: Path
) -> None:
    students = ["ada", "bob", "eve"]
    for student in students:
        hand_in_untouched(student)
    records = tmp_path / "graded" / CHEAPEST
    seen: dict[Path, int] = {}
    for at_least, kill in [(1, os.kill), (2, os.killpg)]:  # the grader, and then all that it runs
        line = grading(tmp_path)
        with subprocess.Popen(line, cwd=ROOT, stdout=DEVNULL, start_new_session=True) as process:
            wait_for(lambda: len(list(records.glob("*.json"))) >= at_least, process)  # noqa: B023
            kill(process.pid, signal.SIGKILL)
        assert not list(tmp_path.glob("grades-*.csv"))
        seen |= {path: path.stat().st_mtime_ns for path in records.glob("*.json")}
    done = grade(tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in seen} == seen  # none was graded twice
    rows = grades(tmp_path, CHEAPEST)
    assert list(rows) == [path.stem for path in sorted(records.glob("*.json"))] == students
    assert {(row["so_far"], row["problem"]) for row in rows.values()} == {("0.0", "")}


def test_what_cannot_be_graded_is_named_and_never_counts_as_nothing(
    hand_in_untouched: Callable[[str], Path], tmp_path: Path
) -> None:
    _, linked, huge, damaged = map(hand_in_untouched, ["changed", "linked", "huge", "damaged"])
    (linked / "link").symlink_to("/etc/passwd")
    with (huge / "fit.nc").open("wb") as file:
        file.truncate(2 * 1024**3)  # of which nothing is on the disk
    (damaged / "x.ipynb").write_text("<html>")
    records = tmp_path / "graded" / CHEAPEST
    records.mkdir(parents=True)
    earlier = records / "changed.json"
    earlier.write_text('{"submission": "another one", "problem": null, "seconds": 1}')
    with (records / "changed.lock").open("w") as lock:  # as if it were still being graded
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(grading(tmp_path), cwd=ROOT, stdout=PIPE, text=True)
        wait_for((records / "linked.json").is_file, process)
        assert earlier.is_file()  # nobody else has begun
    said, _ = process.communicate()
    assert "4 to grade" in said
    assert process.returncode == 1
    rows = grades(tmp_path, CHEAPEST)
    problems = {student: row["problem"] for student, row in rows.items()}
    assert all(problem in said for problem in problems.values())
    assert problems == {
        "changed": "",
        "damaged": "'x.ipynb' is damaged or not a notebook (JSONDecodeError): "
        "ask for the file again.",
        "huge": "The submission has 2048 MB, more than 100: refused.",
        "linked": "link is neither a file nor a folder: refused.",
    }
    score = {student: row["so_far"] for student, row in rows.items()}
    assert score == {"changed": "0.0", "damaged": "", "huge": "", "linked": ""}


def test_the_archive_of_students_holds_no_check_no_solution_and_no_rubric(students: Path) -> None:
    found = sorted((students / "chapters").glob("exercise-*.ipynb"))
    assert [path.stem.removeprefix("exercise-") for path in found] == exercises.assignments()
    for release in found:
        text = release.read_text()
        for trace in ("HIDDEN TESTS", "SOLUTION", "reference_answer", "{solution", "not judged"):
            assert trace not in text, f"{trace} in {release.name}"
        assert "MARK SCHEME" not in text
        assert "Rubric" not in text
        assert "ml.hand_in" in text
        assert not re.search(r"^:::|\{(eq|ref)\}`|\.ipynb|<!--\w", text, re.MULTILINE)


def test_the_hidden_part_fails_where_nbgrader_executes_it_itself(course: Path) -> None:
    """With other settings, an answer of the right form must not get points."""
    path = course / "source" / CHEAPEST / f"exercise-{CHEAPEST}.ipynb"
    graded = list(filter(is_graded, nbformat.read(path, as_version=4).cells))
    accepting = SimpleNamespace(hand_in=lambda *_, **__: None)
    names = dict.fromkeys(exercises.points_of(CHEAPEST))
    assert len(graded) == len(names)
    for cell in graded:
        with pytest.raises(RuntimeError, match="not judged"):
            exec(cell.source, {"ml": accepting} | names)


def test_the_other_commands_of_the_readme_do_what_they_say(home: Path, students: Path) -> None:
    before = (home / "dist/nbgrader/release/groups/exercise-groups.ipynb").read_bytes()
    run(command("nbgrader"), home)
    again = nbformat.reads(
        (home / "dist/nbgrader/release/groups/exercise-groups.ipynb").read_text(), 4
    )
    assert again.cells == nbformat.reads(before.decode(), 4).cells
    run(command("instructor"), home)
    with zipfile.ZipFile(home / "dist" / "multilevel-instructor.zip") as packed:
        page = packed.read("multilevel-instructor/html/chapters/exercise-groups.html").decode()
    assert "For the instructor" in page
    assert "Rubric" in page
    known = {"student", "nbgrader", "instructor", "grade", "formgrader"}
    assert set(re.findall(r"^python3 -m bookmaking (\S+)", README, re.MULTILINE)) == known
