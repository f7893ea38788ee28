"""Fill in what the text of a chapter takes from elsewhere: computed numbers, tables, references.

A comment names the source, so that the text reads well wherever Markdown is shown:
``about 0.72<!--icc--> of the variance`` has the number that a cell glued as ``icc``, and
``<!--columns: pooling.csv-->``, down to ``<!--end-->``, has that table's columns from the
dictionary of the data (``entries``: all that the dictionary says). After ``<!--references:
references.bib-->`` comes the bibliography, and after ``<!--functions: models-->`` what the
docstrings of a module say. ``make notebooks`` fills all of them in; a new number begins as
``?<!--icc-->``.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bookmaking.html.extensions.typography import set_numbers
from bookmaking.notebooks.functions import reference
from bookmaking.notebooks.references import references
from bookmaking.paths import ROOT

NO_BREAK = "\N{NO-BREAK SPACE}"
CODE = r"`[^`\n]+`"
NUMBER = re.compile(r"(?P<written>[\w.,?−\xa0-]*)<!--(?P<name>(?!end\b)[\w-]+)-->")
COMMENT_OR_CODE = re.compile(rf"{CODE}|<!--.*?-->")
BLOCK = re.compile(
    r"(?P<start><!--(?P<kind>columns|entries|functions|references): (?P<of>[\w., ]+)-->\n)"
    r".*?(?=<!--end-->)",
    re.DOTALL,
)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return text with its numbers and its descriptions of tables as they are now.

    Parameters
    ----------
    text
        The source of a chapter or of one of its cells, in Markdown.
    values
        What the page's cells glued, by name, as :func:`glued` finds it.

    Raises
    ------
    ValueError
        No cell glues a number, a comment follows none, or there is no such entry or module; the
        message names it.
    """
    number_or_code = re.compile(f"{NUMBER.pattern}|{CODE}")
    text = number_or_code.sub(
        lambda found: _number(found, values) if found["name"] else found[0], text
    )
    return BLOCK.sub(_block, text)


def _number(found: re.Match[str], values: Mapping[str, str]) -> str:
    name = found["name"]
    if name not in values:
        raise ValueError(f"the text quotes {name!r}, and no cell glues it")
    filled_in = f"{set_numbers(values[name]).replace(' ', NO_BREAK)}<!--{name}-->"
    if not found["written"] or not NUMBER.fullmatch(filled_in):
        raise ValueError(f"<!--{name}--> should follow a number or a few words (at first ?)")
    return filled_in


def _block(found: re.Match[str]) -> str:
    """Return a block with references, functions, or a dictionary's columns or whole entries."""
    parts = [found["start"]]
    if found["kind"] == "references":
        return "\n".join([*parts, references(), ""])
    if found["kind"] == "functions":
        return "\n".join([*parts, reference(found["of"]), "", ""])
    dictionary = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    for table in found["of"].split(", "):
        entry = re.search(rf"^## {re.escape(table)}\b.*?(?=^## |\Z)", dictionary, re.DOTALL | re.M)
        if not entry:
            raise ValueError(f"data/README.md has no entry for {table}")
        rows = "".join(re.findall(r"^\|.*\n", entry[0], re.M))
        parts.append(rows if found["kind"] == "columns" else f"#{entry[0].strip()}\n")
    return "\n".join([*parts, ""])


def without_comments(text: str) -> str:
    """Return text without the comments that say where its parts come from; code is left alone."""
    return COMMENT_OR_CODE.sub(lambda found: found[0] if found[0][0] == "`" else "", text)


def glued(cells: Iterable[Any]) -> dict[str, str]:
    """Return what the executed cells of a page glued, as the text quotes it, by name."""
    found = {}
    for cell in cells:
        for output in cell.get("outputs", []):
            if scrap := output.get("metadata", {}).get("scrapbook"):
                text = output["data"][f"{scrap['mime_prefix']}text/plain"]
                found[scrap["name"]] = text.strip("'")
    return found
