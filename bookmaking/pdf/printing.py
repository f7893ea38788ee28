"""Print a document with Chromium, with the numbers of pages in its contents."""

import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Page, sync_playwright
from pypdf import PdfReader
from pypdf.generic import Destination

FLAGS = ["--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
HEADINGS = "h1, h2, h3, h4"
"""What Chromium makes bookmarks of, in the document."""
SCALE = 0.8
WIDTH = 803
"""Dots between the margins of a sheet, at that scale: 170 mm."""
FIT = """
  await Promise.all([...document.fonts].map(face => face.load()));
  const wide = ".table-scrolls, .pst-scrollable-table-container, .formula";
  for (const box of document.querySelectorAll(wide)) {
    const part = box.firstElementChild;
    const ratio = box.clientWidth / box.scrollWidth;
    if (part && ratio < 1) part.style.zoom = Math.floor(ratio * 99) / 100;
  }
  return [...document.querySelectorAll("main *")]
    .filter(part => part.scrollWidth > part.clientWidth + 8 && part.clientWidth > 0
      && getComputedStyle(part).display !== "inline" && !part.closest("math, svg"))
    .map(part => `${part.closest("[id]")?.id}: ${part.textContent.trim().slice(0, 60)}`);
"""
"""Make what is too wide fit, and return what still is, by more than the padding of some code."""


def print_document(document: BeautifulSoup, folder: Path) -> tuple[Path, list[str]]:
    """Print a document twice: only the first print tells on which page each heading is.

    Parameters
    ----------
    document
        The merged pages; the numbers in its contents are filled in.
    folder
        Where to write the document and the PDF.

    Returns
    -------
    The PDF, and what does not fit a sheet of paper
    """
    source, pdf = folder / "book.html", folder / "book.pdf"
    folder.mkdir(parents=True, exist_ok=True)
    with _page() as page:
        for again in (False, True):
            source.write_text(str(document), encoding="utf-8")
            page.goto(source.as_uri())
            page.emulate_media(media="print")
            cut = page.evaluate(f"async () => {{ {FIT} }}")
            page.pdf(
                path=pdf,
                scale=SCALE,
                prefer_css_page_size=True,
                print_background=True,
                tagged=True,
                outline=True,
            )
            if not again:
                _number(document, pdf)
    return pdf, cut


def chromium() -> str:
    """Return the path of Chromium, or exit if it is not installed."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    return found or sys.exit("Chromium prints the book, and is not here: apt-get install chromium")


@contextmanager
def _page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
        page.set_default_timeout(0)  # hundreds of sheets take minutes
        yield page
        browser.close()


def _number(document: BeautifulSoup, pdf: Path) -> None:
    """Write the numbers of pages into the contents."""
    headings = document.select(HEADINGS)
    marks = zip(headings, bookmarks(PdfReader(pdf)), strict=True)
    numbers = {f"#{heading['id']}": str(number) for heading, (_, number) in marks}
    for line in document.select(".whole-contents a"):
        one(line, ".page-number").string = numbers[str(line["href"])]


def bookmarks(reader: PdfReader) -> list[tuple[str, int]]:
    """Return the words of all bookmarks of a PDF, in order, and the numbers of their pages."""
    number = reader.get_destination_page_number
    return [
        (" ".join(str(mark.title).split()), 1 + int(number(mark) or 0))
        for mark in flat(reader.outline)
    ]


def one(tag: Tag, selector: str) -> Tag:
    """Return the first part of a document that a selector of CSS means."""
    (found,) = tag.select(selector, limit=1)
    return found


def flat(marks: Iterable[Any]) -> Iterator[Destination]:
    """Yield bookmarks in order, without their levels."""
    for mark in marks:
        if isinstance(mark, list):
            yield from flat(mark)
        else:
            yield mark
