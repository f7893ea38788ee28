"""Let Markdown links lead to figures and equations of other pages: ``[…](page.ipynb#fig-name)``."""

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def add_anchors(app: Sphinx, env: BuildEnvironment) -> None:
    """Add a page's labels to the anchors that MyST knows, which are those of headings."""
    labels = env.get_domain("std").data["anonlabels"].items()
    equations = env.get_domain("math").data["objects"].items()
    anchors = [(label, page, anchor) for label, (page, anchor) in labels]
    anchors += [(label, page, f"equation-{label}") for label, (page, _) in equations]
    for label, page, anchor in anchors:
        env.metadata[page].setdefault("myst_slugs", {})[label] = (0, anchor, label)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("env-updated", add_anchors)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
