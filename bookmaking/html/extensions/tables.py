"""Set the tables that code displayed as a printer would: one row of heads, numbers to the right."""

import re
from collections.abc import Iterator
from itertools import zip_longest

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx

NUMBER = re.compile(r"([-−]?[\d,]*\.?\d+(e[-+]?\d+)?( %)?|NaN|NA|<NA>|None|inf|nan|\.\.\.|)")
"""What stands in a column of numbers."""


def set_table(table: Tag) -> None:
    """Set one table of pandas: its row of heads, its column of ranks, and its columns of text.

    Parameters
    ----------
    table
        The element, which is changed.
    """
    _join_heads(table)
    _leave_out_ranks(table)
    for head, *cells in columns(table):
        if not all(NUMBER.fullmatch(_text(cell)) for cell in cells):
            for cell in (head, *cells):
                cell["class"] = "text"


def columns(table: Tag) -> Iterator[list[Tag]]:
    """Iterate over the columns of a table, from the right: the head, and the cells below it.

    The labels of rows may span several rows, and then are in the first of them. From the right,
    the cells of a row are in their columns all the same.
    """
    rows = [row.find_all(["th", "td"])[::-1] for row in _heads(table)[-1:] + _rows(table)]
    return ([cell for cell in column if cell is not None] for column in zip_longest(*rows))


def _heads(table: Tag) -> list[Tag]:
    return table.select("thead tr")


def _rows(table: Tag) -> list[Tag]:
    return table.select("tbody tr")


def _join_heads(table: Tag) -> None:
    """Put the names of the index, which pandas gives a row of their own, beside other heads."""
    heads = [row.find_all("th") for row in _heads(table)[-2:]]
    labels = len(_rows(table)[0].find_all("th"))
    if len({len(row) for row in heads}) < len(heads) and not "".join(map(_text, heads[1][labels:])):
        for above, name in list(zip(*heads, strict=True))[:labels]:
            above.string = ", by ".join(filter(None, (_text(name), _text(above))))
        heads[1][0].parent.decompose()


def _text(cell: Tag) -> str:
    return cell.get_text()


def _leave_out_ranks(table: Tag) -> None:
    """Leave out an index without a name that counts the rows from 0."""
    *_, index = columns(table)
    if [_text(cell) for cell in index] == ["", *map(str, range(len(_rows(table))))]:
        for cell in index:
            cell.decompose()


def set_page(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Set all tables of a page."""
    for raw in doctree.findall(nodes.raw):
        if 'class="dataframe"' in raw.astext():
            soup = BeautifulSoup(raw.astext(), "html.parser")
            for table in soup.select("table.dataframe"):
                set_table(table)
            raw[:] = [nodes.Text(str(soup))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", set_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
