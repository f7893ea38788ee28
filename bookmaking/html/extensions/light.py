"""Keep pages light: pictures load after the text."""

import re
from pathlib import Path
from typing import Any

from PIL import Image
from sphinx.application import Sphinx


def lighten(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Write the size of pictures."""
    body = context.get("body", "")
    files = {name: Path(app.srcdir, source) for source, name in app.builder.images.items()}

    def with_size(tag: re.Match[str]) -> str:
        with Image.open(files[tag[2]]) as picture:
            width, height = picture.size
        return f'<img loading="lazy" width="{width}" height="{height}" {tag[1]}'

    context["body"] = re.sub(r'<img ([^>]*src="[^"]*_images/([^"]+)")', with_size, body)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("html-page-context", lighten, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
