"""The printed book has everything that its pages have; on two small pages, broken in many ways."""

import base64
import copy
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from bookmaking.html.archives import BOOK_PDF, offer, pack_pages
from bookmaking.notebooks.storing import keep_vector
from bookmaking.pdf import merging
from bookmaking.pdf.checking import faults
from bookmaking.pdf.make import checked_print, refuse_pixels
from bookmaking.pdf.merging import merge
from bookmaking.pdf.printing import bookmarks, one
from tests.chromium import NEEDS_CHROMIUM

DOT = base64.b64encode(b"a picture").decode()
DRAWING = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><path d="M0 0h90v60"/></svg>'
)
NAME = sha256(base64.b64decode(DOT)).hexdigest()
"""Of the picture, as MyST-NB writes it."""


pytestmark = NEEDS_CHROMIUM
FACTS = {"title": "A small book", "author": "Its authors", "edition": "First"}
TOC = """root: chapters/start
parts:
- caption: A part
  chapters:
  - file: chapters/second
"""
START = """<section id="start"><h1>Start<a class="headerlink" href="#start">#</a></h1>
<p class="page-ways">Run it.<span class="offline"> Read it: <a href="../all.zip">all</a>.</span></p>
<p>Read <a href="second.html">the page</a> and <a href="second.html#equation-one">this</a>.</p>
<section id="rules"><h2>Rules</h2><p>Write <code>:::{note}</code>.</p></section></section>"""
SECOND = f"""<section id="second"><h1>1. Second</h1>
<p>See <a href="start.html#rules">the rules</a> and <a href="#rules">these</a>.</p>
<section id="rules"><h2>Rules</h2>
<div class="math" id="equation-one"><span class="eqno">(1)</span>
<div class="formula"><math display="block"><mi>y</mi><mo>=</mo><mi>x</mi></math></div></div>
<details class="sd-dropdown"><summary>
<span class="sd-summary-text">Answer</span></summary>
<div class="sd-summary-content"><p>Both.</p></div></details>
<div class="cell tag_hide-cell tag_raises-exception"><details class="admonition hide"><summary>
<p>Checked: all</p></summary><pre>assert all</pre></details></div>
<details class="figure-numbers"><summary>Numbers of the figure</summary>3</details>
<div class="cell tag_hide-input"><details class="admonition hide"><summary>
<p>Code of the figure</p></summary><pre>draw()</pre></details>
<figure id="fig-dot"><a class="image-reference" href="../_images/{NAME}.png">
<img alt="A dot." loading="lazy" src="../_images/{NAME}.png"></a>
<figcaption><p><span class="caption-number">Fig. 1 </span>The dot.</p></figcaption></figure></div>
<div class="solution dropdown admonition"><div class="cell tag_solution tag_hide-input"><details>
<summary><p>Code of the figure</p></summary><pre>draw_again()</pre></details></div></div>
<table><thead><tr><th>a head</th></tr></thead>
<tbody><tr><td>a cell</td></tr></tbody></table></section></section>"""


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two pages as they are built, a picture, and the drawing that is to replace it."""
    folder = tmp_path_factory.mktemp("book")
    for name, body in {"start": START, "second": SECOND}.items():
        page = folder / "html" / "chapters" / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"<main><article>{body}</article></main>", encoding="utf-8")
    (folder / "html" / "_images").mkdir()
    (folder / "html" / "_images" / f"{NAME}.png").write_bytes(base64.b64decode(DOT))
    (folder / "_toc.yml").write_text(TOC, encoding="utf-8")
    keep_vector(DRAWING, DOT, folder / "vectors" / "second")
    return folder / "html"


@pytest.fixture(scope="module")
def document(html: Path) -> BeautifulSoup:
    return merge(html, html.parent / "_toc.yml", FACTS, html.parent / "vectors")


def test_what_teaches_is_open_and_what_checks_is_left_out(document: BeautifulSoup) -> None:
    text = one(document, "main").get_text()
    for word in ("Answer", "Both.", "draw_again()"):
        assert word in text
    for word in ("Checked", "assert all", "draw()", "Numbers of", "Run it", "#"):
        assert word not in text
    assert not document.select("details, .dropdown, .headerlink")


def test_links_lead_within_the_document(document: BeautifulSoup) -> None:
    links = [link["href"] for link in document.select("article a")]
    assert links == ["#second", "#second.equation-one", "#start.rules", "#second.rules"]
    assert all(document.find(id=link[1:]) for link in links)


def test_a_figure_is_the_drawing_that_was_kept_with_its_pixels(
    document: BeautifulSoup, html: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing = html.parent / "vectors" / "second" / f"{NAME}.svg"
    assert one(document, "img")["src"] == drawing.as_uri()
    refuse_pixels(document, accepted=False)
    monkeypatch.setattr(merging, "HEAVIEST", 10)
    heavy = merge(html, html.parent / "_toc.yml", FACTS, html.parent / "vectors")
    assert one(heavy, "img")["src"] == (html / "_images" / f"{NAME}.png").as_uri()
    refuse_pixels(heavy, accepted=False)
    monkeypatch.undo()
    pixels = merge(html, html.parent / "_toc.yml", FACTS, html)
    with pytest.raises(SystemExit, match="1 figures are pixels, not vectors, on second"):
        refuse_pixels(pixels, accepted=False)


def test_a_file_is_linked_once_and_left_out_of_the_archive(tmp_path: Path) -> None:
    page = tmp_path / "chapters" / "start.html"
    page.parent.mkdir()
    page.write_text(START, encoding="utf-8")
    for _ in range(2):
        offer(BOOK_PDF, "one PDF", tmp_path)
    link = f', <a href="../{BOOK_PDF}">one PDF</a>'
    assert page.read_text(encoding="utf-8") == START.replace("all</a>", f"all</a>{link}")
    (tmp_path / BOOK_PDF).touch()
    pack_pages(tmp_path)
    (archive,) = tmp_path.glob("*.zip")
    with ZipFile(archive) as packed:
        (name,) = packed.namelist()
        assert BOOK_PDF not in packed.read(name).decode()


@pytest.fixture(scope="module")
def pdf(document: BeautifulSoup, html: Path) -> Path:
    return checked_print(document, html.parent / "pdf", html)


def test_the_print_has_bookmarks_numbers_and_an_author(document: BeautifulSoup, pdf: Path) -> None:
    reader = PdfReader(pdf)
    marks = [("Contents", 2), ("Start", 3), ("Rules", 3), ("A part", 4)]
    assert bookmarks(reader) == [*marks, ("1. Second", 4), ("Rules", 4)]
    assert reader.metadata
    assert reader.metadata.author == "Its authors"
    contents, third = (reader.pages[number].extract_text() for number in (1, 2))
    lines = [line.get_text(" ") for line in document.select(".whole-contents a")]
    assert lines == ["Start 3", "A part 4", "1. Second 4"]
    assert all(line.split()[-1] in contents.split() for line in lines)
    assert "3" in third.split()  # the number of the sheet


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda page: page.img.__setitem__("alt", "Two dots."), "description: Twodots."),
        (lambda page: page.select_one(".eqno").__setattr__("string", "(2)"), "missing: (2)"),
        (lambda page: page.figcaption.append("More"), "second, missing: Fig. 1"),
        (
            lambda page: page.find(id="second.fig-dot").decompose(),
            "a figure is there 0 times, not 1",
        ),
        (lambda page: page.h3.__setattr__("string", "Laws"), "The heading 'Laws' is not on"),
        (lambda page: page.h3.decompose(), "5 headings have 6 bookmarks"),
        (lambda page: page.code.unwrap(), "start, raw markup, 1 times: :::"),
        (lambda page: page.find(id="start.rules").decompose(), "leads nowhere: #start.rules"),
        (lambda page: page.a.__setitem__("href", "other.html"), "leads nowhere: other.html"),
        (lambda page: page.title.__setattr__("string", "Another"), "does not say its title"),
        (lambda page: page.html.__setitem__("lang", "de"), "does not say its language"),
        (lambda page: page.main.append(page.new_tag("table")), "1 tables are tagged, of 2"),
    ],
)
def test_what_is_missing_is_named(
    document: BeautifulSoup,
    pdf: Path,
    html: Path,
    change: Callable[[BeautifulSoup], object],
    said: str,
) -> None:
    assert faults(document, pdf, html) == []
    changed = copy.copy(document)
    change(changed)
    assert any(said in fault for fault in faults(changed, pdf, html))


def test_what_is_wider_than_a_sheet_is_refused(
    document: BeautifulSoup, html: Path, tmp_path: Path
) -> None:
    wide = copy.copy(document)
    word = wide.new_tag("p", style="white-space: nowrap")
    word.string = "wide " * 100
    wide.select("article")[-1].append(word)
    with pytest.raises(SystemExit, match="Wider than the sheet: second: wide wide"):
        checked_print(wide, tmp_path, html)
