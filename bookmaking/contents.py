"""The list of files in JupyterLab: the chapters in the order of the book.

JupyterLab sorts its list by name or by a date. The server gives each chapter a date of creation by
its place in the book, in a column that is hidden, and the workspace of ``make lab`` sorts by it.
"""

import datetime as dt
import json
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from jupyterlab_server.workspaces_handler import WorkspacesManager

from bookmaking.paths import TOC, pages

BY_PLACE = {"sizes": {}, "sortState": {"key": "date_created", "direction": "descending"}}
"""What JupyterLab calls descending begins with the earliest."""
FIRST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


class BookOrder(AsyncLargeFileManager):
    """Jupyter's contents of a folder, in which dates of creation follow the order of the book."""

    async def get(self, path: str, *arguments: Any, **options: Any) -> Any:
        """Return the model of a file or folder, as the class above does."""
        model = await super().get(path, *arguments, **options)
        if model["type"] == "directory" and model["content"]:
            names = pages() if TOC.is_file() else []
            places = {f"{name}.ipynb": number for number, name in enumerate(names)}
            for item in model["content"]:
                place = places.get(item["name"], len(names))  # others at the end, by name
                item["created"] = FIRST + dt.timedelta(days=place)
        return model


def prepare(folder: Path) -> None:
    """Write the workspace that sorts the list, unless a session left a workspace there."""
    folder.mkdir(parents=True, exist_ok=True)
    if not any(folder.iterdir()):
        state = {"file-browser-filebrowser:columns": BY_PLACE}
        workspace = {"data": state, "metadata": {"id": "default"}}
        WorkspacesManager(str(folder)).save("default", json.dumps(workspace))
