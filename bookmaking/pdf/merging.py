"""Merge the built pages into one document, as paper needs it.

What teaches is open: answers, solutions, "Coming from brms", the code of a solution's figures. What
checks or only draws is left out: assertions, the code of other figures, and the tables behind them.
"""

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from urllib.parse import unquote

import matplotlib
import yaml
from bs4 import BeautifulSoup, Tag

from bookmaking.pdf.printing import one

STYLE = Path(__file__).with_name("pdf.css")
LEFT_OUT = [
    ".tag_hide-cell",  # checks, and data of what moves
    ".tag_hide-input:not(.tag_solution) > details",
    ".tag_hide-output > details",  # a table of hundreds of rows
    ".figure-numbers",
    ".headerlink",
    ".page-times",
    ".page-ways",
    ".toctree-wrapper",
    "script",
    "style",  # that of pandas; the book has its own
]
NOT_NEEDED = [".highlight span:is(:not([class]), .n, .nn, .o, .p, .w)", "span:is(.pre, .std)"]
"""Tens of thousands of elements that look like what is around them: each is a part of the PDF."""
HEAVIEST = 1_500_000
"""Bytes of a drawing; one with more points than that is printed as pixels."""
FONTS = {
    ("Book", "normal", 400): "STIXGeneral.ttf",
    ("Book", "italic", 400): "STIXGeneralItalic.ttf",
    ("Book", "normal", 700): "STIXGeneralBol.ttf",
    ("Book", "italic", 700): "STIXGeneralBolIta.ttf",
    ("Book code", "normal", 400): "DejaVuSansMono.ttf",
    ("Book code", "normal", 700): "DejaVuSansMono-Bold.ttf",
}
"""Fonts that Matplotlib brings along, by family, style and weight: the same on every machine."""
NOTE = (
    "Answers and solutions are open in this edition: cover them until you have your own. "
    "The code of most figures, the numbers behind them, and the code that checks each claim are "
    "in the notebooks, and on the pages for the browser."
)


def merge(html: Path, toc: Path, facts: Mapping[str, str], vectors: Path) -> BeautifulSoup:
    """Return the book as one document, with the numbers of pages still missing in its contents.

    Parameters
    ----------
    html
        Folder of the built pages.
    toc
        The table of contents.
    facts
        ``title``, ``author``, ``edition``: for the page of the title.
    vectors
        Folder with figures as SVG, in subfolders, named as the PNG that they replace.
    """
    drawings = {file.stem: file for file in vectors.glob("*/*.svg")}
    escaped = {name: escape(words) for name, words in facts.items()}
    merged = BeautifulSoup(FRAME.format(note=NOTE, **escaped), "html.parser")
    head, main, listed = (one(merged, name) for name in ("head", "main", "nav"))
    sheets: dict[str, None] = {}  # a set that keeps the order
    rules = [_font(*face, file) for face, file in FONTS.items()]
    rules.append(STYLE.read_text(encoding="utf-8"))
    part = ""
    for caption, file in _pages(toc, html):
        page = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
        for sheet in page.find_all("link", rel="stylesheet"):
            path = str(sheet["href"]).partition("?")[0]
            sheets[file.parent.joinpath(path).resolve().as_uri()] = None
        article = one(page, "article")
        _prepare(article, file, drawings, lower=bool(caption))
        title = one(article, ".level-1")
        rules.append(_head_line(file.stem, title.get_text()))
        if caption != part:
            part, heading = caption, _new("h1", caption, id=f"part.{file.stem}", class_="part")
            listed.append(_line(heading, "part"))
            article.insert(0, heading)
        listed.append(_line(title, "page"))
        main.append(article)
    head.extend(_new("link", rel="stylesheet", href=sheet) for sheet in sheets)
    head.append(_new("style", "\n".join(rules)))
    return merged


FRAME = """<!DOCTYPE html>
<html lang="en" data-theme="light" data-mode="light">
<head><meta charset="utf-8"><title>{title}</title></head>
<body><main class="bd-content" id="book">
<header class="title-page"><p class="the-title">{title}</p><p class="the-author">{author}</p>
<p class="the-edition">{edition}</p><p class="note">{note}</p></header>
<nav class="whole-contents"><h1 id="contents">Contents</h1></nav>
</main></body></html>"""


def _pages(toc: Path, html: Path) -> Iterator[tuple[str, Path]]:
    """Yield the part and the file of each page; the students' edition lacks some of them."""
    contents = yaml.safe_load(toc.read_text(encoding="utf-8"))
    first = {"caption": "", "chapters": [{"file": contents["root"]}]}
    for part in [first, *contents.get("parts", [])]:
        files = [html / f"{page['file']}.html" for page in part["chapters"]]
        yield from ((part["caption"], file) for file in files if file.is_file())


def _new(name: str, text: str = "", **attributes: str) -> Tag:
    tag = Tag(name=name, attrs={key.rstrip("_"): value for key, value in attributes.items()})
    tag.append(text)
    return tag


def _font(family: str, style: str, weight: int, file: str) -> str:
    address = Path(matplotlib.get_data_path(), "fonts", "ttf", file).as_uri()
    face = f'font-family: "{family}"; font-style: {style}; font-weight: {weight}'
    return f'@font-face {{ {face}; src: url("{address}"); }}'


def _line(heading: Tag, kind: str) -> Tag:
    """Return a line of the contents, with a place for the number of the page."""
    line = _new("a", heading.get_text(), href=f"#{heading['id']}", class_=kind)
    line.append(_new("span", "000", class_="page-number"))
    return line


def _head_line(name: str, title: str) -> str:
    """Return the rule that prints the title of a page at the head of its sheets."""
    rule = f"@page {name} {{ @top-right {{ content: {json.dumps(title, ensure_ascii=False)}; }} }}"
    return f"{rule}\n#{name} {{ page: {name}; }}"


def _prepare(article: Tag, page: Path, drawings: Mapping[str, Path], lower: bool) -> None:
    """Change a page in place: folds, names of its parts, links, figures, levels of headings."""
    name = page.stem
    for part in article.select(", ".join(LEFT_OUT)):
        part.decompose()
    for part in article.select(", ".join(NOT_NEEDED)):
        part.unwrap()
    for fold in article.find_all("details"):
        _open(fold)
    for box in article.select(".dropdown"):
        box["class"] = " ".join(each for each in box["class"] if each != "dropdown")
    for image in article.find_all("img"):
        del image["loading"]
        file = page.parent.joinpath(str(image["src"])).resolve()
        drawing = drawings.get(file.stem, file)
        if drawing.stat().st_size > HEAVIEST:
            drawing, image["class"] = file, "heavy"
        image["src"] = drawing.as_uri()
        if isinstance(image.parent, Tag) and image.parent.name == "a":
            image.parent.unwrap()
    for part in article.find_all(id=True):
        part["id"] = f"{name}.{part['id']}"
    for link in article.find_all("a", href=True):
        link["href"] = _within(str(link["href"]), name)
    for level in (3, 2, 1):
        for heading in article.find_all(f"h{level}"):
            heading.name, heading["class"] = f"h{level + lower}", f"level-{level}"
            if isinstance(heading.parent, Tag) and heading.parent.name == "section":
                heading["id"] = f"{heading.parent['id']}.heading"
    article["id"] = name


def _open(fold: Tag) -> None:
    """Replace a fold by what is in it, below its words."""
    summary = one(fold, "summary")
    words = summary.select_one(".sd-summary-text, p") or summary
    title = _new("p", words.get_text(strip=True), class_="opened-title")
    summary.decompose()
    for content in fold.select(":scope > .sd-summary-content"):
        content.unwrap()
    fold.name, fold["class"] = "div", "opened"
    fold.insert(0, title)


def _within(address: str, name: str) -> str:
    """Return the address of a link of a page, within the document if it led to another page."""
    file, _, anchor = address.partition("#")
    if file and (":" in file or not file.endswith(".html")):
        return address
    target = file.removesuffix(".html") or name
    return f"#{target}.{unquote(anchor)}" if anchor else f"#{target}"
