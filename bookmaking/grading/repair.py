"""Restore the form of the release in a submitted notebook, and make it harmless.

Cells may have been copied, merged, moved, deleted, converted or stripped of nbgrader's metadata.
The student's texts stay where they are; tasks and places to hand in are those of the release, each
once. The cells that hand in come last, as in the release, after all cells that they could need.

Nothing in a submission is trusted: only the type and text of each cell are kept, and text that a
browser would execute is removed (see :func:`harmless`).
"""

import html
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

import nbformat

WANTED = (".ipynb", ".nc")
MAX_FILES = 100 * 1024**2
"""Largest size of all files in bytes; most of a notebook is outputs, which are dropped."""
MAX_SOURCE = 2 * 1024**2
"""Bytes of text and code in all cells together."""
MAX_CELLS = 1000
JOINER = "\u2060"
"""An invisible character, which removes the meaning of a tag or link that contains it."""
Cell = Any
"""A notebook's cell."""


class UnreadableError(ValueError):
    """Raised when a submission cannot be graded; the message says why and what to ask for."""


# Find and read ------------------------------------------------------------------------------------


def files_of(submission: Path) -> dict[PurePosixPath, bytes]:
    """Return the files of a submission that are used: its notebooks and stored fits.

    Parameters
    ----------
    submission
        The folder of the submission: a notebook, perhaps with other files, or a zip file of these.

    Returns
    -------
    Contents by name; copies that programs made without being asked are left out

    Raises
    ------
    UnreadableError
        A zip file is damaged, or the files are too large.
    """
    found, left = dict[PurePosixPath, bytes](), MAX_FILES

    def take(name: PurePosixPath, file: IO[bytes]) -> None:
        nonlocal left
        if name.suffix.lower() in WANTED and not any(
            x.startswith((".", "__MACOSX")) for x in name.parts
        ):
            found[name] = file.read(left + 1)  # sizes recorded in an archive may be false
            left -= len(found[name])
            if left < 0:
                raise UnreadableError(f"It has more than {MAX_FILES // 1024**2} MB.")

    for path in sorted(path for path in submission.rglob("*") if path.is_file()):
        if path.suffix.lower() == ".zip":
            try:
                with zipfile.ZipFile(path) as archive:
                    for entry in archive.infolist():
                        with archive.open(entry) as file:
                            take(PurePosixPath(entry.filename), file)
            except (zipfile.BadZipFile, RuntimeError, OSError, EOFError, zlib.error) as error:
                raise UnreadableError(f"{path.name!r} cannot be unpacked: {error}.") from error
        else:
            with path.open("rb") as file:
                take(PurePosixPath(path.relative_to(submission).as_posix()), file)
    return found


def read(files: Mapping[PurePosixPath, bytes], release: Any) -> Any:
    """Return the notebook that a student handed in, whatever its name.

    Parameters
    ----------
    files
        Files as returned by :func:`files_of`.
    release
        The notebook that was handed out.

    Returns
    -------
    The notebook, in the present format; of several, the one with most of the release's cells

    Raises
    ------
    UnreadableError
        There is no notebook, none can be read, or several are possible.
    """
    notebooks, problems = dict[str, Any](), list[str]()
    different = {content: name for name, content in files.items()}
    for content, name in different.items():
        if name.suffix.lower() == ".ipynb":
            try:
                notebooks[str(name)] = _parsed(name.name, content)
            except UnreadableError as error:
                problems.append(str(error))
    if not notebooks:
        nothing = "It contains no notebook: ask for the file that ends in .ipynb."
        raise UnreadableError(" ".join(problems) or nothing)
    known = {name: len(_known(each.cells, release)) for name, each in notebooks.items()}
    best = [name for name in notebooks if known[name] == max(known.values())]
    if known[best[0]] == 0:
        raise UnreadableError(
            f"{best[0]!r} contains no cell of this exercise: is it the notebook of another one?"
        )
    if len(best) > 1:
        raise UnreadableError(
            f"It could be any of {', '.join(map(repr, sorted(best)))}: ask for a single notebook."
        )
    return notebooks[best[0]]


def _parsed(name: str, content: bytes) -> Any:
    """Return a notebook of any format in the present one."""
    try:
        raw = json.loads(content.decode("utf-8-sig"))
        sheets = [raw] if raw["nbformat"] >= 4 else raw["worksheets"]
        for cell in (cell for sheet in sheets for cell in sheet["cells"]):
            if "outputs" in cell:
                cell["outputs"] = []  # they are made again, and these may be invalid
            cell["metadata"] = _metadata(cell)
        notebook = nbformat.convert(nbformat.from_dict(raw), 4)
        cells = [c for c in notebook.cells if isinstance(_text(c), str) and c.cell_type + ""]
    except Exception as error:  # the file may contain anything
        raise UnreadableError(
            f"{name!r} is damaged or not a notebook ({type(error).__name__}): "
            "ask for the file again."
        ) from error
    if len(cells) > MAX_CELLS or sum(len(_text(cell)) for cell in cells) > MAX_SOURCE:
        raise UnreadableError(
            f"{name!r} contains more than {MAX_CELLS} cells, or {MAX_SOURCE // 1024**2} MB of text."
        )
    notebook.cells = cells
    return notebook


def _metadata(cell: Any) -> dict[str, Any]:
    """Return the metadata of a cell that are kept: its identity in the release."""
    said = cell.get("metadata")
    said = said.get("nbgrader") if isinstance(said, dict) else None
    name = said.get("grade_id") if isinstance(said, dict) else None
    return {"grade_id": name} if isinstance(name, str) else {}


def _text(cell: Cell) -> Any:
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else source


# Repair -------------------------------------------------------------------------------------------


def repaired(submitted: Any, release: Any) -> Any:
    """Return the student's work in the form of the release.

    Parameters
    ----------
    submitted
        The submitted notebook.
    release
        The notebook that was handed out.

    Returns
    -------
    A notebook with the release's metadata and kernel
    """
    marked = {_name(cell): cell for cell in release.cells if _name(cell)}
    known = _known(submitted.cells, release)
    cells, seen = list[Cell](), set[str]()
    for number, cell in enumerate(submitted.cells):
        name = known.get(number)
        cells += _kept(cell, marked.get(name or ""), first=name not in seen)
        seen |= {name} if name else set()
    order = list(marked)
    for place, name in enumerate(order):  # a task that is gone comes back after the one before it
        if marked[name].metadata.nbgrader.task and name not in seen:
            cells.insert(_place_after(order[:place], cells), nbformat.from_dict(marked[name]))
    cells += [nbformat.from_dict(cell) for cell in marked.values() if cell.metadata.nbgrader.grade]
    result = nbformat.from_dict({**release, "cells": cells})
    for number, cell in enumerate(result.cells, start=1):
        cell["id"] = f"cell-{number}"
    return result


def _known(cells: list[Cell], release: Any) -> dict[int, str]:
    """Match cells to those of the release, by nbgrader's metadata or by their text."""
    by_text = {_squeezed(cell.source): _name(cell) for cell in release.cells if _name(cell)}
    names, found = set(by_text.values()), {}
    for number, cell in enumerate(cells):
        name = cell.metadata.get("grade_id")
        name = name if name in names else by_text.get(_squeezed(_text(cell)))
        if name:
            found[number] = name
    return found


def _name(cell: Cell) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _kept(cell: Cell, original: Cell | None, first: bool) -> list[Cell]:
    """Return the parts of a submitted cell that are kept: one or two cells, or none.

    Parameters
    ----------
    cell
        The submitted cell.
    original
        The cell of the release that it matches.
    first
        Whether it is the first that matches it.
    """
    if original is None:
        return [_new(cell.cell_type, _text(cell))]
    if original.metadata.nbgrader.solution:
        kept = _new(original.cell_type, _text(cell))
        if first:
            kept.metadata = nbformat.from_dict(original.metadata)
        return [kept]
    # Text that was added to a locked cell was written by the student.
    added = _text(cell)
    if _squeezed(added) == _squeezed(original.source):
        added = ""
    written = [_new(original.cell_type, added.removeprefix(original.source))] if added else []
    task = original.metadata.nbgrader.task
    return [*([nbformat.from_dict(original)] if task and first else []), *written]


def _new(kind: str, source: str) -> Cell:
    """Return a cell that contains only text."""
    if kind == "code":
        return nbformat.v4.new_code_cell(source)
    return nbformat.v4.new_markdown_cell(harmless(source))


def _place_after(names: list[str], cells: list[Cell]) -> int:
    """Return the place after the last of some cells of the release, or the end of all."""
    places = [number for number, cell in enumerate(cells) if _name(cell) in names]
    return places[-1] + 1 if places else len(cells)


# Sanitise -----------------------------------------------------------------------------------------


def harmless(text: str) -> str:
    """Return Markdown in which no program finds HTML, or a link that executes something.

    Programs differ in what they regard as code or as a tag, so no parser decides here. An invisible
    character is added after a ``<`` that could open a tag, and before a colon after ``script``.
    HTML in the text is then shown as it was written. Rendered text is sanitised once more, by nh3:
    see :mod:`bookmaking.grading.rendering`.
    """
    text = html.unescape(text)
    text = re.sub(r"&(?=[#a-zA-Z])", f"&{JOINER}", text)  # so that it is unescaped only here
    text = re.sub(r"<(?=[a-zA-Z/!?])", f"<{JOINER}", text)
    return re.sub(r"(?i)(script[\s\\]*)(?=:)", rf"\1{JOINER}", text)
