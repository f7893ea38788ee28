"""How is it read? Summaries of data and of draws, as frames."""

from collections.abc import Mapping

import arviz_stats as azs
import numpy as np
import pandas as pd
import xarray as xr

from multilevel.estimates import Estimates, mcse

BARS = "▁▂▃▄▅▆▇"


def describe(data: pd.DataFrame, bins: int = 10) -> pd.DataFrame:
    """Describe each column of a table in a row: mean, sd, two quantiles, a histogram in text.

    Parameters
    ----------
    data
        Any frame. Columns that are not numbers have a row, but no figures.
    bins
        How many bars the histogram has.

    Returns
    -------
    DataFrame indexed by the column's name
        ``mean``, ``sd``, ``5.5%`` and ``94.5%`` (the ends of the central 89 %), in the units of
        the column, ``missing`` (how many values) and ``histogram``, from the smallest value to the
        largest.
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
    """Draw a histogram in one line of text.

    Parameters
    ----------
    values
        Numbers, none missing.
    bins
        How many bars.

    Returns
    -------
    One character a bar, a blank where there is nothing; the tallest bar is the last of ``BARS``
    """
    counts, _ = np.histogram(values, bins=bins)
    heights = np.ceil(counts / counts.max() * len(BARS)).astype(int)
    return "".join(" " if height == 0 else BARS[height - 1] for height in heights)


def summarise(
    draws: xr.DataTree | xr.Dataset | xr.DataArray,
    var_names: list[str] | None = None,
    prob: float = 0.95,
) -> Estimates:
    """Summarise draws, one row per number that was drawn.

    Parameters
    ----------
    draws
        A fit, or variables with the dims chain and draw.
    var_names
        Which variables of a fit; by default all.
    prob
        Mass of the equal-tailed interval.

    Returns
    -------
    Estimates indexed by the parameter's name and label, such as ``alpha[29]``
        ``mean``, ``sd``, ``lower`` and ``upper`` (the ends of the equal-tailed interval), in the
        units of the variable; ``mcse`` (Monte Carlo standard error of the mean); ``r_hat``,
        ``ess_bulk``, ``ess_tail``.
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
    errors = {name: _one_column(mcse(draws, "quantile", end)) for name, end in ends.items()}
    errors |= {name: table[f"mcse_{name}"] for name in ("mean", "sd")}
    return Estimates.of(table[columns], errors)


def _one_column(values: xr.Dataset) -> np.ndarray:
    """List all numbers of a dataset in the order in which ArviZ summarises them."""
    return np.concatenate([variable.to_numpy().ravel() for variable in values.values()])


def means(draws: Mapping[str, xr.DataArray]) -> Estimates:
    """Give the mean of each of several quantities, one column for each.

    Parameters
    ----------
    draws
        Name and draws of each quantity: numbers, or truth values, whose mean is a probability.
        Dims chain and draw, and at most one other, the same for all.

    Returns
    -------
    Estimates with a row for each label of the other dim (a single row if there is none)
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
    """Turn draws into a tidy frame, one row per draw and label.

    Parameters
    ----------
    draws
        A named variable with the dims chain and draw, and any others.

    Returns
    -------
    DataFrame with a column for each dim, draws varying fastest, and one for the value
    """
    others = [dim for dim in draws.dims if dim not in ("chain", "draw")]
    return draws.transpose(*others, "chain", "draw").to_dataframe().reset_index()


def peek(draws: pd.DataFrame, rows: int = 5) -> Estimates:
    """Show the first rows of a table of draws.

    A single draw is an estimate of the posterior mean, if a poor one: its standard error is the
    posterior standard deviation, which is taken over the whole column.

    Parameters
    ----------
    draws
        A table whose columns of fractional numbers are draws; others are labels.
    rows
        How many.

    Returns
    -------
    Estimates
    """
    return Estimates.of(draws.head(rows), draws.select_dtypes("float").std())


def interval(
    draws: xr.DataArray, newdata: pd.DataFrame | None = None, prob: float = 0.95
) -> Estimates:
    """Give the mean and the equal-tailed interval of each quantity, with its labels as columns.

    Parameters
    ----------
    draws
        A variable with the dims chain and draw, and any others.
    newdata
        If the draws are predictions: the frame whose rows they are for; its columns come along.
    prob
        Mass of the equal-tailed interval.

    Returns
    -------
    Estimates with a column for each other dim, ``mean``, ``lower`` and ``upper``
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
"""How many standard errors two Monte Carlo estimates of one quantity may be apart."""


def agreement(ours: Estimates, printed: pd.DataFrame, their_ess: float | None = None) -> Estimates:
    """Set the printed figures of another implementation beside ours.

    Two Monte Carlo estimates of one quantity differ by chance. Our Monte Carlo standard error is
    known. Theirs goes with one over the root of the effective sample size (ESS), so it is ours
    times the root of our ESS over theirs. What rounding explains, half a unit of the last printed
    digit, is taken off a difference before it is measured in standard errors.

    Parameters
    ----------
    ours
        One row per parameter; columns of statistics ``x``, their errors ``mcse_x``, and
        ``ess_bulk`` if ``their_ess`` is given.
    printed
        Columns ``parameter``, ``statistic``, ``value``, ``digits`` and any others.
    their_ess
        The smallest ESS of the other implementation; where ours is smaller, ours is taken for
        theirs. None takes their error to be as large as ours.

    Returns
    -------
    Estimates with a row for each printed figure: the columns of ``printed``; ``ours`` and ``mcse``;
    ``standard_errors``, the difference (ours less printed) beyond rounding, in standard errors of
    a difference; and ``agrees``, whether that is at most 5 either way
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
    # A difference that has no Monte Carlo error to excuse it is infinitely many of them.
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
