"""Compare an EPUB with the pages that it was made of, and run epubcheck."""

import posixpath
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

XHTML, MATHML = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/1998/Math/MathML}"
HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
RAW = re.compile(r"\{[\w-]+\}`|\$\$|<!--|```|:::|\\begin|\*\*")
"""Markup that a page's prose never shows."""


class Said(NamedTuple):
    """What a page says, and its file in the EPUB has to say as well."""

    headings: list[str]
    figures: list[str]
    """Their alternative texts."""
    equations: list[str]
    """Their numbers."""
    formulas: list[str]
    heads: list[str]
    """Header cells of tables."""


def problems(path: Path, said: dict[str, Said]) -> list[str]:
    """Return what is wrong with an EPUB, in words.

    Parameters
    ----------
    path
        The file.
    said
        What each page has to say, by its name in the file.
    """
    pages, found = {}, []
    with ZipFile(path) as packed:
        names = {name.removeprefix("EPUB/") for name in packed.namelist()}
        for name in sorted(name for name in names if name.endswith(".xhtml")):
            try:
                pages[name] = ET.fromstring(packed.read(f"EPUB/{name}"))
            except ET.ParseError as error:
                found.append(f"{name} is not XML: {error}")
    anchors = {name: {tag.get("id") for tag in page.iter()} for name, page in pages.items()}
    for name in [name for name in said if name in pages]:
        for kind, wanted, there in zip(Said._fields, said[name], _said(pages[name]), strict=True):
            if there != wanted:
                found.append(f"{name} has other {kind} than its page: {there}, not {wanted}")
    for name, page in pages.items():
        found += [f"{name} shows markup: {raw}" for raw in RAW.findall(_prose(page))]
        for address in _addresses(page):
            target, _, anchor = address.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
            target = target if address.partition("#")[0] else name
            if target not in names or (anchor and anchor not in anchors.get(target, ())):
                found.append(f"{name} links to {address}, which is not there")
    return found


def _said(page: ET.Element) -> Said:
    headings = [tag for tag in page.iter() if tag.tag.removeprefix(XHTML) in HEADINGS]
    return Said(
        [_text(heading) for heading in headings],
        [image.get("alt", "") for image in page.iter(f"{XHTML}img")],
        [_text(tag) for tag in page.iter() if tag.get("class") == "eqno"],
        [_text(formula) for formula in page.iter(f"{MATHML}math")],
        [_text(head) for head in page.iter(f"{XHTML}th")],
    )


def _text(element: ET.Element) -> str:
    return squeezed("".join(element.itertext()))


def _prose(element: ET.Element) -> str:
    if element.tag in (f"{XHTML}pre", f"{XHTML}code"):
        return ""
    return (element.text or "") + "".join(_prose(part) + (part.tail or "") for part in element)


def _addresses(page: ET.Element) -> Iterator[str]:
    for tag in page.iter():
        address = tag.get("href", tag.get("src"))
        if address is not None and not re.match(r"https?://|mailto:", address):
            yield address


def epubcheck(path: Path) -> list[str]:
    """Return what epubcheck says of an EPUB; if it is not installed, say so."""
    program = shutil.which("epubcheck")
    if program is None:
        print("The EPUB was not checked by epubcheck, which Debian and Ubuntu have: epubcheck.")
        return []
    is_java = Path(program).read_bytes()[:2] == b"PK"  # as in Debian; elsewhere a script
    command = [*(["java", "-jar"] if is_java else []), program, "--failonwarnings", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    return [done.stdout + done.stderr] if done.returncode else []


def squeezed(text: str) -> str:
    """Return text on one line, with single spaces."""
    return " ".join(text.split())
