"""The EPUB: made of the built pages, complete, and refused if something is missing."""

import os
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import nbformat
import pytest
from PIL import Image

from bookmaking.epub import checking, packing
from bookmaking.html.archives import EPUB
from bookmaking.paths import CHAPTERS, HTML, pages

MENU = """<nav class="bd-docs-nav"><ul><li><a href="#">Models</a></li></ul>
<p class="caption">The course</p>
<ul><li><a href="lines.html">1. Lines &amp; more</a></li></ul></nav>
"""
WELCOME = """<article><h1>Models</h1><p class="page-ways">Run it: <a href="../all.zip">all</a></p>
<section id="how-to-run-the-notebooks"><h2>How to run them</h2>
<p>See <a class="internal" href="lines.html#eq-line" title="a line">the line</a><br></p>
</section></article>"""
LINES = """<article><h1>1. Lines &amp; more<a class="headerlink" href="#">#</a></h1>
<div id="eq-line"><span class="eqno">(1)</span><math xmlns="http://www.w3.org/1998/Math/MathML"><mi>α</mi></math></div>
<div class="cell"><pre><span class="k">with</span> <span class="n">model</span></pre>
<figure id="fig-line"><a class="image-reference" href="../_images/line.png">
<img loading="lazy" width="2" alt="A line &amp; dots." src="../_images/line.png"></a></figure></div>
<div class="cell tag_raises-exception"><details><summary>Checked</summary>assert</details></div>
<div data-refit="line"><script>{}</script>It needs JavaScript.</div>
<div class="cell">the panel</div>
<div class="solution dropdown admonition"><p class="admonition-title">Solution</p>
<section id="content">Yes</section><section id="content"><code>**kw</code></section></div>
<table><thead><tr><th scope="col">n</th></tr></thead></table></article>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two pages as Sphinx does, and make their EPUB."""
    html = tmp_path_factory.mktemp("html")
    for folder in ("chapters", "_images"):
        (html / folder).mkdir()
    (html / "index.html").write_text('<meta content="0; url=chapters/welcome.html"/>')
    (html / "chapters" / "welcome.html").write_text(MENU + WELCOME, encoding="utf-8")
    (html / "chapters" / "lines.html").write_text(MENU + LINES, encoding="utf-8")
    Image.new("1", (2, 1)).save(html / "_images" / "line.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "epubcheck", lambda path: [])  # it takes seconds
        packing.make(html)
    return html


def read(site: Path, name: str) -> str:
    with ZipFile(site / EPUB) as packed:
        return packed.read(f"EPUB/{name}").decode()


def test_the_first_entry_says_what_the_file_is(site: Path) -> None:
    with ZipFile(site / EPUB) as packed:
        first = packed.infolist()[0]
        assert packed.read(first) == b"application/epub+zip"
    assert (first.filename, first.compress_type) == ("mimetype", ZIP_STORED)


def test_a_page_keeps_what_is_read_and_folds_without_a_script(site: Path) -> None:
    page = read(site, "chapters/lines.xhtml")
    assert '<span class="k">with</span> model' in page
    assert '/MathML"><mi>α</mi></math>' in page
    assert '<img alt="A line &amp; dots." src="../_images/line.png" width="2"/>' in page
    assert '<th scope="col">n</th>' in page
    assert re.search(r"<details[^>]*>\s*<summary[^>]*>Solution</summary>", page)
    assert page.count('id="content"') == 1
    assert packing.REFIT in page
    for needless in ("headerlink", "Checked", "JavaScript", "script", "the panel", "loading"):
        assert needless not in page


def test_pages_lead_to_pages_and_the_contents_to_all_of_them(site: Path) -> None:
    page = read(site, "chapters/welcome.xhtml")
    assert '<a class="internal" href="lines.xhtml#eq-line">the line</a><br/>' in page
    assert "Run it" not in page
    contents = read(site, "nav.xhtml")
    assert packing.LEFT_OUT in contents
    assert '<li><a href="chapters/welcome.xhtml">Models</a></li>' in contents
    assert "<span>The course</span><ol>" in contents
    assert '<a href="chapters/lines.xhtml">1. Lines &amp; more</a>' in contents
    package = ET.fromstring(read(site, "package.opf"))
    spine = [tag.get("idref") for tag in package.iter("{http://www.idpf.org/2007/opf}itemref")]
    items = {tag.get("id"): tag.get("href") for tag in package.iter() if tag.get("href")}
    order = ["nav.xhtml", "chapters/welcome.xhtml", "chapters/lines.xhtml"]
    assert [items[number] for number in spine] == order


def test_two_builds_of_one_commit_are_the_same(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setattr(packing, "epubcheck", lambda path: [])
    copies = [shutil.copytree(site, tmp_path / name) for name in ("one", "two")]
    one, two = (packing.make(copy).read_bytes() for copy in copies)
    assert one == two
    assert "2023-11-14T22:13:20Z" in read(copies[0], "package.opf")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda page: page.replace("<h1>", "<p>").replace("</h1>", "</p>"), "other headings"),
        (lambda page: page.replace("A line &amp; dots.", ""), "other figures"),
        (lambda page: page.replace('class="eqno"', ""), "other equations"),
        (lambda page: page.replace("α", "a"), "other formulas"),
        (lambda page: page.replace("Math/MathML", "Math"), "other formulas"),
        (lambda page: page.replace('<th scope="col">n</th>', "<td>n</td>"), "other heads"),
        (lambda page: page.replace("Yes", "Yes <br>"), "is not XML"),
        (lambda page: page.replace("Yes", "{ref}`yes`"), "shows markup: {ref}`"),
        (lambda page: page.replace("Yes", "&lt;!--icc--&gt;"), "shows markup: <!--"),
        (lambda page: page.replace('id="eq-line"', ""), "links to lines.xhtml#eq-line"),
        (lambda page: page.replace("line.png", "none.png"), "links to ../_images/none.png"),
        (lambda page: page.replace("Yes", '<a href="#no">no</a>'), "links to #no"),
        (lambda page: page.replace("Yes", "<code>{ref}`yes`</code>"), None),
    ],
)
def test_what_is_wrong_is_found(
    site: Path, tmp_path: Path, spoil: Callable[[str], str], words: str | None
) -> None:
    names = ["welcome", "lines"]
    converted = {name: packing.convert(site / "chapters" / f"{name}.html") for name in names}
    files = {f"chapters/{name}.xhtml": text for name, (text, _) in converted.items()}
    said = {f"chapters/{name}.xhtml": said for name, (_, said) in converted.items()}
    others = dict.fromkeys(["formulas.css", "epub.css", "_images/line.png", "nav.xhtml"], "<nav/>")
    spoilt = files | {"chapters/lines.xhtml": spoil(files["chapters/lines.xhtml"])}
    assert spoilt != files
    packing.write(tmp_path / "a.epub", spoilt | others, list(files))
    found = " ".join(checking.problems(tmp_path / "a.epub", said))
    assert words in found if words else not found


def test_a_page_that_is_not_in_the_contents_is_missed(site: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(site, tmp_path / "html")
    shutil.copy(copy / "chapters" / "lines.html", copy / "chapters" / "lost.html")
    before = (copy / EPUB).read_bytes()
    with pytest.raises(SystemExit, match=r"not made:\nchapters/lost.xhtml is missing"):
        packing.make(copy)
    assert (copy / EPUB).read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="stands in for epubcheck with a script of a shell")
def test_what_epubcheck_says_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checking.epubcheck(tmp_path / "a.epub") == []
    assert "was not checked by epubcheck" in capsys.readouterr().out
    program = tmp_path / "epubcheck"
    program.write_text("#!/bin/sh\necho ERROR in $2\nexit 1\n")
    program.chmod(0o755)
    assert checking.epubcheck(tmp_path / "a.epub") == [f"ERROR in {tmp_path}/a.epub\n"]
    program.write_text("#!/bin/sh\necho fine\n")
    assert checking.epubcheck(tmp_path / "a.epub") == []


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("epubcheck") is None, reason="there is no epubcheck here")
def test_epubcheck_finds_what_is_wrong(tmp_path: Path) -> None:
    files = {"epub.css": "", "formulas.css": "", "nav.xhtml": "<html/>"}
    packing.write(tmp_path / "a.epub", files, [])
    assert "ERROR" in checking.epubcheck(tmp_path / "a.epub")[0]


@pytest.mark.slow
def test_every_figure_of_the_notebooks_is_in_the_book_s_epub() -> None:
    with ZipFile(HTML / EPUB) as packed:
        for name in pages():
            page = ET.fromstring(packed.read(f"EPUB/chapters/{name}.xhtml"))
            notebook = nbformat.read(CHAPTERS / f"{name}.ipynb", as_version=4)
            shown = [cell.metadata.get("mystnb", {}).get("image", {}) for cell in notebook.cells]
            wanted = [" ".join(image["alt"].split()) for image in shown if image]
            there = [image.get("alt", "") for image in page.iter(f"{checking.XHTML}img")]
            assert [" ".join(alt.split()) for alt in there] == wanted, name
