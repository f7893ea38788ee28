"""Make releases with nbgrader, in its environment.

usage: python -m bookmaking.grading.releasing COURSE ASSIGNMENT...
"""

import logging
import sys
from pathlib import Path

from nbgrader.apps import NbGraderAPI
from traitlets.config.loader import PyFileConfigLoader


def main(course: Path, assignments: list[str]) -> None:
    """Make course/release/ASSIGNMENT for each; exit with nbgrader's log if one cannot be made."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    api = NbGraderAPI(config=config)
    api.log_level = logging.ERROR
    for assignment in assignments:
        done = api.generate_assignment(assignment, force=True)
        if not done["success"]:
            sys.exit(f"{assignment}: {done['error']}\n{done['log']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
