"""Print a document with Chromium, with the numbers of pages in its contents."""

import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
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
  await document.fonts.ready;
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
    places = bookmarks(PdfReader(pdf))
    headings = document.select(HEADINGS)
    numbers = {
        heading["id"]: number for heading, (_, number) in zip(headings, places, strict=True)
    }
    for line in document.select(".whole-contents a"):
        line.select_one(".page-number").string = str(numbers[line["href"][1:]])


def bookmarks(reader: PdfReader) -> list[tuple[str, int]]:
    """Return the words of all bookmarks of a PDF, in order, and the numbers of their pages."""
    numbers = {page.indirect_reference.idnum: k for k, page in enumerate(reader.pages, start=1)}
    return [
        (" ".join(str(mark.title).split()), numbers[mark.page.idnum])
        for mark in flat(reader.outline)
    ]


def flat(marks: Iterable[Any]) -> Iterator[Destination]:
    """Yield bookmarks in order, without their levels."""
    for mark in marks:
        if isinstance(mark, list):
            yield from flat(mark)
        else:
            yield mark
