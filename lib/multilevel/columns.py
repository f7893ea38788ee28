"""Read the columns of a frame for a model, after checking that the model can use them."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

MOST_LABELS = 10
"""Largest number of labels of a column for which a column of zeros and ones each is proposed."""


class Factor(NamedTuple):
    """A column as integer codes from 0, and the label that each code stands for."""

    codes: np.ndarray
    labels: list[Any]


def names_of(given: Any, keyword: str) -> tuple[str, ...]:
    """Return a list of column names as a tuple.

    Parameters
    ----------
    given
        What the user gave.
    keyword
        The keyword that it was given for.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        It is not a list of strings (a single string, for example), or names a column twice.
    """
    if isinstance(given, str):
        raise ValueError(
            f"{keyword} must be a list of columns, such as {keyword}=['{given}']; it is {given!r}."
        )
    try:
        names = tuple(given)
    except TypeError:
        raise ValueError(f"{keyword} must be a list of columns; it is {given!r}.") from None
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"{keyword} must contain names of columns, strings; it has {name!r}.")
        if names.count(name) > 1:
            raise ValueError(f"{keyword} names the column '{name}' twice.")
    return names


def complete_column(data: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of a frame, after checking that it exists and is complete.

    Parameters
    ----------
    data
        Any frame.
    column
        Name of a column, or of columns that identify nested clusters together, such as
        ``"school:class"``: a label is then made of the labels of both, such as ``"A:1"``.

    Returns
    -------
    Series

    Raises
    ------
    ValueError
        There is no such column, it has missing values, or the frame has no rows.
    """
    if isinstance(column, str) and column not in data.columns and ":" in column:
        parts = [complete_column(data, part).map(_as_text) for part in column.split(":")]
        together = pd.DataFrame(dict(enumerate(parts))).agg(":".join, axis=1)
        return together.rename(column)
    if column not in data.columns:
        names = {str(name).casefold(): name for name in data}
        close = get_close_matches(str(column).casefold(), names, n=1)
        hint = f" Did you mean '{names[close[0]]}'?" if close else ""
        if set(str(column)) & set("~|*+"):
            hint = " Formulas are not read here: name single columns. (Bambi reads formulas.)"
        raise ValueError(
            f"There is no column '{column}' in the data. The columns are: "
            f"{', '.join(map(str, data))}.{hint}"
        )
    if data.empty:
        raise ValueError(f"The data have no rows, so column '{column}' is empty.")
    missing = int(data[column].isna().sum())
    if missing:
        raise ValueError(
            f"Column '{column}' has {missing} missing value{'s' * (missing > 1)}. Decide what "
            f"to do about them first; data.dropna(subset=['{column}']) leaves those rows out."
        )
    return data[column]


def _as_text(label: Any) -> str:
    """Return a label as text, whole numbers alike whatever their type."""
    is_whole = isinstance(label, float) and label.is_integer()
    return str(int(label) if is_whole else label)


def has_columns(data: pd.DataFrame, group: str) -> bool:
    """Return whether a frame has the column of a group, or those that identify it together."""
    return group in data.columns or all(part in data.columns for part in group.split(":"))


def numeric(data: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column as floats; raise ValueError unless it is numeric, complete and finite."""
    values = complete_column(data, column)
    types = pd.api.types
    if not (types.is_numeric_dtype(values.dtype) or types.is_bool_dtype(values.dtype)):
        raise ValueError(
            f"Column '{column}' must be numeric; it is of type {values.dtype}. "
            f"{_to_numbers(values, column)}"
        )
    numbers = values.astype(float).to_numpy(float)
    if not np.isfinite(numbers).all():
        raise ValueError(f"Column '{column}' has infinite values; correct or drop those rows.")
    return numbers


def _to_numbers(values: pd.Series, column: str) -> str:
    """Return advice on how to make a column numeric."""
    old, labels, text = f"data['{column}']", values.unique().tolist(), values.astype(str)

    def are_numbers(text: pd.Series) -> bool:
        return bool(pd.to_numeric(text, errors="coerce").notna().all())

    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return f"Days since the first: {old} = ({old} - {old}.min()) / pd.Timedelta(days=1)."
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        return f"In seconds: {old} = {old}.dt.total_seconds()."
    if are_numbers(text):
        return f"Its values are numbers: {old} = {old}.astype(str).astype(float)."
    if are_numbers(text.str.rstrip("%")):
        return f"In percent: {old} = {old}.str.rstrip('%').astype(float)."
    if are_numbers(text.str.replace(",", "")):
        return (
            f"Read commas by {old}.str.replace(',', '.').astype(float) if they separate decimals, "
            f"and by {old}.str.replace(',', '').astype(float) if they separate thousands."
        )
    if len(labels) == 1:
        return f"It has a single label, {labels[0]!r}, and so carries no information."
    if len(labels) == 2:
        one = max(labels, key=str)
        return f"Make zeros and ones of its two labels: {old} = ({old} == {one!r}).astype(int)."
    if len(labels) <= MOST_LABELS:
        return (
            f"To use it as a predictor, make a column of zeros and ones for each label but one: "
            f"data.join(pd.get_dummies({old}, prefix='{column}', drop_first=True, dtype=int))."
        )
    not_numbers = values[pd.to_numeric(text, errors="coerce").isna().to_numpy()]
    return f"Some of its values are not numbers, such as {not_numbers.iloc[0]!r}."


def matrix(data: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Return numeric columns as a matrix, one column each; it may have none."""
    return np.array([numeric(data, column) for column in columns]).reshape(-1, len(data)).T


def binary(data: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column of zeros and ones; raise ValueError if it contains anything else."""
    values = numeric(data, column)
    others = sorted(set(values) - {0, 1})
    if others:
        listed = ", ".join(f"{value:g}" for value in others[:5])
        raise ValueError(
            f"Column '{column}' must contain zeros and ones only; it also has {listed}."
        )
    return values


def ordered_categories(data: pd.DataFrame, column: str) -> list[Any]:
    """Return the categories of an ordered categorical column; raise ValueError if it is not one."""
    values = complete_column(data, column)
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype) and dtype.ordered and len(dtype.categories) > 1:
        return list(dtype.categories)
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
        remedy = f"Make it one with pd.Categorical(data['{column}'], ordered=True)."
    else:
        labels = values.unique().tolist()
        listed = ", ".join(map(repr, labels[:10])) + ", ..." * (len(labels) > 10)
        remedy = (
            f"State the order of its labels, which only you know: pd.Categorical("
            f"data['{column}'], categories=[lowest, ..., highest], ordered=True). The labels that "
            f"occur are: {listed}."
        )
    raise ValueError(
        f"Column '{column}' must be an ordered categorical with at least two categories; it is "
        f"of type {dtype}. {remedy}"
    )


def factorise(data: pd.DataFrame, column: str) -> Factor:
    """Turn a column into codes and sorted labels; raise ValueError if it has a single level."""
    values = complete_column(data, column)
    try:
        codes, labels = pd.factorize(values, sort=True)
    except TypeError:  # labels of several types that cannot be sorted
        raise ValueError(
            f"Column '{column}' has labels of different types, which have no order. Make them "
            f"all text: data['{column}'].astype(str)."
        ) from None
    if len(labels) < 2:
        raise ValueError(
            f"Column '{column}' has a single level, {labels[0]!r}: there is nothing to compare or "
            f"to pool. Choose a column with at least two levels."
        )
    return Factor(codes, labels.tolist())


def counts(data: pd.DataFrame, column: str | None) -> np.ndarray | None:
    """Return a column of counts; raise ValueError unless all are positive integers."""
    if column is None:
        return None
    values = numeric(data, column)
    bad = values[(values < 1) | (values % 1 != 0)]
    if len(bad):
        zero = f" data[data['{column}'] > 0] leaves out rows that never occur." * (0 in bad)
        raise ValueError(
            f"Column '{column}' must contain whole numbers above zero; it has {bad[0]:g}.{zero}"
        )
    return values
