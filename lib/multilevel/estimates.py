"""How sure is a number? Tables and quotations that know their own Monte Carlo error.

A number computed from draws is itself an estimate: another seed gives a slightly different one. So
a table of such numbers has, for each column ``x`` that may vary, a column ``mcse_x`` with its Monte
Carlo standard error (MCSE). :class:`Estimates` shows the table without these columns, and hands
them on to whoever compares two runs: the tests of the notebooks do.
"""

from html import escape
from typing import Any, Self

import arviz_stats as azs
import numpy as np
import pandas as pd
import xarray as xr

MIME = "application/vnd.multilevel.estimates+json"
"""The representation, beside text and HTML, of numbers with their Monte Carlo standard errors."""

ERROR = "mcse_"
LIMITS = {"max_rows": "max_rows", "max_cols": "max_columns"}  # of what is shown, in pandas' options


class Estimates(pd.DataFrame):
    """A frame whose columns ``mcse_x`` hold the Monte Carlo standard errors of its columns ``x``.

    It is shown without these columns, and behaves like any other frame. In a notebook it carries
    a further representation, :data:`MIME`, with the numbers in full and their errors.
    """

    @property
    def _constructor(self) -> type[Self]:
        return type(self)

    @classmethod
    def of(cls, table: pd.DataFrame, errors: Any) -> Self:
        """Join a table and its standard errors.

        Parameters
        ----------
        table
            Any frame.
        errors
            Standard errors of all or some columns, by name: a frame or a dict of columns, or of
            single numbers.

        Returns
        -------
        The table with the columns ``mcse_x``
        """
        return cls(table.assign(**{f"{ERROR}{name}": errors[name] for name in dict(errors)}))

    def shown(self) -> pd.DataFrame:
        """Give the table without the standard errors.

        Returns
        -------
        DataFrame
        """
        return pd.DataFrame(self)[[name for name in self if not str(name).startswith(ERROR)]]

    def numbers(self) -> dict[str, Any]:
        """Give the table as plain lists, with the standard error of each number.

        Returns
        -------
        ``index``, ``index_names`` and ``columns`` (labels as text), ``values`` and ``mcse``, both a
        list of rows; an ``mcse`` is None where a number does not come from draws
        """
        shown = self.shown()
        none = pd.Series(np.nan, self.index)
        errors = [self.get(f"{ERROR}{name}", none) for name in shown]
        return {
            "index": [_label(label) for label in shown.index],
            "index_names": [str(name) for name in shown.index.names],
            "columns": [str(name) for name in shown],
            "values": _rows([shown[name] for name in shown]),
            "mcse": _rows(errors),
        }

    def quote(self, row: Any, column: str, style: str = ".2f", scale: float = 1) -> "Quoted":
        """Take a number out of the table to quote it in a sentence, with its standard error.

        Parameters
        ----------
        row, column
            Where it is.
        style
            How to write it, as in ``format``.
        scale
            What to multiply it by: 100 for a percentage, -1 to leave out a minus.

        Returns
        -------
        Quoted
        """
        error = f"{ERROR}{column}"
        mcse = self.loc[row, error] if error in self else 0.0
        return Quoted(scale * self.loc[row, column], abs(scale) * mcse, style)

    def __repr__(self) -> str:
        """Show the table without the standard errors, and its note (``attrs["note"]``) below."""
        note = self.attrs.get("note")
        return repr(self.shown()) + (f"\n\n{note}" if note else "")

    def _repr_html_(self) -> str:
        limits = {name: pd.get_option(f"display.{option}") for name, option in LIMITS.items()}
        html, note = self.shown().to_html(notebook=True, **limits), self.attrs.get("note")
        return html + f"<p>{escape(note)}</p>" if note else html

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return {MIME: {"tables": [self.numbers()]}}


def _label(label: Any) -> str:
    return ", ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _rows(columns: list[pd.Series]) -> list[list[Any]]:
    plain = [[_plain(value) for value in column] for column in columns]
    return [list(row) for row in zip(*plain, strict=True)]


def _plain(value: Any) -> Any:
    """Give a number with ten significant digits, None for a missing one, other things as text."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(f"{value:.10g}") if np.isfinite(value) else None
    return str(value)


class Quoted:
    """A number as it is quoted in a sentence, which remembers what it was and its error.

    Parameters
    ----------
    value
        The number.
    mcse
        Its Monte Carlo standard error.
    style
        How to write it, as in ``format``.
    """

    def __init__(self, value: float, mcse: float, style: str = ".2f") -> None:
        self.value, self.mcse, self.style = float(value), float(mcse), style

    def __str__(self) -> str:
        """Write the number."""
        return format(self.value, self.style)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        table = {
            "index": [""],
            "index_names": [""],
            "columns": ["value"],
            "values": [[_plain(self.value)]],
            "mcse": [[_plain(self.mcse)]],
        }
        # In quotation marks, as glue shows text: a bare 0.20 would be read as a number, and be 0.2.
        return {"text/plain": repr(str(self)), MIME: {"tables": [table]}}


def mcse[Draws: (xr.DataArray, xr.Dataset)](
    draws: Draws, method: str = "mean", prob: float | None = None
) -> Draws:
    """Give the Monte Carlo standard error of a summary of draws.

    Parameters
    ----------
    draws
        Numbers or truth values with the dims chain and draw, and any others.
    method
        ``"mean"``, ``"sd"`` or ``"quantile"``.
    prob
        Which quantile.

    Returns
    -------
    The errors, with the other dims; 0 where the draws do not vary (Vehtari et al. 2021)
    """
    numbers = draws.astype(float)
    options = {} if prob is None else {"prob": prob}
    varies = numbers.std(("chain", "draw")) > 1e-12
    with np.errstate(invalid="ignore"):  # 0 / 0 where they do not vary, replaced just below
        errors = azs.mcse(numbers, method=method, **options)
    return errors.where(varies, 0.0)


GLUE = "application/papermill.record/"
"""What MyST-NB puts before the MIME type of a representation that is kept but not shown."""


def glue(name: str, value: Any) -> None:
    """Keep a value in the notebook, so that the text can quote it.

    Parameters
    ----------
    name
        How the text names it: ``{glue:text}`name```.
    value
        Anything that can be displayed, such as a :class:`Quoted` number.

    Notes
    -----
    The output is that of ``myst_nb.glue(name, value, display=False)``, without importing Sphinx
    into the kernel.
    """
    from IPython.core.formatters import format_display_data
    from IPython.display import display

    bundle, metadata = format_display_data(value)
    kept = {f"{GLUE}{mime}": content for mime, content in bundle.items()}
    metadata["scrapbook"] = {"name": name, "mime_prefix": GLUE}
    display(kept, raw=True, metadata=metadata)
