"""Make the editions of the book for a class: for students, for the instructor, for nbgrader.

usage: python -m bookmaking student | instructor | nbgrader

All three come from the executed notebooks in _build/executed; they go to dist/.
"""

import base64
import html
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import yaml

from bookmaking import book
from bookmaking.environments import set_up
from bookmaking.grading.exercises import (
    HIDDEN_TESTS,
    MARK_SCHEME,
    NOTES,
    PREFIX,
    answer_of,
    assignments,
    has_tag,
    is_written,
    points_of,
    rubric_of,
)
from bookmaking.grading.plain import plain
from bookmaking.grading.sandbox import STUDY_DATA
from bookmaking.html import archives, build
from bookmaking.locking import only_one
from bookmaking.notebooks.derivation import derive, write
from bookmaking.paths import BUILD, CHAPTERS, DIST, EXECUTED, ROOT
from bookmaking.ready import EMPTY
from multilevel.answers import NOTHING

HERE = Path(__file__).parent
TELLING = 30
"""Length from which lines are not the same by chance."""
BEGINNING = 200
"""Characters at the beginning of a picture (in base 64) that tell it from all others."""
PICTURE = re.compile(rf"([\w+/]{{{BEGINNING}}})[\w+/=]+", re.ASCII)
LEFT_OUT = ["Beyond the lecture", "Behind the numbers"]
"""The parts of the book that students do not get: they fit models of the exercises."""
SOFTWARE = [name for name in [*archives.LIBRARY, *archives.RUNNING] if name != "README.md"]
"""Files that notebooks need to run, besides data."""
MARKING = ["bookmaking/grading/__init__.py", "bookmaking/grading/marking.py"]
"""Files that checks of answers need; students do not get them."""
YOURS = """
### BEGIN SOLUTION
### END SOLUTION"""
"""Text that nbgrader replaces by a comment. It contains no solution, so that none can leak."""


# The parts of a page that students get ------------------------------------------------------------


def without_solutions(cells: Iterable[Any], exercise: bool) -> list[Any]:
    """Leave out solutions and checks.

    From an exercise page, the part from the heading *Solution* to the heading *Hand in* is left
    out, and the part after that section; from other pages, the part between the gates of a
    solution. Sentences that link to pages that are left out are left out as well.

    Parameters
    ----------
    cells
        The cells of a page.
    exercise
        Whether it is an exercise page.

    Returns
    -------
    Copies of the cells that are left, in order
    """
    shown, handing_in, closing, kept = True, False, False, []
    for cell in cells:
        if cell.cell_type == "code":
            if shown and not has_tag(cell, "solution", "check"):
                kept.append(nbformat.from_dict(cell))
            continue
        lines = []
        for line in cell.source.splitlines():
            if exercise and line.startswith("## "):
                shown = line == "## Hand in" or (shown and not handing_in and line != "## Solution")
                handing_in |= line == "## Hand in"
            elif not exercise and line.startswith(("## Solution", ":::{solution-start}")):
                shown = False
            if shown and not _links_to_what_is_left_out(line):
                lines.append(line)
            if closing:  # this was the line that closes the gate
                shown = True
            closing = not exercise and line.startswith(":::{solution-end}")
        if text := re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip():
            kept.append(nbformat.from_dict({**cell, "source": text}))
    return kept


def secrets(cells: Iterable[Any], given: Iterable[Any]) -> set[str]:
    """List the parts of a page that would give a solution away in the students' edition.

    Parameters
    ----------
    cells
        The cells of a page, with outputs.
    given
        The cells that students get.

    Returns
    -------
    Lines of text, code and outputs, names of figures and glued numbers, and the beginnings of
    pictures, that are in the first and not in the second
    """
    text = _squeezed("\n".join(cell.source for cell in given) + "".join(_library()))
    return {trace for trace in _telling(cells) - _telling(given) if _squeezed(trace) not in text}


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _library() -> list[str]:
    """Read the code that students get."""
    files = [file for pattern in SOFTWARE for file in ROOT.glob(pattern)]
    return [file.read_text(encoding="utf-8") for file in files if file.suffix == ".py"]


def _telling(cells: Iterable[Any]) -> set[str]:
    found: set[str] = set()
    for cell in cells:
        lines = cell.source.splitlines()
        if shown := cell.metadata.get("mystnb"):
            found.add(shown["figure"]["name"])
            lines.append(shown.get("image", {}).get("alt", ""))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            lines += output.get("text", data.get("text/plain", "")).splitlines()
            found |= {data[kind][:BEGINNING] for kind in data if kind == "image/png"}
            if "scrapbook" in output.get("metadata", {}):
                name = output.metadata["scrapbook"]["name"]
                found |= {f'"name": "{name}"', f"<!--{name}-->"}
        found |= {line.strip() for line in lines if len(line.strip()) >= TELLING}
    return found


def refuse_traces(folder: Path, secret: set[str]) -> None:
    """Raise ValueError if a file of an edition contains a secret.

    Parameters
    ----------
    folder
        The edition.
    secret
        Texts that must not be in it.

    Raises
    ------
    ValueError
        A file contains one; the message names both.
    """
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        text = PICTURE.sub(r"\1", file.read_bytes().decode(errors="replace"))
        readings = {text, html.unescape(re.sub("<[^>]*>", "", text))}  # often the same
        if file.suffix == ".png":
            readings.add(base64.b64encode(file.read_bytes()[:BEGINNING]).decode())
        for trace in secret:
            if any(trace in reading for reading in readings):
                raise ValueError(f"{file} contains a part of a solution: {trace[:100]!r}")


def _links_to_what_is_left_out(line: str) -> bool:
    return any(re.search(rf"\]\({name}\.ipynb\b", line) for name in left_out())


@cache
def left_out() -> list[str]:
    """Return the names of the pages that students do not get."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = [part for part in toc["parts"] if part["caption"] in LEFT_OUT]
    assert len(parts) == len(LEFT_OUT)
    return [Path(page["file"]).name for part in parts for page in part["chapters"]]


def student_notebook(name: str, outputs: bool = True) -> nbformat.NotebookNode:
    """Make a page's notebook for students.

    No cell depends on a solution, so that outputs are those of the executed page, except for the
    cells that hand in: without an answer, these print that there is none.

    Parameters
    ----------
    name
        The page.
    outputs
        Whether to have outputs, for which the page must have been executed.

    Returns
    -------
    The notebook
    """
    exercise = name.startswith(PREFIX)
    if outputs:
        page = nbformat.read(EXECUTED / f"{name}.ipynb", as_version=4)
    else:
        page = derive(CHAPTERS / f"{name}.md")
    page.cells = without_solutions(page.cells, exercise)
    page.metadata.pop("jupytext", None)  # there is no other half here
    count = 0
    for number, cell in enumerate(page.cells, start=1):
        cell["id"] = f"{name}-{number}"
        if cell.cell_type == "code" and outputs:
            count += 1
            cell["execution_count"] = count
            if has_tag(cell, "hand-in"):
                text = f"{answer_of(cell)}: {NOTHING}.\n"
                cell["outputs"] = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    return page


# The editions -------------------------------------------------------------------------------------


def student(arguments: Sequence[str] = ()) -> None:
    """Make dist/multilevel-student.zip: notebooks, pages, data, code, lock, README."""
    with only_one(*book.BUILD_LOCK):
        book.execute_outdated()
        _zip(make_student())


def make_student() -> Path:
    """Make the folder of the students' edition from the executed notebooks, and return it.

    Raises
    ------
    ValueError
        A file in it contains a part of a solution.
    """
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    toc["parts"] = [part for part in toc["parts"] if part["caption"] not in LEFT_OUT]
    names = [Path(page["file"]).name for part in toc["parts"] for page in part["chapters"]]
    folder = _fresh(DIST / "multilevel-student")
    everything, given = [], []
    for name in [Path(toc["root"]).name, *names]:
        page = student_notebook(name)
        everything += nbformat.read(EXECUTED / f"{name}.ipynb", as_version=4).cells
        given += page.cells
        write(page, folder / "chapters" / f"{name}.ipynb")
    _build(folder, toc)
    for notebook in released(DIST / "nbgrader", assignments()):  # which is what comes back
        shutil.copy(notebook, folder / "chapters")
    _copy(folder, [*SOFTWARE, *(f"data/{name}" for name in STUDY_DATA)])
    sums = (ROOT / "data" / "SHA256SUMS").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in sums if line.split()[-1] in STUDY_DATA]
    (folder / "data" / "SHA256SUMS").write_text("".join(kept), encoding="utf-8")
    shutil.copy(HERE / "student" / "README.md", folder)
    refuse_traces(folder, secrets(everything, given))
    pack_notebooks(folder)
    return folder


def instructor(arguments: Sequence[str] = ()) -> None:
    """Make dist/multilevel-instructor.zip: all pages, checks, notes and code."""
    with only_one(*book.BUILD_LOCK):
        book.execute_outdated()
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    folder = _fresh(DIST / "multilevel-instructor")
    for file in sorted(EXECUTED.glob("*.ipynb")):
        page = nbformat.read(file, as_version=4)
        for cell in page.cells:
            if has_tag(cell, "check"):
                cell.metadata["tags"] = ["check", "hide-cell"]
        note = NOTES / f"{file.stem}.md"
        if note.is_file():
            lower = re.sub("^##", "###", note.read_text(encoding="utf-8"), flags=re.MULTILINE)
            text = f"## For the instructor\n\n{lower}"
            page.cells.append(nbformat.v4.new_markdown_cell(text, id=f"{file.stem}-note"))
        write(page, folder / "chapters" / file.name)
    _build(folder, toc)
    _copy(folder, [*SOFTWARE, *MARKING, "data/*"])
    shutil.copy(HERE / "README.md", folder)
    pack_notebooks(folder)
    _zip(folder)


def nbgrader(arguments: Sequence[str] = ()) -> None:
    """Make dist/nbgrader: a course folder with a release of every exercise."""
    released(DIST / "nbgrader", assignments())


def released(course: Path, names: Sequence[str]) -> list[Path]:
    """Make the releases of some assignments, and return the notebooks that students get."""
    make_sources(course, names)
    release(course, names)
    return [course / "release" / name / f"{PREFIX}{name}.ipynb" for name in names]


def make_sources(course: Path, names: Sequence[str] = ()) -> None:
    """Make a course folder whose source/ nbgrader makes releases from.

    Parameters
    ----------
    course
        The folder.
    names
        The assignments; by default all.
    """
    for old in ("source", "answers"):  # an exercise may have changed since
        shutil.rmtree(course / old, ignore_errors=True)
    for assignment in names or assignments():
        source = course / "source" / assignment / f"{PREFIX}{assignment}.ipynb"
        write(assignment_notebook(assignment), source)
    shutil.copy(HERE / "nbgrader_config.py", course)
    print(f"made {len(names or assignments())} assignments: {course}/source")


def assignment_notebook(assignment: str) -> nbformat.NotebookNode:
    """Return the notebook from which nbgrader makes an assignment's release.

    Parameters
    ----------
    assignment
        The exercise.

    Returns
    -------
    The students' notebook in plain Markdown, not executed, with a place for each solution and each
    written answer, points, rubrics that only graders see, and a hidden part that fails where
    nbgrader executes it itself
    """
    page = student_notebook(PREFIX + assignment, outputs=False)
    points, rubrics = points_of(assignment), rubric_of(assignment)
    cells = []
    for number, cell in enumerate(page.cells, start=1):
        cells.append(cell)
        if cell.cell_type == "markdown":
            cell.source = plain(cell.source)
        if is_written(cell):
            name = cell.metadata.pop("name")
            _grades(cell, name, points=cell.metadata.pop("points"), task=True)
            cell.source += MARK_SCHEME.format(rubric=rubrics[name])
            cells.append(nbformat.v4.new_markdown_cell(EMPTY, id=f"{cell.id}-answer"))
        elif has_tag(cell, "starter"):
            _grades(cell, f"{assignment}-{number}", solution=True)
            cell.source += YOURS
        elif has_tag(cell, "hand-in"):
            _grades(cell, answer_of(cell), points=points[answer_of(cell)])
            cell.source += HIDDEN_TESTS
    page.cells = cells
    return page


def release(course: Path, names: Sequence[str]) -> None:
    """Let nbgrader make the releases of some assignments: course/release."""
    command = [str(set_up("grading")), "-m", "bookmaking.grading.releasing", str(course), *names]
    subprocess.run(command, check=True)


def _grades(
    cell: Any, name: str, points: int | None = None, solution: bool = False, task: bool = False
) -> None:
    """Write the role of a cell for nbgrader into its metadata."""
    cell.metadata["nbgrader"] = {
        "schema_version": 3,
        "grade_id": name,
        "grade": points is not None and not task,
        "solution": solution,
        "locked": not solution,
        "task": task,
    } | ({} if points is None else {"points": points})


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "chapters").mkdir(parents=True)
    return folder


def _copy(folder: Path, patterns: Iterable[str]) -> None:
    """Copy the files that the notebooks need to run."""
    for file in (file for pattern in patterns for file in ROOT.glob(pattern)):
        target = folder / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    shutil.copy(HERE / "student" / "Makefile", folder)


def _build(folder: Path, toc: dict[str, Any]) -> None:
    """Build the pages of an edition from its notebooks, into its folder html."""
    work = BUILD / folder.name
    work.mkdir(parents=True, exist_ok=True)
    contents = folder / "_toc.yml"
    contents.write_text(yaml.safe_dump(toc, sort_keys=False), encoding="utf-8")
    pages = build.build(sorted((folder / "chapters").glob("*.ipynb")), work, contents)
    shutil.copytree(pages, folder / "html", ignore=shutil.ignore_patterns(".*"))


def pack_notebooks(folder: Path) -> None:
    """Pack all of an edition but its pages, as an archive beside the pages, which link to it."""
    html = folder / "html"
    rest = (file for file in folder.rglob("*") if not file.is_relative_to(html))
    archives.pack(html / archives.NOTEBOOKS_ZIP, folder, rest)


def _zip(folder: Path) -> None:
    archive = folder.with_suffix(".zip")
    archives.pack(archive, folder, folder.rglob("*"))
    print(f"packed {archive}")
