"""Link the first use of every term of the glossary, on every page, with the term's meaning."""

import re
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PAGE, BIBLIOGRAPHY = "chapters/glossary", "chapters/bibliography"
PLAIN = (nodes.paragraph, nodes.emphasis, nodes.strong)  # a term in code or in a link is left alone


class Entry(NamedTuple):
    """Place of a term in the glossary, and its explanation."""

    anchor: str
    meaning: str


def keep_glossary(app: Sphinx, doctree: nodes.document) -> None:
    """Store the terms of the glossary; an entry may have several, with commas between them."""
    if app.env.docname != PAGE:
        return
    for item in doctree.findall(nodes.definition_list_item):
        item.parent["classes"] = ["glossary"]
        terms = item[0].astext().split(", ")
        item[0]["ids"].append(nodes.make_id(f"term-{terms[0]}"))
        entry = Entry(item[0]["ids"][0], item[-1].astext().replace("\n", " "))
        _glossary(app.env).update(dict.fromkeys(terms, entry))


def link_terms(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Replace the first use of each term by a link whose title is the meaning of the term."""
    left = dict(_glossary(app.env))
    if page in (PAGE, BIBLIOGRAPHY):
        return
    address = app.builder.get_relative_uri(page, PAGE)
    for text in list(doctree.findall(nodes.Text)):
        if isinstance(text.parent, PLAIN) and not _has_another_use(text):
            text.parent.replace(text, _linked(str(text), left, address))


def _linked(text: str, left: dict[str, Entry], address: str) -> list[nodes.Node]:
    """Split a text at the terms that it uses first, and remove them from those left."""
    pieces: list[nodes.Node] = []
    while left:
        longest_first = map(_pattern, sorted(left, key=len, reverse=True))
        found = re.search(rf"\b({'|'.join(longest_first)})s?\b", text)
        if not found:
            break
        entry = left.get(found[1]) or left[found[1][0].lower() + found[1][1:]]
        for term in [term for term, other in left.items() if other == entry]:
            del left[term]
        target = f"{address}#{entry.anchor}"
        link = nodes.reference("", found[0], refuri=target, reftitle=entry.meaning, internal=True)
        link["classes"].append("glossary-term")
        pieces += [nodes.Text(text[: found.start()]), link]
        text = text[found.end() :]
    return [*pieces, nodes.Text(text)]


def _pattern(term: str) -> str:
    """Match a term as it is written, or with a capital at the beginning of a sentence."""
    first, rest = term[0], re.escape(term[1:])
    return f"[{first}{first.upper()}]{rest}"


def _has_another_use(node: nodes.Node) -> bool:
    while (node := node.parent) is not None:
        if isinstance(node, nodes.reference | nodes.title | nodes.caption):
            return True
    return False


def _glossary(env: BuildEnvironment) -> dict[str, Entry]:
    return vars(env).setdefault("glossary_entries", {})


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx; the glossary is not merged, so pages are read by one process."""
    app.connect("doctree-read", keep_glossary)
    app.connect("doctree-resolved", link_terms)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
