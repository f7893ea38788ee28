"""Habits of writing that are out: on the pages, and in docstrings, READMEs and teaching notes."""

import ast
import re
from pathlib import Path

import pytest

from tests.test_prose import ROOT, SOURCES, passages, prose_of

INSTEAD = {
    r"\bthe pages? before\b": "the previous page, or better its name",
    r"\btak\w+ (?:\w+ )?for (?:plausible|possible|likely)\b": "consider",
    r"\bthe ones? of\b": "that of, those of",
    r"\b(?:whoever|somebody|nobody|everybody)\b": "a reader who; someone, no one, everyone",
    r"\bthe own\b|(?<!'s )(?<!their )(?<!its )\bown (?:level|average|mean)s\b": "each person's",
    r"(?<!or )\bless (?:the|its|their) (?:grand mean|mean|average)": "minus",
    r"\bnothing but\b": "only",
    r"\bwhole or not at all\b": "atomically",
}
TEXTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "data/README.md")),
    *sorted((ROOT / "bookmaking" / "grading").rglob("*.md")),
]
MODULES = [file for name in ("lib", "bookmaking") for file in sorted((ROOT / name).rglob("*.py"))]


def habits(text: str) -> list[str]:
    """Return the phrases of a text that are out, each with what to write instead."""
    text = " ".join(text.split())
    return [
        f"{found.group()!r} in «{text[max(0, found.start() - 40) : found.end() + 40]}»: {better}"
        for pattern, better in INSTEAD.items()
        for found in re.finditer(pattern, text, re.IGNORECASE)
    ]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_page_has_these_habits(source: Path) -> None:
    assert [found for text in passages(source) for found in habits(prose_of(text))] == []


@pytest.mark.parametrize("file", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_text_has_these_habits(file: Path) -> None:
    assert habits(prose_of(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("file", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_have_none_of_them_and_return_things(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef
    docstrings = [
        ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)
    ]
    for text in docstrings:
        assert habits(text) == []
        assert not text.startswith("Give "), f"write Return: {text.splitlines()[0]}"
    assert not docstrings[0].partition("\n")[0].endswith("?"), "say what the module does"


@pytest.mark.parametrize(
    "text",
    [
        "as on the page before",
        "What the prior takes for plausible",
        "wider than the one of the mean",
        "Whoever reads this",
        "the own averages",
        "levels less the grand mean",
    ],
)
def test_a_habit_is_found(text: str) -> None:
    assert len(habits(text)) == 1
    assert (
        habits("each person's own levels, on the previous page, are more or less the average") == []
    )
