"""Identify the observations that a result is about, to compare only results about the same ones."""

import hashlib
from typing import Any

import pandas as pd


def identify(outcome: Any, *columns: Any) -> dict[str, str]:
    """Return the name of an outcome and a digest of the columns that identify its rows.

    Parameters
    ----------
    outcome
        Name of the outcome.
    columns
        Columns that identify the observations, such as the observed values and the rows' labels.

    Returns
    -------
    dict
        ``outcome``: the name; ``digest``: a SHA-256, in hexadecimal, of the columns. Equal numbers
        have the same digest whatever their type.

    Examples
    --------
    >>> from multilevel.observations import identify
    >>> identify("y", [1, 0], ["a", "b"]) == identify("y", [1.0, 0.0], ["a", "b"])
    True
    """
    digest = hashlib.sha256()
    for column in columns:
        values = pd.Series(list(column), dtype=object).infer_objects()
        if pd.api.types.is_numeric_dtype(values):
            content = values.to_numpy(float).tobytes()
        else:
            content = repr([str(value) for value in values]).encode()
        digest.update(f"{len(content)} ".encode() + content)
    return {"outcome": str(outcome), "digest": digest.hexdigest()}
