"""A reader's table is taken whatever library made it, or refused with the way to make a frame."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import xarray as xr

from multilevel.frames import as_frame

FRAME = pd.DataFrame({"person": ["ann", "bob"], "y": [1.5, 2.5]})


class Table:
    """A table of another library, such as Polars."""

    def to_pandas(self) -> pd.DataFrame:
        """Return it as a frame."""
        return FRAME


class Lazy:
    """A table that is not there yet."""

    def collect(self) -> Table:
        """Compute it."""
        return Table()


class Spark:
    """A table on a cluster."""

    def toPandas(self) -> pd.DataFrame:
        """Fetch it."""
        return FRAME


def test_a_pandas_frame_is_taken_as_it_is() -> None:
    assert as_frame(FRAME) is FRAME
    empty = FRAME.iloc[:0]
    assert as_frame(empty) is empty


@pytest.mark.parametrize("table", [Table(), pa.Table.from_pandas(FRAME)])
def test_a_table_of_another_library_becomes_a_frame(table: Any) -> None:
    pd.testing.assert_frame_equal(as_frame(table), FRAME, check_dtype=False)


DATASET = xr.Dataset({"y": ("row", [1.5, 2.5])}, {"row": ["a", "b"]})


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        ({"y": [1]}, r"mine must be a data frame, and is a dict: .* by pd\.DataFrame\(mine\)\."),
        ([[1, 2]], r"a list: .* pd\.DataFrame\(mine\)"),
        (None, r"a NoneType"),
        (FRAME.to_records(), r"a recarray: .* pd\.DataFrame\(mine\)"),
        (FRAME["y"].to_numpy(), r"an? ndarray: .* pd\.DataFrame\(mine\)"),
        (FRAME["y"], r"a Series: make one by mine\.to_frame\(\)\."),
        (DATASET, r"a Dataset: make one by mine\.to_dataframe\(\)\.reset_index\(\)\."),
        (DATASET["y"], r"a DataArray: make one by mine\.to_dataframe"),
        (pa.array([1, 2]), r"an? \w+: make one by pd\.DataFrame"),
        (Lazy(), r"a Lazy: make one by mine\.collect\(\)\."),
        (Spark(), r"a Spark: make one by mine\.toPandas\(\)\."),
        (pd.DataFrame, r"the class DataFrame"),
        (Table, r"the class Table"),
        ("data.csv", r"a str: make one by pd\.read_csv\(mine\)"),
    ],
)
def test_what_is_no_table_is_refused_with_the_way_to_make_one(thing: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        as_frame(thing, "mine")


def test_the_advice_makes_a_frame_that_is_taken() -> None:
    assert list(as_frame(DATASET.to_dataframe().reset_index())) == ["row", "y"]
    assert list(as_frame(FRAME["y"].to_frame())) == ["y"]
    assert list(as_frame(pd.DataFrame(FRAME.to_records()))) == ["index", "person", "y"]


def test_columns_with_the_same_name_are_refused_by_name() -> None:
    data = FRAME.set_axis(["y", "y"], axis=1)
    with pytest.raises(ValueError, match=r"several columns called 'y'\..*duplicated"):
        as_frame(data)
    assert list(as_frame(data.loc[:, ~data.columns.duplicated()])) == ["y"]


@pytest.mark.parametrize("label", [0, 1.5, None, ("a", 1), np.int64(3), pd.Timestamp("2024-01-01")])
def test_columns_whose_names_are_no_text_are_refused_with_the_remedy(label: Any) -> None:
    data = FRAME.copy()
    data.columns = pd.Index(["y", label], dtype=object, tupleize_cols=False)
    with pytest.raises(TypeError, match=r"must be text; these are not: .*rename\(columns="):
        as_frame(data)
    as_frame(data.rename(columns=str))


def test_columns_with_names_of_two_levels_are_refused_with_the_remedy() -> None:
    data = FRAME.set_axis(pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]), axis=1)
    with pytest.raises(TypeError, match=r"names of 2 levels, such as \('a', 'x'\)"):
        as_frame(data)
    data.columns = pd.Index(["_".join(map(str, parts)) for parts in data.columns])
    assert list(as_frame(data)) == ["a_x", "a_y"]
