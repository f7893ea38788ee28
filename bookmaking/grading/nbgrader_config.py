"""Settings of nbgrader for this course; `make nbgrader` copies them to dist/nbgrader."""

import os
import sys
from pathlib import Path

from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    IgnorePattern,
    LimitOutput,
)

from bookmaking.grading.preprocessor import SandboxedGrading, SaveGrades
from bookmaking.grading.rendering import safe_html

COURSE = Path(__file__).resolve().parent
# nbgrader calls a program of its environment by name.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.CourseDirectory.course_id = "multilevel"
c.CourseDirectory.root = str(COURSE)
# Submissions are not executed by nbgrader: they run in a sandbox, and answers are judged outside.
c.Autograde.autograde_preprocessors = [
    SandboxedGrading,
    IgnorePattern,
    LimitOutput,
    SaveGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.OverwriteCells.add_missing_cells = True  # a deleted cell does not cost an answer
c.SandboxedGrading.seconds = 600  # of the clock, for a submission
c.SandboxedGrading.memory = 6.0  # gigabytes
c.SandboxedGrading.answers = str(COURSE / "answers")
# Students' texts are sanitised wherever they are shown.
c.HTMLExporter.filters = {"markdown2html": safe_html}
c.ClearSolutions.code_stub = {"python": "# your code here"}
