"""The reference of the functions: complete, current, and reached from the code of the pages."""

import ast
import re
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest
from bs4 import BeautifulSoup

import multilevel as ml
from bookmaking.html.extensions.code_links import PAGE, USED, link_code
from bookmaking.notebooks.filling import fill
from bookmaking.notebooks.functions import called, entries
from bookmaking.paths import HTML, ROOT, pages

TEXT = (ROOT / f"{PAGE}.md").read_text(encoding="utf-8")
ENTRIES = {entry.written: entry for module in entries().values() for entry in module}


def test_the_page_has_every_module_and_every_public_name() -> None:
    assert sorted(re.findall(r"<!--functions: (\w+)-->", TEXT)) == sorted(entries())
    assert {f"ml.{name}" for name in ml.__all__} == {n for n in ENTRIES if n.startswith("ml.")}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_explains_every_argument_and_has_an_example(name: str) -> None:
    entry = ENTRIES[name]
    (text,) = re.findall(rf"^### {entry.heading}\n.*?(?=^##|\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert entry.summary in text.replace("`", "")
    parameters = text.partition("**Parameters**")[2].partition("\n\n**Re")[0]
    heads = " ".join(re.findall(r"^(.*)\n: \S", parameters, re.MULTILINE))
    assert set(called(entry.node)[1]) <= set(re.findall(r"\*\*`(\w+)`\*\*", heads))
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert re.match(r"(import|from) ", examples[0])
    for code in examples:
        ast.parse(code)
        assert not re.search("# doctest|>>>", code)


def test_no_markup_of_docstrings_is_left() -> None:
    prose = re.sub(r"^```.*?^```|`[^`\n]+`|\$+[^$]+\$+", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"`|:\w+:|\.\. \w+::|>>>|BLANKLINE", prose.partition("\n# ")[2])


def test_stale_text_is_replaced() -> None:
    """So another test of the chapters notices it."""
    stale = TEXT.replace("Load the repeated measures of 91 people", "Load something")
    assert fill(stale, {}) == fill(TEXT, {}) == TEXT != stale
    with pytest.raises(ValueError, match="no public function is defined in 'nothing'"):
        fill("<!--functions: nothing-->\n<!--end-->", {})


CODE = (
    '<pre><span class="n">{0}</span><span class="o">.</span><span class="n">{1}</span>'
    '<span class="p">(</span></pre>'
)


def linked(module: str, name: str, page: str, others: tuple[str, ...] = (PAGE,)) -> BeautifulSoup:
    app: Any = SimpleNamespace(env=SimpleNamespace(all_docs=dict.fromkeys(others)))
    app.builder = SimpleNamespace(get_relative_uri=lambda here, there: "functions.html")
    context = {"body": CODE.format(module, name)}
    link_code(app, page, "page.html", context, True)
    return BeautifulSoup(context["body"], "html.parser")


@pytest.mark.parametrize(
    ("module", "name", "page", "address"),
    [
        ("ml", "load_mlm", "chapters/x", "functions.html#load_mlm"),
        ("ml", "load_mlm", PAGE, "#load_mlm"),
        ("figures", "forest", "chapters/x", "functions.html#forest"),
        ("ml", "forest", "chapters/x", None),
        ("figures", "TEAL", "chapters/x", None),
        ("data", "fit", "chapters/x", None),
    ],
)
def test_a_public_name_is_a_link_and_the_code_stays(
    module: str, name: str, page: str, address: str | None
) -> None:
    code = linked(module, name, page)
    assert [link["href"] for link in code.select("a.code-link")] == ([address] if address else [])
    assert code.get_text() == f"{module}.{name}("


def test_a_book_without_the_page_has_no_such_links() -> None:
    assert not linked("ml", "fit", "chapters/x", others=()).select("a")


@cache
def built(page: str) -> str:
    return (HTML / "chapters" / f"{page}.html").read_text(encoding="utf-8")


@pytest.mark.slow  # needs the built book
@pytest.mark.parametrize("page", pages())
def test_in_a_built_page_public_names_in_code_lead_to_their_entries(page: str) -> None:
    rest = re.sub(r'<a class="code-link".*?</a>', "", built(page))
    assert not {".".join(name) for name in USED.findall(rest)} & set(ENTRIES)
    anchors = set(re.findall(r' id="(\w+)"', built("functions")))
    assert set(re.findall(r'class="code-link" href="[\w.]*#(\w+)"', built(page))) <= anchors
