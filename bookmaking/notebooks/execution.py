"""Execute chapters with nbval, each once: the HTML shows the outputs that are compared.

A chapter is executed in ``_build/run``, a folder like the project's. It is not executed again while
its code, the library, the data and the lock are unchanged.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from bookmaking.notebooks.derivation import derive, with_outputs, write
from bookmaking.paths import (
    BOOKMAKING,
    CHAPTERS,
    DATA,
    EXECUTED,
    LIBRARY,
    LOCK,
    PROCESSES,
    ROOT,
    RUN,
    pages,
)
from multilevel.files import atomic, module_state

CELL_TIMEOUT = 900  # s, on a slow machine
FIRST = ["exercise-moral-judgement", "repeated-measures", "sampler-struggles", "crossed-clusters"]
"""Long chapters, and chapters whose fits others read."""


def key_of(name: str) -> str:
    """Return a checksum of all files on which the outputs of a chapter depend."""
    code = module_state(*sorted(LIBRARY.glob("*.py")), BOOKMAKING / "notebooks" / "nbval_plugin.py")
    digest = hashlib.sha256(code.encode())
    cells = derive(CHAPTERS / f"{name}.md").cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    digest.update(json.dumps(sources).encode())
    for file in [LOCK, *sorted(DATA.glob("*.csv"))]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def outdated(names: list[str]) -> list[str]:
    """Return the chapters that were not executed since the last relevant change."""
    return [
        name
        for name in names
        if not (EXECUTED / f"{name}.ipynb").is_file()
        or not (EXECUTED / f"{name}.key").is_file()
        or (EXECUTED / f"{name}.key").read_text(encoding="utf-8") != key_of(name)
    ]


def execute(names: list[str], processes: int = PROCESSES) -> None:
    """Execute chapters: ``_build/executed/NAME.ipynb``.

    Parameters
    ----------
    names
        Names of chapters.
    processes
        Number of chapters that are executed at once.

    Raises
    ------
    SystemExit
        A cell failed or wrote to standard error. The chapters that ran are kept.
    """
    keys = {name: key_of(name) for name in names}
    files = [prepare(name) for name in sorted(names, key=_order)]
    shutil.rmtree(RUN / "data", ignore_errors=True)
    shutil.copytree(DATA, RUN / "data")
    for file in files:
        (EXECUTED / file.name).unlink(missing_ok=True)
    done = subprocess.run(nbval_command(files, processes), cwd=ROOT)
    for file in files:
        name, executed = file.stem, EXECUTED / file.name
        if not any(cell.cell_type == "code" for cell in nbformat.read(file, as_version=4).cells):
            write(nbformat.read(file, as_version=4), executed)
        if executed.is_file():
            with atomic(EXECUTED / f"{name}.key") as temporary:
                temporary.write_text(keys[name], encoding="utf-8")
    if done.returncode not in (0, 5):  # 5: no code cells
        sys.exit("A chapter could not be executed; the cell that failed and the reason are above.")


def refresh(name: str) -> None:
    """Write the text of a chapter into its executed notebook, with the numbers of the run.

    Raises
    ------
    SystemExit
        The text quotes what no cell glued; the message names it.
    """
    source, path = CHAPTERS / f"{name}.md", EXECUTED / f"{name}.ipynb"
    try:
        write(with_outputs(source, nbformat.read(path, as_version=4)), path)
    except ValueError as error:
        sys.exit(f"chapters/{name}.md: {error}")


def prepare(name: str) -> Path:
    """Write a chapter's notebook for execution, with the stored outputs for comparison.

    Parameters
    ----------
    name
        The chapter.

    Returns
    -------
    The notebook; a code cell that is not in the stored one has no outputs
    """
    notebook, stored = derive(CHAPTERS / f"{name}.md"), CHAPTERS / f"{name}.ipynb"
    there = nbformat.read(stored, as_version=4).cells if stored.is_file() else []
    known = {cell.source: cell.get("outputs", []) for cell in there}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = known.get(cell.source, [])
    path = RUN / "chapters" / f"{name}.ipynb"
    write(notebook, path)
    return path


def nbval_command(files: list[Path], processes: int, executed: Path = EXECUTED) -> list[str]:
    """Return the command line by which nbval executes notebooks into a folder."""
    command = [sys.executable, "-m", "pytest", "--nbval-current-env", "--quiet"]
    command += ["--nbval-cell-timeout", str(CELL_TIMEOUT), "--override-ini", "addopts="]
    command += ["-p", "bookmaking.notebooks.nbval_plugin", "-p", "no:cacheprovider"]
    command += ["-n", str(processes), "--dist", "loadfile", "--no-loadscope-reorder"]
    return [*command, "--executed", str(executed), *map(str, files)]


def _order(name: str) -> tuple[int, int]:
    everything = pages()
    return FIRST.index(name) if name in FIRST else len(FIRST), everything.index(name)


def execute_here(notebook: nbformat.NotebookNode) -> None:
    """Execute a notebook that is not a chapter, such as one of the students' edition, in place.

    Parameters
    ----------
    notebook
        Any notebook.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell failed; the message contains the cell and its traceback.
    """
    if any(cell.cell_type == "code" for cell in notebook.cells):
        NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            record_timing=False,
            force_raise_errors=True,  # also in cells after which a reader's run may go on
            resources={"metadata": {"path": str(CHAPTERS)}},
        ).execute(env=os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"})


def main(arguments: list[str]) -> int:
    """Run chapters from top to bottom, as a reader does, and print whether every cell ran."""
    unknown = [name for name in arguments if name not in pages()]
    if unknown or not arguments:
        sys.exit(
            f"usage: python -m bookmaking execute NAME...; NAME is one of {', '.join(pages())}"
        )
    for name in arguments:
        start = time.monotonic()
        execute_here(derive(CHAPTERS / f"{name}.md"))
        print(f"{name}: every cell ran, in {time.monotonic() - start:.0f} s", flush=True)
    return 0
