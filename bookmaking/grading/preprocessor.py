"""Run a submission in the sandbox and mark it outside, in place of nbgrader.

nbgrader's preprocessor executes checks in the process that runs the submission, where the
submission can read and change them. This one takes only data out of that process.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Float, Integer, Unicode

from bookmaking.grading import alike, bench, sandbox
from bookmaking.grading.exercises import variant_of, without_hidden_tests
from bookmaking.grading.feedback import names_of, write_feedback, write_outputs


class SandboxedGrading(NbGraderPreprocessor):  # type: ignore[misc]
    """Run a notebook in the sandbox, and write the verdict on each answer below its cell."""

    seconds = Integer(600, help="seconds by the clock that a submission may take").tag(config=True)
    memory = Float(6.0, help="gigabytes of memory that a submission may use").tag(config=True)
    answers = Unicode(help="the folder of the right answers").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Fill in outputs and verdicts; see nbconvert's Preprocessor."""
        student, assignment = (resources["nbgrader"][key] for key in ("student", "assignment"))
        order = json.loads(nbformat.writes(without_hidden_tests(nb)))
        limits = sandbox.Limits(self.seconds, self.memory)
        result = sandbox.run(order, Path(resources["metadata"]["path"]), limits)
        write_outputs(nb, result.outputs)
        records = Path(self.answers).parent / "graded" / assignment
        draws = {n: result.answers.get(f"{n}.npz", b"") for n in names_of(nb)}
        kept = {name: content for name, content in draws.items() if b"draws.npy" in content}
        alike.save_digests(kept, records / f"{student}.digests")
        right = self.right_answers(assignment, student)
        verdicts = mark(result, right, names_of(nb))
        write_feedback(nb, verdicts, student, result.claimed, result.problem)
        return nb, resources

    def right_answers(self, assignment: str, student: str) -> Path:
        """Return the folder of a student's right answers; run the solution if there are none."""
        folder = folder_of(Path(self.answers), assignment, student)
        if not folder.is_dir():
            try:
                bench.ask("solve", assignment, {student: folder}, cache=sandbox.CACHE)
            except bench.BenchError as error:
                raise RuntimeError(f"the solution of {assignment} failed: {error}") from error
        return folder


class SaveGrades(SaveAutoGrades):  # type: ignore[misc]
    """Enter grades, and mark resubmitted texts for manual grading, which nbgrader omits."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Enter the grades; see nbconvert's Preprocessor."""
        nb, resources = super().preprocess(nb, resources)
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as book:
            notebook = book.find_submission_notebook(
                about["notebook"], about["assignment"], about["student"]
            )
            for grade in notebook.grades:
                if grade.cell.type == "TaskCell":
                    grade.manual_score, grade.needs_manual_grade = None, True
            book.db.commit()
        return nb, resources


def folder_of(answers: Path, assignment: str, student: str) -> Path:
    """Return the folder for the right answers of a student."""
    return answers / assignment / variant_of(assignment, student)


def mark(result: sandbox.Result, right: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """Return the verdict on each answer, found in the environment of the book."""
    with tempfile.TemporaryDirectory() as folder:
        result.save_answers(names, Path(folder))
        return dict(bench.ask("judge", Path(folder), right, names, cache=sandbox.CACHE))
