"""Summarise data and posterior draws as data frames."""

from collections.abc import Mapping

import arviz_stats as azs
import numpy as np
import pandas as pd
import xarray as xr

from multilevel.estimates import Estimates, mcse

BARS = "▁▂▃▄▅▆▇"  # of a histogram in text, by height


def describe(data: pd.DataFrame, bins: int = 10) -> pd.DataFrame:
    """Summarise each column of a table in a row: mean, sd, two quantiles and a histogram in text.

    Parameters
    ----------
    data
        Any frame. For columns that are not numeric, only missing values are counted.
    bins
        Number of bars of the histogram.

    Returns
    -------
    DataFrame indexed by the column's name
        ``mean``, ``sd``, ``5.5%`` and ``94.5%`` (quantiles, the ends of the central 89 %), in the
        units of the column; ``missing`` (number of missing values) and ``histogram``, from the
        smallest value to the largest.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> ml.describe(pd.DataFrame({"y": [1, 2, 2, 3]}), bins=3).round(2)
       mean    sd  5.5%  94.5%  missing histogram
    y   2.0  0.82  1.16   2.84        0       ▄▇▄
    """
    rows = {}
    for name, column in data.items():
        row: dict[str, object] = {"missing": int(column.isna().sum()), "histogram": ""}
        if pd.api.types.is_numeric_dtype(column) and column.notna().any():
            values = column.dropna().to_numpy(float)
            low, high = np.quantile(values, [0.055, 0.945])
            row |= {"mean": values.mean(), "sd": values.std(ddof=1), "5.5%": low, "94.5%": high}
            row["histogram"] = text_histogram(values, bins)
        rows[name] = row
    columns = ["mean", "sd", "5.5%", "94.5%", "missing", "histogram"]
    return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns)


def text_histogram(values: np.ndarray, bins: int = 10) -> str:
    """Return a histogram in one line of text.

    Parameters
    ----------
    values
        Numbers, none of them missing.
    bins
        Number of bars.

    Returns
    -------
    str
        One character per bar, a blank where there are no values; the tallest bar is the last
        character of ``BARS``.

    Examples
    --------
    >>> import numpy as np
    >>> text_histogram(np.array([1, 2, 2, 2, 4]), bins=4)
    '▃▇ ▃'
    """
    counts, _ = np.histogram(values, bins=bins)
    heights = np.ceil(counts / counts.max() * len(BARS)).astype(int)
    return "".join(" " if height == 0 else BARS[height - 1] for height in heights)


def summarise(
    draws: xr.DataTree | xr.Dataset | xr.DataArray,
    var_names: list[str] | None = None,
    prob: float = 0.95,
) -> Estimates:
    """Summarise draws: mean, sd, interval and diagnostics, one row per parameter.

    Parameters
    ----------
    draws
        A fit, or variables with the dims chain and draw.
    var_names
        Names of the variables to summarise; by default all.
    prob
        Probability mass of the equal-tailed interval.

    Returns
    -------
    Estimates indexed by the parameter's name and label, such as ``alpha[29]``
        ``mean``, ``sd``, ``lower`` and ``upper`` (the ends of the equal-tailed interval), in the
        units of the variable; ``mcse`` (Monte Carlo standard error of the mean); ``r_hat``,
        ``ess_bulk``, ``ess_tail``.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import xarray as xr
    >>> draws = np.random.default_rng(1).normal(loc=2, size=(4, 1000))
    >>> posterior = xr.Dataset({"alpha": (("chain", "draw"), draws)})
    >>> ml.summarise(posterior)[["mean", "sd", "lower", "upper", "r_hat"]].round(1)
           mean   sd  lower  upper  r_hat
    alpha   2.0  1.0    0.1    4.0    1.0
    """
    if isinstance(draws, xr.DataArray):
        draws = draws.to_dataset(name=draws.name or "value")
    if isinstance(draws, xr.DataTree):
        draws = draws["posterior"].dataset
    draws = draws[var_names] if var_names else draws
    draws = draws.drop_vars(set(draws.coords) - set(draws.sizes))
    options = {"ci_kind": "eti", "ci_prob": prob, "round_to": "none", "kind": "all"}
    table = azs.summary(xr.DataTree.from_dict({"posterior": draws}), **options)
    lower, upper = (c for c in table.columns if c.startswith("eti"))
    table = table.rename(columns={lower: "lower", upper: "upper"})
    table = table.assign(mcse=table["mcse_mean"])
    table = table.astype({"ess_bulk": int, "ess_tail": int})
    columns = ["mean", "sd", "lower", "upper", "mcse", "r_hat", "ess_bulk", "ess_tail"]
    ends = {"lower": (1 - prob) / 2, "upper": (1 + prob) / 2}
    errors = {name: _flatten_variables(mcse(draws, "quantile", end)) for name, end in ends.items()}
    errors |= {name: table[f"mcse_{name}"] for name in ("mean", "sd")}
    return Estimates.of(table[columns], errors)


def _flatten_variables(values: xr.Dataset) -> np.ndarray:
    """Return all values of a dataset in one array, in the order in which ArviZ lists parameters."""
    return np.concatenate([variable.to_numpy().ravel() for variable in values.values()])


def means(draws: Mapping[str, xr.DataArray]) -> Estimates:
    """Return the posterior mean of each of several quantities, one column per quantity.

    Parameters
    ----------
    draws
        Name and draws of each quantity: numbers, or booleans, whose mean is a probability. Dims
        chain and draw, and at most one other, the same for all.

    Returns
    -------
    Estimates
        One row per label of the other dim, or a single row ``mean`` if there is none.

    Examples
    --------
    >>> import multilevel as ml
    >>> import xarray as xr
    >>> draws = xr.DataArray([[1.0, 2.0, 3.0, 6.0]], dims=("chain", "draw"))
    >>> ml.means({"value": draws, "P(value > 2)": draws > 2})
          value  P(value > 2)
    mean    3.0           0.5
    """
    over = ("chain", "draw")
    columns = {name: values.mean(over) for name, values in draws.items()}
    errors = {name: mcse(values) for name, values in draws.items()}
    (dims,) = {value.dims for value in columns.values()}
    index = columns[next(iter(columns))].to_series().index if dims else ["mean"]
    table = {name: np.atleast_1d(value) for name, value in columns.items()}
    return Estimates.of(
        pd.DataFrame(table, index=index),
        {name: np.atleast_1d(value) for name, value in errors.items()},
    )


def tidy(draws: xr.DataArray) -> pd.DataFrame:
    """Convert draws to a tidy (long) frame, one row per draw and label.

    Parameters
    ----------
    draws
        A named variable with the dims chain and draw, and any others.

    Returns
    -------
    DataFrame
        A column for each dim and one for the value; draws vary fastest.

    Examples
    --------
    >>> import multilevel as ml
    >>> import xarray as xr
    >>> ml.tidy(xr.DataArray([[0.1, 0.2]], dims=("chain", "draw"), name="alpha"))
       chain  draw  alpha
    0      0     0    0.1
    1      0     1    0.2
    """
    others = [dim for dim in draws.dims if dim not in ("chain", "draw")]
    return draws.transpose(*others, "chain", "draw").to_dataframe().reset_index()


def peek(draws: pd.DataFrame, rows: int = 5) -> Estimates:
    """Return the first rows of a table of draws.

    A single draw is a (poor) estimate of the posterior mean; its Monte Carlo standard error is the
    posterior standard deviation, estimated from the whole column.

    Parameters
    ----------
    draws
        A table whose float columns are draws; other columns are labels.
    rows
        Number of rows.

    Returns
    -------
    Estimates
    """
    return Estimates.of(draws.head(rows), draws.select_dtypes("float").std())


def interval(
    draws: xr.DataArray, newdata: pd.DataFrame | None = None, prob: float = 0.95
) -> Estimates:
    """Return the mean and the equal-tailed interval of each quantity, with its labels as columns.

    Parameters
    ----------
    draws
        A variable with the dims chain and draw, and any others.
    newdata
        If the draws are predictions: the frame that they were made for, whose columns are joined.
    prob
        Probability mass of the equal-tailed interval.

    Returns
    -------
    Estimates
        A column for each other dim (and each column of ``newdata``); ``mean``, ``lower`` and
        ``upper``, in the units of the variable.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import xarray as xr
    >>> draws = np.random.default_rng(1).normal([1, 5], size=(4, 1000, 2))
    >>> alpha = xr.DataArray(draws, {"person": ["ann", "bob"]}, ("chain", "draw", "person"))
    >>> ml.interval(alpha).round(1)
      person  mean  lower  upper
    0    ann   1.0   -0.9    3.0
    1    bob   5.0    3.1    6.9
    """
    over = ("chain", "draw")
    probs = {"lower": (1 - prob) / 2, "upper": (1 + prob) / 2}
    columns = {"mean": draws.mean(over)}
    columns |= {name: draws.quantile(p, over).drop_vars("quantile") for name, p in probs.items()}
    columns["mcse_mean"] = mcse(draws)
    columns |= {f"mcse_{name}": mcse(draws, "quantile", p) for name, p in probs.items()}
    if not columns["mean"].ndim:
        return Estimates({name: [value.item()] for name, value in columns.items()})
    table = xr.Dataset(columns).to_dataframe()
    if newdata is not None:
        table = newdata.rename_axis("row").join(table)
    return Estimates(table.reset_index())


STANDARD_ERRORS = 5
"""Largest difference of two Monte Carlo estimates of one quantity, in standard errors."""


def agreement(ours: Estimates, printed: pd.DataFrame, their_ess: float | None = None) -> Estimates:
    """Compare printed estimates of another implementation with ours, in standard errors.

    Two Monte Carlo estimates of the same quantity differ by chance. Our Monte Carlo standard error
    is known. It is inversely proportional to the square root of the effective sample size (ESS), so
    theirs is ours times the square root of our ESS over theirs. The largest possible rounding
    error, half a unit of the last printed digit, is subtracted from a difference before it is
    divided by its standard error.

    Parameters
    ----------
    ours
        One row per parameter; columns of statistics ``x``, their Monte Carlo standard errors
        ``mcse_x`` and, if ``their_ess`` is given, ``ess_bulk``.
    printed
        Columns ``parameter``, ``statistic``, ``value``, ``digits`` (after the point) and any
        others.
    their_ess
        The smallest ESS of the other implementation; where ours is smaller, theirs is set to ours.
        None assumes that their error is as large as ours.

    Returns
    -------
    Estimates, one row per printed estimate
        The columns of ``printed``; ``ours`` and ``mcse``; ``standard_errors``, the difference (ours
        less printed) beyond rounding, in standard errors of a difference; and ``agrees``, whether
        its absolute value is at most 5.
    """
    at = list(zip(printed["parameter"], printed["statistic"], strict=True))
    value = np.array([ours.loc[parameter, statistic] for parameter, statistic in at])
    mcse = np.array([ours.loc[parameter, f"mcse_{statistic}"] for parameter, statistic in at])
    ratio = np.ones(len(at))
    if their_ess is not None:
        ess = ours.loc[printed["parameter"], "ess_bulk"].to_numpy()
        ratio = ess / np.minimum(ess, their_ess)
    difference = value - printed["value"].to_numpy()
    beyond = np.abs(difference) - 0.5 * 10.0 ** -printed["digits"].to_numpy()
    error = mcse * np.sqrt(1 + ratio)
    # Without Monte Carlo error, any difference is infinitely many standard errors.
    distance = np.where(beyond > 1e-12, np.inf, 0.0)
    np.divide(beyond.clip(0), error, out=distance, where=error > 0)
    return Estimates(
        printed.assign(
            ours=value,
            mcse=mcse,
            standard_errors=np.copysign(distance, difference),
            agrees=distance <= STANDARD_ERRORS,
            mcse_ours=mcse,
            mcse_standard_errors=np.divide(mcse, error, out=np.ones(len(at)), where=error > 0),
        )
    )
