"""Derive the notebook of a chapter from its source, and execute it.

usage: notebooks.py chapters/NAME.md OUT/NAME.ipynb

The notebook holds the same cells as the source, with outputs. It is written only when every cell
ran, to a temporary file that is then renamed, so a failure never leaves half a notebook behind.
"""

import os
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

TIMEOUT = 900  # seconds for one cell, on a slow machine
METADATA = {
    # How Jupytext keeps the two halves of a chapter together
    "jupytext": {
        "formats": "md:myst,ipynb",
        "notebook_metadata_filter": "-jupytext.text_representation.jupytext_version",
    },
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def derive(source: Path) -> nbformat.NotebookNode:
    """Read a chapter's source as a notebook without outputs.

    Parameters
    ----------
    source
        The chapter, a MyST Markdown file.

    Returns
    -------
    The notebook; its cells' ids are counted, so that the same source gives the same file
    """
    notebook = jupytext.read(source, fmt="md:myst")
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"{source.stem}-{number}"
    return notebook


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Execute a notebook in place, every cell, in the environment that runs this program.

    A page without code needs no kernel.

    Parameters
    ----------
    notebook
        What :func:`derive` gave.
    folder
        The folder to run in.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        A cell failed; the message holds the cell and its traceback.
    """
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        return
    NotebookClient(
        notebook,
        timeout=TIMEOUT,
        record_timing=False,
        force_raise_errors=True,  # also in cells after which a reader's run may go on
        config=Config({"KernelManager": {"transport_encryption": "auto"}}),
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    notebook.metadata["language_info"] = METADATA["language_info"]


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook whole or not at all.

    Parameters
    ----------
    notebook
        An executed notebook.
    path
        Where to; the folder is made if need be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        nbformat.write(notebook, temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def main(source: Path, path: Path) -> None:
    """Derive, execute and write one chapter, and say how long it took, here and in the notebook."""
    start = time.monotonic()
    notebook = derive(source)
    execute(notebook, source.parent)
    took = round(time.monotonic() - start)
    if any(cell.cell_type == "code" for cell in notebook.cells):
        notebook.metadata["seconds_to_run"] = took
    write(notebook, path)
    print(f"executed {source} in {took} s", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
