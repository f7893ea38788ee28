"""What the text of a chapter takes from its run and from the dictionary of the data."""

from pathlib import Path
from typing import Any

import nbformat
import pytest

from bookmaking.html.extensions import comments
from bookmaking.notebooks import derivation
from bookmaking.notebooks.filling import fill, without_comments
from bookmaking.paths import ROOT

VALUES = {"icc": "0.58", "low": "-0.46", "n": "9,930", "machine": "AMD EPYC, 2 cores"}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("About ?<!--icc--> of it.", "About 0.58<!--icc--> of it."),
        ("(0.1<!--low-->–?<!--icc-->)", "(−0.46<!--low-->–0.58<!--icc-->)"),
        ("*9,000<!--n--> rows*,\n12<!--n--> in all", "*9,930<!--n--> rows*,\n9,930<!--n--> in all"),
        ("On a ?<!--machine-->, twice", "On a AMD\xa0EPYC,\xa02\xa0cores<!--machine-->, twice"),
        ("Write `?<!--icc-->` or `?`, 3<!--icc-->.", "Write `?<!--icc-->` or `?`, 0.58<!--icc-->."),
        ("No <!-- comment --> of ours.", "No <!-- comment --> of ours."),
    ],
)
def test_numbers_are_filled_in_and_stay(text: str, filled: str) -> None:
    assert fill(text, VALUES) == filled
    assert fill(filled, VALUES) == filled


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("About 0.58<!--ick-->.", "quotes 'ick', and no cell glues it"),
        ("About <!--icc-->.", "<!--icc--> should follow a number"),
        ("On `?`<!--machine-->.", "<!--machine--> should follow a number"),
        ("<!--columns: none.csv-->\n<!--end-->", r"no entry for none\.csv"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fill(text, VALUES)


def test_entries_of_the_dictionary_are_copied() -> None:
    dictionary = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    columns = fill("A\n<!--columns: mlm.csv-->\nold\n<!--end-->\nB", {})
    assert "| `con` | the outcome of this book, see below | 0.0100 to 0.4893 |\n" in columns
    assert "Source" not in columns
    assert "old" not in columns
    assert columns.endswith("\n\n<!--end-->\nB")
    both = fill("<!--entries: mlm.csv, lecture.csv-->\n<!--end-->", {})
    assert both.count("### ") == 2
    (entry,) = (part for part in dictionary.split("\n## ") if part.startswith("lecture.csv"))
    assert entry.strip() in both
    assert fill(both, {}) == both


def test_comments_are_removed_and_code_is_left_alone() -> None:
    assert (
        without_comments("3<!--n--> of `?<!--n-->`, `a`<!--b--> `c`") == "3 of `?<!--n-->`, `a` `c`"
    )


def test_the_text_of_a_page_has_the_numbers_of_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a reader changed something: the source has the numbers of the run before."""
    source = tmp_path / "page.md"
    source.write_text("# Page\n\n```{code-cell} ipython3\nglue\n```\n\nIt is 1<!--n-->.\n")
    executed = derivation.derive(source)
    scrap = {"scrapbook": {"name": "n", "mime_prefix": "x/"}}
    output = nbformat.v4.new_output("display_data", {"x/text/plain": "'2'"}, metadata=scrap)
    executed.cells[1].outputs, executed.cells[1].execution_count = [output], 1
    notebook = derivation.with_outputs(source, executed)
    assert notebook.cells[2].source == "It is 2<!--n-->."
    assert notebook.metadata["cells_sha256"] == derivation.checksum(notebook)


def test_a_caption_goes_to_its_figure_and_comments_go() -> None:
    figure = nbformat.v4.new_code_cell("draw", metadata={"mystnb": {"figure": {"name": "fig-a"}}})
    below = nbformat.v4.new_markdown_cell("**Figure.** All 3<!--n-->.\nAnd more.\n\nText <!--x-->.")
    source = [nbformat.writes(nbformat.v4.new_notebook(cells=[figure, below]))]
    app: Any = None  # which has no part in it
    comments.read_comments(app, "page", source)
    drawn, text = nbformat.reads(source[0], as_version=4).cells
    assert drawn.metadata["mystnb"]["figure"] == {"name": "fig-a", "caption": "All 3.\nAnd more."}
    assert text.source == "Text ."
