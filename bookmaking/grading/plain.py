"""Turn a page's MyST into plain Markdown, which every notebook program and feedback page shows."""

import re
from pathlib import Path

from bookmaking.notebooks.filling import without_comments
from bookmaking.paths import CHAPTERS

FENCE = re.compile(r"^:::+(?:\{(?P<kind>[\w-]+)\}\s*(?P<title>.*))?$")
ROLE = re.compile(r"\{(?P<role>[\w:-]+)\}`[^`]+`")
LINK = re.compile(r"\[(?P<text>[^]]+)\]\((?:(?P<page>[\w-]+)\.ipynb)?(?:#[\w-]+)?\)")
SHOWN = {"exercise": "Exercise", "note": "Note"}
"""Title of a box without a title."""


def plain(source: str) -> str:
    """Return Markdown without directives, roles, labels, and links to other pages.

    Parameters
    ----------
    source
        A Markdown cell of a page, in MyST.

    Returns
    -------
    Markdown in which boxes begin with a bold title, and references are words

    Raises
    ------
    ValueError
        A role has no plain form.
    """
    lines = [_line(line) for line in source.splitlines()]
    text = "\n".join(line for line in lines if line is not None)
    text = LINK.sub(_words, without_comments(text)).replace("equation {eq}", "{eq}")
    for role in {found["role"] for found in ROLE.finditer(text)} - {"eq"}:
        raise ValueError(f"{{{role}}}`…` has no plain form yet: add one to {Path(__file__).name}.")
    text = ROLE.sub("the equation above", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _words(link: re.Match[str]) -> str:
    """Return the words of a link; the title of a page is quoted."""
    page = CHAPTERS / f"{link['page']}.md"
    is_title = page.is_file() and f"\n# {link['text']}\n" in page.read_text(encoding="utf-8")
    return f"“{link['text']}”" if is_title else link["text"]


def _line(line: str) -> str | None:
    """Return a line outside of directives; None if it is only for MyST."""
    if fence := FENCE.match(line):
        title = fence["title"] or SHOWN.get(fence["kind"] or "")
        return f"**{title}**\n" if title else None
    if re.match(r"^(:(class|label): |\([\w-]+\)=$|</?div)", line):
        return None
    return re.sub(r"^(\$\$) \([\w-]+\)$", r"\1", line)
