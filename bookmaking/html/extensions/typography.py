"""Set numbers in prose as a printer would: a real minus sign, and no line break before a unit."""

import re

from docutils import nodes
from sphinx.application import Sphinx

UNIT = r"(?:%|ms|s|min|h|kB|MB|GB|kHz|Hz)(?![\w’'])"
AS_WRITTEN = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw)


def set_numbers(text: str) -> str:
    r"""Return text with minus signs, and with no-break spaces between numbers and units.

    Parameters
    ----------
    text
        Prose.

    Examples
    --------
    >>> set_numbers("-3 is 95 % of it, on pages 3-4").split()
    ['−3', 'is', '95\xa0%', 'of', 'it,', 'on', 'pages', '3-4']
    """
    text = re.sub(r"(?<![\w.)\]-])-(?=\.?\d)", "\N{MINUS SIGN}", text)
    return re.sub(rf"(?<=\d) (?={UNIT})", "\N{NO-BREAK SPACE}", text)


def set_page(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Set the numbers of a page's prose, captions and headings, and the minus signs of tables."""
    for raw in doctree.findall(nodes.raw):
        if "<td" in raw.astext():  # a table that code displayed
            raw[:] = [nodes.Text(re.sub(r"(<td>)-(?=\.?\d)", "\\1\N{MINUS SIGN}", raw.astext()))]
    for text in list(doctree.findall(nodes.Text)):
        written = text.astext()
        if not any(isinstance(parent, AS_WRITTEN) for parent in _parents(text)):
            told = set_numbers(written)
            if told != written:
                text.parent.replace(text, nodes.Text(told))


def _parents(node: nodes.Node) -> list[nodes.Node]:
    found = []
    while node := node.parent:
        found.append(node)
    return found


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", set_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
