"""How is it read? Summaries of data and of draws, as data frames."""

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr

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
) -> pd.DataFrame:
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
    DataFrame indexed by the parameter's name and label, such as ``alpha[29]``
        ``mean``, ``sd``, ``lower`` and ``upper`` (the ends of the equal-tailed interval), in the
        units of the variable; ``mcse`` (Monte Carlo standard error of the mean); ``r_hat``,
        ``ess_bulk``, ``ess_tail``.
    """
    if isinstance(draws, xr.DataArray):
        draws = draws.to_dataset(name=draws.name or "value")
    if isinstance(draws, xr.Dataset):
        draws = xr.DataTree.from_dict({"posterior": draws})
    table = az.summary(
        draws, var_names=var_names, ci_kind="eti", ci_prob=prob, round_to="none", kind="all"
    )
    lower, upper = (c for c in table.columns if c.startswith("eti"))
    table = table.rename(columns={lower: "lower", upper: "upper", "mcse_mean": "mcse"})
    table = table.astype({"ess_bulk": int, "ess_tail": int})
    return table[["mean", "sd", "lower", "upper", "mcse", "r_hat", "ess_bulk", "ess_tail"]]


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


def interval(
    draws: xr.DataArray, newdata: pd.DataFrame | None = None, prob: float = 0.95
) -> pd.DataFrame:
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
    DataFrame with a column for each other dim, ``mean``, ``lower`` and ``upper``
    """
    over = ("chain", "draw")
    ends = draws.quantile([(1 - prob) / 2, (1 + prob) / 2], dim=over)
    lower, upper = (ends.isel(quantile=i, drop=True) for i in (0, 1))
    columns = {"mean": draws.mean(over), "lower": lower, "upper": upper}
    if lower.ndim == 0:
        return pd.DataFrame({name: [value.item()] for name, value in columns.items()})
    table = xr.Dataset(columns).to_dataframe()
    if newdata is not None:
        table = newdata.rename_axis("row").join(table)
    return table.reset_index()
