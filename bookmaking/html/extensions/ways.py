"""Say below the title of a page where its notebook runs, how to get all, and where slides are."""

from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from bookmaking.html.archives import EPUB, NOTEBOOKS_ZIP, PAGES_ZIP
from bookmaking.html.slides import decks

SECTION = "how-to-run-the-notebooks"
"""Section of the first page that explains it."""


def offer_ways(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Add the line: links within the book, and to where it can be run."""
    if doctree is None or "ipynb" not in context.get("sourcename", ""):
        return
    pathto = context["pathto"]
    start = pathto(app.config.root_doc) if page != app.config.root_doc else ""
    run = [
        _link(f"{pathto('_sources', 1)}/{context['sourcename']}", "this notebook", " download"),
        _link(pathto(NOTEBOOKS_ZIP, 1), "all notebooks"),
        _link(f"{start.partition('#')[0]}#{SECTION}", "how to start them"),
    ]
    for group in context.get("header_buttons", []):
        if group.get("label") == "launch-buttons":
            run += [_link(button["url"], button["text"]) for button in group["buttons"]]
    line = f"Run it: {', '.join(run)}."
    if (name := Path(page).name) in decks(Path(app.srcdir, "_toc.yml")):
        line += f" Show it: {_link(pathto(f'slides/{name}.html', 1), 'slides')}."
    files = [_link(pathto(PAGES_ZIP, 1), "all pages"), _link(pathto(EPUB, 1), "e-book")]
    offline = f" Read it offline: {', '.join(files)}."
    line += f'<span class="offline">{offline}</span>'  # archives.py leaves it out of archives
    line = f'<p class="page-ways">{line}</p>'
    context["body"] = context["body"].replace("</h1>", f"</h1>{line}", 1)


def _link(address: str, text: str, attribute: str = "") -> str:
    return f'<a href="{escape(address)}"{attribute}>{text}</a>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx, after the theme, which knows the hosts."""
    app.connect("html-page-context", offer_ways, priority=550)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
