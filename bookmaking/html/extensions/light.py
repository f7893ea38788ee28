"""Keep pages light: pictures and scripts load after the text."""

import re
from pathlib import Path
from typing import Any

from PIL import Image
from sphinx.application import Sphinx

AT_ONCE = "documentation_options.js"  # which scripts in the pages refer to


def lighten(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Write the size of pictures, and let no script wait for the text or keep it waiting."""
    body = context.get("body", "")
    files = {name: Path(app.srcdir, source) for source, name in app.builder.images.items()}

    def with_size(tag: re.Match[str]) -> str:
        with Image.open(files[tag[2]]) as picture:
            width, height = picture.size
        size = f'width="{width}" height="{height}" style="--dots: {width}"'
        return f'<img loading="lazy" {size} {tag[1]}'

    context["body"] = re.sub(r'<img ([^>]*src="[^"]*_images/([^"]+)")', with_size, body)
    for script in context["script_files"]:
        if script.filename and AT_ONCE not in str(script.filename):
            script.attributes["defer"] = None if page == "search" else "defer"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
