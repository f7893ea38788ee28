"""Make the book: execute the chapters that are out of date, build the HTML, pack it.

``[tool.bookmaking]`` in pyproject.toml determines whether the book shows solutions: ``solutions``
is ``"shown"``, ``"held back"``, or the date from which they are shown. Until then the students'
edition is built, and every file in it is searched for traces of a solution.
"""

import datetime as dt
import hashlib
import shutil
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import nbformat

from bookmaking.codecheck import write_manifest
from bookmaking.epub.packing import make as make_epub
from bookmaking.html import archives, build
from bookmaking.locking import only_one
from bookmaking.notebooks.derivation import refuse_edited_notebooks, tidy
from bookmaking.notebooks.execution import execute, outdated, refresh
from bookmaking.notebooks.filling import fill, glued
from bookmaking.paths import BOOKMAKING, BUILD, CHAPTERS, EXECUTED, HTML, ROOT, TOC, pages
from multilevel.files import atomic

BUILT_FROM = ".built-from"
BUILD_LOCK = BUILD / "build.lock", "A build"
"""Lock of all commands that change ``_build``."""


def book(arguments: list[str]) -> int:
    """Execute what changed, build the HTML if anything did, and pack it."""
    said = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    with only_one(*BUILD_LOCK):
        execute_outdated()
        if are_held_back(said["tool"]["bookmaking"]["solutions"], dt.date.today()):
            build_without_solutions()
        else:
            build_if_changed([EXECUTED / f"{name}.ipynb" for name in pages()])
    return 0


def are_held_back(solutions: str, today: dt.date) -> bool:
    """Return whether solutions are left out of the book.

    Raises
    ------
    SystemExit
        ``solutions`` is neither ``"shown"`` nor ``"held back"`` nor a date.
    """
    if solutions in ("shown", "held back"):
        return solutions == "held back"
    try:
        return today < dt.date.fromisoformat(solutions)
    except ValueError:
        sys.exit(
            f'pyproject.toml: solutions = "{solutions}" should be "shown", "held back", or a date '
            'such as "2027-01-15".'
        )


def build_without_solutions() -> None:
    """Build the students' edition in the book's place, searched for traces of solutions."""
    from bookmaking.grading import editions

    edition = editions.make_student()
    shutil.rmtree(HTML, ignore_errors=True)
    shutil.copytree(edition / "html", HTML)
    make_epub(HTML)
    archives.pack_pages(HTML)
    print("solutions are held back: pyproject.toml, [tool.bookmaking]")


def html(arguments: list[str]) -> int:
    """Build the HTML from the stored notebooks, without executing them."""
    with only_one(*BUILD_LOCK):
        build_if_changed([CHAPTERS / f"{name}.ipynb" for name in pages()])
    return 0


def epub(arguments: list[str]) -> int:
    """Make the EPUB of the built pages anew, and check it."""
    with only_one(*BUILD_LOCK):
        if not (HTML / "index.html").is_file():
            sys.exit("There are no pages yet: python -m bookmaking html builds them.")
        make_epub(HTML)
    return 0


def notebooks(arguments: list[str]) -> int:
    """Tidy sources, execute what changed, store the outputs beside the sources, fill in numbers."""
    refuse_edited_notebooks(pages())
    for source in (CHAPTERS / f"{name}.md" for name in pages()):
        text = source.read_text(encoding="utf-8")
        try:
            tidied = tidy(text)
        except ValueError as error:
            sys.exit(f"chapters/{source.name}: {error}. The chapter was not changed.")
        _replace(source, text, tidied)
    with only_one(*BUILD_LOCK):
        execute_outdated()
        for name in pages():
            executed = nbformat.read(EXECUTED / f"{name}.ipynb", as_version=4)
            source = CHAPTERS / f"{name}.md"
            text = source.read_text(encoding="utf-8")
            _replace(source, text, fill(text, glued(executed.cells)))
            shutil.copy(EXECUTED / f"{name}.ipynb", CHAPTERS)
    write_manifest()
    return 0


def _replace(source: Path, text: str, new: str) -> None:
    if new != text:
        with atomic(source) as temporary:
            temporary.write_text(new, encoding="utf-8", newline="\n")


def execute_outdated() -> None:
    """Execute the chapters whose code is out of date, and give all of them their present text."""
    if names := outdated(pages()):
        execute(names)
    for name in pages():
        refresh(name)


def build_if_changed(sources: list[Path]) -> None:
    """Build the HTML, unless it was built from the same files."""
    missing = [source.name for source in sources if not source.is_file()]
    if missing:
        sys.exit(f"Missing: {', '.join(missing)}. python -m bookmaking notebooks makes them.")
    matter = [path for kind in ("html", "epub") for path in (BOOKMAKING / kind).rglob("*")]
    matter = [path for path in matter if path.suffix != ".pyc"] + [TOC, ROOT / "_config.yml"]
    state = _state([*sources, *sorted(path for path in matter if path.is_file())])
    mark = HTML / BUILT_FROM
    if not mark.is_file() or mark.read_text(encoding="utf-8") != state:
        build.build(sources)
        make_epub(HTML)
        mark.write_text(state, encoding="utf-8")
    archives.pack_both()  # the notebooks' archive has more files than the pages are built from


def _state(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
