"""The command ``pdf``: build the book, print it, check the print, and put it beside the pages."""

import shutil
import sys
import tomllib
from pathlib import Path

import yaml
from bs4 import BeautifulSoup
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

from bookmaking import book
from bookmaking.html.archives import BOOK_PDF, offer
from bookmaking.locking import only_one
from bookmaking.paths import BUILD, EXECUTED, HTML, ROOT, TOC
from bookmaking.pdf.checking import faults
from bookmaking.pdf.merging import merge
from bookmaking.pdf.printing import HEADINGS, chromium, flat, one, print_document
from multilevel.files import atomic

FOLDER = BUILD / "pdf"


def main(arguments: list[str]) -> int:
    """Print the book as ``_build/html/multilevel-models.pdf``.

    With ``--quick``, nothing is executed, and figures without a stored drawing are pixels.
    """
    if arguments not in ([], ["--quick"]):
        sys.exit("usage: python -m bookmaking pdf [--quick]")
    chromium()
    (book.html if arguments else book.book)([])
    with only_one(*book.BUILD_LOCK):
        document = merge(HTML, TOC, facts(), EXECUTED / "vectors")
        refuse_pixels(document, bool(arguments))
        pdf = checked_print(document, FOLDER, HTML)
        with atomic(HTML / BOOK_PDF) as temporary:
            shutil.copy(pdf, temporary)
        offer(BOOK_PDF, "the whole book as one PDF")
    sheets = len(PdfReader(pdf).pages)
    print(f"printed {sheets} sheets, {pdf.stat().st_size / 1e6:.0f} MB: open {HTML / BOOK_PDF}")
    return 0


def facts() -> dict[str, str]:
    """Return what the page of the title says."""
    said = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    edition = f"Version {project['version']}, {said['copyright']}. Text and figures: CC BY 4.0."
    return {"title": said["title"], "author": said["author"], "edition": edition}


def refuse_pixels(document: BeautifulSoup, accepted: bool) -> None:
    """Exit if figures have no drawing, unless that is accepted; then say how many."""
    if heavy := len(document.select("img.heavy")):
        print(f"{heavy} figures have too many points to be vectors, and are pixels.", flush=True)
    missing = 'img:not([src$=".svg"], .heavy)'
    pixels = document.select(missing)
    pages = [str(page["id"]) for page in document.select(f"article:has({missing})")]
    if pixels:
        words = f"{len(pixels)} figures are pixels, not vectors, on {', '.join(pages)}."
        if not accepted:
            sys.exit(f"{words} To print them nevertheless: python -m bookmaking pdf --quick")
        print(words, flush=True)


def checked_print(document: BeautifulSoup, folder: Path, html: Path) -> Path:
    """Print a document, and return the PDF.

    Raises
    ------
    SystemExit
        Something is missing, cut off, or not set; the message says what.
    """
    pdf, cut = print_document(document, folder)
    wrong = [f"Wider than the sheet: {part}" for part in cut] + faults(document, pdf, html)
    if wrong:
        sys.exit("\n".join([f"The PDF is not right, and stays at {pdf}.", *wrong]))
    _finish(document, pdf)
    return pdf


def _finish(document: BeautifulSoup, pdf: Path) -> None:
    """Write who made the book, and each bookmark once, where Chromium doubles its words."""
    writer = PdfWriter(pdf, incremental=True)
    author = one(document, ".the-author").get_text()
    writer.add_metadata({"/Author": author, "/Creator": "bookmaking"})
    for heading, mark in zip(document.select(HEADINGS), flat(writer.outline), strict=True):
        if mark.node is not None:
            mark.node[NameObject("/Title")] = TextStringObject(heading.get_text())
    writer.write(pdf)
