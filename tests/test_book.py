"""The built book: every page is there, nothing failed, and reading it needs no network."""

import gzip
import re
import subprocess
import sys
from copy import copy
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unicodedata import normalize
from zipfile import ZipFile

import nbformat
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup, Tag
from pybtex.database import parse_file

from bookmaking.html.extensions.formulas import THIN, as_mathml
from bookmaking.html.extensions.tables import set_table
from bookmaking.html.extensions.typography import set_numbers
from bookmaking.html.extensions.ways import offer_ways
from bookmaking.html.slides import decks
from bookmaking.paths import pages

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
pytestmark = pytest.mark.slow  # they need the built book
DECKS = decks(ROOT / "_toc.yml")
SOURCES = sorted((ROOT / "chapters").glob("*.md"))


@cache
def soup(page: Path) -> BeautifulSoup:
    assert page.is_file(), f"{page} is missing: run make book or make html"
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(params=SOURCES, ids=lambda path: path.stem)
def page(request: pytest.FixtureRequest) -> BeautifulSoup:
    return soup(HTML / "chapters" / f"{request.param.stem}.html")


def test_index_leads_to_the_front_page() -> None:
    root = yaml.safe_load((ROOT / "_toc.yml").read_text())["root"]
    assert f"{root}.html" in (HTML / "index.html").read_text()


def test_page_has_its_title_and_text(page: BeautifulSoup) -> None:
    article = page.find("article")
    assert article is not None
    assert article.find("h1") is not None
    assert len(article.get_text()) > 500


def test_page_shows_no_traceback_and_no_unresolved_role(page: BeautifulSoup) -> None:
    article = page.find("article")
    assert article is not None
    assert not article.select(".traceback, .cell_output .error, .problematic")
    article = copy(article)
    for code in article.select("code"):
        code.decompose()
    prose = article.get_text()
    for leftover in (
        "{eval}",
        "{cite",
        "{doc}",
        "{ref}",
        "<!--",
        "Figure.",
        "Traceback (most recent",
    ):
        assert leftover not in prose


def test_page_loads_nothing_from_elsewhere(page: BeautifulSoup) -> None:
    loaded = [
        *(tag.get("src") for tag in page.find_all(["script", "img", "iframe", "source"])),
        *(
            tag.get("href")
            for tag in page.find_all("link")
            if not {"canonical", "search", "next", "prev", "index"} & set(tag.get("rel") or [])
        ),
    ]
    outside = [str(address) for address in loaded if address and "//" in str(address)]
    assert outside == []


def test_what_a_page_loads_is_in_the_book(page: BeautifulSoup) -> None:
    folder = HTML / "chapters"
    for tag in page.find_all(["script", "img"]):
        address = str(tag.get("src") or "").split("?")[0]
        if address and not address.startswith("data:"):
            assert (folder / address).resolve().is_file(), address


def weight(name: str, *selectors: str) -> int:
    """Return the bytes that a server sends, compressed, for a page and what the selectors find."""
    page = HTML / "chapters" / f"{name}.html"
    tags = soup(page).select(", ".join(selectors))
    addresses = {str(tag.get("src") or tag.get("href")).split("?")[0] for tag in tags}
    files = {(page.parent / address).resolve() for address in addresses}
    return sum(len(gzip.compress(file.read_bytes(), 6)) for file in {page, *files})


@pytest.mark.parametrize("name", [source.stem for source in SOURCES])
def test_page_is_light(name: str) -> None:
    styles, scripts = "link[rel=stylesheet]", "script[src]:not([defer])"
    everything = weight(name, styles, "script[src]", "img[src]", "link[rel=icon]")
    assert everything < (500_000 if name == "welcome" else 1_200_000)
    # At 1.6 Mbit/s it is there after 1.1 s and two round trips.
    assert weight(name, styles, scripts) < 220_000
    assert not soup(HTML / "chapters" / f"{name}.html").select("link[rel=preload]")


def test_no_page_needs_the_theme_s_fonts_and_maps() -> None:
    assert list(HTML.rglob("*.map")) == []
    theme = (HTML / "_static/styles/pydata-sphinx-theme.css").read_text(encoding="utf-8")
    assert "fa-solid-900.woff2" not in theme
    assert "data:font/woff;base64," in theme


def test_pictures_are_lazy_and_state_their_size(page: BeautifulSoup) -> None:
    for image in page.select("article img"):
        assert image.get("loading") == "lazy"
        assert int(str(image.get("width"))) > 0
        assert int(str(image.get("height"))) > 0


def test_formulas_need_no_script_and_have_their_font(page: BeautifulSoup) -> None:
    formulas = page.select("article .math")
    assert all(formula.math for formula in formulas)
    fonts = page.select('link[href*="_static/formulas.css"]')
    assert len(fonts) == bool(page.select("article math"))
    for formula in formulas:
        assert not re.search(r"[\\$]", formula.get_text()), formula


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        (r"\tfrac12 x", r"<mn>1</mn><mn>2</mn></mfrac><mi>x</mi>"),
        ("x^23", "<msup><mi>x</mi><mn>2</mn></msup><mn>3</mn>"),
        ("x_{23}", "<msub><mi>x</mi><mn>23</mn></msub>"),
        (r"\boldsymbol{\beta} x", "<mi>𝜷</mi><mi>x</mi>"),
        (r"a, \dots, b", "<mi>…</mi>"),
        (r"a < \dots < b", "<mi>⋯</mi>"),
        (
            r"\begin{aligned} a &\sim \text{flat} \end{aligned}",
            '<mo form="infix">∼</mo><mi>flat</mi>',
        ),
        (r"\text{logit} \Pr(x)", f"<mi>logit</mi>{THIN}<mi>Pr</mi><mo>&ApplyFunction;</mo><mo "),
        (r"\log \sigma", f"<mi>log</mi><mo>&ApplyFunction;</mo>{THIN}<mi>σ</mi>"),
    ],
)
def test_a_formula_reads_as_in_latex(tex: str, expected: str) -> None:
    assert expected in as_mathml(tex)


def test_every_figure_has_an_alt_text_of_its_own(page: BeautifulSoup) -> None:
    article = page.find("article")
    assert article is not None
    for image in article.find_all("img"):
        alt, figure = str(image.get("alt") or ""), image.find_parent("figure")
        assert len(alt) > 60, image
        assert not re.search(r"\.(png|svg|jpe?g)\b", alt), image
        assert figure is not None
        assert figure.figcaption is not None
        assert alt not in figure.figcaption.get_text(), image


def test_above_every_figure_its_numbers_can_be_opened(page: BeautifulSoup) -> None:
    article = page.find("article")
    assert article is not None
    for figure in article.select(".cell_output figure"):
        cell = figure.find_parent(class_="cell")
        assert cell is not None
        numbers = cell.find_previous_sibling()
        assert numbers is not None
        assert numbers.get("class") == ["figure-numbers"], figure
        for table in numbers.select("table"):
            assert table.caption is not None
            assert table.caption.get_text()
            assert "$" not in table.get_text(), table
            assert any(re.search(r"\d", cell.get_text()) for cell in table.select("td")), table


def test_header_cells_say_what_they_head(page: BeautifulSoup) -> None:
    article = page.find("article")
    assert article is not None
    for cell in article.select("th"):
        assert cell.get("scope") == ("col" if cell.find_parent("thead") else "row"), cell


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_page_says_how_long_it_takes(source: Path) -> None:
    times = soup(HTML / "chapters" / f"{source.stem}.html").select("h1 + .page-times")
    (said,) = (line.get_text() for line in times)
    assert re.match(r"Reading: about \d+ minute", said)
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    has_code = any(cell.cell_type == "code" for cell in notebook.cells)
    assert bool(re.search(r"about \d+ seconds", said)) == has_code


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_page_leads_to_its_notebook_to_all_and_to_how_they_run(source: Path) -> None:
    page = HTML / "chapters" / f"{source.stem}.html"
    (line,) = soup(page).select("h1 + .page-times + .page-ways")
    links = [str(link["href"]) for link in line.select("a")]
    own, together, how, *deck, offline, ebook = (
        link for link in links if "-models.pdf" not in link
    )
    assert deck == [f"../slides/{source.stem}.html"] * (source.stem in DECKS)
    assert (page.parent / offline).resolve() == HTML / "multilevel-html.zip"
    assert (page.parent / ebook).resolve() == HTML / "multilevel-models.epub"
    cells = nbformat.read(page.parent / own, as_version=4).cells
    assert [cell.id for cell in cells] == [
        cell.id for cell in nbformat.read(source.with_suffix(".ipynb"), as_version=4).cells
    ]
    with ZipFile(page.parent / together) as archive:
        assert f"multilevel-notebooks/chapters/{source.stem}.ipynb" in archive.namelist()
    address, _, anchor = how.partition("#")
    section = soup((page.parent / address).resolve() if address else page).find(id=anchor)
    assert section is not None
    assert "python3 -m bookmaking lab" in section.get_text()


def test_where_the_book_is_hosted_its_pages_lead_to_the_host() -> None:
    app: Any = SimpleNamespace()
    app.config = SimpleNamespace(root_doc="chapters/welcome")
    app.srcdir = ROOT
    launch = [{"url": "https://hub/x.ipynb?a&b", "text": "Binder"}]
    context = {
        "pathto": lambda name, resource=0: f"../{name}" if resource else "welcome.html",
        "sourcename": "chapters/x.ipynb",
        "header_buttons": [{"label": "launch-buttons", "buttons": launch}],
        "body": "<h1>X</h1>",
    }
    offer_ways(app, "chapters/x", "page.html", context, True)
    links = BeautifulSoup(str(context["body"]), "html.parser").select("h1 + .page-ways a")
    assert {link.get_text(): link["href"] for link in links} == {
        "this notebook": "../_sources/chapters/x.ipynb",
        "all notebooks": "../multilevel-notebooks.zip",
        "how to start them": "welcome.html#how-to-run-the-notebooks",
        "Binder": "https://hub/x.ipynb?a&b",
        "all pages": "../multilevel-html.zip",
        "e-book": "../multilevel-models.epub",
    }


def test_chapters_are_numbered_in_the_order_in_which_the_first_page_lists_them() -> None:
    welcome = soup(HTML / "chapters" / "welcome.html")
    menu = welcome.select("nav.bd-docs-nav li.toctree-l1 > a")
    numbered = [link for link in menu if re.match(r"\d", link.get_text())]
    assert [int(link.get_text().split(".")[0]) for link in numbered] == [
        *range(1, len(numbered) + 1)
    ]
    others = [str(link["href"]) for link in menu if link not in numbered]
    reference = ["notation.html", "functions.html", "glossary.html", "bibliography.html"]
    assert others == ["#", *reference]
    (listed,) = (part for part in welcome.select("article ol") if len(part.select("li")) > 5)
    course = [str(item.a["href"]) for item in listed.select("li") if item.a is not None]
    assert course == [str(link["href"]) for link in numbered[: len(course)]]


def test_figures_are_counted_through_the_book() -> None:
    built = [soup(HTML / "chapters" / f"{name}.html") for name in pages()]
    captions = [part for page in built for part in page.select("figcaption .caption-number")]
    numbers = [part.get_text().strip() for part in captions]
    assert numbers == [f"Fig. {number}" for number in range(1, len(numbers) + 1)]


ENTRIES = parse_file(ROOT / "references.bib").entries


@pytest.mark.parametrize("key", ENTRIES)
def test_an_entry_of_the_bibliography_links_to_the_work_and_can_be_linked_to(key: str) -> None:
    item = soup(HTML / "chapters" / "bibliography.html").find("p", id=key)
    assert isinstance(item, Tag)
    fields = ENTRIES[key].fields
    begins = {"doi": "https://doi.org/", "eprint": "https://arxiv.org/abs/", "url": ""}
    expected = [start + fields[kind] for kind, start in begins.items() if kind in fields]
    assert [link["href"] for link in item.select("a")] == expected != []
    author = ENTRIES[key].persons["author"][0].rich_last_names[0]
    assert re.match(rf"{author}, .*\({fields['year']}\)\.\n", item.get_text())


def test_the_bibliography_is_in_the_order_of_the_alphabet_and_has_no_labels() -> None:
    article = soup(HTML / "chapters" / "bibliography.html").find("article")
    assert isinstance(article, Tag)
    assert "[" not in article.get_text()
    found = [normalize("NFD", item.get_text().lower()) for item in article.select("p[id]")]
    names = [text.split(",")[0].strip() for text in found]
    assert len(names) == len(ENTRIES)
    assert names == sorted(names)


def _heads_an_entry(term: Tag) -> bool:
    before = term.find_previous_sibling()
    return before is None or before.name == "dd"


def test_terms_lead_to_the_glossary_and_carry_their_meaning() -> None:
    glossary = soup(HTML / "chapters" / "glossary.html")
    linked = set()
    for source in SOURCES:
        links = soup(HTML / "chapters" / f"{source.stem}.html").select("a.glossary-term")
        targets = [str(link["href"]) for link in links]
        assert len(set(targets)) == len(targets), f"{source.stem} links a term twice"
        linked |= set(targets)
        for link in links:
            entry = glossary.find(id=str(link["href"]).partition("#")[2])
            assert entry is not None
            meaning = entry.find_next("dd")
            assert meaning is not None
            assert str(link["title"])[:30] == meaning.get_text().replace("\n", " ").strip()[:30]
    first = [term for term in glossary.select("dl.glossary dt") if _heads_an_entry(term)]
    assert {f"glossary.html#{term['id']}" for term in first} == linked


def test_the_page_for_lost_visitors_needs_no_other_file() -> None:
    lost = soup(HTML / "404.html")
    assert lost.find("h1") is not None
    assert not lost.find_all(["script", "link", "img"])
    assert [link["href"] for link in lost.find_all("a")] == ["index.html"]


def test_a_shared_link_shows_title_and_picture(page: BeautifulSoup) -> None:
    shown = {tag.get("property"): tag.get("content") for tag in page.find_all("meta")}
    (heading,) = page.select("article h1")
    assert str(shown["og:title"]) in heading.get_text()
    assert len(str(shown["og:description"])) > 40
    assert (HTML / str(shown["og:image"])).is_file()


def test_numbers_in_prose_have_minus_signs_and_stay_with_their_units(page: BeautifulSoup) -> None:
    """A hyphen before a number is set as a minus sign, and the space before a unit never breaks."""
    article = page.find("article")
    assert isinstance(article, Tag)
    for part in article.select("p, li, figcaption, dd"):
        if part.find_parent(class_=re.compile("cell_output|cell_input")) is None:
            part = copy(part)
            for code in part.select("code, pre, .math, script"):
                code.replace_with("\N{OBJECT REPLACEMENT CHARACTER}")
            text = part.get_text()
            assert set_numbers(text) == text
    cells = [cell.get_text() for cell in article.select(".cell_output td")]
    assert not [text for text in cells if re.match(r"-\.?\d", text)]


def test_numbers_are_set_as_a_printer_would() -> None:
    assert set_numbers("-3 to -.5 (-2), pages 3-4") == "−3 to −.5 (−2), pages 3-4"
    assert set_numbers("95 % in 3 s, 5 sets") == "95\xa0% in 3\xa0s, 5 sets"


def test_internal_links_lead_somewhere(page: BeautifulSoup) -> None:
    article = page.find("article")
    assert article is not None
    for link in article.find_all("a", href=True):
        address, _, anchor = str(link["href"]).partition("#")
        if "//" in address or address.startswith("mailto:"):
            continue
        target = page
        if address.endswith(".html"):
            target = soup((HTML / "chapters" / address).resolve())
        elif address:
            assert (HTML / "chapters" / address).is_file(), address
        if anchor:
            assert target.find(id=anchor) is not None, link["href"]


def test_the_archive_of_the_pages_holds_all_of_them() -> None:
    with ZipFile(HTML / "multilevel-html.zip") as archive:
        packed = set(archive.namelist())
        page = archive.read("multilevel-html/chapters/welcome.html").decode()
    assert "multilevel-html/index.html" in packed
    assert {f"multilevel-html/_static/{name}" for name in ("formulas.css", "OFL.txt")} <= packed
    assert "multilevel-html/multilevel-notebooks.zip" in packed
    assert "multilevel-html/multilevel-html.zip" not in packed
    for source in SOURCES:
        assert f"multilevel-html/chapters/{source.stem}.html" in packed
    assert "multilevel-html/multilevel-models.epub" not in packed
    assert "multilevel-html.zip" not in page  # a page from the archive does not lead to it
    assert "multilevel-models.epub" not in page


def test_the_archive_of_the_notebooks_can_make_its_environment_and_find_its_data(
    tmp_path: Path,
) -> None:
    with ZipFile(HTML / "multilevel-notebooks.zip") as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "multilevel-notebooks"
    for source in SOURCES:
        assert (folder / "chapters" / f"{source.stem}.ipynb").is_file()
    # Where the archive is, its own code is found first.
    code = """
from bookmaking import paths
from bookmaking.environments import _state, set_up
from bookmaking.grading.marking import reference_answer
import bookmaking.installation, bookmaking.lab
print(paths.ROOT, len(_state("run")))
"""
    assert say(code, folder) == f"{folder} 3"
    code = "import multilevel as ml; print(len(ml.load_mlm()), ml.__file__)"
    assert say(code, folder / "lib") == f"225 {folder}/lib/multilevel/__init__.py"


def say(code: str, folder: Path) -> str:
    """Run code in a folder, and return what it prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_times_in_the_plan_are_twice_those_of_the_pages() -> None:
    source = (ROOT / "chapters" / "teaching.md").read_text(encoding="utf-8")
    planned = re.findall(r"\(([\w-]+)\.ipynb\) \| ([¼½¾1-9]+)\sh", source)
    assert len(planned) >= 10
    quarters = {"¼": 1, "½": 2, "¾": 3}
    for name, hours in planned:
        text = soup(HTML / "chapters" / f"{name}.html").get_text()
        (minutes,) = re.findall(r"Reading: about (\d+) minutes", text)
        said = sum(quarters[part] if part in quarters else 4 * int(part) for part in hours)
        assert said == round(2 * int(minutes) / 15), (name, minutes, hours)


def as_set(table: pd.DataFrame) -> list[list[str]]:
    """Return the rows of a table as its page shows them; text is marked."""
    soup = BeautifulSoup(table.to_html(), "html.parser")
    (shown,) = soup.select("table")
    set_table(shown)
    return [
        [
            cell.get_text() + "*" * ("text" in (cell.get("class") or []))
            for cell in row(["th", "td"])
        ]
        for row in soup("tr")
    ]


def test_tables_have_one_row_of_heads_and_text_to_the_left() -> None:
    table = pd.DataFrame({"kind": ["a", "b"], "ess_bulk": [1.5, -2]})
    assert as_set(table) == [["kind*", "ess_bulk"], ["a*", "1.5"], ["b*", "-2.0"]]
    named = table.set_index("kind")
    assert as_set(named) == [["kind*", "ess_bulk"], ["a*", "1.5"], ["b*", "-2.0"]]
    crossed = named.rename_axis(columns="measure")
    assert as_set(crossed)[0] == ["kind, by measure*", "ess_bulk"]
    counted = table.set_axis([1, 2])
    assert as_set(counted) == [["", "kind*", "ess_bulk"], ["1", "a*", "1.5"], ["2", "b*", "-2.0"]]
    levels = table.assign(group=1).set_index(["group", "kind"])
    assert as_set(levels) == [["group", "kind*", "ess_bulk"], ["1", "a*", "1.5"], ["b*", "-2.0"]]
    double = pd.concat({"ours": named, "theirs": named}, axis=1)
    assert as_set(double)[:2] == [["", "ours", "theirs"], ["kind*", "ess_bulk", "ess_bulk"]]
