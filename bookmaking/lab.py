"""Open the chapters in JupyterLab."""

import subprocess
import sys

from bookmaking.paths import CHAPTERS


def main(arguments: list[str]) -> int:
    """Start JupyterLab in the folder of the chapters; the arguments are passed to it."""
    command = [sys.executable, "-m", "jupyterlab", "--notebook-dir", str(CHAPTERS), *arguments]
    return subprocess.run(command).returncode


def kernel(arguments: list[str]) -> int:
    """Offer this environment as a kernel named Multilevel, as a JupyterHub needs."""
    name = ["--user", "--name", "multilevel", "--display-name", "Multilevel"]
    return subprocess.run([sys.executable, "-m", "ipykernel", "install", *name]).returncode
