"""Make an EPUB of the built pages: the whole book in one file, for e-readers.

Formulas stay MathML. What needs a browser is left out, as are the checks and the numbers of the
figures, which the pages have. The file is put in place after it was compared with the pages.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from base64 import b64decode
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import yaml
from bs4 import BeautifulSoup, Tag

from bookmaking.epub.checking import HEADINGS, Said, epubcheck, problems, squeezed
from bookmaking.html.archives import EPUB
from bookmaking.paths import BOOKMAKING, ROOT
from multilevel.files import atomic

HERE, STATIC = BOOKMAKING / "epub", BOOKMAKING / "html" / "static"

ARTICLE = re.compile(r"<article.*</article>", re.DOTALL)
PLAIN = re.compile(r'<span class="(?:[abd-jln-rt-z]\w?|pre)">([^<]*)</span>')
"""Code that is not set off: neither a comment nor a keyword, a string or a number."""
NOT_READ = ".headerlink, .figure-numbers, .tag_raises-exception"
"""What the EPUB leaves to the pages, besides what needs a browser."""
NEEDS_BROWSER = ".page-ways, .toctree-wrapper, script, style, [data-refit] + .cell"
BARE = {"style", "title", "border", "halign", "valign", "loading", "data-refit", "data-explorable"}
"""Attributes that are left out."""
REFIT = "In the web pages of this book, you can fit the model again here, with your own choices."
LEFT_OUT = (
    "This e-book has the text, code, figures, tables and formulas of the book’s web pages. The "
    "checks of the text, the numbers of each figure, and what moves are on the web pages alone."
)
FEATURES = ["MathML", "alternativeText", "tableOfContents", "structuralNavigation"]
FONT = re.compile(r'url\("data:font/woff2;base64,([^"]+)"\)')
TYPES = {".xhtml": "application/xhtml+xml", ".css": "text/css", ".png": "image/png"}
TYPES |= {".woff2": "font/woff2", ".txt": "text/plain", ".svg": "image/svg+xml"}


class Part(NamedTuple):
    """Part of the book, with the names and the titles of its pages."""

    title: str
    pages: list[tuple[str, str]]


def make(html: Path) -> Path:
    """Make the EPUB of built pages, in their folder.

    Parameters
    ----------
    html
        The folder of the pages, in which nothing else is changed.

    Returns
    -------
    The file, ``EPUB``

    Raises
    ------
    SystemExit
        Something of a page is missing in the file, a link leads nowhere, or epubcheck, if it is
        installed, found an error. An older file is left as it is.
    """
    parts = contents(html)
    sources = [html / "chapters" / f"{name}.html" for part in parts for name, _ in part.pages]
    with ProcessPoolExecutor() as processes:
        converted = dict(zip(sources, processes.map(convert, sources), strict=True))
    files: dict[str, str | bytes] = {
        f"chapters/{source.stem}.xhtml": text for source, (text, _) in converted.items()
    }
    said = {f"chapters/{source.stem}.xhtml": said for source, (_, said) in converted.items()}
    files["nav.xhtml"] = _navigation(parts)
    files |= {f"_images/{file.name}": file.read_bytes() for file in _pictures(html, files)}
    files |= _look()
    with TemporaryDirectory() as folder:
        draft = Path(folder, EPUB)
        write(draft, files, list(said))
        if found := problems(draft, said) + _missing(html, said) or epubcheck(draft):
            sys.exit("\n".join([f"{EPUB} was not made:", *found]))
        with atomic(html / EPUB) as temporary:
            shutil.copy(draft, temporary)
    print(f"made {html / EPUB}", flush=True)
    return html / EPUB


def contents(html: Path) -> list[Part]:
    """Read the parts of the book from the menu of its first page, which is a part of its own."""
    index = (html / "index.html").read_text(encoding="utf-8")
    (first,) = re.findall(r"chapters/([\w-]+)\.html", index)
    page = (html / "chapters" / f"{first}.html").read_text(encoding="utf-8")
    parts = [Part("", [])]
    menu = BeautifulSoup(page, "html.parser").select_one("nav.bd-docs-nav")
    assert menu is not None
    for entry in menu.select(".caption, li > a"):
        text = entry.get_text().strip()
        if entry.name == "a":
            parts[-1].pages.append((str(entry["href"]).replace("#", first).split(".")[0], text))
        else:
            parts.append(Part(text, []))
    return parts


def convert(source: Path) -> tuple[str, Said]:
    """Return a page's article as XHTML, and what the page says.

    Parameters
    ----------
    source
        The built page.
    """
    article = ARTICLE.search(source.read_text(encoding="utf-8"))
    assert article is not None, source
    soup = BeautifulSoup(PLAIN.sub(r"\1", article[0]), "html.parser")
    _drop(soup, NOT_READ)
    said = Said(
        [squeezed(heading.get_text()) for heading in soup(HEADINGS)],
        [str(image["alt"]) for image in soup("img")],
        [number.get_text() for number in soup.select(".eqno")],
        [squeezed(formula.get_text()) for formula in soup("math")],
        [squeezed(head.get_text()) for head in soup("th")],
    )
    _drop(soup, NEEDS_BROWSER)
    for panel in soup.select("[data-refit]"):
        panel.string = REFIT
    _fold(soup)
    _clean(soup)
    return _page(said.headings[0], str(soup), "../"), said


def _drop(soup: BeautifulSoup, parts: str) -> None:
    for part in soup.select(parts):
        part.decompose()


def _fold(soup: BeautifulSoup) -> None:
    """Fold without a script what the pages fold with one."""
    for fold in soup.select("div.dropdown"):
        fold.name = "details"
        title = fold.find(class_="admonition-title")
        assert isinstance(title, Tag)
        title.name = "summary"
    for summary in soup("summary"):
        words = summary.select_one(".admonition-title, .sd-summary-text") or summary
        summary.string = words.get_text().strip()


def _clean(soup: BeautifulSoup) -> None:
    """Leave what EPUB allows, and let links lead to files of the EPUB."""
    seen: set[Any] = set()
    for link in soup.select(".image-reference"):
        link.unwrap()
    for fraction in soup.select("mfrac[displaystyle]"):  # which MathML 3 has on mstyle alone
        style = fraction.wrap(soup.new_tag("mstyle"))
        style.attrs, fraction.attrs = fraction.attrs, {}
    for tag in soup(True):
        for attribute in BARE & tag.attrs.keys():
            del tag[attribute]
        if tag.get("id") in seen:  # Sphinx gives all exercises of a page the same one
            del tag["id"]
        seen.add(tag.get("id"))
        if "href" in tag.attrs:
            tag["href"] = re.sub(r"^([\w-]+)\.html\b", r"\1.xhtml", str(tag["href"]))


def _page(title: str, body: str, root: str) -> str:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" \
lang="en" xml:lang="en">
<head><title>{escape(title)}</title>
<link rel="stylesheet" href="{root}formulas.css"/><link rel="stylesheet" href="{root}epub.css"/>
</head>
<body>{body}</body>
</html>
"""


def _navigation(parts: list[Part]) -> str:
    """Return the table of contents, what the EPUB leaves out, and the landmarks of the book."""
    (first, *parts), body = parts, ""
    for part in [*(Part("", [page]) for page in first.pages), *parts]:
        pages = "".join(
            f'<li><a href="chapters/{name}.xhtml">{escape(title)}</a></li>\n'
            for name, title in part.pages
        )
        body += (
            f"<li><span>{escape(part.title)}</span><ol>\n{pages}</ol></li>\n"
            if part.title
            else pages
        )
    start = next(name for part in [*parts, first] for name, _ in part.pages)
    return _page(
        "Contents",
        f"""<nav epub:type="toc"><h1>Contents</h1><ol>
{body}</ol></nav>
<p>{LEFT_OUT}</p>
<nav epub:type="landmarks" hidden="hidden"><h2>Landmarks</h2><ol>
<li><a epub:type="toc" href="nav.xhtml">Contents</a></li>
<li><a epub:type="bodymatter" href="chapters/{start}.xhtml">Start</a></li>
</ol></nav>""",
        "",
    )


def _pictures(html: Path, files: Mapping[str, str | bytes]) -> list[Path]:
    """Return the pictures that the pages show."""
    shown = {name for text in files.values() for name in re.findall(r'_images/([^"]+)"', str(text))}
    return [html / "_images" / name for name in sorted(shown)]


def _look() -> dict[str, str | bytes]:
    """Return the styles, the cover, and the font of formulas as a file of its own."""
    formulas = (STATIC / "formulas.css").read_text(encoding="utf-8")
    font = FONT.search(formulas)
    assert font is not None
    return {
        "epub.css": (HERE / "epub.css").read_text(encoding="utf-8"),
        "formulas.css": FONT.sub('url("formulas.woff2")', formulas),
        "formulas.woff2": b64decode(font[1]),
        "OFL.txt": (STATIC / "OFL.txt").read_bytes(),
        "cover.png": (HERE / "cover.png").read_bytes(),
    }


def write(path: Path, files: Mapping[str, str | bytes], spine: list[str]) -> None:
    """Write an EPUB: the same files give the same bytes at one commit.

    Parameters
    ----------
    path
        The file to write.
    files
        Contents by name.
    spine
        Names of the pages, in order.
    """
    moment = _moment()
    container = """<?xml version="1.0" encoding="utf-8"?>
<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>
<rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>
"""
    entries = {"mimetype": "application/epub+zip", "META-INF/container.xml": container}
    entries["EPUB/package.opf"] = _package(files, spine, moment)
    with ZipFile(path, "w") as packed:
        for name, content in (entries | {f"EPUB/{name}": files[name] for name in files}).items():
            info = ZipInfo(name, moment.timetuple()[:6])
            kept = name == "mimetype" or name.endswith((".png", ".woff2"))
            packed.writestr(info, content, ZIP_STORED if kept else ZIP_DEFLATED)


def _moment() -> datetime:
    """Return when the book was changed last: as SOURCE_DATE_EPOCH or the last commit says.

    No file in an archive is older than 1980.
    """
    said = os.environ.get("SOURCE_DATE_EPOCH")
    if said is None and shutil.which("git"):
        command = ["git", "log", "-1", "--format=%ct"]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    moment = datetime.fromtimestamp(int(said or (ROOT / "_toc.yml").stat().st_mtime), UTC)
    return max(moment, datetime(1980, 1, 1, tzinfo=UTC))


def _package(files: Mapping[str, str | bytes], spine: list[str], moment: datetime) -> str:
    """Return the description of the book: its metadata, its files, and the order of its pages."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    numbers = {name: f"f{number}" for number, name in enumerate(files)}
    kinds = {"nav.xhtml": "nav", "cover.png": "cover-image"}
    kinds |= {name: "mathml" for name in spine if "<math" in str(files[name])}
    items = "\n".join(
        f'<item id="{number}" href="{name}" media-type="{TYPES[Path(name).suffix]}"'
        + (f' properties="{kinds[name]}"/>' if name in kinds else "/>")
        for name, number in numbers.items()
    )
    order = "\n".join(f'<itemref idref="{numbers[name]}"/>' for name in ["nav.xhtml", *spine])
    described = {
        "accessMode": ["textual", "visual"],
        "accessModeSufficient": ["textual,visual", "textual"],
        "accessibilityFeature": FEATURES,
        "accessibilityHazard": ["none"],
        "accessibilitySummary": [
            "Formulas are MathML, every figure has an alternative text, and tables have header "
            "cells. The table of contents leads to every page, and pages have headings."
        ],
    }
    metas = "\n".join(
        f'<meta property="schema:{name}">{value}</meta>'
        for name, values in described.items()
        for value in values
    )
    title = escape(config["title"])
    return f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:{uuid5(NAMESPACE_URL, config["title"])}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator>{escape(config["author"])}</dc:creator>
<dc:language>en</dc:language>
<dc:date>{moment:%Y-%m-%d}</dc:date>
<dc:description>A reproducible course book, version {project["version"]}.</dc:description>
<dc:rights>Text and figures: CC BY 4.0. Code: MIT License.</dc:rights>
<meta property="dcterms:modified">{moment:%Y-%m-%dT%H:%M:%SZ}</meta>
{metas}
</metadata>
<manifest>
{items}
</manifest>
<spine>
{order}
</spine>
</package>
"""


def _missing(html: Path, said: dict[str, Said]) -> list[str]:
    built = {f"chapters/{page.stem}.xhtml" for page in (html / "chapters").glob("*.html")}
    return [f"{name} is missing" for name in sorted(built - said.keys())]
