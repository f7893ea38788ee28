"""Right submissions get all points, and others what they deserve, with a reason.

Here submissions that attack nothing are run and judged in this process, by the functions that grade
a class. That these are called where nothing can be done to them is proven in test_nbgrader.py.
"""

import ast
import copy
import io
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import chdir, redirect_stdout
from dataclasses import asdict, dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest

from bookmaking.grading import editions, exercises, solutions
from bookmaking.grading.feedback import names_of, write_feedback
from bookmaking.grading.marking import load_question, mark, verdict_on
from bookmaking.paths import RUN
from tests import cases
from tests.cases import Submission, feedback_in, fill_in

pytestmark = pytest.mark.slow
HANDED_IN = [s for s in cases.answers() if s.name not in cases.WHOLE_WAY]
HANDED_IN.sort(key=lambda submission: submission.exercise)


@dataclass(frozen=True)
class Graded:
    """A submission, and what it got."""

    submission: Submission
    passed: dict[str, bool]
    feedback: dict[str, str]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a working folder, in which stored fits are shared, the chapters' among them."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "fits").mkdir()
    for file in (RUN / "chapters" / "fits").glob("*.nc"):  # used only if they are still the same
        (folder / "fits" / file.name).symlink_to(file)
    with chdir(folder), plt.rc_context(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTILEVEL_ANSWERS", str(folder))
        yield folder
    pd.reset_option("^display")  # pages set how numbers are shown


def right_answers(exercise: str, student: str, work: Path) -> Path:
    """Run the solution for a student's variant, once."""
    folder = work / f"{exercise}.{exercises.variant_of(exercise, student)}"
    if not folder.is_dir():
        solutions.run(exercise, {student: folder})
    return folder


@cache
def handed_out(exercise: str) -> nbformat.NotebookNode:
    """Return the notebook of an exercise as it is graded, without anything of a student."""
    return exercises.without_hidden_tests(editions.assignment_notebook(exercise))


@cache
def before_the_tasks(exercise: str) -> tuple[list[str], dict[str, Any]]:
    """Execute the code before the first cell for students, once; return it, and its variables."""
    cells = [copy.copy(cell) for cell in handed_out(exercise).cells if cell.cell_type == "code"]
    cells = list(takewhile(lambda cell: not exercises.has_tag(cell, "starter"), cells))
    variables: dict[str, Any] = {"__name__": "__main__"}
    execute(cells, variables)
    return [cell.source for cell in cells], variables


@pytest.fixture(scope="module", params=HANDED_IN, ids=lambda submission: submission.name)
def graded(request: pytest.FixtureRequest, work: Path) -> Graded:
    """Run a submission past errors, as the sandbox does, and judge it."""
    submission: Submission = request.param
    right = right_answers(submission.exercise, submission.student, work)
    notebook = copy.deepcopy(handed_out(submission.exercise))
    fill_in(notebook, submission)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    begin, variables = before_the_tasks(submission.exercise)
    if [cell.source for cell in cells[: len(begin)]] == begin:
        cells, variables = cells[len(begin) :], copied(variables)
    else:
        variables = {"__name__": "__main__"}
    handed_in = work / submission.name
    handed_in.mkdir()
    os.environ["MULTILEVEL_ANSWERS"] = str(handed_in)
    execute(cells, variables)
    verdicts = {name: asdict(verdict_on(name, handed_in, right)) for name in names_of(notebook)}
    said = handed_in / "student.txt"
    claimed = said.read_text() if said.is_file() else None
    write_feedback(notebook, verdicts, submission.student, claimed)
    passed = {name: verdict["passed"] for name, verdict in verdicts.items()}
    return Graded(submission, passed, feedback_in(notebook))


def copied(variables: dict[str, Any]) -> dict[str, Any]:
    """Copy variables, so that no submission changes what another one begins with."""
    data = (pd.DataFrame, pd.Series, np.ndarray, np.random.Generator, list, dict)
    return {k: copy.deepcopy(v) if isinstance(v, data) else v for k, v in variables.items()}


def execute(cells: list[Any], variables: dict[str, Any]) -> None:
    """Execute cells in this process, past errors, of which it keeps the outputs."""
    for cell in cells:
        try:
            with warnings.catch_warnings(action="ignore"), redirect_stdout(io.StringIO()):
                exec(compile(cell.source, cell.id, "exec"), variables)
        except (Exception, SystemExit) as error:
            name = type(error).__name__
            cell.outputs = [nbformat.v4.new_output("error", ename=name, evalue=str(error))]
    plt.close("all")
    logging.disable(logging.NOTSET)  # which a submission may have switched off


def test_a_submission_gets_what_it_deserves(graded: Graded) -> None:
    points = exercises.points_of(graded.submission.exercise)
    got = {name: points[name] * passed for name, passed in graded.passed.items()}
    assert got == graded.submission.points, graded.feedback


def test_the_feedback_says_what_it_should(graded: Graded) -> None:
    for name, text in graded.submission.feedback.items():
        assert text in graded.feedback[name]


def test_what_costs_points_is_explained(graded: Graded) -> None:
    for name, passed in graded.passed.items():
        assert (graded.feedback[name].strip() == "Right.") == passed
        assert passed or len(graded.feedback[name]) > 20


def test_solutions_that_run_together_are_those_of_each_student(work: Path) -> None:
    alone = right_answers("groups", cases.STUDENT, work)
    first, second = (work / f"groups.{name}" for name in ("first", "second"))
    solutions.run("groups", {"bob": first, cases.STUDENT: second})
    for name in exercises.points_of("groups"):
        answer = load_question(name, second).answer
        assert mark(answer, load_question(name, alone)).passed, name
        same = mark(answer, load_question(name, first)).passed
        assert same == (name not in ("differences", "pd_lower")), name  # of a student's two people


def test_only_what_answers_follow_from_runs() -> None:
    code = """
import figures, ml
rows = load(); rows.head()
old = 1
fit = ml.fit(rows, old)
figures.forest(fit)
old = fit.sigma; loo = ml.loo(fit)
table = [i for i in rows if i]
table.append(old)
while fit.poor: table = []
for fit in [fit]: table = table + [fit]
def spread(fit): return worst(fit)
worst = max
ml.hand_in("spread", spread(table))
"""
    kept = solutions.needed([ast.parse(line) for line in code.splitlines()])
    left_out = ["rows.head()", "figures.forest(fit)", "loo = ml.loo(fit)"]
    said = "\n".join(ast.unparse(cell) for cell in kept).split("\n")
    wanted = [
        line for line in ast.unparse(ast.parse(code)).splitlines() if line not in left_out[1:]
    ]
    assert [line for line in said if line] == [line for line in wanted if line]
    (last,) = solutions.needed([ast.parse("x = 1; y = x; x = 2; ml.hand_in('x', x)")])
    assert ast.unparse(last) == "x = 2\nml.hand_in('x', x)"


def test_what_follows_from_the_id_runs_for_every_student() -> None:
    code = [
        "STUDENT = 'ada'; mine = pick(STUDENT)",
        "fit = sample()",
        "table = {}\ndef level(x): return fit[x]",
        "table['mine'] = level(mine)",
        "other = list(table)",
        "class Answer: first = other",
        "print(fit, level)",
        "Answer.first",
        "ml.hand_in('fit', fit)",
    ]
    assert solutions.individual(list(map(ast.parse, code))) == {0, 3, 4, 5, 7, 8}


def test_there_are_enough_of_both_kinds() -> None:
    full = {name: exercises.points_of(name) for name in {s.exercise for s in HANDED_IN}}
    right = [s for s in HANDED_IN if s.points == full[s.exercise]]
    assert len(right) >= 5
    assert len(HANDED_IN) - len(right) >= 12
