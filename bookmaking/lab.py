"""Open the chapters in JupyterLab."""

import subprocess
import sys

from bookmaking.paths import CHAPTERS

HIDDEN = ["*.md", "fits", "__pycache__"]
"""What the list of files leaves out: the other halves of the notebooks, and stored fits."""


def main(arguments: list[str]) -> int:
    """Start JupyterLab with the welcome page open; the arguments are passed to it."""
    options = ["--notebook-dir", str(CHAPTERS), "--LabApp.default_url=/lab/tree/welcome.ipynb"]
    options += [f"--ContentsManager.hide_globs={HIDDEN}"]
    command = [sys.executable, "-m", "jupyterlab", *options, *arguments]
    return subprocess.run(command).returncode


def kernel(arguments: list[str]) -> int:
    """Offer this environment as a kernel named Multilevel, as a JupyterHub needs."""
    name = ["--user", "--name", "multilevel", "--display-name", "Multilevel"]
    return subprocess.run([sys.executable, "-m", "ipykernel", "install", *name]).returncode
