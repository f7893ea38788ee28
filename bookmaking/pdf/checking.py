"""Check a printed book against the pages that it was made from."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, PdfObject

from bookmaking.pdf.printing import HEADINGS, bookmarks, one

RAW = re.compile(
    r"\{[a-z-]+\}`|:::|```|\$\$|<!--|\]\((?:https?:|#|[\w-]+\.ipynb)|&[a-z]+;|</?(?:div|span|p|td)\b"
)
"""Markup that should have been set: of MyST, of formulas, of comments, of HTML."""
BUILT = {"a heading": r"<h[123]\b", "a figure": r"<figure\b", "a number": r'class="eqno"'}
"""What is counted on a built page, and is in the merged one as often."""
MERGED = {"a heading": ".level-1, .level-2, .level-3", "a figure": "figure", "a number": ".eqno"}


def faults(document: BeautifulSoup, pdf: Path, html: Path) -> list[str]:
    """Return what is wrong with a printed book, a sentence for each fault.

    Parameters
    ----------
    document
        The merged pages that were printed.
    pdf
        The print.
    html
        Folder of the built pages.
    """
    reader = PdfReader(pdf)
    sheets = [_plain(page.extract_text()) for page in reader.pages]
    found = [*_left_out(document, html), *_not_tagged(document, reader)]
    found += _dead_links(document, reader)

    headings, marks = document.select(HEADINGS), bookmarks(reader)
    if len(headings) != len(marks):
        return [*found, f"{len(headings)} headings have {len(marks)} bookmarks."]
    starts = {}
    for heading, (title, sheet) in zip(headings, marks, strict=True):
        text = _plain(heading.get_text())
        starts[heading["id"]] = sheet
        # Chromium doubles some titles that stand at the head of a sheet.
        if _plain(title) not in (text, 2 * text) or text not in sheets[sheet - 1]:
            found.append(f"The heading {heading.get_text()!r} is not on its sheet, {sheet}.")

    articles = document.find_all("article")
    firsts = [starts[one(article, ".level-1")["id"]] for article in articles]
    for article, first, end in zip(articles, firsts, [*firsts[1:], len(sheets) + 1], strict=True):
        text = "".join(sheets[first - 1 : end - 1])
        found += [f"{article['id']}, {fault}" for fault in _wrong_text(article, text)]
    return found


def _plain(text: str) -> str:
    """Return a text without spaces and ligatures, which differ between a page and its print."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))


def _left_out(document: BeautifulSoup, html: Path) -> Iterator[str]:
    """Yield what the merged pages have less often than the built ones."""
    for article in document.find_all("article"):
        page = (html / "chapters" / f"{article['id']}.html").read_text(encoding="utf-8")
        body = page.partition("<article")[2].partition("</article>")[0]
        for kind, pattern in BUILT.items():
            built, merged = len(re.findall(pattern, body)), len(article.select(MERGED[kind]))
            if built != merged:
                yield f"{article['id']}: {kind} is there {merged} times, not {built} times."


def _wrong_text(article: Tag, text: str) -> Iterator[str]:
    """Yield the captions and equations that the print of a page lacks, and raw markup in it."""
    for label in article.select(".caption-number, .eqno, figcaption"):
        if _plain(label.get_text()) not in text:
            yield f"missing: {label.get_text().strip()}"
    code = "".join(part.get_text() for part in article.select("code, pre"))
    for mark, count in (Counter(RAW.findall(text)) - Counter(RAW.findall(_plain(code)))).items():
        yield f"raw markup, {count} times: {mark}"


def _not_tagged(document: BeautifulSoup, reader: PdfReader) -> Iterator[str]:
    """Yield what readers of the screen, and searches for the book, would miss."""
    root = reader.root_object
    if (
        not root.get("/MarkInfo", {}).get("/Marked")
        or root.get("/Lang") != one(document, "html")["lang"]
    ):
        yield "The PDF is not tagged, or does not say its language."
    if not reader.metadata or reader.metadata.title != one(document, "title").string:
        yield "The PDF does not say its title."
    parts = list(_parts(root.get("/StructTreeRoot")))
    described = Counter(_plain(str(part["/Alt"])) for part in parts if "/Alt" in part)
    wanted = Counter(_plain(str(image["alt"])) for image in document.find_all("img"))
    for text in wanted - described:
        yield f"A figure is missing, or its description: {text}"
    tables = sum(part.get("/S") == "/Table" for part in parts)
    if tables < len(document.find_all("table")):
        yield f"{tables} tables are tagged, of {len(document.find_all('table'))}."


def _parts(top: PdfObject | None) -> Iterator[DictionaryObject]:
    """Yield all elements of the tree of tags."""
    waiting = [top]
    while waiting:
        part = waiting.pop()
        part = part.get_object() if part is not None else None
        if isinstance(part, ArrayObject):
            waiting += part
        elif isinstance(part, DictionaryObject):
            yield part
            waiting.append(part.get("/K"))


def _dead_links(document: BeautifulSoup, reader: PdfReader) -> Iterator[str]:
    """Yield the links that lead nowhere, in the document and in its print."""
    ids = {part["id"] for part in document.find_all(id=True)}
    links = [str(link["href"]) for link in document.find_all("a", href=True)]
    wrong = {link for link in links if link[:1] == "#" and link[1:] not in ids}
    wrong |= {link for link in links if not link.startswith(("#", "https://", "http://"))}
    inner = {link[1:] for link in links if link[:1] == "#"} & ids
    wrong |= inner - {name.removeprefix("/") for name in reader.named_destinations}
    yield from (f"A link leads nowhere: {link}" for link in sorted(wrong))
