"""Open the chapters in JupyterLab."""

import subprocess
import sys

from bookmaking.paths import CHAPTERS


def main(arguments: list[str]) -> int:
    """Start JupyterLab in the folder of the chapters; the arguments are its own."""
    command = [sys.executable, "-m", "jupyterlab", "--notebook-dir", str(CHAPTERS), *arguments]
    return subprocess.run(command).returncode
