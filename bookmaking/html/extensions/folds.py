"""Say on each fold what is in it: the code of a figure, of a table, or the claim that it checks."""

from typing import Any

import nbformat
from sphinx.application import Sphinx

from bookmaking.html.extensions.typography import set_numbers

LONGEST = 150
"""Characters of a check's sentence that are shown on its fold."""
KINDS = {"image/png": "figure", "text/html": "table"}


def name_folds(app: Sphinx, page: str, source: list[str]) -> None:
    """Set the words on the fold of each cell of a notebook."""
    if not source[0].startswith("{"):
        return
    notebook = nbformat.reads(source[0], as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            words = set_numbers(words_for(cell))
            shown = {"code_prompt_show": words, "code_prompt_hide": words}
            cell.metadata["mystnb"] = cell.metadata.get("mystnb", {}) | shown
    source[0] = nbformat.writes(notebook)


def words_for(cell: Any) -> str:
    """Return the words on the fold of a cell: for a check, the sentence that it printed.

    Parameters
    ----------
    cell
        A code cell of an executed notebook.
    """
    tags = cell.metadata.get("tags", [])
    if "raises-exception" in tags:
        printed = "".join(output.get("text", "") for output in cell.outputs)
        sentences = " ".join(printed.split())
        if len(sentences) > LONGEST:
            sentences = sentences[: sentences.rfind(". ", 0, LONGEST) + 1]
        return f"Checked: {sentences}" if sentences else "Checked"
    if "hide-output" in tags:
        return "Output"
    shown = {kind for output in cell.outputs for kind in output.get("data", {})}
    for kind, name in KINDS.items():
        if kind in shown:
            return f"The {name} and its code" if "hide-cell" in tags else f"Code of the {name}"
    return "Code"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", name_folds)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
