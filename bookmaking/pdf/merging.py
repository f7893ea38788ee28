"""Merge the built pages into one document, as paper needs it.

What teaches is open: answers, solutions, "Coming from brms", the code of a solution's figures. What
checks or only draws is left out: assertions, the code of other figures, and the tables behind them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import matplotlib
import yaml
from bs4 import BeautifulSoup, Tag

STYLE = Path(__file__).with_name("pdf.css")
LEFT_OUT = [
    ".tag_hide-cell",  # checks, and data of what moves
    ".tag_hide-input:not(.tag_solution) > details",
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
    contents = yaml.safe_load(toc.read_text(encoding="utf-8"))
    drawings = {file.stem: file for file in vectors.glob("*/*.svg")}
    parts = [("", [contents["root"]])]
    for part in contents.get("parts", []):
        parts.append((part["caption"], [page["file"] for page in part["chapters"]]))

    merged = BeautifulSoup(FRAME, "html.parser")
    main, listed = merged.main, merged.nav
    assert main and merged.head and listed
    for name in ("title", "author", "edition"):
        for place in merged.select(f"title, .the-{name}" if name == "title" else f".the-{name}"):
            place.string = facts[name]
    sheets: dict[str, None] = {}  # a set that keeps the order
    rules = [_font(*face, file) for face, file in FONTS.items()]
    rules.append(STYLE.read_text(encoding="utf-8"))
    for caption, files in parts:
        # The students' edition, which takes the book's place at times, lacks some pages.
        names = [Path(file).name for file in files if (html / f"{file}.html").is_file()]
        if caption and names:
            heading = _new("h1", caption, id=f"part.{names[0]}", attrs={"class": "part"})
            listed.append(_line(heading, "part"))
        for name in names:
            page = BeautifulSoup(
                (html / "chapters" / f"{name}.html").read_text(encoding="utf-8"), "html.parser"
            )
            for sheet in page.find_all("link", rel="stylesheet"):
                path = str(sheet["href"]).partition("?")[0]
                sheets[(html / "chapters" / path).resolve().as_uri()] = None
            article = page.article
            assert article and article.h1
            _prepare(article, name, html, drawings, lower=bool(caption))
            title = article.select_one(".level-1")
            assert title
            rules.append(_head_line(name, title.get_text()))
            listed.append(_line(title, "page"))
            if caption and name == names[0]:
                article.insert(0, heading)
            main.append(article)
    merged.head.extend(_new("link", rel="stylesheet", href=sheet) for sheet in sheets)
    merged.head.append(_new("style", "\n".join(rules)))
    return merged


FRAME = f"""<!DOCTYPE html>
<html lang="en" data-theme="light" data-mode="light">
<head><meta charset="utf-8"><title></title></head>
<body><main class="bd-content" id="book">
<header class="title-page"><p class="the-title"></p><p class="the-author"></p>
<p class="the-edition"></p><p class="note">{NOTE}</p></header>
<nav class="whole-contents"><h1 id="contents">Contents</h1></nav>
</main></body></html>"""


def _new(name: str, text: str = "", **attributes: Any) -> Tag:
    tag = BeautifulSoup("", "html.parser").new_tag(name, **attributes)
    if text:
        tag.string = text
    return tag


def _font(family: str, style: str, weight: int, file: str) -> str:
    address = Path(matplotlib.get_data_path(), "fonts", "ttf", file).as_uri()
    face = f'font-family: "{family}"; font-style: {style}; font-weight: {weight}'
    return f'@font-face {{ {face}; src: url("{address}"); }}'


def _line(heading: Tag, kind: str) -> Tag:
    """Return a line of the contents, with a place for the number of the page."""
    line = _new("a", heading.get_text(), href=f"#{heading['id']}", attrs={"class": kind})
    line.append(_new("span", "000", attrs={"class": "page-number"}))
    return line


def _head_line(name: str, title: str) -> str:
    """Return the rule that prints the title of a page at the head of its sheets."""
    rule = f"@page {name} {{ @top-right {{ content: {json.dumps(title, ensure_ascii=False)}; }} }}"
    return f"{rule}\n#{name} {{ page: {name}; }}"


def _prepare(
    article: Tag, name: str, html: Path, drawings: Mapping[str, Path], lower: bool
) -> None:
    """Change a page in place: folds, names of its parts, links, figures, levels of headings."""
    for part in article.select(", ".join(LEFT_OUT)):
        part.decompose()
    for part in article.select(", ".join(NOT_NEEDED)):
        part.unwrap()
    for fold in article.find_all("details"):
        _open(fold)
    for box in article.select(".dropdown"):
        box["class"] = [each for each in box["class"] if each != "dropdown"]
    for image in article.find_all("img"):
        del image["loading"]
        file = (html / "chapters" / str(image["src"])).resolve()
        image["src"] = drawings.get(file.stem, file).as_uri()
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
    summary = fold.summary
    assert summary
    words = summary.select_one(".sd-summary-text, p") or summary
    title = _new("p", words.get_text(strip=True), attrs={"class": "opened-title"})
    summary.decompose()
    for content in fold.select(":scope > .sd-summary-content"):
        content.unwrap()
    fold.name, fold["class"] = "div", ["opened"]
    fold.insert(0, title)


def _within(address: str, name: str) -> str:
    """Return the address of a link of a page, within the document if it led to another page."""
    file, _, anchor = address.partition("#")
    if file and (":" in file or not file.endswith(".html")):
        return address
    target = file.removesuffix(".html") or name
    return f"#{target}.{unquote(anchor)}" if anchor else f"#{target}"
