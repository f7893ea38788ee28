"""Read what the sources say in comments and in captions, which are plain Markdown everywhere else.

The paragraph below a figure that begins with ``CAPTION`` becomes the figure's caption. The comments
that name the origin of a number are removed.
"""

from itertools import pairwise

import nbformat
from sphinx.application import Sphinx

from bookmaking.notebooks.filling import without_comments

CAPTION = "**Figure.** "


def read_comments(app: Sphinx, page: str, source: list[str]) -> None:
    """Move captions into their figures, and remove comments from the text of a notebook."""
    if not source[0].startswith("{"):
        return
    notebook = nbformat.reads(source[0], as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = without_comments(cell.source)
    for figure, text in pairwise(notebook.cells):
        if "figure" in figure.metadata.get("mystnb", {}) and text.source.startswith(CAPTION):
            caption, _, text.source = text.source.partition("\n\n")
            figure.metadata["mystnb"]["figure"]["caption"] = caption.removeprefix(CAPTION)
    source[0] = nbformat.writes(notebook)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx, before the extension that puts cells between a figure and its text."""
    app.connect("source-read", read_comments, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
