"""Run the solution of an exercise, for one student's variant, and keep the right answers.

usage: python -m bookmaking.grading.solutions ASSIGNMENT STUDENT FOLDER

FOLDER gets the files of :func:`bookmaking.grading.marking.save_question` for each answer, or
nothing if a cell fails. The solution's printed output goes to FOLDER's log.
"""

import ast
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import jupytext

from bookmaking.grading.exercises import STUDENT, source_of
from bookmaking.notebooks import names


class WithoutClaims(ast.NodeTransformer):
    """Remove assertions: they are about the variant that is printed in the book."""

    def visit_Assert(self, node: ast.Assert) -> ast.Pass:
        """Replace an assertion."""
        return ast.copy_location(ast.Pass(), node)


def code_of(assignment: str, student: str) -> list[ast.Module]:
    """Return the code cells of an exercise that lead to the right answers, as syntax trees.

    Parameters
    ----------
    assignment
        The exercise.
    student
        The id of the student whose variant is run.

    Returns
    -------
    The cells' code, in order, without claims about results
    """
    cells = jupytext.read(source_of(assignment), fmt="md:myst").cells
    sources = [cell.source for cell in cells if cell.cell_type == "code"]
    mine = [STUDENT.sub(lambda _: f"STUDENT = {student!r}", source) for source in sources]
    return [WithoutClaims().visit(ast.parse(source)) for source in mine]


def prepare() -> None:
    """Import the modules that solutions use, once for all forks of this process."""
    import arviz  # noqa: F401
    import nutpie  # noqa: F401
    import pymc  # noqa: F401
    from matplotlib import pyplot  # noqa: F401

    import multilevel as ml

    for name in ("fit", "partial_pooling", "ordered_logit", "compare", "load_trolley", "hand_in"):
        getattr(ml, name)  # the library imports its parts when they are used


def run(assignment: str, folders: Mapping[str, Path]) -> None:
    """Run a solution in this process for some students; store all answers of each, or none.

    Only the code that answers depend on runs (:func:`needed`), and code that does not depend on the
    student runs once (:func:`individual`).

    Parameters
    ----------
    assignment
        The exercise.
    folders
        Folder for the answers of each student's variant. Stored fits are kept beside them, so that
        variants that share a fit do not repeat it.
    """
    namespace: dict[str, object] = {"__name__": "__main__"}
    wanted: set[int] | None = None
    for student, folder in folders.items():
        cells = needed(code_of(assignment, student))
        _run_once(assignment, folder.resolve(), cells, namespace, wanted)
        wanted = individual(cells)


ANSWERS = {"hand_in", "reference_answer"}
MAKES_ANEW = ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom | ast.FunctionDef
"""Statements after which the earlier values of the names that they make do not matter."""


def needed(cells: Sequence[ast.Module]) -> list[ast.Module]:
    """Return only the statements on which answers depend, without those that draw or check.

    A statement is kept if it makes or changes (:mod:`bookmaking.notebooks.names`) a name that is
    used by a later statement that is kept, or by a function, which may be called later. A call does
    not change a module. Changes through another name for the same value are not seen.

    Parameters
    ----------
    cells
        The cells of an exercise, in order.

    Returns
    -------
    The same cells, some of them empty
    """
    modules = {name for cell in cells for name in _imported(cell)}
    late = {name for cell in cells for name in _used_in_functions(cell)}
    kept, theirs = [], set(late)
    for cell in reversed(cells):
        statements = []
        for statement in reversed(cell.body):
            source = ast.unparse(statement)
            makes, uses = names.made(source), names.used(source)
            if _hands_in(statement) or (makes | names.changed(source) - modules) & theirs:
                statements.append(statement)
                if isinstance(statement, MAKES_ANEW):
                    theirs -= makes - late  # what they were before does not matter
                theirs |= uses
        kept.append(ast.Module(statements[::-1], type_ignores=[]))
    return kept[::-1]


def _used_in_functions(cell: ast.Module) -> set[str]:
    functions = [n for n in ast.walk(cell) if isinstance(n, ast.FunctionDef | ast.Lambda)]
    return {name for function in functions for name in names.used(ast.unparse(function))}


def _imported(cell: ast.Module) -> set[str]:
    imports = [s for s in cell.body if isinstance(s, ast.Import | ast.ImportFrom)]
    return names.made("\n".join(map(ast.unparse, imports)))


def _hands_in(statement: ast.stmt) -> bool:
    """Return whether a statement calls ``ml.hand_in`` or ``reference_answer``."""
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return any(ast.unparse(function).rpartition(".")[2] in ANSWERS for function in calls)


def individual(cells: Sequence[ast.Module]) -> set[int]:
    """Return the cells that have to run for every student: those with the id, and answers.

    A cell depends on the id if it uses a name that such a cell makes or changes.

    Parameters
    ----------
    cells
        The cells of an exercise, in order.

    Returns
    -------
    Their places, from 0
    """
    found, theirs = set(), {"STUDENT", *ANSWERS}
    for place, cell in enumerate(cells):
        mentioned = {node.id for node in ast.walk(cell) if isinstance(node, ast.Name)}
        mentioned |= {node.attr for node in ast.walk(cell) if isinstance(node, ast.Attribute)}
        if mentioned & theirs:
            found.add(place)
            for node in ast.walk(cell):
                match node:
                    case ast.Name(id=name, ctx=ast.Store()):
                        theirs.add(name)
                    case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                        theirs.add(name)
                    case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                        theirs.add(name)
    return found


def _run_once(
    assignment: str,
    folder: Path,
    cells: Sequence[ast.Module],
    namespace: dict[str, object],
    wanted: set[int] | None,
) -> None:
    """Run all cells, or those that are wanted, and store the answers in a folder."""
    from matplotlib import pyplot as plt

    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        os.environ["MULTILEVEL_ANSWERS"] = str(scratch)
        os.chdir(folder.parent)
        with (
            (scratch / "log.txt").open("w", encoding="utf-8") as log,
            contextlib.redirect_stdout(log),
        ):
            for place, code in enumerate(cells):
                if wanted is None or place in wanted:
                    exec(compile(code, f"{assignment}, cell {place + 1}", "exec"), namespace)
                    plt.close("all")
        with contextlib.suppress(OSError):  # another process was first, with the same answers
            scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    os.environ["MPLBACKEND"] = "Agg"
    run(sys.argv[1], {sys.argv[2]: Path(sys.argv[3])})
