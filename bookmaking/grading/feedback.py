"""Write results into a submitted notebook: outputs, and the feedback on each answer.

This works on the notebook as data, and needs no nbgrader. nbgrader counts the output below a cell
that hands an answer in: with an error it is worth nothing, and without one all points.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from bookmaking.grading.exercises import HIDDEN_TESTS, without_rubric

TYPES = ("stream", "error", "display_data", "execute_result")
"""The types of outputs."""
SHOWN = ("text/plain", "image/png")
"""Formats of an output in the feedback: none that a browser would execute."""
QUOTED = 300
"""Characters of an error that are quoted below other cells."""
LONGEST = 10_000
"""Characters of an output that are shown."""
ROOM = 1_400_000
"""Characters of all outputs together, pictures included: a page has at most two megabytes."""
TEMPLATES = Path(__file__).parent / "templates"


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
        Outputs of each cell, in order. Anything else is left out: the submission may have forged
        it.
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
        The id in the notebook, if there is one.
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
    """Return the feedback on an answer, and if it did not pass, a possible reason."""
    if verdict["passed"]:
        return str(verdict["feedback"])
    return " ".join([verdict["feedback"], *filter(None, reasons)])


# The page that a student gets -------------------------------------------------------------------


class Grade(NamedTuple):
    """The entry of an answer in the gradebook."""

    score: float
    points: float
    waiting: bool
    """Whether a person still has to grade it."""
    comment: str


def page(notebook: Any, student: str, grades: Mapping[str, Grade], state: str) -> str:
    """Return the page that tells a student the result of a submission.

    Parameters
    ----------
    notebook
        The graded notebook.
    student
        The student's id.
    grades
        Entries of the gradebook, by the name of the answer.
    state
        A checksum of all this, which the page contains.

    Returns
    -------
    HTML that needs no network and executes nothing, at most two megabytes
    """
    from jinja2 import Environment, FileSystemLoader

    from bookmaking.grading.rendering import safe_html

    loader = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    loader.filters["safe_html"] = safe_html
    answers = [_answer(cell, grades) for cell in notebook.cells if is_graded(cell)]
    written = [
        _answer(cell, grades)
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("task")
    ]
    return loader.get_template("feedback.html").render(
        title=_title(notebook),
        first=first_sentence(answers, written),
        student=student,
        score=f"{sum(grade.score for grade in grades.values()):g}",
        max_score=f"{sum(grade.points for grade in grades.values()):g}",
        waiting=any(grade.waiting for grade in grades.values()),
        answers=answers,
        written=written,
        cells=list(_shown(notebook)),
        state=state,
    )


def _answer(cell: Any, grades: Mapping[str, Grade]) -> dict[str, Any]:
    name = cell.metadata.nbgrader.grade_id
    grade = grades[name]
    said = " ".join(
        output.get("text", output.get("evalue", "")) for output in cell.get("outputs", [])
    )
    return {
        "name": name,
        "score": "–" if grade.waiting else f"{grade.score:g}",
        "points": f"{grade.points:g}",
        "missing": grade.points - grade.score,
        "waiting": grade.waiting,
        "comment": grade.comment,
        "feedback": said.strip(),
        "source": _source(cell, rubric=not grade.waiting),
    }


def first_sentence(
    answers: Sequence[Mapping[str, Any]], written: Sequence[Mapping[str, Any]]
) -> str:
    """Return what a student should do now."""
    wrong = [answer["name"] for answer in answers if answer["missing"] > 0]
    if wrong:
        names = " and ".join([", ".join(wrong[:-1]), wrong[-1]] if len(wrong) > 1 else wrong)
        return f"Not right yet: {names}. The table shows what to look at."
    if any(task["waiting"] for task in written):
        return "All that the computer can check is right; a person will read what you wrote."
    if any(task["missing"] > 0 for task in written):
        return "All that the computer can check is right; read the comments on what you wrote."
    return "Everything is right. There is nothing left to do."


def _source(cell: Any, rubric: bool = False) -> str:
    """Return a cell's text without the parts for nbgrader and graders only."""
    text = cell.source.removesuffix(HIDDEN_TESTS)
    return text if rubric else without_rubric(text)


def _title(notebook: Any) -> str:
    headings = re.findall(r"^# (.+)$", "\n".join(c.source for c in notebook.cells), re.MULTILINE)
    return headings[0] if headings else "Exercise"


def _shown(notebook: Any) -> Iterator[dict[str, Any]]:
    """Yield cells and their outputs on the page, as long as there is room."""
    left = ROOM
    for cell in notebook.cells:
        outputs, source = [], _source(cell)
        left -= len(source)
        source = source if left > 0 else "(too long to be shown here)"
        for output in () if is_graded(cell) else cell.get("outputs", []):
            shown = _output(output)
            size = sum(map(len, shown.values()))
            left -= size
            outputs.append(shown if left > 0 else {"text": "(too long to be shown here)"})
        yield {"cell_type": cell.cell_type, "source": source, "outputs": outputs}


def _output(output: Any) -> dict[str, str]:
    """Return an output as a picture or a text."""
    data = output.get("data", {})
    if picture := data.get("image/png"):
        return {"picture": re.sub(r"[^A-Za-z0-9+/=]", "", str(picture))}
    text = output.get("text") or data.get("text/plain") or "\n".join(output.get("traceback", []))
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(text))  # the colours of a terminal
    return {"text": text if len(text) <= LONGEST else f"{text[:LONGEST]}\n(and more)"}


# Outputs in the notebook --------------------------------------------------------------------------


def _safe(output: Any) -> Any:
    """Return an output without parts that a browser would execute; None if it is not an output."""
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
            unknown = re.fullmatch(r"name '(\w+)' is not defined", output.evalue)
            if unknown and is_graded(cell):
                yield (
                    f"Nothing is called {unknown[1]} when answers are handed in, after all other "
                    "cells: was it renamed, or did the cell that makes it fail?"
                )
            else:
                yield f"{output.ename}: {output.evalue}"


def _first_error(notebook: Any) -> str | None:
    """Return the first error before the cells that hand in: others follow from it."""
    for cell in notebook.cells:
        for error in () if is_graded(cell) else _errors(cell):
            line = (cell.source.strip().splitlines() or [""])[0]
            return f"The first error is in the cell that begins “{line[:80]}”: {error[:QUOTED]}"
    return None


def _other_student(claimed: str | None, student: str) -> str | None:
    if claimed is None or claimed == student.strip().casefold():
        return None
    return (
        f"This was worked out for the id {claimed[:40]!r}, and you are {student!r}: put your own "
        "id into STUDENT and run the notebook again."
    )
