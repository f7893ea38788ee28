"""Display tables with the digits that carry information."""

from html import escape
from typing import Any, Self

import numpy as np
import pandas as pd

LIMITS = {"max_rows": "max_rows", "max_cols": "max_columns"}  # to_html: display option

ELPD = ["elpd_diff", "se_diff", "elpd_loo", "se_elpd_loo", "p_loo", "se_p_loo", "looic", "se_looic"]
DECIMALS = {"r_hat": 3, "e_bfmi": 2, "pareto_k": 2} | dict.fromkeys(ELPD, 1)
"""Decimals of columns whose scale is always the same, by name."""

TYPICAL, MOST = 3, 5
"""Significant digits of a typical number without standard error, and of the largest of a column."""

FINE = 40
"""One unit of the last digit is at most the column's largest number over this, if errors allow."""

ENDS = ("lower", "upper")
SUMMARY = ("mean", "sd", *ENDS)
"""Columns that are in the same unit, and get the same number of decimals."""


class Table(pd.DataFrame):
    """A data frame that is displayed with a sensible number of digits.

    All numbers of a column have the same number of decimals, and whole numbers have none. The
    options of pandas for digits (``display.float_format`` and ``display.precision``) have no
    effect, because they are the same for all columns, whatever their scale.
    ``pandas.DataFrame(table)`` is displayed according to these options.

    These attributes (``table.attrs``) change the display: ``"decimals"``, the number of decimals
    by column; ``"apart"``, a list of columns that get as many more decimals as it takes to tell
    different values apart; ``"by_row"``, true if decimals are the same along a row instead, where
    each row is about a variable with a unit of its own; ``"note"``, a text to display below.
    """

    @property
    def _constructor(self) -> type[Self]:
        return type(self)

    def shown(self) -> pd.DataFrame:
        """Return the columns that are displayed, as an ordinary data frame.

        Returns
        -------
        DataFrame
        """
        return pd.DataFrame(self)

    def _errors(self, name: Any) -> Any:
        """Return the Monte Carlo standard errors that limit the digits of a column, if any."""
        return None

    def _displayed(self) -> pd.DataFrame:
        """Return the table as it is displayed: :meth:`shown`, with its numbers as texts."""
        shown = self.shown()
        columns: list[Any] = [shown.iloc[:, place] for place in range(shown.shape[1])]
        places = [k for k, column in enumerate(columns) if _is_float(column)]
        values = [columns[k].to_numpy(float, na_value=np.nan) for k in places]
        if self.attrs.get("by_row"):
            rows = [_texts(row, _typical_decimals(row)) for row in np.array(values).T]
            texts = [[row[k] for row in rows] for k in range(len(places))]
        else:
            decimals = self._decimals([shown.columns[k] for k in places], values)
            texts = list(map(_texts, values, decimals))
        for k, column in zip(places, texts, strict=True):
            columns[k] = column
        displayed = pd.DataFrame(dict(enumerate(columns)), index=shown.index)
        return displayed.set_axis(shown.columns, axis=1)

    def _decimals(self, names: list[Any], values: list[np.ndarray]) -> list[int]:
        """Return the number of decimals of each column of numbers."""
        supported = [_supported(self._errors(name)) for name in names]
        decimals = list(map(_decimals, names, values, supported))
        if "mean" in names:
            ends = [d for name, d in zip(names, supported, strict=True) if name in ENDS]
            same = min([decimals[names.index("mean")], *(d + 1 for d in ends if d is not None)])
            for k, name in enumerate(names):
                if name in SUMMARY:
                    decimals[k] = max(same, _significant(values[k], 1, np.max), 0)
        given, apart = self.attrs.get("decimals", {}), self.attrs.get("apart", ())
        decimals = [given.get(name, d) for name, d in zip(names, decimals, strict=True)]
        return [
            _apart(column, d) if name in apart else d
            for name, column, d in zip(names, values, decimals, strict=True)
        ]

    def __repr__(self) -> str:
        """Return the table as text, with its note below."""
        note = self.attrs.get("note")
        return repr(self._displayed()) + (f"\n\n{note}" if note else "")

    def _repr_html_(self) -> str:
        limits = {name: pd.get_option(f"display.{option}") for name, option in LIMITS.items()}
        html, note = self._displayed().to_html(notebook=True, **limits), self.attrs.get("note")
        return html + f"<p>{escape(note)}</p>" if note else html


def _is_float(column: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(column.dtype)


def _supported(errors: Any) -> int | None:
    """Return the decimals of which one unit is at least the typical standard error, if there is.

    One decimal more still carries some information.
    """
    known = _sizes(np.array([] if errors is None else errors, float))
    if not len(known):
        return None
    typical = np.quantile(known, 0.5, method="lower")  # of two rows, the smaller
    return int(np.floor(-np.log10(typical) + 1e-9))


def _decimals(name: Any, values: np.ndarray, supported: int | None) -> int:
    """Return the number of decimals of a column.

    With Monte Carlo standard errors, they are those that the errors support, and one more if one
    unit of the last digit would otherwise be coarser than ``FINE`` allows. Without errors, the
    typical number has ``TYPICAL`` significant digits, but no zeros are appended to all numbers. In
    either case, the largest number has at most ``MOST`` significant digits, and the numbers are not
    displayed as zero throughout.
    """
    if name == "mcse":  # one unit of the last digit is at most half of the smallest
        most = _significant(values, MOST, np.max)
        return max(min(_significant(values / 2, 1, np.min), most), 0)
    at_least = max(_significant(values, 1, np.max), 0)
    if name in DECIMALS:
        return max(DECIMALS[name], at_least)
    if supported is None:
        return _typical_decimals(values)
    fine = _significant(values / FINE, 1, np.max)
    wanted = min(max(supported, fine), supported + 1, _significant(values, MOST, np.max))
    return max(wanted, at_least)


def _typical_decimals(values: np.ndarray) -> int:
    """Return the number of decimals of numbers that have no Monte Carlo standard errors."""
    typical = _significant(values, TYPICAL, lambda sizes: np.exp(np.log(sizes).mean()))
    decimals = max(min(typical, _significant(values, MOST, np.max)), 0)
    finite = values[np.isfinite(values)]
    exact = (np.allclose(finite, finite.round(d), rtol=1e-12, atol=0) for d in range(decimals))
    return next((d for d, enough in enumerate(exact) if enough), decimals)


def _significant(values: np.ndarray, digits: int, of: Any) -> int:
    """Return the decimals with which one of the numbers, such as the largest, has so many digits.

    These are significant digits, and the number of decimals may be negative.
    """
    sizes = _sizes(values)
    return digits - 1 - int(np.floor(np.log10(of(sizes)) + 1e-9)) if len(sizes) else 0


def _sizes(values: np.ndarray) -> np.ndarray:
    """Return the absolute values of the numbers that are finite and not zero."""
    sizes = np.abs(values[np.isfinite(values)])
    return sizes[sizes > 0]


def _apart(values: np.ndarray, decimals: int) -> int:
    """Return a number of decimals, at least as given, with which different values look different.

    If none of up to 16 does, return the given number.
    """
    different = len(set(values.tolist()))
    enough = (d for d in range(decimals, 17) if len(set(_texts(values, d))) == different)
    return next(enough, decimals)


def _texts(values: np.ndarray, decimals: int) -> list[str]:
    """Return numbers as texts with so many decimals, without a minus sign before zeros."""
    texts = ["NaN" if np.isnan(value) else f"{value:.{decimals}f}" for value in values]
    return [text if text.strip("-0.") else text.lstrip("-") for text in texts]
