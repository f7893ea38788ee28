"""The prose: a number that came from a run is glued from the run, not typed.

``typed_numbers.csv`` lists the numbers that may be typed, each in the phrase in which it stands,
with the reason. Looked at are the text of a page and the captions and alt texts of its figures;
numbers in words, and whole numbers up to twelve, are left to the eye.
"""

import csv
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jupytext
import pytest
from pybtex.database import parse_file

from bookmaking.notebooks.filling import BLOCK
from bookmaking.notebooks.filling import NUMBER as NUMBER_FILLED_IN

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "chapters").glob("*.md"))
EVERYWHERE = "*"
LARGEST_COUNT = 12
"""Whole numbers up to this one are mostly counts of things on the page, or levels of a scale."""


class Allowed(NamedTuple):
    """A phrase with a number that may be typed: on one page, or everywhere."""

    chapter: str
    text: str
    reason: str


class Found(NamedTuple):
    """A typed number, and the passage that it stands in."""

    passage: str
    start: int
    end: int

    def __str__(self) -> str:
        """Quote the number with its surroundings."""
        around = self.passage[max(0, self.start - 40) : self.end + 40].split()
        return f"{self.passage[self.start : self.end]!r} in «{' '.join(around)}»"


with (Path(__file__).parent / "typed_numbers.csv").open(newline="") as file:
    ALLOWED = [Allowed(**row) for row in csv.DictReader(file)]


# What prose is ------------------------------------------------------------------------------------

# Parts of a page that no reader takes for a statement, in the order in which they are cut out.
NOT_PROSE = [
    r"^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)\s*?$",  # code, and directives such as include
    BLOCK.pattern,
    NUMBER_FILLED_IN.pattern,
    r"<!--.*?-->",
    r"\[[^]\n]+\](?=\(bibliography\.ipynb#)",  # authors and year
    r"^:[\w-]+:.*?$",  # options of a directive
    r"^ *\d+\. ",  # the numbers of a list
    r"(?:\{[\w:]+\})?(?P<ticks>`+)[^`\n][^\n]*?(?P=ticks)",  # code and roles
    r"\$\$.*?\$\$",
    r"\$[^$\n]+\$",
    r"(?<=\])\([^)\s]+\)",  # the address of a link
    r"</?[a-z][^<>]*>",  # a tag of HTML, not the text around it
]


def prose_of(passage: str) -> str:
    """Blank out what is not prose; what is left stays where it was."""
    for pattern in NOT_PROSE:
        passage = re.sub(pattern, blank, passage, flags=re.MULTILINE | re.DOTALL)
    return passage


def blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match.group())


@cache
def passages(source: Path) -> list[str]:
    """List the text cells of a page, which include captions, and the alt texts of its figures."""
    found = []
    for cell in jupytext.read(source, fmt="md:myst").cells:
        if cell.cell_type == "markdown":
            found.append(cell.source)
        found.append(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", ""))
    return found


# What a result looks like -------------------------------------------------------------------------

NUMBER = r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?P<percent>\s*(?:%|per cent))?"


def typed_numbers(passage: str) -> list[Found]:
    """Find the numbers of a passage that look like results."""
    numbers = re.finditer(NUMBER, prose_of(passage))
    return [Found(passage, *number.span()) for number in numbers if looks_like_a_result(number)]


def looks_like_a_result(number: re.Match[str]) -> bool:
    digits = number.group()
    return bool(number["percent"]) or not digits.isdigit() or int(digits) > LARGEST_COUNT


def covers(allowed: Allowed, found: Found) -> bool:
    places = [match.span() for match in re.finditer(re.escape(allowed.text), found.passage)]
    return any(start <= found.start and found.end <= end for start, end in places)


def of_page(source: Path) -> list[Found]:
    return [found for passage in passages(source) for found in typed_numbers(passage)]


# The pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_result_is_typed(source: Path) -> None:
    here = [allowed for allowed in ALLOWED if allowed.chapter in (source.stem, EVERYWHERE)]
    uncovered = [str(found) for found in of_page(source) if not any(covers(a, found) for a in here)]
    assert not uncovered, (
        f"{source.name}: glue these numbers from the run, or allow them in "
        f"tests/typed_numbers.csv with the reason:\n" + "\n".join(uncovered)
    )


WITHOUT_COMMA = r"(?<![\w.,-])\d{4,}(?![\w-])"
YEARS = range(1800, 2100)


def thousands_without_comma(text: str) -> list[str]:
    """Find numbers from 1,000 on that are written without a comma; years are."""
    return [n for n in re.findall(WITHOUT_COMMA, text) if int(n) not in YEARS]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_thousands_have_a_comma(source: Path) -> None:
    assert [n for text in passages(source) for n in thousands_without_comma(prose_of(text))] == []
    filled_in = [found["written"] for found in NUMBER_FILLED_IN.finditer(source.read_text("utf-8"))]
    assert thousands_without_comma(" ".join(filled_in)) == []


def test_a_number_without_its_comma_is_found() -> None:
    text = "In 2006, 4000 draws of 9,930 rows (12345 in all) gave 0.1234; seeds 1-2000."
    assert thousands_without_comma(text) == ["4000", "12345"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_page_states_the_seed_that_it_uses(source: Path) -> None:
    cells = jupytext.read(source, fmt="md:myst").cells
    used = {n for cell in cells for n in re.findall(r"^SEED = (\d+)$", cell.source, re.MULTILINE)}
    text = "\n".join(passages(source))
    stated = set(re.findall(r"\b[Ss]eed (?:stated above )?\(?(\d+)\b", text))
    assert stated <= used


# The allow list -----------------------------------------------------------------------------------


def test_the_allow_list_has_no_line_twice() -> None:
    assert len({(allowed.chapter, allowed.text) for allowed in ALLOWED}) == len(ALLOWED)


@pytest.mark.parametrize("allowed", ALLOWED, ids=lambda a: f"{a.chapter}: {a.text}")
def test_an_allowed_number_is_still_in_its_place_and_has_a_reason(allowed: Allowed) -> None:
    pages = [s for s in SOURCES if allowed.chapter in (s.stem, EVERYWHERE)]
    found = [number for source in pages for number in of_page(source)]
    assert any(covers(allowed, number) for number in found), "delete the line: it allows nothing"
    assert len(allowed.reason.split()) >= 3
    if allowed.chapter != EVERYWHERE:
        times = sum(passage.count(allowed.text) for passage in passages(pages[0]))
        assert times == 1, f"say more of the sentence: the phrase stands {times} times on the page"


# References ---------------------------------------------------------------------------------------

WORKS = parse_file(str(ROOT / "references.bib")).entries
CITED = r"\[([^]]+?),? \(?(\d{4})\)?\]\(bibliography\.ipynb#([\w-]+)\)"


def authors_of(key: str) -> str:
    """Return the authors of a work as a text cites them."""
    first, *others = [
        "".join(map(str, each.rich_last_names)) for each in WORKS[key].persons["author"]
    ]
    return f"{first} & {others[0]}" if len(others) == 1 else first + " et al." * bool(others)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_references_name_authors_and_year_of_the_work(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    cited = re.findall(CITED, text)
    assert len(cited) == text.count("](bibliography.ipynb#")
    for authors, year, key in cited:
        assert (authors, year) == (authors_of(key), WORKS[key].fields["year"]), key


# The finder can find ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("passage", "numbers"),
    [
        ("The mean is 0.19.", ["0.19"]),
        ("It fell by −2.5, to 40.", ["2.5", "40"]),
        ("Of 9,930 responses, 7 % are high, or 3 per cent.", ["9,930", "7 %", "3 per cent"]),
        ("| people | 331 |", ["331"]),
        ("See [the 91 people](people-of-17.ipynb#fig-18).", ["91"]),
        ("The mean is 0.19<!--mean-->, not 0.2; 70 <!--x-->", ["0.2", "70"]),
        ("See [page 13](https://example.org/99).", ["13"]),
        (":::{note}\nOnly 14 of them.\n:::", ["14"]),
        ("`a` is 0.5 and `b` is 0.7", ["0.5", "0.7"]),
        ("$a$ is 0.5 and $b$ is 0.7", ["0.5", "0.7"]),
        ("A lost ` hides\n14 nowhere `.", ["14"]),
        ('<text x="20">14 of them</text>', ["14"]),
    ],
)
def test_a_typed_result_is_found(passage: str, numbers: list[str]) -> None:
    assert [passage[f.start : f.end] for f in typed_numbers(passage)] == numbers


@pytest.mark.parametrize(
    "passage",
    [
        "The mean is 0.19<!--mean-->, of 9,930<!--n--> people (−1.5<!--a-->–2.5<!--b-->).",
        "Write `Normal(0, 1.5)`.",
        "We set $\\sigma = 1.5$, and\n\n$$\nj = 1, \\dots, 91\n$$",
        "```python\nx = 0.19\n```",
        "([Efron & Morris, 1977](bibliography.ipynb#efron1977)) and [this](https://a.org/0.19).",
        "[The page](page-17.ipynb)",
        "13. The thirteenth point of a list.",
        '<svg viewBox="0 0 640 480">\n<text x="20" y="40">Seven of 12</text>\n</svg>',
        "Seven of 12 in person 6, `alpha[29]`, alpha29.",
    ],
)
def test_code_mathematics_quoted_and_small_counts_are_not_taken_for_results(passage: str) -> None:
    assert typed_numbers(passage) == []


def test_alt_texts_are_prose(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```{code-cell} python\n:mystnb:\n"
        ":  image:\n:    alt: It falls from 100 to 5.\n\nx = 0.19\n```\n\nThe mean is 0.19.\n"
    )
    assert [f.passage[f.start : f.end] for f in of_page(page)] == ["100", "0.19"]


def test_a_phrase_allows_its_own_number_and_no_other() -> None:
    (first, second) = typed_numbers("A 95 % interval; 95 % of all people.")
    allowed = Allowed(EVERYWHERE, "95 % interval", "mass of the interval")
    assert covers(allowed, first)
    assert not covers(allowed, second)
