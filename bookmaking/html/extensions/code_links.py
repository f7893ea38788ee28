"""Let the names of the library in a page's code lead to their entries on the page of functions."""

import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from bookmaking.notebooks.functions import entries

PAGE = "chapters/functions"
SUMMARIES = {entry.written: entry.summary for module in entries().values() for entry in module}
HEADINGS = {name.partition(".")[2] for name in SUMMARIES}
USED = re.compile(
    r'<span class="n">(ml|figures)</span><span class="o">\.</span><span class="n">(\w+)</span>'
)
"""Such a name, as Pygments writes it."""


def name_entries(app: Sphinx, doctree: nodes.document) -> None:
    """Let the address of an entry end in its name as code writes it: ``#load_mlm``."""
    if app.env.docname == PAGE:
        for section in doctree.findall(nodes.section):
            if (name := section[0].astext()) in HEADINGS and name not in section["ids"]:
                section["ids"].insert(0, name)


def link_code(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Link the names in the code of a page, if the book has the page of functions."""
    if doctree is not None and PAGE in app.env.all_docs:
        address = "" if page == PAGE else app.builder.get_relative_uri(page, PAGE)
        context["body"] = USED.sub(lambda found: _linked(found, address), context["body"])


def _linked(found: re.Match[str], address: str) -> str:
    module, name = found.groups()
    if f"{module}.{name}" not in SUMMARIES:
        return found[0]
    summary = escape(SUMMARIES[f"{module}.{name}"])
    return f'<a class="code-link" href="{address}#{name}" title="{summary}">{found[0]}</a>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx, before the headings are collected."""
    app.connect("doctree-read", name_entries, priority=400)
    app.connect("html-page-context", link_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
