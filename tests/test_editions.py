"""The students' edition: what leaves the house holds no trace of a solution."""

import ast
import datetime as dt
import re
import zipfile
from pathlib import Path
from typing import Any

import jupytext
import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest

from bookmaking import book
from bookmaking.grading import editions, exercises
from bookmaking.grading.plain import plain
from bookmaking.html import archives
from bookmaking.notebooks.derivation import derive
from bookmaking.ready import EMPTY

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path.stem for path in (ROOT / "chapters").glob("*.md"))
ASSIGNMENTS = exercises.assignments()
CANARY = "xylophone"


def page_with_canaries(exercise: bool) -> list[nbformat.NotebookNode]:
    """Make a page whose solution has a canary in each place where one could hide."""
    heading = "## Solution\n\n" if exercise else ""
    source = f"""
# A page

Before.

## The task

```{{code-cell}}
:tags: [starter]

answer = None
```

{heading}:::{{solution-start}} ex
:class: dropdown
:::

It is {CANARY}, as 5<!--{CANARY}--> says.

```{{code-cell}}
---
mystnb:
  figure: {{name: fig-{CANARY}}}
tags: [solution]
---
{CANARY} = 1
```

:::{{solution-end}}
:::

## Hand in

```{{code-cell}}
:tags: [hand-in]

ml.hand_in("answer", answer)
```

```{{code-cell}}
:tags: [check, remove-cell]

reference_answer("answer", points=1, hint="{CANARY}")
```
"""
    after = (
        f"\n## What changed\n\n{CANARY}\n\n```{{code-cell}}\n{CANARY}\n```\n" if exercise else ""
    )
    return list(jupytext.reads(source + after, fmt="md:myst").cells)


@pytest.mark.parametrize("exercise", [True, False])
def test_no_canary_leaves(exercise: bool) -> None:
    cells = page_with_canaries(exercise)
    for cell in cells:
        if cell.cell_type == "code" and CANARY in str(cell):
            cell["outputs"] = [nbformat.v4.new_output("stream", text=CANARY)]
    kept = editions.without_solutions(cells, exercise)
    text = "\n".join(str(cell) for cell in kept)
    assert CANARY not in text
    assert "solution" not in text
    for wanted in ("Before.", "answer = None", "## Hand in", "ml.hand_in"):
        assert wanted in text


@pytest.mark.parametrize("name", [page for page in PAGES if page.startswith("exercise-")])
def test_of_an_exercise_students_get_task_starters_and_hand_in(name: str) -> None:
    page = editions.student_notebook(name, outputs=False)
    text = "\n".join(cell.source for cell in page.cells)
    assert "## The task" in text
    assert "## Hand in" in text
    assert "reference_answer" not in text
    assert "{solution-" not in text
    handed_in = [exercises.answer_of(c) for c in page.cells if exercises.has_tag(c, "hand-in")]
    assert handed_in == list(exercises.points_of(name.removeprefix("exercise-")))
    for answer in handed_in:
        assert re.search(rf"^{answer} = None$", text, re.MULTILINE)


def test_a_trace_of_a_solution_is_found_wherever_it_is(tmp_path: Path) -> None:
    cells = page_with_canaries(exercise=True)
    secret = editions.secrets(cells, editions.without_solutions(cells, exercise=True))
    (tmp_path / "innocent.txt").write_text("answer = None")
    editions.refuse_traces(tmp_path, secret)
    for trace in secret:
        (tmp_path / "page.html").write_text(f"<p>{trace}</p>")
        with pytest.raises(ValueError, match=r"page\.html"):
            editions.refuse_traces(tmp_path, secret)


def test_picture_words_and_names_of_a_solution_are_secrets() -> None:
    cells = page_with_canaries(exercise=True)
    solution = next(cell for cell in cells if CANARY in str(cell) and cell.cell_type == "code")
    picture = "iVBORw0KGgo" + "A" * 200
    solution["outputs"] = [nbformat.v4.new_output("display_data", {"image/png": picture})]
    secret = editions.secrets(cells, editions.without_solutions(cells, exercise=True))
    assert f"fig-{CANARY}" in secret
    assert any(picture.startswith(trace[:100]) for trace in secret)
    assert any("as 5<!--" in trace for trace in secret)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_what_students_get_runs_before_anything_is_done(
    assignment: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: a kernel for each page would take as long again."""
    page = editions.student_notebook(f"exercise-{assignment}", outputs=False)
    handed_in = [exercises.answer_of(c) for c in page.cells if exercises.has_tag(c, "hand-in")]
    monkeypatch.chdir(ROOT / "chapters")
    names: dict[str, Any] = {"__name__": "__main__"}
    with plt.rc_context():
        for cell in page.cells:
            if cell.cell_type == "code":
                exec(cell.source, names)
    plt.close("all")
    pd.reset_option("^display")  # pages set how numbers are shown
    said = capsys.readouterr()
    assert said.out.endswith("".join(f"{name}: nothing handed in yet.\n" for name in handed_in))
    assert said.err == ""


@pytest.mark.slow
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_outputs_that_students_get_are_older_than_any_solution(assignment: str) -> None:
    """They are those of the executed page; below the solution, only that nothing was handed in."""
    cells = editions.student_notebook(f"exercise-{assignment}").cells
    place = next(n for n, cell in enumerate(cells) if cell.source.startswith("## Hand in"))
    assert any(cell.get("outputs") for cell in cells[:place])
    for cell in [cell for cell in cells[place:] if cell.cell_type == "code"]:
        (output,) = cell.outputs
        assert output.text == f"{exercises.answer_of(cell)}: nothing handed in yet.\n"


@pytest.mark.slow
def test_what_students_get_refers_to_nothing_that_is_left_out() -> None:
    given = [name for name in PAGES if name not in editions.left_out()]
    pages = {name: editions.student_notebook(name, outputs=False).cells for name in given}
    text = "\n".join(cell.source for cells in pages.values() for cell in cells)
    text += (ROOT / "data" / "README.md").read_text()
    links = re.findall(r"\]\(([\w-]+)\.ipynb(?:#([\w-]+))?\)", text)
    assert len(links) > 50
    drawn = {
        cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
        for cells in pages.values()
        for cell in cells
    }
    for page, target in links:
        assert page in pages, f"{page} is not among the pages that students get"
        if target.startswith(("fig-", "eq-")):
            assert f"({target})" in text or target in drawn, target


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_exercise_has_a_level_points_and_a_teaching_note(assignment: str) -> None:
    source = exercises.source_of(assignment).read_text()
    if not assignment.startswith("moral-"):
        assert re.search(r"^Level: (easy|medium|hard)\b", source, re.MULTILINE)
    assert 5 <= sum(exercises.points_of(assignment).values()) <= 12
    note = (ROOT / "bookmaking" / "grading" / "notes" / f"exercise-{assignment}.md").read_text()
    for heading in (
        "What it is for",
        "How long it takes",
        "Points",
        "Common mistakes, and how to respond",
        "What to vary next year",
    ):
        assert f"## {heading}\n" in note
    for answer, points in exercises.points_of(assignment).items():
        assert re.search(rf"^\|\s*`{answer}`\s*\|\s*{points}\s*\|", note, re.MULTILINE), answer


def test_the_page_for_teachers_states_the_level_and_points_of_every_exercise() -> None:
    page = (ROOT / "chapters" / "teaching.md").read_text()
    row = r"^\| \[[^]]*\]\(exercise-([\w-]+)\.ipynb\) \| (\w+) \|[^|]*\| (\d+) \| (\d+) \|"
    stated = {
        name: (level, int(own), int(by)) for name, level, own, by in re.findall(row, page, re.M)
    }
    true = {}
    for name in ASSIGNMENTS:
        source = exercises.source_of(name).read_text()
        (level,) = re.findall(r"^Level: (\w+)", source, re.MULTILINE)
        tasks = [cell.metadata for cell in derive(exercises.source_of(name)).cells]
        written = sum(task["points"] for task in tasks if "written" in task.get("tags", []))
        true[name] = level, sum(exercises.points_of(name).values()), written
    assert stated == true


def test_all_levels_are_there() -> None:
    text = "\n".join(exercises.source_of(name).read_text() for name in ASSIGNMENTS)
    assert set(re.findall(r"^Level: (\w+)", text, re.MULTILINE)) == {"easy", "medium", "hard"}
    assert len(ASSIGNMENTS) >= 8


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_hints_and_feedback_do_not_hold_numbers_of_the_answer(assignment: str) -> None:
    """Decimals in the advice stand in the task as well: no right value is given away."""
    cells = derive(exercises.source_of(assignment)).cells
    page = editions.student_notebook(f"exercise-{assignment}", outputs=False)
    given = "\n".join(cell.source for cell in page.cells)
    checks = "\n".join(cell.source for cell in cells if exercises.has_tag(cell, "check"))
    for node in ast.walk(ast.parse(checks)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            assert all(number in given for number in re.findall(r"\d+\.\d+", node.value))


def test_an_unknown_exercise_is_named_with_those_that_there_are() -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no exercise 'none'; the exercises are .*moral-judgement"
    ):
        exercises.source_of("none")


# A book without solutions -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "held_back"),
    [
        ("shown", False),
        ("held back", True),
        ("2027-01-15", False),
        ("2027-01-16", True),
        ("2026-12-31", False),
    ],
)
def test_solutions_are_held_back_until_a_switch_or_a_date(said: str, held_back: bool) -> None:
    assert book.are_held_back(said, dt.date(2027, 1, 15)) == held_back


@pytest.mark.parametrize("said", ["hidden", "15.1.2027", ""])
def test_another_word_for_it_is_refused(said: str) -> None:
    with pytest.raises(SystemExit, match=r'should be "shown", "held back", or a date such as'):
        book.are_held_back(said, dt.date(2027, 1, 15))


def test_a_book_without_solutions_is_the_students_edition_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edition = tmp_path / "edition"
    for name in (
        "html/index.html",
        "html/searchindex.js",
        "html/_sources/a.ipynb",
        "chapters/a.ipynb",
    ):
        (edition / name).parent.mkdir(parents=True, exist_ok=True)
        (edition / name).write_text(name)
    old = tmp_path / "_build" / "html" / "chapters" / "exercise-groups.html"
    old.parent.mkdir(parents=True)
    old.write_text(CANARY)
    for name, path in {"BUILD": tmp_path / "_build", "HTML": tmp_path / "_build" / "html"}.items():
        monkeypatch.setattr(book, name, path)
    editions.pack_notebooks(edition)
    monkeypatch.setattr(editions, "make_student", lambda: edition)
    monkeypatch.setattr(book, "make_epub", lambda html: (html / archives.EPUB).touch())
    book.build_without_solutions()
    built = {str(p.relative_to(tmp_path / "_build")) for p in (tmp_path / "_build").rglob("*.*")}
    assert built == {
        "html/index.html",
        "html/searchindex.js",
        "html/_sources/a.ipynb",
        "html/multilevel-html.zip",
        "html/multilevel-models.epub",
        "html/multilevel-notebooks.zip",
    }
    pages = {name.removeprefix("html/") for name in built}
    pages -= {"multilevel-html.zip", "multilevel-models.epub"}
    for archive, expected in {"html": pages, "notebooks": {"chapters/a.ipynb"}}.items():
        name = f"multilevel-{archive}"
        with zipfile.ZipFile(tmp_path / "_build" / "html" / f"{name}.zip") as packed:
            assert set(packed.namelist()) == {f"{name}/{path}" for path in expected}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_exercise_has_a_variant_and_a_task_for_a_person_with_a_rubric(
    assignment: str,
) -> None:
    assert exercises.has_variants(assignment)
    written, rubrics = exercises.written_of(assignment), exercises.rubric_of(assignment)
    assert written
    assert set(written) == set(rubrics)
    assert not set(written) & set(exercises.points_of(assignment))
    for name, points in written.items():
        given = [int(number) for number in re.findall(r"^- (\d+):", rubrics[name], re.MULTILINE)]
        assert given == list(range(points, -1, -1)), name


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_a_release_is_plain_markdown_with_a_place_for_every_answer(assignment: str) -> None:
    notebook = editions.assignment_notebook(assignment)
    about = [cell.metadata.get("nbgrader", {}) for cell in notebook.cells]
    tasks = {each.grade_id: each.points for each in about if each.get("task")}
    graded = {each.grade_id: each.points for each in about if each.get("grade")}
    assert tasks == exercises.written_of(assignment)
    assert graded == exercises.points_of(assignment)
    for number, each in enumerate(about):
        if each.get("task"):
            assert "<!-- BEGIN MARK SCHEME -->" in notebook.cells[number].source
            assert notebook.cells[number + 1].source == EMPTY
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert not re.search(r"^:::|^\(|\{[a-z:]+\}`|^\+\+\+", text, re.MULTILINE)


def test_what_has_no_plain_form_is_refused() -> None:
    text = "By equation {eq}`x`, 3<!--n--> of\n[lines](a.ipynb#b) in [Glossary](glossary.ipynb)."
    assert plain(text) == "By the equation above, 3 of\nlines in “Glossary”."
    with pytest.raises(ValueError, match=r"\{new-role\}.* has no plain form"):
        plain("{new-role}`x`")
