"""Settings of nbgrader for this course; `make nbgrader` copies them to dist/nbgrader."""

import sys
from pathlib import Path

from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
)

COURSE = Path(__file__).resolve().parent
sys.path.insert(0, "TEACHING")  # where the book's folder teaching is: filled in when it is copied

from judged import Judged  # noqa: E402

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.CourseDirectory.course_id = "multilevel"
c.CourseDirectory.root = str(COURSE)
# Submissions are not executed by nbgrader: they run in a sandbox, and answers are judged outside.
c.Autograde.autograde_preprocessors = [
    Judged,
    IgnorePattern,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.OverwriteCells.add_missing_cells = True  # a deleted cell costs nobody an answer
c.Judged.seconds = 600  # of the clock, for a submission
c.Judged.memory = 6.0  # gigabytes
c.Judged.answers = str(COURSE / "answers")
c.ClearSolutions.code_stub = {"python": "# your code here"}
