"""Open a course in nbgrader's formgrader, in JupyterLab, for grading by hand.

usage: python -m bookmaking formgrader [OPTIONS OF JUPYTERLAB]
"""

import subprocess
import sys

from bookmaking.paths import DIST


def main(arguments: list[str]) -> int:
    """Start JupyterLab in the course's folder; formgrader is in its menu *Nbgrader*."""
    course = DIST / "nbgrader"
    if not (course / "nbgrader_config.py").is_file():
        sys.exit(f"There is no course in {course}: make one by python3 -m bookmaking nbgrader.")
    return subprocess.run([sys.executable, "-m", "jupyterlab", *arguments], cwd=course).returncode
