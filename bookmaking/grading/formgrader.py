"""Open a course in nbgrader's formgrader, in JupyterLab, to read what only a person can grade.

usage: python -m bookmaking formgrader [OPTIONS OF JUPYTERLAB]
"""

import subprocess
import sys

from bookmaking.paths import DIST


def main(arguments: list[str]) -> int:
    """Start JupyterLab in the course's folder; formgrader is in its menu *Nbgrader*."""
    course = DIST / "nbgrader"
    if not (course / "nbgrader_config.py").is_file():
        sys.exit(f"There is no course in {course}: python3 -m bookmaking nbgrader makes one.")
    return subprocess.run([sys.executable, "-m", "jupyterlab", *arguments], cwd=course).returncode
