"""Mend markup of Sphinx and pandas that screen readers cannot use."""

import re
from typing import Any

from sphinx.application import Sphinx


def mend(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Add the scope of header cells, and let a fold say what is in it."""
    if "body" not in context:
        return
    label = ' aria-label="Toggle hidden content"'  # it would hide the fold's words
    body = context["body"].replace(label, "")
    context["body"] = re.sub(r"<(thead|tbody)\b.*?</\1>", _give_scope, body, flags=re.DOTALL)


def _give_scope(part: re.Match[str]) -> str:
    scope = {"thead": "col", "tbody": "row"}[part[1]]
    return re.sub(r"<th\b", f'<th scope="{scope}"', part[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
