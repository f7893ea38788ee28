"""Make a deck of slides from each built page of the course: what a lecture shows, and its notes.

usage: python -m bookmaking slides

A slide shows one thing: a figure, a numbered equation, code with its table, a question, a panel
that moves, the recap, or an exercise. Prose becomes the speaker's notes. The slides are shown by
reveal.js 6.0.2: three files of the npm package, unchanged, and its license, in static/reveal.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import zip_longest
from pathlib import Path
from string import Template

import yaml
from bs4 import BeautifulSoup, Tag
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from bookmaking.html.extensions.panels import SCRIPTS, STYLES
from bookmaking.html.extensions.tables import columns
from bookmaking.html.extensions.times import WORDS_A_MINUTE, minutes
from bookmaking.paths import HTML, TOC
from multilevel.files import atomic

TEMPLATE = Path(__file__).with_name("slides.html")
PARTS = ["The course", "After the lecture"]
"""Parts of the book whose pages have decks; their exercises are on the last slides before them."""
EXERCISE, FORM = "exercise-", "report-template"
"""Pages without a deck: those whose names begin so, and a form that is filled in."""
BOOK = "Multilevel models in Python"
SHEETS = ["reveal/reveal", "pygments", "formulas", "book", "slides"]
DATA = re.compile("tag_(shrinkage|predictions|thresholds)-")
"""Classes of the cells from whose tables a drawing reads its numbers."""
UNSHOWN = ".solution, .tag_solution, .headerlink"
UNREAD = re.compile(
    r'<details class="figure-numbers">.*?</details>|<span class="[a-z]\w?">([^<]*)</span>',
    re.DOTALL,
)
"""Numbers of figures and colours of code: most of a page, which need not be parsed."""
FITS = re.compile(r"\bml\.fit\(|\bpm\.Model\(")
"""Code that is shown without a table."""
SET_UP = re.compile(r"(import|from) |figures\.set_theme|pd\.set_option|SEED = |$")
"""Lines before the first of the code that a slide shows."""

WIDE, HIGH = 1200, 540
"""Room below a heading, in pixels of a slide of 1280 by 720."""
LINE, ROW, LETTER, BOLD, GAP = 1.35, 1.7, 0.61, 0.68, 1
"""Height of a line and of a row, width of a letter in both, room between columns, in em."""
SMALLEST, LARGEST = 24, 36
"""Sizes of letters, in pixels."""
SIGN = 0.56
"""Width of a sign of a formula, in em."""
SPARK = 10
"""Width of a drawing in a table, in letters."""
ROWS, LONG, FORMULA = 10, 70, 42
"""Rows of a table, and characters of a heading and of a formula beside its gloss, that fit."""
SHORT = 30
"""Words of a paragraph that leads to a list, and of a table in large letters."""
WORDS = 120
"""Words of a question or of an exercise, and those of a table, that a slide can hold."""


@dataclass
class Slide:
    """What the audience sees, and what the speaker has beside it."""

    heading: str
    kind: str
    body: str
    notes: list[str] = field(default_factory=list)
    words: int = 0
    """Number of words of the page, from this thing to the next."""

    @property
    def seconds(self) -> int:
        """Twice the time of reading, which the page on teaching allows."""
        return max(20, round(2 * 60 * self.words / WORDS_A_MINUTE))

    @property
    def title(self) -> str:
        """The heading of the page, without formatting."""
        heading = BeautifulSoup(self.heading, "html.parser").h1
        return heading.get_text() if heading else ""

    def __str__(self) -> str:
        """Return it as HTML."""
        notes = "".join(f"<p>{note}</p>" for note in self.notes)
        return (
            f'<section class="{self.kind}" data-timing="{self.seconds}">\n'
            f'{self.heading}{self.body}\n<aside class="notes">{notes}</aside></section>\n'
        )


def decks(toc: Path) -> dict[str, list[str]]:
    """Return the names of the pages that have a deck, and of the exercises that follow each."""
    parts = yaml.safe_load(toc.read_text(encoding="utf-8")).get("parts", [])
    found: dict[str, list[str]] = {}
    for part in [part for part in parts if part["caption"] in PARTS]:
        for name in [Path(page["file"]).name for page in part["chapters"]]:
            if name.startswith(EXERCISE):
                found[[*found][-1]].append(name)
            elif name != FORM:
                found[name] = []
    return found


def make(html: Path, toc: Path) -> None:
    """Make the decks of built pages, beside them: ``slides/NAME.html``."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    for name, exercises in decks(toc).items():
        deck = _deck(_article(html, name), name)
        deck += [[_announced(_article(html, exercise))] for exercise in exercises]
        slides = "".join(f"<section>\n{''.join(map(str, stack))}</section>\n" for stack in deck)
        needed = [attribute for attribute in SCRIPTS if f"{attribute}=" in slides]
        sheets = [*SHEETS, *(sheet[:-4] for kind in needed for sheet in STYLES.get(kind, []))]
        scripts = ["reveal/reveal.js", "reveal/notes.js"]
        scripts += [script for kind in needed for script in SCRIPTS[kind]]
        text = template.substitute(
            title=escape(deck[0][0].title),
            slides=slides,
            styles="\n".join(
                f'<link rel="stylesheet" href="../_static/{sheet}.css">' for sheet in sheets
            ),
            scripts="\n".join(f'<script src="../_static/{script}"></script>' for script in scripts),
        )
        with atomic(html / "slides" / f"{name}.html") as temporary:
            temporary.write_text(text, encoding="utf-8")


def _article(html: Path, name: str) -> Tag:
    """Read the text of a page, without what no slide shows; links are left as words."""
    page = (html / "chapters" / f"{name}.html").read_text(encoding="utf-8")
    (text,) = re.findall(r"<article\b.*</article>", page, re.DOTALL)
    text = UNREAD.sub(lambda part: part[1] or "", text)
    article = BeautifulSoup(text, "html.parser").article
    assert article is not None
    for part in article.select(UNSHOWN):
        part.decompose()
    for link in article.select("a"):
        link.unwrap()
    return article


def _deck(article: Tag, name: str) -> list[list[Slide]]:
    """Return the slides of a page: first its title, and then a stack for each section."""
    (body,) = article.find_all("section", recursive=False)
    page = f'<p class="page">{BOOK}: <a href="../chapters/{name}.html">the page, to read</a></p>'
    title = Slide(f"{page}<h1>{_inner(body.h1)}</h1>", "title", _goals(body))
    deck = [[title]]
    for part in _tags(body):
        if part.name == "section":
            if stack := _stack(part):
                deck.append(stack)
        elif part.name == "p" and not part.get("class"):
            _note(title, part)
    title.notes[:0] = [_inner(times) for times in article.select(".page-times")]
    return deck


def _announced(article: Tag) -> Slide:
    """Return the slide on which an exercise is set."""
    (level,) = (p for p in article.select("p") if p.get_text().startswith("Level:"))
    heading = re.sub(r"^<span.*?</span>", "", _inner(article.h1))
    return Slide(f"<h2>{heading}</h2>", "exercise", f"{_goals(article)}<p>{_inner(level)}</p>")


def _goals(article: Tag) -> str:
    """Return what readers can do after a page."""
    goals = article.select_one(".tip.admonition ul")
    return f"<p>After this page you can</p>{goals}" if goals else ""


def _stack(section: Tag) -> list[Slide]:
    """Return the slides of a section: its heading, and then what it has to show."""
    heading, *parts = _tags(section)
    parts_of_it = [f"<li>{_inner(part.h3)}</li>" for part in parts if part.h3 is not None]
    opening = Slide(f"<h2>{_inner(heading)}</h2>", "opening", f"<ul>{''.join(parts_of_it)}</ul>")
    stack = [opening]
    _walk(parts, _inner(heading), stack)
    if len(stack) == 2 and not parts_of_it:  # a heading above its only slide is enough
        stack[1].notes[:0] = opening.notes
        stack[1].words += opening.words
        del stack[0]
    elif len(stack) == 1 and not opening.notes:
        return []
    stack[0].notes.insert(0, _time(section))
    return stack


def _walk(parts: list[Tag], heading: str, stack: list[Slide]) -> None:
    """Add what there is to show to a stack, and what there is to say to the slide before it."""
    for part in parts:
        if part.parent is None:  # it was shown with the part before it
            continue
        if part.name == "section":
            own, *others = _tags(part)
            above = f"<span>{heading}: </span>" if len(f"{heading}{_inner(own)}") < LONG else ""
            _walk(others, above + _inner(own), stack)
            continue
        found = [*_things(part)]
        stack += [Slide(f"<h2>{heading}</h2>", kind, body) for kind, body in found]
        if found and stack[-1].kind == "panel" and (tasks := part.find_previous_sibling("ol")):
            stack[-1].notes += [_inner(task) for task in tasks.select("li p")]
        for paragraph in [part] if part.name == "p" else part.select("p, .output.stream"):
            _note(stack[-1], paragraph, shown=bool(found))


def _things(part: Tag) -> Iterator[tuple[str, str]]:
    """Iterate over what a part of a page has to show: its kind, and its HTML."""
    classes = _classes(part)
    if "cell" in classes:
        yield from _cell(part)
    elif "math" in classes and part.get("id"):
        yield from _equation(part)
    elif part.get("data-explorable") or part.get("data-refit"):
        data = "".join(map(str, part.find_next_siblings(class_=DATA)))
        yield "panel", f'<div class="live" data-prevent-swipe>{part}</div><div hidden>{data}</div>'
    elif "exercise" in classes or part.select_one(".sd-summary-text"):
        if _count(part) <= WORDS:
            yield "question" + " short" * (_count(part) <= WORDS / 2), _question(part)
    elif "pst-scrollable-table-container" in classes:
        if _count(part) <= WORDS:
            small = _count(part) <= SHORT and len(part.select("tr")) < ROWS / 2
            yield "table" + " short" * small, _lead(part) + str(part)
    elif part.name == "ul" and part.find_parent("section", id="recap"):
        yield "recap", str(part)


def _equation(part: Tag) -> Iterator[tuple[str, str]]:
    """Iterate over an equation and its gloss: the list after it, or else the sentence before it.

    The list is beside the equation, or on the next slide if there is no room.
    """
    rows = max([1, *(len(_within(table, "mtr")) for table in part.select("mtable"))])
    longest = _letters(part.math)
    size = min(LARGEST, WIDE / SIGN / longest, HIGH / 2.4 / rows)
    part["style"] = f"font-size: {max(SMALLEST - 4, int(size))}px"  # its letters are larger
    gloss = _gloss(part)
    if gloss is None:
        yield "equation", _lead(part) + str(part)
    elif longest <= FORMULA and _count(gloss) <= WORDS / 2:
        yield "equation", f'<div class="beside">{part}{gloss.extract()}</div>'
    else:
        yield "equation", _lead(part) + str(part)
        yield "gloss", str(gloss.extract())


def _gloss(part: Tag) -> Tag | None:
    """Return the list after an equation, to which a short paragraph may lead."""
    for after in part.find_next_siblings(limit=2):
        if after.name in ("ol", "ul"):
            return after
        if after.name != "p" or _count(after) > SHORT:
            break
    return None


def _letters(part: Tag | None) -> float:
    """Return about how wide a formula is, in letters: what is above and below is no wider."""
    assert part is not None
    rows = [[_letters(cell) for cell in _within(row, "mtd")] for row in _within(part, "mtr")]
    if rows:
        return sum(max(column) for column in zip_longest(*rows, fillvalue=0))
    parts = [_letters(child) for child in _tags(part)]
    if not parts:
        return len(part.get_text()) * (2 if part.name == "mo" else 1)
    if part.name in ("mfrac", "munder", "mover", "munderover"):
        return max(parts)
    if part.name in ("msub", "msup", "msubsup"):
        return parts[0] + 0.7 * max(parts[1:])
    return sum(parts)


def _lead(part: Tag) -> str:
    """Return the sentence before something, if there is one."""
    before = part.find_previous_sibling()
    sentences = _sentences(before) if before is not None and before.name == "p" else []
    return f'<p class="lead">{sentences[-1]}</p>' if sentences else ""


def _cell(cell: Tag) -> Iterator[tuple[str, str]]:
    """Iterate over the figures of a cell, and its code and tables if they fit."""
    tags = _classes(cell)
    if "tag_hide-cell" in tags:
        return
    for figure in cell.select("figure"):
        yield "figure", _figure(figure)
    code = [] if "tag_hide-input" in tags else _code(cell)
    tables = [table for table in cell.select(".cell_output table") if _cut(table)]
    if code and len(tables) == 1 and (both := _fitted(code, tables)):
        yield "table", both
        return
    if FITS.search("\n".join(code)):
        yield "code", _fitted(code, [])
    for table in tables:
        if alone := _fitted([], [table]):
            yield "table", _lead(cell) + alone


def _code(cell: Tag) -> list[str]:
    """Return the lines of a cell's code without imports and settings; none if they do not fit."""
    pre = cell.select_one(".cell_input pre")
    lines = pre.get_text().rstrip().splitlines() if pre else []
    while lines and SET_UP.match(lines[0]):
        del lines[0]
    return lines if _fitted(lines, []) else []


def _fitted(code: list[str], tables: list[Tag]) -> str:
    """Return code above tables, in letters as large as there is room for; nothing if too small."""
    rows = sum(len(table.select("tr")) for table in tables)
    high = LINE * (len(code) + 1) + ROW * rows
    widths = [LETTER * len(line) for line in code] + [sum(_widths(table)) for table in tables]
    size = int(min(LARGEST, WIDE / max([1, *widths]), HIGH / high))
    pre = f'<pre class="highlight">{_coloured(code)}</pre>' if code else ""
    shown = pre + "".join(map(str, tables))
    return f'<div style="font-size: {size}px">{shown}</div>' if size >= SMALLEST else ""


def _coloured(lines: list[str]) -> str:
    return highlight("\n".join(lines), PythonLexer(), HtmlFormatter(nowrap=True))


def _figure(figure: Tag) -> str:
    """Return a figure and the first sentence of its caption: beside it, unless it is wide."""
    image, caption = figure.img, figure.figcaption
    assert image is not None
    assert caption is not None
    wide, high = (int(str(image[name])) for name in ("width", "height"))
    for attribute in ("loading", "style"):
        del image[attribute]
    text = caption.select_one(".caption-text")
    assert text is not None
    first = f"{caption.select_one('.caption-number')}{_sentences(text)[0]}"
    kind = "above" if wide > 1.8 * high else "beside"
    return f'<figure class="{kind}">{image}<figcaption>{first}</figcaption></figure>'


def _widths(table: Tag) -> list[float]:
    """Return the widths of the columns of a table, from the right, in em."""
    drawn = SPARK * " "  # a small histogram
    longest = (max(len(c.get_text() or drawn) for c in column) for column in columns(table))
    return [BOLD * letters + GAP for letters in longest]


def _cut(table: Tag) -> bool:
    """Leave out the rows and the columns of a table for which there is no room, if few remain."""
    del table["border"]
    rows = table.select("tbody tr")
    if len(rows) > ROWS + 1:
        for row in rows[ROWS:]:
            row.decompose()
        for cell in rows[ROWS - 1].find_all(["th", "td"]):
            cell.string = "…"
    widths, left_out = _widths(table), 0
    while SMALLEST * sum(widths[left_out:]) > WIDE:
        left_out += 1
    if left_out and (table.select("[colspan]") or len(widths) - left_out < 3):
        return False
    for row in table.select("tr") if left_out else []:
        cells = row.find_all(["th", "td"])
        for cell in cells[-left_out - 1 : -1]:
            cell.decompose()
        cells[-1].string = "…"
    return True


def _question(part: Tag) -> str:
    """Return a question and, to be shown at a click, its answer."""
    answer = part.select_one(".sd-summary-content")
    inner = "".join(str(p) for p in part.select("p, ul, ol, .math") if _stands_alone(p, part))
    title = part.select_one(".admonition-title")
    said = f'<div class="fragment">{answer.decode_contents()}</div>' if answer else ""
    asked = inner.replace(str(title), "", 1)
    return f"<h3>{_inner(title)}</h3>{asked}{said}"


def _stands_alone(part: Tag, within: Tag) -> bool:
    """Return whether no other part contains this one, and it is no part of the answer."""
    outer = part.find_parent(["p", "ul", "ol", "details"])
    return outer is None or within not in part.parents or outer in within.parents


def _note(slide: Slide, paragraph: Tag, shown: bool = False) -> None:
    """Add a paragraph to the notes: its first sentence, and those with numbers; or a claim."""
    classes = _classes(paragraph)
    slide.words += len(paragraph.get_text().split())
    if paragraph.find_parent("summary") or "admonition-title" in classes:
        return
    if "stream" in classes:
        if paragraph.find_parent(class_="tag_raises-exception"):
            slide.notes.append(f"✓ {' '.join(paragraph.get_text().split())}")
    elif paragraph.find_parent("figcaption"):
        slide.notes.append(" ".join(_sentences(paragraph)))
    elif not shown:
        first, *others = _sentences(paragraph)
        numbers = [sentence for sentence in others if re.search(r"\d", sentence)]
        slide.notes.append(" ".join([first, *numbers]))


def _time(part: Tag) -> str:
    """Return how long a page or a section takes."""
    said = part.select("p, h1, h2, h3")
    words = sum(_count(paragraph) for paragraph in said if not paragraph.find_parent("summary"))
    read = words / WORDS_A_MINUTE
    return f"<b>{minutes(read)} to read, {minutes(2 * read)} to teach.</b>"


def _sentences(paragraph: Tag) -> list[str]:
    """Return the sentences of a paragraph as HTML: in the source, each is a line."""
    lines = paragraph.decode_contents().strip().split("\n")
    return [BeautifulSoup(line, "html.parser").decode() for line in lines]


def _tags(part: Tag) -> list[Tag]:
    return [child for child in part.children if isinstance(child, Tag)]


def _within(part: Tag, name: str) -> list[Tag]:
    return part.find_all(name, recursive=False)


def _classes(part: Tag) -> list[str]:
    return list(part.get("class") or ())


def _inner(part: Tag | None) -> str:
    assert part is not None
    return part.decode_contents()


def _count(part: Tag) -> int:
    return len(part.get_text().split())


def main(arguments: list[str]) -> int:
    """Make the decks of the built book anew."""
    if not (HTML / "index.html").is_file():
        sys.exit("There are no pages yet: python -m bookmaking html builds them, and the decks.")
    make(HTML, TOC)
    print(f"made {len(decks(TOC))} decks: {HTML / 'slides'}", flush=True)
    from bookmaking.html.projection import CHROMIUM, all_faults

    if CHROMIUM is None:
        sys.exit("They were not looked at: there is no Chromium (apt-get install chromium).")
    found = all_faults(HTML / "slides")
    print("\n".join(found) or "Everything fits on its slide, in letters of 24 pixels or more.")
    return bool(found)
