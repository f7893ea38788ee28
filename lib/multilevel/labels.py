"""Keep the labels of data as they are: in arrays, and as text from which they can be restored.

NetCDF files can contain numbers, truth values, text and times. Other labels, such as dates, bands
and periods, are stored as JSON: the kind of the label and its parts.
"""

import datetime
import json
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

type Json = Any

SCALARS = (str, bool, int, float, np.number, np.bool_, np.str_)


def one_dimensional(values: Iterable[Any]) -> np.ndarray:
    """Return labels as an array with one dimension, in which they keep their values.

    NumPy alone would make text of numbers beside text, numbers of truth values beside numbers, and
    a table of tuples.

    Parameters
    ----------
    values
        Labels of any kind.

    Returns
    -------
    ndarray
        The labels, as objects where no other type can represent them all.

    Examples
    --------
    >>> one_dimensional(["ann", "bob"])
    array(['ann', 'bob'], dtype='<U3')
    >>> one_dimensional([7, "x7"])
    array([7, 'x7'], dtype=object)
    """
    labels = list(values)
    if not labels or not all(isinstance(label, SCALARS) for label in labels):
        return as_objects(labels)
    array = np.asarray(labels)
    return array if all(map(_is_same_scalar, array.tolist(), labels)) else as_objects(labels)


def as_objects(labels: Sequence[Any]) -> np.ndarray:
    """Return an array of objects, with one dimension."""
    array = np.empty(len(labels), object)
    for place, label in enumerate(labels):
        array[place] = label
    return array


def to_text(label: Any) -> str:
    """Return a label as JSON, from which :func:`from_text` restores it.

    Parameters
    ----------
    label
        Text, a number, a truth value, None, a date, time, ``Timestamp``, ``Timedelta``, ``Period``,
        ``Interval``, ``Decimal``, one of NumPy's numbers, or a tuple of such.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        A label of this kind, or this label, cannot be restored.

    Examples
    --------
    >>> import datetime
    >>> to_text(datetime.date(2024, 5, 1))
    '["date", "2024-05-01"]'
    """
    try:
        text = json.dumps(_encode(label))
        kept = is_same(from_text(text), label)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        kept = False
    if not kept:
        raise TypeError(
            f"labels of the type {_type_name(label)}, such as {label!r}, cannot be kept in a file. "
            f"Make text of them before you build the model, with .astype(str) of their column or "
            f"index"
        )
    return text


def from_text(text: str) -> Any:
    """Return the label that :func:`to_text` converted to JSON."""
    return _decode(json.loads(text))


def is_same(one: Any, other: Any) -> bool:
    """Return whether two labels are equal and of the same type, or missing in the same way."""
    if type(one) is not type(other):
        return False
    if one is other:
        return True
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, pd.Interval):
        return one.closed == other.closed and all(
            is_same(getattr(one, end), getattr(other, end)) for end in ("left", "right")
        )
    if isinstance(one, pd.Timestamp | pd.Timedelta) and one.unit != other.unit:
        return False
    if isinstance(one, datetime.datetime | datetime.time) and one.tzinfo != other.tzinfo:
        return False
    return bool(one == other) or bool(one != one and other != other)


def _is_same_scalar(one: Any, other: Any) -> bool:
    """Return whether text, truth values and numbers are equal, and of the same of these kinds."""
    kinds = [(str, np.str_), (bool, np.bool_), (bytes, np.bytes_)]
    alike = all(isinstance(one, kind) == isinstance(other, kind) for kind in kinds)
    return alike and bool(one == other or (one != one and other != other))


def _type_name(label: Any) -> str:
    kind = type(label)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _timestamp(parts: list[Any]) -> Any:
    value, unit, zone = parts
    time = pd.Timestamp(np.datetime64(value, unit))
    return time if zone is None else time.tz_localize("UTC").tz_convert(zone)


def _of_timestamp(time: pd.Timestamp) -> Json:
    naive = time if time.tz is None else time.tz_convert("UTC").tz_localize(None)
    number = int(naive.to_numpy().astype("int64"))
    return [number, time.unit, None if time.tz is None else str(time.tz)]


def _of_numpy(label: np.generic) -> Json:
    if label.dtype.kind in "Mm":
        return [label.dtype.str, int(label.astype("int64"))]
    if label.dtype.kind in "biufU":
        return [label.dtype.str, label.item()]
    raise TypeError(label)


def _interval(parts: list[Any]) -> Any:
    left, right, closed = parts
    return pd.Interval(_decode(left), _decode(right), closed)


MISSING = {"None": None, "NaT": pd.NaT, "NA": pd.NA}

KINDS: dict[str, tuple[type, Callable[[Any], Json], Callable[[Any], Any]]] = {
    "str": (str, str, str),
    "bool": (bool, bool, bool),
    "int": (int, int, int),
    "float": (float, float, float),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "time": (datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "datetime": (
        datetime.datetime,
        datetime.datetime.isoformat,
        datetime.datetime.fromisoformat,
    ),
    "Timestamp": (pd.Timestamp, _of_timestamp, _timestamp),
    "Timedelta": (
        pd.Timedelta,
        lambda time: [int(time.to_numpy().astype("int64")), time.unit],
        lambda parts: pd.Timedelta(np.timedelta64(*parts)),
    ),
    "Period": (
        pd.Period,
        lambda period: [period.ordinal, period.freqstr],
        lambda parts: pd.Period(ordinal=parts[0], freq=parts[1]),
    ),
    "Interval": (
        pd.Interval,
        lambda band: [_encode(band.left), _encode(band.right), band.closed],
        _interval,
    ),
    "Decimal": (Decimal, str, Decimal),
    "tuple": (
        tuple,
        lambda parts: [_encode(part) for part in parts],
        lambda parts: tuple(map(_decode, parts)),
    ),
}
"""By kind of a label: its type, and the functions that convert it to JSON and back."""


def _encode(label: Any) -> Json:
    for name, missing in MISSING.items():
        if label is missing:
            return ["missing", name]
    for name, (kind, encode, _) in KINDS.items():
        if type(label) is kind:
            return [name, encode(label)]
    if isinstance(label, np.generic):
        return ["numpy", _of_numpy(label)]
    raise TypeError(label)


def _decode(parts: Json) -> Any:
    name, content = parts
    if name == "missing":
        return MISSING[content]
    if name == "numpy":
        dtype, value = content
        unit = np.datetime_data(np.dtype(dtype))[0] if dtype[1] in "Mm" else None
        return np.dtype(dtype).type(*([value] if unit is None else [value, unit]))
    return KINDS[name][2](content)
