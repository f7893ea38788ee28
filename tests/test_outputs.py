"""The rule for outputs passes what is the same within Monte Carlo error, and nothing else."""

import copy
import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from nbclient.exceptions import CellExecutionError

import multilevel as ml
from bookmaking.notebooks.outputs import GLUED, disagreements
from multilevel import figures
from multilevel.estimates import MIME

# A notebook like a chapter, small enough to be run several times ----------------------------------

CELLS = {
    "setup": """
        import pymc as pm
        import multilevel as ml
        from multilevel import figures
        from myst_nb import glue
        figures.set_theme()
        mlm = ml.load_mlm().query("id < 80")
        model = ml.partial_pooling(mlm, "con", "id")
        """,
    "fit": "fit = ml.fit(model, seed=1)\nml.diagnose(fit)",
    "model": "ml.summarise(fit)",
    "labels": 'levels = fit["posterior"]["alpha"]\nml.interval(levels)',
    "rows": "ml.interval(levels).head(7)",
    "mass": "ml.interval(levels, prob=0.95)",
    "figure": "_ = figures.forest(ml.summarise(fit, prob=0.95), 'con')",
    "glued": """
        sigma = ml.summarise(fit).loc["sigma"]
        glue("sigma", ml.Quoted(sigma["mean"], sigma["mcse"], ".3f"), display=False)
        """,
    "draws": "ml.peek(ml.tidy(levels))",
    "sentence": 'print("Person 6 is near the mean.")',
    "claim": 'assert fit.attrs["seed"] > 0\nprint("The seed is positive.")',
}
PRIOR = 'ml.partial_pooling(mlm, "con", "id", sigma_alpha=ml.Prior(pm.Exponential, 40))'
NUMBER = r"-?\d+\.\d+(e-\d+)?"
# What is changed in a cell, and the message that must follow.
WRONG = {
    "model": (
        "ml.summarise(fit)",
        f"ml.summarise(ml.fit({PRIOR}, seed=1))",
        rf"row 'sigma_alpha', column 'mean': stored {NUMBER}, fresh {NUMBER}, may differ by 0\.0",
    ),
    "labels": (
        "ml.interval(levels)",
        "i = levels['id'].to_numpy().copy()\ni[[0, 2]] = i[[2, 0]]\n"
        "ml.interval(levels.assign_coords(id=i))",
        r"row '0', column 'id': stored 6, fresh 34, may differ by 0",
    ),
    "rows": ("head(7)", "head(6)", r"index: 7 stored, 6 fresh; .* stored '6', fresh None"),
    "mass": (
        "0.95",
        "0.90",
        rf"row '\d+', column '(lower|upper)': stored {NUMBER}, fresh {NUMBER}, may differ by 0\.0",
    ),
    "figure": (
        "0.95",
        "0.90",
        rf"row 'alpha\[\d+\]', column '(lower|upper)': "
        rf"stored {NUMBER}, fresh {NUMBER}, may differ by 0\.0",
    ),
    "glued": (
        '["sigma"]',
        '["sigma_alpha"]',
        rf"column 'value': stored {NUMBER}, fresh {NUMBER}, may differ by 0\.00",
    ),
    "sentence": ("near", "far from", r"stored .*Person 6 is near.* fresh .*Person 6 is far from"),
    # After this cell a reader's run goes on; a false claim fails here all the same.
    "claim": ("> 0", "> 9", r"AssertionError"),
}


def notebook(changed: dict[str, str] | None = None) -> nbformat.NotebookNode:
    sources = {name: dedent(source).strip() for name, source in CELLS.items()} | (changed or {})
    cells = [nbformat.v4.new_code_cell(sources[name], id=name) for name in CELLS]
    cells[-1].metadata["tags"] = ["raises-exception"]
    return nbformat.v4.new_notebook(cells=cells)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    made = notebook()
    execute(made, tmp_path_factory.mktemp("stored"))
    return made


def nbval(stored: nbformat.NotebookNode, changed: dict[str, str], folder: Path) -> str:
    """Put other sources under stored outputs, run nbval as ``make test`` does, give its report."""
    made = copy.deepcopy(stored)
    for cell, fresh in zip(made.cells, notebook(changed).cells, strict=True):
        cell.source = fresh.source
    nbformat.write(made, folder / "a-chapter.ipynb")
    rule = str(Path(__file__).parent)
    command = [
        sys.executable,
        *["-m", "pytest", "--nbval", "--nbval-current-env", "-p", "outputs", "-v"],
    ]
    ran = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--color=no", "--rootdir", ".", "a-chapter.ipynb"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": rule},
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout + ran.stderr


def test_the_same_seed_on_the_same_machine_gives_the_same_outputs(
    stored: nbformat.NotebookNode, tmp_path: Path
) -> None:
    again = notebook()
    execute(again, tmp_path)
    for cell, fresh in zip(stored.cells, again.cells, strict=True):
        assert cell.outputs == fresh.outputs  # figures to the pixel


def test_a_false_claim_stops_the_execution(tmp_path: Path) -> None:
    claim = nbformat.v4.new_code_cell("assert 1 > 2", metadata={"tags": ["raises-exception"]})
    with pytest.raises(CellExecutionError, match="assert 1 > 2"):
        execute(nbformat.v4.new_notebook(cells=[claim]), tmp_path)


def test_another_seed_passes(stored: nbformat.NotebookNode, tmp_path: Path) -> None:
    report = nbval(stored, {"fit": CELLS["fit"].replace("seed=1", "seed=2")}, tmp_path)
    assert f"{len(CELLS)} passed" in report, report


@pytest.fixture(scope="module")
def report(stored: nbformat.NotebookNode, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run a notebook in which every cell of WRONG is wrong in its own way."""
    changed = {}
    for name, (right, wrong, _) in WRONG.items():
        source = dedent(CELLS[name]).strip()
        assert right in source
        changed[name] = source.replace(right, wrong)
    return nbval(stored, changed, tmp_path_factory.mktemp("wrong"))


@pytest.mark.parametrize("name", CELLS)
def test_what_is_wrong_fails_and_the_message_says_where(report: str, name: str) -> None:
    number = list(CELLS).index(name)
    if name not in WRONG:
        assert re.search(rf"ipynb::Cell {number} PASSED", report), report
        return
    assert re.search(rf"ipynb::Cell {number} FAILED", report), report
    assert re.search(rf"a-chapter\.ipynb, cell {number}: .*{WRONG[name][2]}", report), report


# The rule by itself -------------------------------------------------------------------------------


def shown(data: dict[str, Any]) -> list[Any]:
    return [nbformat.v4.new_output("execute_result", data=data)]


def table_output(table: ml.Estimates, style: str = "{:.2f}") -> dict[str, Any]:
    with pd.option_context("display.float_format", style.format):
        html = table._repr_html_()
    return {"text/plain": "", "text/html": html, **table._repr_mimebundle_()}


TABLE = ml.Estimates.of(
    pd.DataFrame({"mean": [1.234, -0.5], "n": [3, 4]}, index=["a", "b"]), {"mean": [0.01, 0.02]}
)


def changed(**columns: Any) -> ml.Estimates:
    return TABLE.assign(**columns)


@pytest.mark.parametrize(
    ("fresh", "words"),
    [
        (TABLE, None),
        (changed(mean=[1.234 + 4.9 * 0.01 * 2**0.5, -0.5]), None),
        (changed(mean=[1.234 + 5.1 * 0.01 * 2**0.5, -0.5]), "row 'a', column 'mean'"),
        (changed(mean=[1.234, 0.5]), "row 'b', column 'mean': stored -0.5, fresh 0.5"),
        (changed(mean=[1.234, np.nan]), "row 'b', column 'mean': stored -0.5, fresh None"),
        (changed(n=[3, 5]), "row 'b', column 'n': stored 4, fresh 5, may differ by 0"),
        (TABLE.rename(index={"b": "c"}), "index: .* stored 'b', fresh 'c'"),
        (TABLE.rename(columns={"n": "m"}), "columns: .* stored 'n', fresh 'm'"),
        (TABLE.rename_axis("person"), "index_names: .* stored 'None', fresh 'person'"),
        (TABLE.iloc[::-1], "index: .* stored 'a', fresh 'b'"),
        (TABLE.iloc[:1], "index: 2 stored, 1 fresh"),
    ],
)
def test_tables_are_compared_by_their_errors(fresh: ml.Estimates, words: str | None) -> None:
    found = disagreements(shown(table_output(TABLE)), shown(table_output(fresh)))
    if words is None:
        assert found == []
    else:
        assert re.search(words, found[0])


def test_a_number_altered_in_the_stored_html_alone_is_found() -> None:
    stored = table_output(TABLE)
    stored["text/html"] = stored["text/html"].replace("1.23", "1.24")
    found = disagreements(shown(stored), shown(table_output(TABLE)))
    assert found == ["'1.24' is shown where the output carries 1.234"]


def test_a_label_altered_in_the_stored_html_alone_is_found() -> None:
    stored = table_output(TABLE)
    stored["text/html"] = stored["text/html"].replace("<th>a</th>", "<th>c</th>")
    (found,) = disagreements(shown(stored), shown(table_output(TABLE)))
    assert found.startswith("heads of the table: stored")


def test_a_quoted_number_altered_in_the_text_alone_is_found() -> None:
    def output(text: str) -> list[Any]:
        bundle = ml.Quoted(0.6178, 0.003)._repr_mimebundle_()
        return shown(
            {GLUED + mime: value for mime, value in bundle.items()} | {GLUED + "text/plain": text}
        )

    assert disagreements(output("0.62"), output("0.62")) == []
    found = disagreements(output("0.63"), output("0.62"))
    assert found == ["'0.63' is shown where the output carries 0.6178"]


@pytest.mark.parametrize(
    ("column", "stored", "near", "far"),
    [
        ("r_hat", 1.001, 1.008, 1.02),
        ("ess_bulk", 3000, 1600, 1400),
        ("ess_tail", 1000, 1900, 2100),
        ("mcse", 0.010, 0.014, 0.016),
        ("e_bfmi", 0.8, 1.0, 0.5),
        ("high_k", 22, 30, 90),
        ("divergences", 0, 0, 1),
        ("tree_depth", 0, 0, 1),
    ],
)
def test_diagnostics_may_differ_as_far_as_the_rule_says(
    column: str, stored: float, near: float, far: float
) -> None:
    old, close, away = (
        shown(table_output(ml.Estimates({column: [value]}), "{:.4f}"))
        for value in (stored, near, far)
    )
    assert disagreements(old, close) == []
    (found,) = disagreements(old, away)
    assert found.startswith(f"row '0', column '{column}': stored {stored}, fresh {far}")


def draws(seed: int, shift: float = 0.0) -> xr.DataArray:
    rng = np.random.default_rng(seed)
    return xr.DataArray(shift + rng.normal(size=(4, 500)), dims=("chain", "draw"))


def figure_output(values: xr.DataArray, name: str = "a") -> list[Any]:
    figure = figures.densities({name: values}, xlabel="x")
    return shown({"image/png": "pixels", **vars(figure)["_repr_mimebundle_"]()})


def test_figures_are_compared_by_their_numbers_and_words() -> None:
    stored = figure_output(draws(1))
    assert disagreements(stored, figure_output(draws(2))) == []
    (first, *_) = disagreements(stored, figure_output(draws(2, shift=0.3)))
    assert re.match(r"row 'a, 0\.\d+', column 'quantile': stored -", first)
    (words,) = disagreements(stored, figure_output(draws(2), name="b"))
    assert "'a'" in words
    assert "'b'" in words


def test_a_figure_that_carries_no_numbers_is_refused() -> None:
    bare = shown({"image/png": "pixels", "text/plain": "<Figure>"})
    assert disagreements(bare, bare) == [
        "the figure carries no numbers: draw it with a function of multilevel.figures"
    ]


@pytest.mark.parametrize(
    "fresh",
    [
        [],
        [nbformat.v4.new_output("stream", name="stdout", text="ten\n")],
        [nbformat.v4.new_output("stream", name="stderr", text="one\n")],
        shown({"text/plain": "one"}),
    ],
)
def test_text_must_be_the_same(fresh: list[Any]) -> None:
    stored = [nbformat.v4.new_output("stream", name="stdout", text="one\n")]
    assert disagreements(stored, copy.deepcopy(stored)) == []
    assert len(disagreements(stored, fresh)) == 1


def test_a_plain_number_is_text() -> None:
    assert disagreements(shown({"text/plain": "92"}), shown({"text/plain": "92"})) == []
    found = disagreements(shown({"text/plain": "92"}), shown({"text/plain": "93"}))
    assert found == ["text/plain: stored '92', fresh '93'"]


def test_a_representation_that_went_missing_is_found() -> None:
    whole, part = table_output(TABLE), table_output(TABLE)
    del part[MIME]
    (found,) = disagreements(shown(whole), shown(part))
    assert found.startswith("stored as [")
