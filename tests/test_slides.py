"""Each page's figures, equations and questions are on slides, and its prose is in the notes."""

from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag

from bookmaking.html.slides import _announced, _article, _deck, decks
from bookmaking.paths import HTML, TOC

PAGE = """<article><section><h1>1. Pulse<a class="headerlink">#</a></h1>
<p class="page-times">Reading: 1 minute</p>
<div class="tip admonition"><p class="admonition-title">After this page you can</p>
<ul><li><p>count;</p></li></ul></div>
<p>First words.
Without a number.
The pulse is 71.</p>
<section><h2>The model</h2>
<p>The mean is <a href="x.html">known</a>:</p>
<div class="math" id="equation-eq"><span class="eqno">(1)</span><div class="formula">
<math><mi>μ</mi></math></div></div>
<p>Line by line:</p>
<ol><li><p>the mean.</p></li></ol>
<div class="cell"><div class="cell_input"><pre>import multilevel as ml

fit = ml.fit(model, seed=1)
</pre></div></div>
<div class="cell tag_hide-cell tag_raises-exception"><details><summary><p>Checked: it is 71.</p>
</summary><div class="cell_input"><pre>assert True</pre></div>
<div class="output stream"><pre>It is 71.
</pre></div></details></div>
<div class="tip admonition"><p class="admonition-title">Before you read on</p><p>How many?</p>
<details><summary><span class="sd-summary-text">Answer</span></summary>
<div class="sd-summary-content"><p>Seven.</p></div></details></div>
</section>
<section id="solution"><h2>Solution</h2>
<div class="solution admonition"><p>Secret.</p></div></section>
</section></article>"""


@pytest.fixture
def html(tmp_path: Path) -> Path:
    page = tmp_path / "chapters" / "pulse.html"
    page.parent.mkdir()
    page.write_text(PAGE, encoding="utf-8")
    return tmp_path


def test_a_page_becomes_slides_and_its_prose_the_notes(html: Path) -> None:
    title, model = _deck(_article(html, "pulse"), "pulse")
    assert title[0].title == "1. Pulse"
    assert "count;" in title[0].body
    assert title[0].notes == ["Reading: 1 minute", "First words. The pulse is 71."]
    opening, equation, code, question = model
    assert [slide.kind for slide in model] == ["opening", "equation", "code", "question short"]
    time = "<b>1 minute to read, 1 minute to teach.</b>"
    assert opening.notes == [time, "The mean is known:"]
    assert "the mean." in equation.body
    assert equation.notes == ["Line by line:"]
    assert BeautifulSoup(code.body, "html.parser").get_text() == "fit = ml.fit(model, seed=1)\n"
    assert code.notes == ["✓ It is 71."]
    asked, answered = question.body.split('<div class="fragment">')
    assert "How many?" in asked
    assert "Seven." not in asked
    assert "Seven." in answered
    assert "Secret" not in "".join(map(str, [*title, *model]))


def test_what_does_not_fit_is_cut_or_left_out(html: Path) -> None:
    rows = "".join(f"<tr><th>{k}</th>{f'<td>{k}.5</td>' * 40}</tr>" for k in range(30))
    heads = f"<tr><th></th>{'<th>name</th>' * 40}</tr>"
    table = f'<table border="1"><thead>{heads}</thead><tbody>{rows}</tbody></table>'
    cells = "".join(
        f'<div class="cell"><div class="cell_input"><pre>{code}</pre></div>{output}</div>'
        for code, output in [
            ("a" * 200, f'<div class="cell_output">{table}</div>'),
            ("ml.fit(\n" + "model,\n" * 30 + ")", ""),
        ]
    )
    page = html / "chapters" / "pulse.html"
    page.write_text(PAGE.replace('<div class="math"', f'{cells}<div class="math"'), "utf-8")
    _, stack = _deck(_article(html, "pulse"), "pulse")
    assert [slide.kind for slide in stack[:3]] == ["opening", "table", "equation"]
    shown = BeautifulSoup(stack[1].body, "html.parser")
    lines = [[cell.get_text() for cell in row.select("th, td")] for row in shown.select("tr")]
    assert len(lines) == 11
    assert lines[1][:3] == ["0", "0.5", "0.5"]
    assert {line[-1] for line in lines} == {"…"} == set(lines[-1])


def test_the_pages_of_both_parts_have_decks_and_end_with_their_exercises() -> None:
    found = decks(TOC)
    assert next(iter(found)) == "why-cluster"
    assert "within-between" in found
    assert not {"welcome", "report-template", "agreement"} & {*found}
    assert found["crossed-clusters"] == ["exercise-moral-judgement"]
    assert not any(name.startswith("exercise-") for name in found)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["repeated-measures", "varying-slopes"])
def test_a_deck_has_every_figure_panel_and_numbered_equation_of_its_page(name: str) -> None:
    """And no solution."""
    deck = BeautifulSoup((HTML / "slides" / f"{name}.html").read_text("utf-8"), "html.parser")
    article = _article(HTML, name)

    def all_of(part: Tag, selector: str, attribute: str) -> list[Any]:
        return [found.get(attribute) for found in part.select(selector)]

    for selector, attribute in [
        (".cell:not(.tag_hide-cell) img", "src"),
        ("[data-refit]", "data-refit"),
        ("[data-explorable]", "data-explorable"),
        (".math[id]", "id"),
    ]:
        shown = all_of(deck, selector.removeprefix(".cell:not(.tag_hide-cell) "), attribute)
        assert shown == all_of(article, selector, attribute)
    page = BeautifulSoup((HTML / "chapters" / f"{name}.html").read_text("utf-8"), "html.parser")
    solution = page.select_one(".solution p:not(.admonition-title)")
    assert solution is not None
    assert solution.get_text() not in deck.get_text()
    assert len(deck.select(".notes p")) > 50


@pytest.mark.slow
def test_an_exercise_is_announced() -> None:
    slide = str(_announced(_article(HTML, "exercise-moral-judgement")))
    assert "Exercise: moral judgement, by person" in slide
    assert "Level:" in slide
