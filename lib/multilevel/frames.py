"""Convert tables from any library to pandas frames."""

from collections import Counter
from typing import Any

import pandas as pd
import xarray as xr

REMEDIES = {
    "to_dataframe": "{name}.to_dataframe().reset_index()",  # xarray
    "to_frame": "{name}.to_frame()",  # a pandas Series
    "toPandas": "{name}.toPandas()",  # Spark
    "compute": "{name}.compute()",  # Dask
    "collect": "{name}.collect()",  # a lazy frame of Polars
    "df": "{name}.df()",  # DuckDB
    "obj": "{name}.obj",  # grouped by pandas
}
"""Code that makes a frame of an object, by a method that the object has."""


def as_frame(data: Any, name: str = "data") -> pd.DataFrame:
    """Return a table as a pandas frame, whose columns have unique names.

    Parameters
    ----------
    data
        A pandas frame, which is returned as it is, or a table with a method ``to_pandas``, such as
        those of Polars and PyArrow, which is converted.
    name
        Name of the argument, for the messages.

    Returns
    -------
    DataFrame
        The table. Its columns have different names, all of them text.

    Raises
    ------
    TypeError
        It is neither of these; or the name of a column is not text.
    ValueError
        Two columns have the same name.

    Examples
    --------
    >>> import pandas as pd
    >>> as_frame(pd.DataFrame({"y": [1.5, 2.5]}))
         y
    0  1.5
    1  2.5
    >>> as_frame({"y": [1.5, 2.5]})
    Traceback (most recent call last):
    TypeError: data must be a data frame, and is a dict: make one by pd.DataFrame(data).
    """
    frame = _converted(data)
    if frame is None:
        kind = f"the class {data.__name__}" if isinstance(data, type) else _a(type(data).__name__)
        raise TypeError(
            f"{name} must be a data frame, and is {kind}: make one by {_remedy(data, name)}."
        )
    _check_names(frame, name)
    return frame


def _converted(data: Any) -> pd.DataFrame | None:
    """Return a table as a frame; None if it is not a table, or a part of it would be lost."""
    if isinstance(data, pd.DataFrame):
        return data
    # For xarray, coordinates are not columns.
    convert = None if isinstance(data, type | xr.Dataset | xr.DataArray) else _method(data)
    frame = convert() if callable(convert) else None
    return frame if isinstance(frame, pd.DataFrame) else None


def _method(data: Any) -> Any:
    return getattr(data, "to_pandas", None)


def _remedy(data: Any, name: str) -> str:
    """Return the code that makes a frame of an object."""
    if isinstance(data, xr.DataTree):
        return f"ml.tidy({name}['posterior']['sigma']), one variable at a time"
    if isinstance(data, str):
        return f"pd.read_csv({name}), if it is the name of a file"
    found = [code for method, code in REMEDIES.items() if hasattr(data, method)]
    usable = found and not isinstance(data, type)
    return (found[0] if usable else "pd.DataFrame({name})").format(name=name)


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0].lower() in "aeiou" else f"a {noun}"


def _check_names(frame: pd.DataFrame, name: str) -> None:
    """Raise an error unless the names of the columns are text, and different."""
    if frame.columns.nlevels > 1:
        raise TypeError(
            f"The columns of {name} have names of {frame.columns.nlevels} levels, such as "
            f"{frame.columns[0]!r}. Join them: "
            f"{name}.columns = ['_'.join(map(str, parts)) for parts in {name}.columns]."
        )
    other = [label for label in frame.columns if not isinstance(label, str)]
    if other:
        listed = ", ".join(map(repr, other[:5])) + (", …" if len(other) > 5 else "")
        raise TypeError(
            f"The names of the columns of {name} must be text; these are not: {listed}. Name them: "
            f"{name} = {name}.rename(columns={{{other[0]!r}: 'a_name'}}), or all alike by "
            f"{name}.rename(columns=str)."
        )
    twice = [label for label, count in Counter(frame.columns).items() if count > 1]
    if twice:
        raise ValueError(
            f"{name} has several columns called {', '.join(map(repr, twice))}. Keep the first of "
            f"each, {name}.loc[:, ~{name}.columns.duplicated()], or name each differently: "
            f"{name}.columns = [...]."
        )
