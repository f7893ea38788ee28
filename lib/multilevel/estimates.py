"""Carry Monte Carlo standard errors (MCSE) along with tables and quoted numbers.

A number computed from draws is an estimate: another seed gives a slightly different one. A table
of such numbers therefore has, for each column ``x`` computed from draws, a column ``mcse_x`` with
its Monte Carlo standard error. :class:`Estimates` displays the table without these columns, and
stores them in the notebook's output, so that tests can compare two runs within their errors.
"""

from typing import Any, Self

import arviz_stats as azs
import numpy as np
import pandas as pd
import xarray as xr

from multilevel.digits import Table

MIME = "application/vnd.multilevel.estimates+json"
"""MIME type of the representation with unrounded numbers and Monte Carlo standard errors."""

ERROR = "mcse_"  # prefix of the columns with standard errors


class Estimates(Table):
    """A data frame whose columns ``mcse_x`` hold the Monte Carlo standard errors of columns ``x``.

    It is displayed without these columns, and with as many digits of ``x`` as the errors support:
    one unit of the last digit is about the size of the error, or up to ten times as large. The
    options of pandas for digits have no effect; ``table.shown()`` is an ordinary data frame, which
    is displayed according to them. In all other respects, the table is like any other frame. In a
    notebook its output has a further representation, of type :data:`MIME`, with the unrounded
    numbers and their errors.

    Parameters
    ----------
    data, index, columns, dtype, copy
        As for :class:`pandas.DataFrame`.

    Examples
    --------
    >>> import multilevel as ml
    >>> table = ml.Estimates({"mean": [0.5123], "mcse_mean": [0.01]}, index=["alpha"])
    >>> table
           mean
    alpha  0.51
    """

    @classmethod
    def of(cls, table: pd.DataFrame, errors: Any) -> Self:
        """Join a table and its standard errors.

        Parameters
        ----------
        table
            Any frame.
        errors
            Standard errors of all or some columns, by name: a frame, or a dict of columns or of
            single numbers.

        Returns
        -------
        Estimates
            The table with the columns ``mcse_x``.
        """
        return cls(table.assign(**{f"{ERROR}{name}": errors[name] for name in dict(errors)}))

    def shown(self) -> pd.DataFrame:
        """Return the table without the standard errors.

        Returns
        -------
        DataFrame
        """
        return pd.DataFrame(self)[[name for name in self if not str(name).startswith(ERROR)]]

    def numbers(self) -> dict[str, Any]:
        """Return the table as plain lists, with the standard error of each number.

        Returns
        -------
        dict
            ``index``, ``index_names`` and ``columns`` (labels as text); ``values`` and ``mcse``,
            each a list of rows. An ``mcse`` is None where a number does not come from draws.
        """
        shown = self.shown()
        none = pd.Series(np.nan, self.index)
        errors = [self.get(f"{ERROR}{name}", none) for name in shown]
        return {
            "index": [_label_text(label) for label in shown.index],
            "index_names": [str(name) for name in shown.index.names],
            "columns": [str(name) for name in shown],
            "values": _rows_of_columns([shown[name] for name in shown]),
            "mcse": _rows_of_columns(errors),
        }

    def quote(self, row: Any, column: str, style: str = ".2f", scale: float = 1) -> "Quoted":
        """Return a number of the table with its standard error, to be quoted in a sentence.

        Parameters
        ----------
        row, column
            Labels of the number's row and column.
        style
            Format specification, as in ``format``.
        scale
            Factor to multiply the number by: 100 for a percentage, -1 to drop a minus sign.

        Returns
        -------
        Quoted

        Examples
        --------
        >>> import multilevel as ml
        >>> table = ml.Estimates({"mean": [0.514], "mcse_mean": [0.01]}, index=["alpha"])
        >>> print(table.quote("alpha", "mean"))
        0.51
        """
        error = f"{ERROR}{column}"
        mcse = self.loc[row, error] if error in self else 0.0
        return Quoted(scale * self.loc[row, column], abs(scale) * mcse, style)

    def _errors(self, name: Any) -> pd.Series | None:
        # The draws of a glimpse are exact: their errors are those of single draws as estimates.
        return None if self.attrs.get("draws") else self.get(f"{ERROR}{name}")

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {MIME: {"tables": [self.numbers()]}}


def _label_text(label: Any) -> str:
    """Return a label of an index as text."""
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _rows_of_columns(columns: list[pd.Series]) -> list[list[Any]]:
    """Convert columns to a list of rows of JSON values."""
    plain = [[_json_value(value) for value in column] for column in columns]
    return [list(row) for row in zip(*plain, strict=True)]


def _json_value(value: Any) -> Any:
    """Convert a value for JSON: ten significant digits, None if missing, text if not a number."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.10g}") if np.isfinite(value) else None
    return str(value)


class Quoted:
    """A number with its Monte Carlo standard error, to be quoted in a sentence.

    Parameters
    ----------
    value
        The number.
    mcse
        Its Monte Carlo standard error.
    style
        Format specification, as in ``format``.

    Examples
    --------
    >>> import multilevel as ml
    >>> str(ml.Quoted(0.2, mcse=0.01, style=".2f"))
    '0.20'
    """

    def __init__(self, value: float, mcse: float, style: str = ".2f") -> None:
        self.value, self.mcse, self.style = float(value), float(mcse), style

    def __str__(self) -> str:
        """Return the formatted number."""
        return format(self.value, self.style)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        table = {
            "index": [""],
            "index_names": [""],
            "columns": ["value"],
            "values": [[_json_value(self.value)]],
            "mcse": [[_json_value(self.mcse)]],
        }
        # In quotation marks, as glue displays text: a bare 0.20 would be parsed and shown as 0.2.
        return {"text/plain": repr(str(self)), MIME: {"tables": [table]}}


def mcse[Draws: (xr.DataArray, xr.Dataset)](
    draws: Draws, method: str = "mean", prob: float | None = None
) -> Draws:
    """Return the Monte Carlo standard error (MCSE) of a mean, sd or quantile of draws.

    Parameters
    ----------
    draws
        Numbers or booleans with the dims chain and draw, and any others.
    method
        ``"mean"``, ``"sd"`` or ``"quantile"``.
    prob
        Probability of the quantile.

    Returns
    -------
    DataArray or Dataset, as ``draws``
        The errors, with the other dims; 0 where the draws do not vary (Vehtari et al. 2021).

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import xarray as xr
    >>> rng = np.random.default_rng(1)
    >>> draws = xr.DataArray(rng.normal(size=(4, 1000)), dims=("chain", "draw"))
    >>> round(float(ml.mcse(draws)), 3)
    0.016
    """
    numbers = draws.astype(float)
    options = {} if prob is None else {"prob": prob}
    varies = numbers.std(("chain", "draw")) > 1e-12
    with np.errstate(invalid="ignore"):  # 0 / 0 where draws do not vary, replaced below
        errors = azs.mcse(numbers, method=method, **options)
    return errors.where(varies, 0.0)


GLUE = "application/papermill.record/"
"""Prefix with which MyST-NB marks representations that are stored but not displayed."""


def glue(name: str, value: Any) -> None:
    """Store a value in the notebook, so that the text can quote it.

    Parameters
    ----------
    name
        Name by which the text quotes it: ``0.58<!--name-->``, at first ``?<!--name-->``.
    value
        Anything that can be displayed, such as a :class:`Quoted` number.

    Notes
    -----
    The output is that of ``myst_nb.glue(name, value, display=False)``, without importing Sphinx
    into the kernel.

    Examples
    --------
    >>> import multilevel as ml
    >>> ml.glue("icc", ml.Quoted(0.581, mcse=0.004))

    The text of a page then says ``0.58<!--icc-->``.
    """
    from IPython.core.formatters import format_display_data
    from IPython.display import display

    bundle, metadata = format_display_data(value)
    kept = {f"{GLUE}{mime}": content for mime, content in bundle.items()}
    metadata["scrapbook"] = {"name": name, "mime_prefix": GLUE}
    display(kept, raw=True, metadata=metadata)
