"""Open the chapters in JupyterLab."""

import subprocess
import sys
from pathlib import Path

from bookmaking.paths import BUILD, CHAPTERS, HTML

HIDDEN = ["*.md", "fits", "__pycache__"]
"""What the list of files leaves out: the other halves of the notebooks, and stored fits."""


def options(folder: Path, workspaces: Path = BUILD / "lab") -> list[str]:
    """Return the options with which JupyterLab opens a folder of chapters, at the welcome page."""
    from bookmaking import contents

    contents.prepare(workspaces)
    return [
        f"--notebook-dir={folder}",
        f"--LabApp.workspaces_dir={workspaces}",
        "--LabApp.default_url=/lab/tree/welcome.ipynb",
        "--ServerApp.contents_manager_class=bookmaking.contents.BookOrder",
        f"--ContentsManager.hide_globs={HIDDEN}",
        f"--ServerApp.extra_static_paths={[str(HTML)]}",  # /static/chapters/NAME.html
    ]


def main(arguments: list[str]) -> int:
    """Start JupyterLab with the welcome page open; the arguments are passed to it."""
    command = [sys.executable, "-m", "jupyterlab", *options(CHAPTERS), *arguments]
    return subprocess.run(command).returncode


def kernel(arguments: list[str]) -> int:
    """Offer this environment as a kernel named Multilevel, as a JupyterHub needs."""
    name = ["--user", "--name", "multilevel", "--display-name", "Multilevel"]
    return subprocess.run([sys.executable, "-m", "ipykernel", "install", *name]).returncode
