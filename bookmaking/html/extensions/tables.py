"""Set the tables that code displayed as a printer would: one row of heads, numbers to the right."""

import re
from collections.abc import Iterator
from itertools import zip_longest

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.application import Sphinx

NUMBER = re.compile(r"([-−]?[\d,]*\.?\d+(e[-+]?\d+)?( %)?|NaN|<NA>|None|-?inf|\.\.\.|)")
"""What stands in a column of numbers."""

MANY = 12
"""A table of more columns is set in smaller type."""


def set_table(table: Tag) -> None:
    """Set one table of pandas: its row of heads, its column of ranks, and its columns of text.

    Parameters
    ----------
    table
        The element, which is changed.
    """
    _join_heads(table)
    _leave_out_ranks(table)
    in_columns = list(columns(table))
    if len(in_columns) > MANY:
        table["class"] = "dataframe wide"
    for head, *cells in in_columns:
        _let_break(head)
        if not all(NUMBER.fullmatch(_text(cell)) for cell in cells):
            for cell in (head, *cells):
                cell["class"] = "text"


def columns(table: Tag) -> Iterator[list[Tag]]:
    """Iterate over the columns of a table, from the right: the head, and the cells below it.

    The label of several rows is in the first of them only. Counted from the right, the cells of a
    row are in their columns all the same.
    """
    rows = [row.find_all(["th", "td"])[::-1] for row in _heads(table)[-1:] + _rows(table)]
    return ([cell for cell in column if cell is not None] for column in zip_longest(*rows))


def _heads(table: Tag) -> list[Tag]:
    return table.select("thead tr")


def _rows(table: Tag) -> list[Tag]:
    return table.select("tbody tr")


def _text(cell: Tag) -> str:
    return cell.get_text()


def _join_heads(table: Tag) -> None:
    """Put the names of the index, which pandas gives a row of their own, beside the other heads."""
    *_, above, names = [[], *(row.find_all("th") for row in _heads(table))]
    labels = len(_rows(table)[0].find_all("th"))
    if len(above) != len(names) or any(map(_text, names[labels:])):
        return
    for head, name in zip(above[:labels], names[:labels], strict=True):
        head.string = ", by ".join(filter(None, (_text(name), _text(head))))
    _heads(table)[-1].decompose()


def _leave_out_ranks(table: Tag) -> None:
    """Leave out an index without a name that counts the rows from 0."""
    *_, index = columns(table)
    if [_text(cell) for cell in index] == ["", *map(str, range(len(_rows(table))))]:
        for cell in index:
            cell.decompose()


def _let_break(head: Tag) -> None:
    """Let a name of code break after an underscore, where there is not enough room."""
    if head.find() is None:
        first, *others = _text(head).split("_")
        head.string = first
        for other in others:
            head.extend(["_", Tag(name="wbr", can_be_empty_element=True), other])


def set_page(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Set all tables of a page."""
    for raw in doctree.findall(nodes.raw):
        if 'class="dataframe"' in raw.astext():
            soup = BeautifulSoup(raw.astext(), "html.parser")
            for table in soup.select("table.dataframe"):
                set_table(table)
                table.wrap(soup.new_tag("div", attrs={"class": "table-scrolls"}))
            raw[:] = [nodes.Text(str(soup))]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", set_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
