"""Paths of the project."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ROOT / "chapters"
DATA = ROOT / "data"
LIBRARY = ROOT / "lib" / "multilevel"
BOOKMAKING = ROOT / "bookmaking"
TOC = ROOT / "_toc.yml"
LOCK = ROOT / "requirements.txt"

BUILD = ROOT / "_build"
PROCESSES = (os.cpu_count() or 1) + 1
"""Number of processes that execute chapters or tests: kernels and browsers are idle at times."""

RUN = BUILD / "run"
"""Where chapters are executed: a folder like the project's, with separate stored fits."""
EXECUTED = BUILD / "executed"
HTML = BUILD / "html"
DIST = Path(os.environ.get("BOOK_DIST", ROOT / "dist"))
"""Folder of the editions and the course."""


def ensure_home(folder: Path = BUILD / "home") -> None:
    """Use a folder of the project as the home folder where the user's is not writable.

    Matplotlib, Jupyter and PyTensor keep files there; in a container there may be none.
    """
    home = Path.home()
    nearest = next(path for path in [home, *home.parents] if path.exists())
    if sys.platform != "win32" and not os.access(nearest, os.W_OK):
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["HOME"] = str(folder)


def python_of(environment: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pages() -> list[str]:
    """Return the names of the chapters, in the order of the book."""
    lines = TOC.read_text(encoding="utf-8").splitlines()
    return [line.rpartition("chapters/")[2].strip() for line in lines if "chapters/" in line]
