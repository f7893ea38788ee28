"""Check from nothing that every figure and table of the book can be made again, for a CODECHECK.

usage: python -m bookmaking codecheck [PAGE ...]

``codecheck.yml`` lists every figure and table with what it shows, in the form of
https://codecheck.org.uk/spec/config/1.0; ``make notebooks`` writes it. This command copies the
project to ``_build/codecheck``, sets it up there, executes the pages, by default all, writes what
the manifest lists, and compares each entry with the stored one by the rule of
:mod:`bookmaking.notebooks.outputs`. ``_build/codecheck.md`` is the report, with a place to sign.
"""

import platform
import re
import sys
from base64 import b64decode
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, NamedTuple

import nbformat
import yaml

from bookmaking import rebuilding
from bookmaking.notebooks.filling import without_comments
from bookmaking.paths import BUILD, CHAPTERS, ROOT, pages
from multilevel.files import atomic

MANIFEST = ROOT / "codecheck.yml"
COPY, REPORT = BUILD / "codecheck", BUILD / "codecheck.md"
SPECIFICATION = "https://codecheck.org.uk/spec/config/1.0/"
PAPER = {"title": "Multilevel models in Python", "authors": [{"name": "The authors of this book"}]}
OUTPUTS = "_build/codecheck-outputs"
CAPTION, SAME = "**Figure.**", "the same"
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


class Entry(NamedTuple):
    """A figure or a table of the book."""

    page: str
    cell: int
    """Place of its cell on the page, from 1."""
    place: int
    """Place among the figures and tables of the cell, from 0."""
    file: str
    """Where the check writes it."""
    comment: str


def entries(name: str) -> Iterator[Entry]:
    """Yield the figures and tables of a page, from its stored notebook."""
    cells = nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4).cells
    heading, numbers = name, {"figure": count(1), "table": count(1)}
    for number, (cell, after) in enumerate(zip(cells, [*cells[1:], None], strict=True), start=1):
        if cell.cell_type == "markdown":
            heading = (re.findall(r"^#+ (.*)$", cell.source, re.MULTILINE) or [heading])[-1]
        for place, output in enumerate(shown(cell.get("outputs", []))):
            what, ending, _ = content(output)
            comment = f"{what.capitalize()} in “{heading}”"
            if what == "figure" and after and after.source.startswith(CAPTION):
                comment = after.source.removeprefix(CAPTION).strip().partition("\n")[0]
            file = f"{OUTPUTS}/{name}/{what}-{next(numbers[what])}.{ending}"
            yield Entry(name, number, place, file, LINK.sub(r"\1", without_comments(comment)))


def shown(outputs: list[Any]) -> list[Any]:
    """Return those of a cell's outputs that are figures or tables."""
    return [o for o in outputs if {"image/png", "text/html"} & o.get("data", {}).keys()]


def content(output: Any) -> tuple[str, str, bytes]:
    """Return what an output is, the ending of its file, and the file's content."""
    data = output["data"]
    if "image/png" in data:
        return "figure", "png", b64decode(data["image/png"])
    return "table", "html", "".join(data["text/html"]).encode()


def manifest(names: Iterable[str]) -> str:
    """Return the text of ``codecheck.yml``."""
    listed = [{"file": e.file, "comment": e.comment} for name in names for e in entries(name)]
    about = {"version": SPECIFICATION, "paper": PAPER, "manifest": listed}
    return yaml.safe_dump(about, allow_unicode=True, sort_keys=False, width=1000)


def write_manifest() -> None:
    """Write ``codecheck.yml`` as the stored notebooks are now."""
    with atomic(MANIFEST) as temporary:
        temporary.write_text(manifest(pages()), encoding="utf-8", newline="\n")


def main(arguments: list[str]) -> int:
    """Copy, set up, execute, write every entry, compare, report."""
    if unknown := [name for name in arguments if name not in pages()]:
        sys.exit(f"There is no page {unknown[0]!r}; the pages are {', '.join(pages())}.")
    names = arguments or pages()
    copy = rebuilding.copy(COPY)
    if rebuilding.run(copy, "set-up"):
        sys.exit("The copy could not be set up, for the reason above.")
    rebuilding.execute(copy, names)
    made = {(cell.page, cell.number): cell for cell in rebuilding.cells(copy, names)}
    rows = [(entry, _check(entry, made)) for name in names for entry in entries(name)]
    wrong = [entry for entry, verdict in rows if verdict != SAME]
    with atomic(REPORT) as temporary:
        temporary.write_text(report(rows), encoding="utf-8")
    print(f"{len(rows) - len(wrong)} of {len(rows)} figures and tables were made again: {REPORT}")
    return int(bool(wrong))


def _check(entry: Entry, made: dict[tuple[str, int], rebuilding.Cell]) -> str:
    """Write what was made for an entry, and say whether it is what is stored."""
    cell = made.get((entry.page, entry.cell))
    fresh = shown(cell.fresh) if cell else []
    if cell is None or len(fresh) <= entry.place:
        return "was not made"
    path = ROOT / entry.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content(fresh[entry.place])[-1])
    return "; ".join(cell.disagreements()) or SAME


def report(rows: list[tuple[Entry, str]]) -> str:
    """Return the report that a checker signs."""
    same = sum(verdict == SAME for _, verdict in rows)
    lines = [
        "# Report of a CODECHECK\n",
        f"{same} of {len(rows)} figures and tables of the book were made again from nothing, "
        f"with Python {platform.python_version()} on {platform.platform()}. A number that comes "
        "from draws is the same if it differs by at most five combined Monte Carlo standard "
        "errors, any other if it is equal.\n",
        "| file | shows | result |\n|---|---|---|",
        *(f"| {entry.file} | {entry.comment} | {verdict} |" for entry, verdict in rows),
        "\nChecked by: ______________________  on: ______________\n",
    ]
    return "\n".join(lines)
