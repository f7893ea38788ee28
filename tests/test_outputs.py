"""The rule for outputs passes what is the same within Monte Carlo error, and nothing else."""

import copy
import re
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import multilevel as ml
from bookmaking.notebooks.outputs import GLUED, disagreements
from multilevel import figures
from multilevel.estimates import MIME


def shown(data: dict[str, Any]) -> list[Any]:
    return [nbformat.v4.new_output("execute_result", data=data)]


def table_output(table: ml.Estimates) -> dict[str, Any]:
    return {"text/plain": "", "text/html": table._repr_html_(), **table._repr_mimebundle_()}


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
        shown(table_output(ml.Estimates({column: [value]}))) for value in (stored, near, far)
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
