"""Give the entries of the bibliography roles that are not deprecated, as docutils does."""

from typing import Any

from sphinx.application import Sphinx


def replace_roles(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Let entries be items of their list, and the links back from them be plain links."""
    if "body" in context:
        body = context["body"].replace(' role="doc-biblioentry"', ' role="listitem"')
        context["body"] = body.replace(' role="doc-backlink"', "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", replace_roles)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
