"""Write into a submitted notebook what became of it: outputs, and the feedback on each answer.

This works on the notebook as data, and needs no nbgrader. What nbgrader counts is the output below
a cell that hands an answer in: an error is worth nothing, no error all points.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import nbformat

TYPES = ("stream", "error", "display_data", "execute_result")
"""The types of outputs that there are."""
SHOWN = ("text/plain", "image/png")
"""What of an output goes into the feedback: nothing that a browser would execute."""
QUOTED = 300
"""Characters of an error that are quoted below other cells."""


def is_graded(cell: Any) -> bool:
    """Return whether a cell hands an answer in, so that a verdict belongs below it."""
    return bool(cell.metadata.get("nbgrader", {}).get("grade"))


def names_of(notebook: Any) -> list[str]:
    """Return the names of the answers that a notebook hands in, in order."""
    return [cell.metadata.nbgrader.grade_id for cell in notebook.cells if is_graded(cell)]


def write_outputs(notebook: Any, outputs: Sequence[Sequence[Any]]) -> None:
    """Put outputs into a notebook, in place.

    Parameters
    ----------
    notebook
        The submitted notebook.
    outputs
        Of each cell, in order. What is no output is left out: the submission may have forged it.
    """
    for cell, produced in zip(notebook.cells, outputs, strict=True):
        if cell.cell_type == "code":
            cell.outputs = [kept for output in produced if (kept := _safe(output)) is not None]


def write_feedback(
    notebook: Any,
    verdicts: Mapping[str, Mapping[str, Any]],
    student: str,
    claimed: str | None = None,
    problem: str | None = None,
) -> None:
    """Put the feedback on each answer below the cell that hands it in, in place.

    Parameters
    ----------
    notebook
        The submitted notebook, with its outputs.
    verdicts
        ``passed`` and ``feedback`` of each answer.
    student
        The student's id.
    claimed
        The id that the notebook was worked out for, if it says so.
    problem
        Why the run ended early, if it did.
    """
    reasons = [problem, _other_student(claimed, student), _first_error(notebook)]
    for cell in filter(is_graded, notebook.cells):
        verdict = verdicts[cell.metadata.nbgrader.grade_id]
        text = compose(verdict, [*_errors(cell), *reasons])
        if verdict["passed"]:
            cell.outputs = [nbformat.v4.new_output("stream", text=f"{text}\n")]
        else:
            error = nbformat.v4.new_output("error", ename="Not yet", evalue=text, traceback=[text])
            cell.outputs = [error]


def compose(verdict: Mapping[str, Any], reasons: Sequence[str | None]) -> str:
    """Return the feedback on an answer: the verdict's, and if it did not pass, why that may be."""
    if verdict["passed"]:
        return str(verdict["feedback"])
    return " ".join([verdict["feedback"], *filter(None, reasons)])


def _safe(output: Any) -> Any:
    """Return an output without what a browser would execute; None if it is no output."""
    try:
        output = nbformat.from_dict(output)
        if output.output_type not in TYPES:
            return None
        if "data" in output:
            output.data = {kind: output.data[kind] for kind in SHOWN if kind in output.data}
            output.metadata = {}
        nbformat.validate(output, ref=output.output_type, version=4)
    except (nbformat.ValidationError, AttributeError, KeyError, TypeError):
        return None
    return output


def _errors(cell: Any) -> Iterator[str]:
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            yield f"{output.ename}: {output.evalue}"


def _first_error(notebook: Any) -> str | None:
    """Return the first error before the cells that hand in: others follow from it."""
    for number, cell in enumerate(notebook.cells, start=1):
        for error in () if is_graded(cell) else _errors(cell):
            return f"The first error in the notebook is in cell {number}: {error[:QUOTED]}"
    return None


def _other_student(claimed: str | None, student: str) -> str | None:
    if claimed is None or claimed == student.strip().casefold():
        return None
    return (
        f"This was worked out for the id {claimed[:40]!r}, and you are {student!r}: put your own "
        "id into STUDENT and run the notebook again."
    )
