"""Mistakes that are made on purpose are made where they are said to be, and taken back."""

import queue
from pathlib import Path

import pytest

from bookmaking import mutants
from bookmaking.mutants import Mutant
from bookmaking.paths import CHAPTERS, DATA, ROOT

SOURCE = '''"""A module of 1 function."""

LIMIT = 0.5


def f(x: int = 2, strict: bool = True) -> "tuple[int, 3]":
    """Return what is above 1 or 2."""
    if x is not None and x < LIMIT:
        raise ValueError(f"{x + 1} is too small")
    return g(x, LIMIT) - x
'''


def made(mutant: Mutant, text: str) -> str:
    """Return a text with a mutant in it."""
    whole, end = text.encode(), mutant.start + len(mutant.before)
    assert whole[mutant.start : end] == mutant.before
    return (whole[: mutant.start] + mutant.after + whole[end:]).decode()


def test_each_mistake_in_code_is_one_change_of_what_it_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    file = tmp_path / "module.py"
    file.write_text(SOURCE, encoding="utf-8")
    changed = {made(mutant, SOURCE) for mutant in mutants.of_code(file)}
    assert changed == {
        SOURCE.replace(*change)
        for change in [
            ("0.5", "1.5"),
            ("= 2", "= 3"),
            ("= True", "= False"),
            ("is not None", "is None"),
            (" and ", " or "),
            ("< LIMIT", "<= LIMIT"),
            (") - x", ") + x"),
            ("g(x, LIMIT)", "g(LIMIT, x)"),
        ]
    }


def test_there_are_hundreds_of_mistakes_of_each_kind() -> None:
    kinds = [mutant.kind for mutant in mutants.all_mutants()]
    assert min(kinds.count(kind) for kind in ("code", "data", "prose")) > 300


def test_numbers_of_a_table_change_by_their_last_digit() -> None:
    file = DATA / "sleep.csv"
    text = file.read_text(encoding="utf-8")
    first = next(mutants.of_data(file))
    assert made(first, text).splitlines()[: first.line - 1] == text.splitlines()[: first.line - 1]
    assert first.after[:-1] == first.before[:-1]
    assert first.after[-1] != first.before[-1]


def test_a_mistake_in_the_text_is_in_both_halves_and_is_taken_back(tmp_path: Path) -> None:
    name = "variance-and-pooling"
    (tmp_path / "chapters").mkdir()
    before = {}
    for ending in ("md", "ipynb"):
        file = tmp_path / "chapters" / f"{name}.{ending}"
        before[file] = (CHAPTERS / file.name).read_bytes()
        file.write_bytes(before[file])
    mutant = next(m for m in mutants.of_prose(CHAPTERS / f"{name}.md") if b"." in m.before)
    saved = mutant.make(tmp_path)
    assert saved == before
    for file, content in before.items():
        assert file.read_bytes() != content


def test_a_mistake_that_no_test_notices_survives(monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = next(mutants.of_data(DATA / "sleep.csv"))
    content = (ROOT / mutant.file).read_bytes()
    copies: queue.Queue[Path] = queue.Queue()
    copies.put(ROOT)
    monkeypatch.setattr(Mutant, "make", lambda self, folder: {folder / self.file: content})
    for passing in (True, False):
        monkeypatch.setattr(mutants, "passes", lambda *_, passing=passing: passing)
        assert mutants.survives(mutant, copies) is passing
