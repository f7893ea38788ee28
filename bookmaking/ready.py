"""Check whether an exercise is ready to be handed in.

usage: python -m bookmaking ready NOTEBOOK

The notebook runs from top to bottom in a fresh kernel and an empty folder, as when it is graded; it
is not changed. For each answer, the command prints whether it is there, in the right form and with
enough draws; whether it is right is decided in grading. The exit code is 1 if something is missing.
"""

import argparse
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LONGEST = 600
EMPTY = "*Your answer here.*"
"""Text in place of an answer in words."""


def main(arguments: list[str]) -> int:
    """Run a notebook and print what is still missing."""
    import nbformat

    parser = argparse.ArgumentParser(prog="python -m bookmaking ready", description=__doc__)
    parser.add_argument("notebook", type=Path)
    path = parser.parse_args(arguments).notebook
    if not path.is_file():
        parser.error(f"no file {path}")
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # the file may contain anything
        parser.error(f"{path.name} is damaged or not a notebook: {error}")
    print(f"running {path.name} from top to bottom in a fresh kernel ...", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as answers, tempfile.TemporaryDirectory() as folder:
        _execute(notebook, Path(folder), answers)
        seconds = time.monotonic() - start
        print(f"  {seconds:.0f} s; in grading, the cell that runs after {LONGEST} s is interrupted")
        missing = [*_errors(notebook), *_answers(notebook, Path(answers)), *_words(notebook)]
        missing += _id(Path(answers, "student.txt"), notebook)
    for line in missing:
        print(f"- {line}")
    print("Not ready yet." if missing else f"Ready: hand in {path.name}, this one file.")
    return 1 if missing else 0


def _execute(notebook: Any, folder: Path, answers: str) -> None:
    """Run all cells in a folder, continuing after errors."""
    from nbclient import NotebookClient
    from traitlets.config import Config

    client = NotebookClient(
        notebook,
        timeout=None,
        allow_errors=True,
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=os.environ | {"MULTILEVEL_ANSWERS": answers})


def _errors(notebook: Any) -> Iterator[str]:
    """Yield the first error: others follow from it."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                line = (cell.source.strip().splitlines() or [""])[0]
                said = f"{output.ename}: {output.evalue}"
                yield f"the cell that begins \u201c{line}\u201d fails. {said}"
                return


def _answers(notebook: Any, folder: Path) -> Iterator[str]:
    """Yield the problems of answers; print the answers without problems."""
    from multilevel import answers

    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    names = list(dict.fromkeys(re.findall(r"""hand_in\(\s*["'](\w+)["']""", code)))
    if not names:
        yield "no cell hands anything in: is this the notebook of an exercise?"
    for name in names:
        file = folder / f"{name}.npz"
        if not file.is_file():
            yield f"{name}: nothing handed in yet, or not in the required form"
            continue
        answer = answers.load(file)
        problem = answers.unconverged(answer.value) if answer.kind == "draws" else None
        if problem:
            yield f"{name}: {problem}"
        else:
            print(f"  {name}: {answers.describe(answer)}")


def _words(notebook: Any) -> Iterator[str]:
    """Yield the tasks below which nothing is written."""
    cells = notebook.cells
    for number, cell in enumerate(cells):
        task = cell.metadata.get("nbgrader", {})
        if task.get("task"):
            below = "".join(c.source for c in cells[number + 1 : number + 2]).strip()
            if below in ("", EMPTY):
                yield f"{task['grade_id']}: nothing is written below this task"
            else:
                print(f"  {task['grade_id']}: {len(below.split())} words")


def _id(file: Path, notebook: Any) -> Iterator[str]:
    """Yield the problem of the student's id, if there is one."""
    if not any(re.search(r"^STUDENT = ", cell.source, re.MULTILINE) for cell in notebook.cells):
        return
    student = file.read_text(encoding="utf-8") if file.is_file() else ""
    if student in ("", "demo"):
        yield "STUDENT: put your own id between the quotation marks"
    else:
        print(f"  worked out for the id {student!r}")
