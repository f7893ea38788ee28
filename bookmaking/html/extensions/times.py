"""Add the reading time and the running time below the title of a page."""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

WORDS_A_MINUTE = 200  # a technical text in a foreign language, read with care
TEXT = (nodes.paragraph, nodes.title, nodes.caption, nodes.math_block)


def say_times(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add the line; a page without code has no time to run."""
    source = Path(app.env.doc2path(page)) if page in app.env.found_docs else None
    if doctree is None or source is None or source.suffix != ".ipynb":
        return
    words = sum(len(part.astext().split()) for part in doctree.findall(_is_text))
    said = [f"Reading: about {minutes(words / WORDS_A_MINUTE)}"]
    seconds = json.loads(source.read_text(encoding="utf-8"))["metadata"].get("seconds_to_run")
    if seconds is not None:
        said.append(f"running all cells: about {_rounded(seconds)} seconds on two cores")
    line = f'<p class="page-times">{"; ".join(said)}.</p>'
    context["body"] = context["body"].replace("</h1>", f"</h1>{line}", 1)


def _is_text(node: nodes.Node) -> bool:
    return isinstance(node, TEXT)


def minutes(number: float) -> str:
    """Return a number of minutes in words: ``"1 minute"`` at least."""
    whole = max(1, round(number))
    return f"{whole} minute{'s' * (whole > 1)}"


def _rounded(seconds: float) -> int:
    """Round to fives, and to tens from thirty on, so that the next run does not change it."""
    step = 5 if seconds < 30 else 10
    return max(step, step * round(seconds / step))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", say_times, priority=600)  # above the ways to run it
    return {"parallel_read_safe": True, "parallel_write_safe": True}
