"""The commands of the project: python -m bookmaking COMMAND. Without one, list them."""

import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from bookmaking.environments import set_up
from bookmaking.paths import LIBRARY, ROOT, ensure_home


class Command(NamedTuple):
    """Function, environment and description of a command."""

    function: str
    """``module:function`` of this package; it takes the other arguments."""
    environment: str | None
    """One of ``environments.ENVIRONMENTS``; None for the interpreter that is running."""
    help: str


COMMANDS = {
    "book": Command("book:book", "book", "execute what changed, build the HTML"),
    "test": Command("testing:test", "book", "lint, types, all tests, every notebook, the pages"),
    "quick": Command("testing:quick", "book", "lint, types, and the tests that take seconds"),
    "lint": Command("testing:lint", "book", "ruff and mypy"),
    "html": Command("book:html", "book", "build the HTML from the stored notebooks"),
    "epub": Command("book:epub", "book", "the built pages as an EPUB, for e-readers"),
    "pdf": Command("pdf.make:main", "book", "the same, and all of it as one PDF to print"),
    "slides": Command("html.slides:main", "book", "make the slides anew, and look at them"),
    "notebooks": Command("book:notebooks", "book", "after an edit: execute, and store the outputs"),
    "execute": Command("notebooks.execution:main", "run", "run the chapters that are named"),
    "lab": Command("lab:main", "run", "open the chapters in JupyterLab"),
    "report-template": Command("report:main", "run", "a notebook for your own table, to fill in"),
    "kernel": Command("lab:kernel", "run", "offer this environment to a JupyterHub"),
    "check": Command("installation:main", "run", "check that this machine gives the right answer"),
    "ready": Command("ready:main", "run", "check whether an exercise is ready to be handed in"),
    "newest": Command("newest:main", "book", "what the newest versions would change"),
    "codecheck": Command("codecheck:main", "book", "make every figure and table from nothing"),
    "mutants": Command("mutants:main", "book", "mistakes on purpose: do the tests notice?"),
    "links": Command("html.build:links", "book", "check the external links"),
    "student": Command("grading.editions:student", "book", "the students' edition"),
    "instructor": Command("grading.editions:instructor", "book", "the instructor's edition"),
    "nbgrader": Command("grading.editions:nbgrader", "book", "a course folder of nbgrader"),
    "grade": Command("grading.grade:main", "grading", "grade what came back"),
    "formgrader": Command("grading.formgrader:main", "grading", "grade by hand, in JupyterLab"),
    "calibrate": Command("studies.calibrate:main", "book", "data/calibration.csv, in full length"),
    "acceptance": Command("studies.acceptance:main", "book", "data/acceptance.csv, in full length"),
    "study": Command("studies.pooling:main", "book", "data/pooling.csv, in full length"),
    "bench": Command("benchmarks:main", "book", "data/benchmark*.csv"),
    "set-up": Command("environments:main", None, "set up the book's environment, or another"),
    "lock": Command("environments:lock", None, "solve the dependencies in pyproject.toml anew"),
    "clean": Command("cleaning:main", None, "remove everything that can be made again"),
}


def main(arguments: list[str]) -> int:
    """Run a command in its environment, which is set up if necessary."""
    name, *rest = arguments or ["help"]
    if name not in COMMANDS:
        print("usage: python -m bookmaking COMMAND [OPTIONS]\n")
        print("\n".join(f"  {each:17}{command.help}" for each, command in COMMANDS.items()))
        return 0 if name in ("help", "--help", "-h") else 2
    ensure_home()
    command = COMMANDS[name]
    if command.environment is not None and not _is_here(command.environment):
        python = set_up(command.environment)
        if os.path.abspath(sys.executable) != str(python):
            line = [str(python), "-m", "bookmaking", *arguments]
            return subprocess.run(line, cwd=ROOT).returncode
    module, _, function = command.function.partition(":")
    return int(getattr(import_module(f"bookmaking.{module}"), function)(rest) or 0)


def _is_here(environment: str) -> bool:
    """Return whether the packages that run the chapters are installed here, as on a server."""
    found = find_spec("multilevel") if environment == "run" else None
    return found is not None and found.origin == str(LIBRARY / "__init__.py")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
