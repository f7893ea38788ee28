"""Execute a notebook inside the sandbox, and send back outputs and answers as JSON."""

import json
import os
import resource
import shutil
import time
import traceback
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from traitlets.config import Config

ANSWERS = Path(os.environ["MULTILEVEL_ANSWERS"])
HOME = Path(os.environ["HOME"])
MAX_PROCESSES = 256
HAND_IN = 5  # seconds for a cell that only hands in


def execute(notebook: nbformat.NotebookNode, seconds: int) -> str | None:
    """Execute all cells in place, past errors; return what stopped it before the end, or None.

    When the time is over, the cell that runs is interrupted, and only what is there already is
    handed in.
    """
    end = time.monotonic() + seconds
    client = NotebookClient(
        notebook,
        allow_errors=True,  # an error costs what depends on it, not what comes after
        interrupt_on_timeout=True,
        record_timing=False,
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        resources={"metadata": {"path": "/student"}},
    )
    problem = None
    try:
        with client.setup_kernel():
            for number, cell in enumerate(notebook.cells):
                left = round(end - time.monotonic())
                if left > 0 or cell.metadata.get("nbgrader", {}).get("grade"):
                    client.timeout = max(HAND_IN, left)
                    client.execute_cell(cell, number)
                if problem is None and time.monotonic() > end:
                    problem = f"Cell {number + 1} was not through after {seconds} seconds in all."
    except DeadKernelError:
        return f"The kernel died in cell {number + 1}: too much memory, or ended by the code?"
    return problem


def answers() -> dict[str, str]:
    """Return the files that were handed in, as hexadecimal text by name."""
    files = sorted(ANSWERS.glob("*"))
    return {path.name: path.read_bytes().hex() for path in files if path.is_file()}


def main() -> None:
    """Read the order, execute, answer on the standard output, which the notebook does not get."""
    reply = os.fdopen(os.dup(1), "wb")
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    reply.write(b"started\n")
    reply.flush()
    try:
        result = run(json.loads(Path("/order.json").read_text(encoding="utf-8")))
    except Exception:  # whatever it is, the grader has to hear of it
        result = {"broken": traceback.format_exc()}
    reply.write(json.dumps(result).encode())
    reply.close()


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Carry out an order: execute the notebook beside a copy of the submission's files."""
    shutil.copytree("/submission", "/student", dirs_exist_ok=True)
    for folder in (ANSWERS, HOME):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    if Path("/cache").is_dir():  # a copy, so that no submission leaves anything for the next
        shutil.copytree("/cache", HOME / ".pytensor")
    memory = int(order["memory"] * 1024**3)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_NPROC, (MAX_PROCESSES, MAX_PROCESSES))
    notebook = nbformat.reads(json.dumps(order["notebook"]), as_version=4)
    problem = execute(notebook, order["seconds"])
    outputs: list[Any] = [cell.get("outputs", []) for cell in notebook.cells]
    return {"outputs": outputs, "answers": answers(), "problem": problem}


if __name__ == "__main__":
    main()
