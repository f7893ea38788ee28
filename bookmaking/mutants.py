"""Make mistakes on purpose, one at a time, and see whether the tests notice them.

usage: python -m bookmaking mutants [--kind KIND] [--sample N] [--seed S]

A mutant is a copy of the project with one small mistake: an operator, a constant, the order of two
arguments in the library; a value in a table; a number in the text of a page, in both of its halves.
The tests of the file concerned run first, then those that take seconds, and for the library all
others that need no built book. ``_build/mutants.csv`` lists the survivors; the exit code is 0 if at
least 95 % of the mutants were noticed.
"""

import argparse
import ast
import json
import os
import random
import re
import subprocess
import sys
from bisect import bisect
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from queue import Queue
from typing import NamedTuple

import pandas as pd

from bookmaking import rebuilding
from bookmaking.paths import BUILD, CHAPTERS, DATA, LIBRARY, ROOT
from multilevel.files import atomic

REPORT = BUILD / "mutants.csv"
NOTICED = 0.95
WORKERS = os.cpu_count() or 1
OPERATORS = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "is not": "is",
    "not in": "in", "+": "-", "-": "+", "*": "/", "/": "*", "//": "/", "**": "*", "@": "*",
    "and": "or", "or": "and", "&": "|", "|": "&",
}  # fmt: skip
OPERATOR = re.compile("|".join(re.escape(each) for each in sorted(OPERATORS, key=len)[::-1]))
CODE_BLOCK = re.compile(r"^```.*?^```|^---.*?^---|`[^`\n]+`", re.DOTALL | re.MULTILINE)


class Mutant(NamedTuple):
    """A mistake in one file."""

    kind: str
    file: Path
    """Relative to the project."""
    line: int
    before: bytes
    after: bytes
    start: int
    """Where the mistake begins, in bytes."""

    def make(self, folder: Path) -> dict[Path, bytes]:
        """Make the mistake in a copy; return the files as they were."""
        path = folder / self.file
        there = path.read_bytes()
        end = self.start + len(self.before)
        path.write_bytes(there[: self.start] + self.after + there[end:])
        if self.kind != "prose":
            return {path: there}
        notebook = path.with_suffix(".ipynb")
        saved = {path: there, notebook: notebook.read_bytes()}
        line = there.decode().splitlines()[self.line - 1]
        wrong = path.read_bytes().decode().splitlines()[self.line - 1]
        old, new = (json.dumps(text, ensure_ascii=False)[1:-1] for text in (line, wrong))
        notebook.write_bytes(saved[notebook].decode().replace(old, new).encode())
        return saved


def of_code(file: Path) -> Iterator[Mutant]:
    """Yield the mistakes that can be made in a module, outside annotations and messages."""
    source = file.read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def mutant(node: ast.expr, start: int, before: bytes, after: bytes) -> Mutant:
        return Mutant("code", file.relative_to(ROOT), node.lineno, before, after, start)

    def begin(node: ast.expr) -> int:
        return starts[node.lineno - 1] + node.col_offset

    def end(node: ast.expr) -> int:
        return starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)

    for node in _computing(ast.parse(source)):
        if isinstance(node, ast.Compare | ast.BinOp | ast.BoolOp):
            operands = _operands(node)
            for left, right in pairwise(operands):
                between = source[end(left) : begin(right)].decode()
                if found := OPERATOR.search(between):
                    after = OPERATORS[found[0]].encode()
                    yield mutant(right, end(left) + found.start(), found[0].encode(), after)
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
            value = not node.value if isinstance(node.value, bool) else node.value + 1
            yield mutant(node, begin(node), source[begin(node) : end(node)], repr(value).encode())
        elif isinstance(node, ast.Call) and len(node.args) > 1:
            first, second = (source[begin(each) : end(each)] for each in node.args[:2])
            whole = source[begin(node.args[0]) : end(node.args[1])]
            swapped = second + whole[len(first) : len(whole) - len(second)] + first
            if first != second and not isinstance(node.args[0], ast.Starred):
                yield mutant(node, begin(node.args[0]), whole, swapped)


def _operands(node: ast.Compare | ast.BinOp | ast.BoolOp) -> list[ast.expr]:
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    return [node.left, node.right] if isinstance(node, ast.BinOp) else node.values  # noqa: PD011 (not of pandas)


def _computing(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the expressions that compute something: no annotations, and nothing that is raised."""
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.TypeAlias):
        return
    if isinstance(node, ast.expr):
        yield node
    for name, field in ast.iter_fields(node):
        if name not in ("annotation", "returns", "decorator_list"):
            for child in field if isinstance(field, list) else [field]:
                if isinstance(child, ast.AST):
                    yield from _computing(child)


def of_data(file: Path) -> Iterator[Mutant]:
    """Yield a mistake for each number of a table: its last digit."""
    yield from _last_digits("data", file, rb"(?<=[,\n])-?\d+(?:\.\d+)?(?=[,\n])", file.read_bytes())


def _blank(block: re.Match[str]) -> str:
    """Return as many bytes as a block of code has, and its ends of lines."""
    return re.sub(rb"[^\n]", b" ", block[0].encode()).decode()


def of_prose(file: Path) -> Iterator[Mutant]:
    """Yield a mistake for each number in the text of a page: its last digit."""
    text = CODE_BLOCK.sub(_blank, file.read_text("utf-8"))
    number = rb"(?<![\w.#(/-])\d[\d,.]*\d|(?<![\w.#(/-])\d(?!\w)"
    yield from _last_digits("prose", file, number, text.encode())


def _last_digits(kind: str, file: Path, number: bytes, text: bytes) -> Iterator[Mutant]:
    ends = [found.start() for found in re.finditer(b"\n", text)]
    for found in re.finditer(number, text):
        before, after = found[0], found[0][:-1] + str((int(found[0][-1:]) + 1) % 10).encode()
        line = bisect(ends, found.start()) + 1
        yield Mutant(kind, file.relative_to(ROOT), line, before, after, found.start())


# Running tests ------------------------------------------------------------------------------------


def stages(mutant: Mutant) -> Iterator[list[str]]:
    """Yield the options of pytest for one stage after the other, from the nearest tests on."""
    stem = mutant.file.stem
    if mutant.kind == "code":
        near = [f"tests/test_{stem}.py", f"tests/test_{stem}s.py"]
        yield [*(test for test in near if (ROOT / test).is_file()), str(mutant.file)]
    elif mutant.kind == "data":
        yield ["tests/test_datasets.py"]
    else:
        yield ["tests/test_prose.py", "-k", stem]
    yield ["-m", "not slow", *(["-k", stem] if mutant.kind == "prose" else [])]
    if mutant.kind == "code":
        yield ["-m", "slow", *_without_a_build()]


def _without_a_build() -> list[str]:
    """Return the files of tests that need no built book, no browser and no sandbox."""
    needs = re.compile(r"\b(HTML|EXECUTED|RUN|DIST|CHROMIUM|bwrap|small_book|set_up)\b")
    files = sorted((ROOT / "tests").glob("test_*.py"))
    return [f"tests/{file.name}" for file in files if not needs.search(file.read_text("utf-8"))]


def passes(folder: Path, options: list[str]) -> bool:
    """Run tests in a copy until one fails, and return whether none did."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider"]
    path = os.pathsep.join([str(folder), str(folder / "lib")])
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    return done.returncode in (0, 5)  # 5: no test was selected


def survives(mutant: Mutant, copies: Queue[Path]) -> bool:
    """Make a mutant in a copy that is free, and return whether all tests pass."""
    folder = copies.get()
    saved = mutant.make(folder)
    try:
        survived = all(passes(folder, options) for options in stages(mutant))
    finally:
        for path, content in saved.items():
            path.write_bytes(content)
        copies.put(folder)
    print(f"{'SURVIVED' if survived else 'noticed'} {describe(mutant)}", flush=True)
    return survived


def describe(mutant: Mutant) -> str:
    """Return a mutant in words."""
    before, after = (each.decode() for each in (mutant.before, mutant.after))
    return f"{mutant.file}:{mutant.line} {before!r} -> {after!r}"


def all_mutants() -> list[Mutant]:
    """Return every mutant that can be made."""
    found = [mutant for file in sorted(LIBRARY.glob("*.py")) for mutant in of_code(file)]
    found += [mutant for file in sorted(DATA.glob("*.csv")) for mutant in of_data(file)]
    return found + [mutant for file in sorted(CHAPTERS.glob("*.md")) for mutant in of_prose(file)]


def main(arguments: list[str]) -> int:
    """Draw a sample of mutants, as many of each kind, run the tests, and list the survivors."""
    parser = argparse.ArgumentParser(prog="python -m bookmaking mutants")
    parser.add_argument("--kind", choices=["code", "data", "prose"], action="append")
    parser.add_argument("--sample", type=int, default=60, help="number of mutants of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    rng, everything, chosen = random.Random(options.seed), all_mutants(), []
    for kind in options.kind or ["code", "data", "prose"]:
        of_kind = [mutant for mutant in everything if mutant.kind == kind]
        chosen += rng.sample(of_kind, min(options.sample, len(of_kind)))
    copies: Queue[Path] = Queue()
    for number in range(WORKERS):
        copies.put(rebuilding.copy(BUILD / "mutants" / str(number)))
    with ThreadPoolExecutor(WORKERS) as pool:
        survived = list(pool.map(lambda mutant: survives(mutant, copies), chosen))
    rows = [
        {"kind": mutant.kind, "mutant": describe(mutant), "survived": alive}
        for mutant, alive in zip(chosen, survived, strict=True)
    ]
    table = pd.DataFrame(rows)
    with atomic(REPORT) as temporary:
        table.to_csv(temporary, index=False)
    noticed = 1 - table["survived"].mean()
    print(f"{noticed:.1%} of {len(table)} mutants, of {len(everything)} that can be made: {REPORT}")
    return int(noticed < NOTICED)
