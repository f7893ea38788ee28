"""Make the book's numbers again in a copy of the project, and compare them with the stored ones."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from bookmaking.locking import HELD
from bookmaking.notebooks.outputs import Pair, disagreements, pairs
from bookmaking.paths import CHAPTERS, ROOT, python_of

NOT_COPIED = [".git", ".venv", "_build", "dist", "fits", "__pycache__", "*.egg-info", ".*_cache"]
EXECUTE = "import sys; from bookmaking.notebooks.execution import execute; execute(sys.argv[1:])"
"""What runs in the copy, whose library and tools are imported there."""


class Cell(NamedTuple):
    """A code cell of a page, as it is stored and as it was executed again."""

    page: str
    number: int
    """Place among the cells of the page, from 1."""
    stored: list[Any]
    fresh: list[Any]
    cell: nbformat.NotebookNode

    def disagreements(self) -> list[str]:
        """Return what differs by more than chance explains, in words."""
        return disagreements(self.stored, self.fresh)

    def pairs(self) -> list[Pair]:
        """Return the numbers that have standard errors on both sides."""
        return list(pairs(self.stored, self.fresh))


def copy(folder: Path) -> Path:
    """Copy the project without what can be made again, in place of an earlier copy."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    return folder


def run(folder: Path, *arguments: str) -> int:
    """Run a command of the copy with the interpreter from which this one's environment was made."""
    base = getattr(sys, "_base_executable", sys.executable)
    return _call(folder, base, "-m", "bookmaking", *arguments)


def execute(folder: Path, names: Sequence[str]) -> list[str]:
    """Execute pages in a copy that is set up; return the names of those that did not run."""
    python = str(python_of(folder / ".venv"))
    _call(folder, python, "-c", EXECUTE, *names)
    return [name for name in names if not _executed(folder, name).is_file()]


def cells(folder: Path, names: Sequence[str]) -> Iterator[Cell]:
    """Yield the code cells of pages that ran in a copy, each with its stored outputs."""
    for name in names:
        if not _executed(folder, name).is_file():
            continue
        files = CHAPTERS / f"{name}.ipynb", _executed(folder, name)
        both = zip(*(nbformat.read(file, as_version=4).cells for file in files), strict=True)
        for number, (stored, fresh) in enumerate(both, start=1):
            if stored.cell_type == "code":
                yield Cell(name, number, stored.outputs, fresh.outputs, stored)


def _executed(folder: Path, name: str) -> Path:
    return folder / "_build" / "executed" / f"{name}.ipynb"


def _call(folder: Path, *command: str) -> int:
    environment = {name: value for name, value in os.environ.items() if name != HELD}
    return subprocess.run(command, cwd=folder, env=environment).returncode
