"""Leave out of the pages what notebooks carry for the tests: numbers with their errors."""

import json

from sphinx.application import Sphinx

from multilevel.estimates import MIME


def drop_estimates(app: Sphinx, page: str, source: list[str]) -> None:
    """Drop that representation from the outputs of a notebook; text and HTML remain."""
    if not source[0].startswith("{"):
        return
    notebook = json.loads(source[0])
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            for mime in [mime for mime in output.get("data", {}) if mime.endswith(MIME)]:
                del output["data"][mime]
    source[0] = json.dumps(notebook)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", drop_estimates)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
