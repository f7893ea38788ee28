"""Derive notebooks from the sources of the chapters, and keep the two halves of a pair together.

People edit ``NAME.md``. ``NAME.ipynb`` contains the same cells, executed, and a checksum of them,
which shows whether the notebook alone was edited.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from ipykernel.ipkernel import IPythonKernel

from bookmaking.notebooks.filling import fill, glued
from bookmaking.paths import CHAPTERS
from multilevel.files import atomic

CHECKSUM = "cells_sha256"
METADATA = {
    "jupytext": {
        "cell_metadata_filter": "mystnb,name,points,tags,-all",
        "formats": "md:myst,ipynb",
        "notebook_metadata_filter": "-jupytext.text_representation.jupytext_version",
    },
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
}
"""What both halves of a chapter contain, as JupyterLab writes it: their pairing and kernel."""
DROPPED = {"accelerator", "colab", "language_info", "vscode", "widgets", CHECKSUM, "seconds_to_run"}
"""What programs add to a notebook, and a chapter's source does not contain."""
LEXER = IPythonKernel.language_info["pygments_lexer"]
CHECK = {"hide-cell", "raises-exception"}


def tidy(text: str) -> str:
    """Return the source of a chapter in the form in which JupyterLab saves it.

    Parameters
    ----------
    text
        The chapter, in MyST Markdown, as any program saved it.

    Raises
    ------
    ValueError
        Its header has entries that a notebook cannot keep; the message names them.
    """
    notebook = jupytext.reads(text, fmt="md:myst")
    if lost := sorted(set(notebook.metadata) - METADATA.keys() - DROPPED):
        raise ValueError(
            f"the header has {', '.join(lost)}, which would be lost when the notebook is saved in "
            f"JupyterLab: take it out"
        )
    notebook.metadata = _metadata(notebook)
    return str(jupytext.writes(notebook, fmt="md:myst"))


def _metadata(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the metadata of a chapter: Jupytext names the language only where there is code."""
    metadata = nbformat.from_dict(METADATA)
    if any(cell.cell_type == "code" for cell in notebook.cells):
        metadata.jupytext["default_lexer"] = LEXER
    return metadata


def derive(source: Path) -> nbformat.NotebookNode:
    """Return the notebook of a chapter, without outputs.

    Parameters
    ----------
    source
        The chapter, a MyST Markdown file.

    Returns
    -------
    The notebook; its cells' ids are counted, so that the same source gives the same file
    """
    notebook = jupytext.read(source, fmt="md:myst")
    notebook.metadata = _metadata(notebook)
    notebook.metadata["language_info"] = nbformat.from_dict(IPythonKernel.language_info)
    notebook.metadata[CHECKSUM] = checksum(notebook)
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"{source.stem}-{number}"
        if cell.source.startswith("## Solution"):
            cell.metadata["jp-MarkdownHeadingCollapsed"] = True
        _fold(cell)
    return notebook


def _fold(cell: Any) -> None:
    """Fold a cell in JupyterLab as in the HTML; the sentence of a check stays in sight."""
    tags = set(cell.metadata.get("tags", []))
    whole = {"remove-cell", "solution"}
    source = bool(tags & {"hide-cell", "hide-input", *whole})
    outputs = bool(tags & {"hide-output", *whole}) or tags & CHECK == {"hide-cell"}
    hidden = {"source_hidden": source, "outputs_hidden": outputs}
    if folded := {name: True for name, value in hidden.items() if value}:
        cell.metadata["jupyter"] = folded
    if outputs:
        cell.metadata["collapsed"] = True


def with_outputs(source: Path, executed: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return the notebook of a chapter with outputs, and with the numbers that its text quotes.

    Parameters
    ----------
    source
        The chapter, a MyST Markdown file.
    executed
        The executed notebook of the same code; its text may be older.

    Raises
    ------
    ValueError
        The text quotes what no cell glued; the message names it.
    """
    notebook = derive(source)
    ran = [cell for cell in executed.cells if cell.cell_type == "code"]
    here = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, done in zip(here, ran, strict=True):
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = fill(cell.source, glued(ran))
    if "seconds_to_run" in executed.metadata:
        notebook.metadata["seconds_to_run"] = executed.metadata["seconds_to_run"]
    notebook.metadata[CHECKSUM] = checksum(notebook)
    return notebook


def essence(cell: Any) -> tuple[str, str, dict[str, Any]]:
    """Return the parts of a cell in both halves of a pair: its type, source and shared metadata."""
    kept = {key: value for key, value in cell.metadata.items() if key in ("tags", "mystnb")}
    return cell.cell_type, cell.source, kept


def checksum(notebook: nbformat.NotebookNode) -> str:
    """Return a checksum of a notebook's cells, which their outputs do not change."""
    cells = [essence(cell) for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()[:16]


def refuse_edited_notebooks(names: list[str]) -> None:
    """Refuse notebooks that were edited alone, since deriving them from their source replaces them.

    Parameters
    ----------
    names
        Names of chapters.

    Raises
    ------
    SystemExit
        A notebook was edited alone; the message names it, and says how to move the edits to the
        source or drop them.
    """
    for name in names:
        stored = CHAPTERS / f"{name}.ipynb"
        if not stored.is_file():
            continue
        notebook = nbformat.read(stored, as_version=4)
        if checksum(notebook) in (
            notebook.metadata.get(CHECKSUM),
            checksum(derive(CHAPTERS / f"{name}.md")),
        ):
            continue
        ours = {essence(cell)[:2] for cell in derive(CHAPTERS / f"{name}.md").cells}
        numbers = [
            str(number)
            for number, cell in enumerate(notebook.cells, start=1)
            if essence(cell)[:2] not in ours
        ]
        where = f" (cell {', '.join(numbers)})" if numbers else ""
        sys.exit(
            f"chapters/{name}.ipynb contains edits{where} that chapters/{name}.md does not, and "
            f"would lose them. Nothing was changed.\n"
            f"To keep them:  {sys.executable} -m jupytext --to md:myst chapters/{name}.ipynb\n"
            f"To drop them:  git checkout -- chapters/{name}.ipynb"
        )


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook atomically.

    Parameters
    ----------
    notebook
        Any notebook.
    path
        File to write; a missing folder is created.
    """
    with atomic(path) as temporary:
        temporary.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8", newline="\n")
