"""Turn a page's MyST into plain Markdown, which every notebook program and feedback page shows."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bookmaking.paths import CHAPTERS, ROOT

FENCE = re.compile(r"^:::+(?:\{(?P<kind>[\w-]+)\}\s*(?P<title>.*))?$")
ROLE = re.compile(
    r"\{(?P<role>[\w:-]+)\}`(?:(?P<text>[^`<]*?)\s*<(?P<target>[^`>]+)>|(?P<only>[^`]+))`"
)
SHOWN = {"exercise": "Exercise", "note": "Note"}
"""Title of a box without a title."""


def plain(source: str, values: Mapping[str, str]) -> str:
    """Return Markdown without directives, roles and labels.

    Parameters
    ----------
    source
        A Markdown cell of a page, in MyST.
    values
        The numbers that the page quotes, by name, as :func:`quoted` finds them.

    Returns
    -------
    Markdown in which boxes begin with a bold title, and references are words

    Raises
    ------
    ValueError
        A role has no plain form.
    """
    lines = [_line(line) for line in source.splitlines()]
    text = ROLE.sub(
        lambda found: _words(found, values), "\n".join(x for x in lines if x is not None)
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _line(line: str) -> str | None:
    """Return a line outside of directives; None if it is only for MyST."""
    if fence := FENCE.match(line):
        title = fence["title"] or SHOWN.get(fence["kind"] or "")
        return f"**{title}**\n" if title else None
    if re.match(r"^(:(class|label): |\([\w-]+\)=$|</?div)", line):
        return None
    return re.sub(r"^(\$\$) \([\w-]+\)$", r"\1", line)


def _words(found: re.Match[str], values: Mapping[str, str]) -> str:
    """Return a role as plain words."""
    role, text, target = found["role"], found["text"], found["target"] or found["only"]
    match role:
        case "doc":
            return text or f"“{title_of(target)}”"
        case "ref" | "numref":
            return text or "the figure"
        case "eq":
            return "above"
        case "glue:text":
            return values[target]
        case "cite:p" | "cite:t" | "cite":
            return "; ".join(_author_and_year(key.strip()) for key in target.split(","))
    raise ValueError(f"{{{role}}}`…` has no plain form yet: add one to {Path(__file__).name}.")


def title_of(page: str) -> str:
    """Return the title of a page."""
    text = (CHAPTERS / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(r"^# (.*)$", text, flags=re.MULTILINE)[0]


def _author_and_year(key: str) -> str:
    entry = (ROOT / "references.bib").read_text(encoding="utf-8").split(f"{{{key},")[1]
    authors, year = (
        re.findall(rf"\b{field}\s*=\s*\{{([^}}]*)", entry)[0] for field in ("author", "year")
    )
    first, *others = [author.partition(",")[0] for author in authors.split(" and ")]
    names = f"{first} & {others[0]}" if len(others) == 1 else first + (" et al." if others else "")
    return f"({names}, {year})"


def quoted(cells: Iterable[Any]) -> dict[str, str]:
    """Return the numbers that the executed cells of a page glued, as the page prints them."""
    found = {}
    for cell in cells:
        for output in cell.get("outputs", []):
            if glued := output.get("metadata", {}).get("scrapbook"):
                text = output["data"][f"{glued['mime_prefix']}text/plain"]
                found[glued["name"]] = text.strip("'")
    return found
