"""Make the book with the newest versions of what it stands on, and report what would change.

usage: python -m bookmaking newest [--beyond] [PAGE ...]

The newest versions that pyproject.toml allows are installed into a copy of the project,
``_build/newest``; with ``--beyond``, also those above its upper limits. The pages, by default all,
are executed there. ``_build/newest.md`` lists the versions, the pages that fail (a new warning is a
failure), the numbers that moved, by how many Monte Carlo standard errors, and the words that
changed. The exit code is 0 if chance explains all that moved.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from bookmaking import rebuilding
from bookmaking.paths import BUILD, LOCK, pages
from bookmaking.rebuilding import Cell
from multilevel.files import atomic

COPY, REPORT = BUILD / "newest", BUILD / "newest.md"
LIMIT = re.compile(r",<[\d.]+")
"""An upper limit of a dependency, above a lower one; others have reasons that stay true."""
PIN = re.compile(r"^([\w.-]+)==([\w.+-]+)", re.MULTILINE)


def main(arguments: list[str]) -> int:
    """Solve, install, execute, compare, report."""
    parser = argparse.ArgumentParser(prog="python -m bookmaking newest")
    parser.add_argument("--beyond", action="store_true", help="ignore upper limits of versions")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="pages to execute; default: all")
    options = parser.parse_args(arguments)
    names = options.pages or pages()
    if unknown := [name for name in names if name not in pages()]:
        parser.error(f"there is no page {unknown[0]!r}; the pages are {', '.join(pages())}")
    copy = rebuilding.copy(COPY)
    if options.beyond:
        lift_limits(copy / "pyproject.toml")
    for step in (["lock", "--upgrade"], ["set-up"]):
        if rebuilding.run(copy, *step):
            sys.exit(f"The newest versions could not be installed: {step[0]} failed, see above.")
    failed = rebuilding.execute(copy, names)
    cells = list(rebuilding.cells(copy, names))
    lock, newest = (file.read_text(encoding="utf-8") for file in (LOCK, copy / LOCK.name))
    lines = report(lock, newest, failed, cells)
    with atomic(REPORT) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{REPORT.relative_to(BUILD.parent)} says what changes with the newest versions")
    return int(bool(failed) or any(cell.disagreements() for cell in cells))


def lift_limits(pyproject: Path) -> None:
    """Take the upper limits out of the dependencies, so that the next versions are tried."""
    text = pyproject.read_text(encoding="utf-8")
    pyproject.write_text(LIMIT.sub("", text), encoding="utf-8")


def report(lock: str, newest: str, failed: list[str], cells: list[Cell]) -> list[str]:
    """Return the report, as lines of Markdown."""
    return [
        "# The book with the newest versions\n",
        *_section("Versions", "They are those of the book.", _versions(lock, newest)),
        *_section(
            "Pages that fail", "None.", (f"- {name}: its output is above" for name in failed)
        ),
        *_section("Beyond chance", "Nothing.", _beyond(cells)),
        *_section("Numbers that moved", "None.", _moved(cells)),
    ]


def _section(title: str, otherwise: str, lines: Iterable[str]) -> list[str]:
    return [f"## {title}\n", *(list(lines) or [otherwise]), ""]


def _versions(lock: str, newest: str) -> Iterator[str]:
    old, new = (dict(PIN.findall(text)) for text in (lock, newest))
    changed = [name for name in sorted(old | new) if old.get(name) != new.get(name)]
    if changed:
        yield "| package | book | newest |\n|---|---|---|"
    for name in changed:
        yield f"| {name} | {old.get(name, '')} | {new.get(name, '')} |"


def _beyond(cells: list[Cell]) -> Iterator[str]:
    for cell in cells:
        for line in cell.disagreements():
            yield f"- {cell.page}, cell {cell.number}: {line}"


def _moved(cells: list[Cell]) -> Iterator[str]:
    """Yield a row for each page: how many numbers with errors it has, moved, and the farthest."""
    rows = []
    for page in dict.fromkeys(cell.page for cell in cells):
        found = [(pair, cell) for cell in cells if cell.page == page for pair in cell.pairs()]
        moved = [(pair, cell) for pair, cell in found if pair.stored != pair.fresh]
        if moved:
            farthest, cell = max(moved, key=lambda each: each[0].standard_errors)
            where = f"cell {cell.number}, {farthest.where}"
            rows.append(
                f"| {page} | {len(found)} | {len(moved)} "
                f"| {farthest.standard_errors:.1f} | {where} |"
            )
    if rows:
        yield "| page | numbers with errors | moved | farthest, in standard errors | where |"
        yield "|---|---|---|---|---|"
    yield from rows
