"""What nbgrader does with a notebook instead of executing it: run it in the sandbox, then judge.

nbgrader's own preprocessor executes checks in the process that runs the submission, where the
submission can read and change them. This one lets nothing but data out of that process.
"""

import copy
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade
from traitlets import Float, Integer, Unicode

from bookmaking.grading import sandbox
from bookmaking.grading.exercises import variant_of
from bookmaking.paths import ROOT

HIDDEN = re.compile(r"\n*### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", re.DOTALL)
SHOWN = ("text/plain", "image/png")
"""What of an output goes into the feedback: nothing that a browser would execute."""


class SandboxedGrading(NbGraderPreprocessor):  # type: ignore[misc]
    """Run a notebook in the sandbox, and write the verdict on each answer below its cell."""

    seconds = Integer(600, help="seconds by the clock that a submission may take").tag(config=True)
    memory = Float(6.0, help="gigabytes of memory that a submission may use").tag(config=True)
    answers = Unicode(help="the folder of the right answers").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Fill in outputs and verdicts; see nbconvert's Preprocessor."""
        about = resources["nbgrader"]
        folder = Path(resources["metadata"]["path"])
        limits = sandbox.Limits(self.seconds, self.memory)
        result = sandbox.run(visible(nb), folder, about["student"], limits)
        names = [cell.metadata.nbgrader.grade_id for cell in nb.cells if is_grade(cell)]
        right = self.right_answers(about["assignment"], about["student"])
        verdicts = mark(result["answers"], right, names)
        fill(nb, result["outputs"])
        claimed = result["answers"].get("student.txt")
        strange = _other_student(claimed, about["student"])
        error = _first_error(nb)
        for cell in nb.cells:
            if is_grade(cell):
                verdict = verdicts[cell.metadata.nbgrader.grade_id]
                write_verdict(cell, verdict, [result["problem"], strange, error])
        return nb, resources

    def right_answers(self, assignment: str, student: str) -> Path:
        """Find the right answers for a student's variant; run the solution if there are none."""
        folder = Path(self.answers) / assignment / variant_of(assignment, student)
        if not folder.is_dir():
            command = [
                *(str(sandbox.PYTHON), "-m", "bookmaking.grading.solutions"),
                assignment,
                student,
                str(folder),
            ]
            flags = f"base_compiledir={sandbox.CACHE}"
            environment = os.environ | {"PYTENSOR_FLAGS": flags}
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, env=environment
            )
            if done.returncode != 0:
                raise RuntimeError(f"the solution of {assignment} failed:\n{done.stderr}")
        return folder


def visible(nb: Any) -> dict[str, Any]:
    """Copy a notebook without what students do not get."""
    shown = copy.deepcopy(nb)
    for cell in shown.cells:
        cell.source = HIDDEN.sub("", cell.source)
    return json.loads(nbformat.writes(shown))


def mark(answers: dict[str, bytes], right: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """Compare the answers with the right ones, in the environment of the book."""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            # The name comes from the submitted notebook, and becomes that of a file.
            if re.fullmatch(r"\w+", name) and f"{name}.npz" in answers:
                Path(folder, f"{name}.npz").write_bytes(answers[f"{name}.npz"])
        command = [str(sandbox.PYTHON), "-m", "bookmaking.grading.marking", folder, str(right)]
        done = subprocess.run(
            [*command, *names], cwd=ROOT, capture_output=True, text=True, check=True
        )
    return dict(zip(names, map(json.loads, done.stdout.splitlines()), strict=True))


def fill(nb: Any, outputs: list[list[Any]]) -> None:
    """Put outputs into a notebook, if they are outputs; a submission may have forged them."""
    for cell, produced in zip(nb.cells, outputs, strict=True):
        if cell.cell_type != "code":
            continue
        cell.outputs = []
        for output in produced:
            kept = _safe_output(output)
            if kept is not None:
                cell.outputs.append(kept)


def _safe_output(output: Any) -> Any:
    try:
        output = nbformat.from_dict(output)
        if output.output_type in ("display_data", "execute_result"):
            output.data = {kind: output.data[kind] for kind in SHOWN if kind in output.data}
            output.metadata = {}
        nbformat.validate(output, ref=output.output_type, version=4)
    except (nbformat.ValidationError, AttributeError, KeyError, TypeError):
        return None
    return output


def write_verdict(cell: Any, verdict: dict[str, Any], problems: list[str | None]) -> None:
    """Put a verdict below the cell that hands an answer in, as nbgrader reads it.

    An error is worth nothing, no error all points. What the student's own call printed or raised
    stays, if the answer does not count.
    """
    if verdict["passed"]:
        cell.outputs = [nbformat.v4.new_output("stream", text=f"{verdict['feedback']}\n")]
        return
    said = [output for output in cell.outputs if output.output_type == "error"]
    reasons = [f"{output.ename}: {output.evalue}" for output in said]
    reasons += [reason for reason in problems if reason]
    feedback = " ".join([verdict["feedback"], *reasons])
    cell.outputs = [
        nbformat.v4.new_output("error", ename="Not yet", evalue=feedback, traceback=[feedback])
    ]


def _first_error(nb: Any) -> str | None:
    """Name the first error of a notebook before the cells that hand in: others follow from it."""
    for number, cell in enumerate(nb.cells, start=1):
        for output in [] if is_grade(cell) else cell.get("outputs", []):
            if output.output_type == "error":
                said = f"{output.ename}: {output.evalue}"[:300]
                return f"The first error in the notebook is in cell {number}: {said}"
    return None


def _other_student(claimed: bytes | None, student: str) -> str | None:
    if claimed is None or claimed.decode(errors="replace") == student.strip().casefold():
        return None
    return (
        f"This was worked out for the id {claimed.decode(errors='replace')[:40]!r}, and you are "
        f"{student!r}: put your own id into STUDENT and run the notebook again."
    )
