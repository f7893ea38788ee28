"""Summarise data and posterior draws as data frames."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import arviz_stats as azs
import numpy as np
import pandas as pd
import xarray as xr
from arviz_base import xarray_sel_iter
from arviz_base.labels import BaseLabeller

from multilevel.digits import Table
from multilevel.estimates import ERROR, Estimates, mcse
from multilevel.frames import as_frame
from multilevel.structure import correlations_once, structure_or_none

BARS = "▁▂▃▄▅▆▇"  # of a histogram in text, by height


def describe(data: pd.DataFrame, bins: int = 10) -> Table:
    """Summarise each column of a table in a row: mean, sd, two quantiles and a histogram in text.

    Parameters
    ----------
    data
        Any frame. For columns that are neither numbers nor truth values, only missing values are
        counted.
    bins
        Number of bars of the histogram, at least one.

    Returns
    -------
    Table, a data frame indexed by the column's name
        ``mean``, ``sd``, ``5.5%`` and ``94.5%`` (quantiles, the ends of the central 89 %), in the
        units of the column; ``missing`` (number of missing values) and ``histogram``, from the
        smallest finite value to the largest. Mean, sd and quantiles include infinite values: where
        there are any, the sd is NaN.

    Raises
    ------
    TypeError, ValueError
        ``data`` is not a frame, its columns do not have different texts as names, or the number of
        bars is not a whole number above zero.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> ml.describe(pd.DataFrame({"y": [1, 2, 2, 3]}), bins=3)
       mean    sd  5.5% 94.5%  missing histogram
    y  2.00  0.82  1.17  2.83        0       ▄▇▄
    """
    bins = _whole_number("bins", bins)
    rows = {name: _describe(column, bins) for name, column in as_frame(data).items()}
    columns = ["mean", "sd", "5.5%", "94.5%", "missing", "histogram"]
    table = Table(pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns))
    table.attrs["by_row"] = True
    return table


def _describe(column: pd.Series, bins: int) -> dict[str, object]:
    """Return the row of a column: numbers only if it has some."""
    row: dict[str, object] = {"missing": int(column.isna().sum()), "histogram": ""}
    dtype = column.dtype
    numeric = pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)
    if not numeric or pd.api.types.is_complex_dtype(dtype) or not column.notna().any():
        return row
    values = column.dropna().to_numpy(float)
    with np.errstate(invalid="ignore", over="ignore"):  # infinity minus infinity is not a number
        low, high = np.quantile(values, [0.055, 0.945])
        sd = values.std(ddof=1) if len(values) > 1 else np.nan
        row |= {"mean": values.mean(), "sd": sd, "5.5%": low, "94.5%": high}
    finite = values[np.isfinite(values)]
    if len(finite):
        row["histogram"] = text_histogram(finite, bins)
    return row


def text_histogram(values: np.ndarray, bins: int = 10) -> str:
    """Return a histogram in one line of text.

    Parameters
    ----------
    values
        Finite numbers, at least one.
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
    if np.ptp(values / 2) > np.finfo(float).max / 4:
        values = values / 2  # so that their range is a number
    try:
        counts, _ = np.histogram(values, bins=bins)
    except ValueError:  # the range is too small for bars whose ends differ
        above = values - values.min()
        counts, _ = np.histogram(above / above.max(), bins=bins)
    heights = np.ceil(counts / counts.max() * len(BARS)).astype(int)
    return "".join(" " if height == 0 else BARS[height - 1] for height in heights)


def summarise(
    draws: xr.DataTree | xr.Dataset | xr.DataArray,
    var_names: str | Sequence[str] | None = None,
    prob: float = 0.95,
) -> Estimates:
    """Summarise draws: mean, sd, interval and diagnostics, one row per parameter.

    Parameters
    ----------
    draws
        A fit, or variables with the dims chain and draw.
    var_names
        Names of the variables to summarise, or one name; by default all.
    prob
        Probability mass of the equal-tailed interval, between 0 and 1.

    Returns
    -------
    Estimates indexed by the parameter's name and label, such as ``alpha[29]``
        ``mean``, ``sd``, ``lower`` and ``upper`` (the ends of the equal-tailed interval), in the
        units of the variable; ``mcse`` (Monte Carlo standard error of the mean); ``r_hat``,
        ``ess_bulk``, ``ess_tail``.

    Raises
    ------
    ValueError
        A name is not that of a variable, or the draws lack the dims chain and draw.
    TypeError
        ``draws`` are not draws.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import xarray as xr
    >>> draws = np.random.default_rng(1).normal(loc=2, size=(4, 1000))
    >>> posterior = xr.Dataset({"alpha": (("chain", "draw"), draws)})
    >>> ml.summarise(posterior)
           mean    sd lower upper   mcse  r_hat  ess_bulk  ess_tail
    alpha  1.99  1.00  0.06  3.99  0.016  1.002      4039      3847
    """
    prob = _probability(prob)
    structure = structure_or_none(draws) if isinstance(draws, xr.DataTree) else None
    draws = correlations_once(_dataset(draws), structure)
    draws = draws[_chosen(draws, var_names)]
    for name, variable in draws.items():
        _check_dims(variable, f"'{name}'")
    draws = draws.map(_numbers)
    draws = draws.drop_vars(set(draws.coords) - set(draws.sizes))
    options = {"ci_kind": "eti", "ci_prob": prob, "round_to": "none", "kind": "all"}
    plain, labels = _plainly_named(draws)
    table = azs.summary(xr.DataTree.from_dict({"posterior": plain}), **options).set_axis(labels)
    lower, upper = (c for c in table.columns if c.startswith("eti"))
    table = table.rename(columns={lower: "lower", upper: "upper"})
    table = table.assign(mcse=table["mcse_mean"])
    whole = [name for name in ("ess_bulk", "ess_tail") if table[name].notna().all()]
    table = table.astype(dict.fromkeys(whole, int))
    columns = ["mean", "sd", "lower", "upper", "mcse", "r_hat", "ess_bulk", "ess_tail"]
    ends = {"lower": (1 - prob) / 2, "upper": (1 + prob) / 2}
    errors = {name: flatten_variables(mcse(draws, "quantile", end)) for name, end in ends.items()}
    errors |= {name: table[f"mcse_{name}"] for name in ("mean", "sd")}
    return Estimates.of(table[columns], errors)


def _dataset(draws: Any) -> xr.Dataset:
    """Return the variables of a fit, of a dataset or of a single variable."""
    if isinstance(draws, xr.DataArray):
        return draws.to_dataset(name=draws.name or "value")
    if isinstance(draws, xr.DataTree):
        if "posterior" in draws.children:
            return draws["posterior"].to_dataset()
        if not draws.data_vars:
            groups = ", ".join(draws.children) or "none"
            raise ValueError(f"This tree has no group 'posterior' to summarise. It has: {groups}.")
        return draws.to_dataset()
    if isinstance(draws, xr.Dataset):
        return draws
    raise TypeError(
        f"draws must be a fit, or variables of it such as fit['posterior'][['alpha']]; this is of "
        f"the type {type(draws).__name__}."
    )


def _plainly_named(draws: xr.Dataset) -> tuple[xr.Dataset, list[str]]:
    """Return variables under names that a DataTree accepts, and the labels of all parameters.

    A reader's names may contain a slash, as in "km/h", which is a path in a tree.
    """
    labels = [
        BaseLabeller().make_label_flat(name, at, place)
        for name, at, place in xarray_sel_iter(draws, skip_dims={"chain", "draw"})
    ]
    names = [name for name in [*draws.data_vars, *draws.dims] if name not in ("chain", "draw")]
    return draws.rename({name: f"name_{number}" for number, name in enumerate(names)}), labels


def _chosen(draws: xr.Dataset, names: str | Sequence[str] | None) -> list[Hashable]:
    """Return the names of the variables to summarise; raise ValueError if there is none."""
    if names is None:
        return list(draws.data_vars)
    chosen: list[Hashable] = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in chosen if name not in draws.data_vars]
    if unknown or not chosen:
        what = f"There is no variable {', '.join(map(repr, unknown))}."
        what = what if chosen else "var_names is empty."
        raise ValueError(f"{what} The variables are: {', '.join(map(str, draws.data_vars))}.")
    return chosen


def _check_dims(draws: Any, what: str = "these draws") -> xr.DataArray:
    """Return draws of a single variable; raise an error if they are not, or lack their dims."""
    if not isinstance(draws, xr.DataArray):
        raise TypeError(
            f"Draws of a single variable are needed, such as fit['posterior']['alpha']; this is of "
            f"the type {type(draws).__name__}."
        )
    if lacking := [dim for dim in ("chain", "draw") if dim not in draws.dims]:
        raise ValueError(
            f"Draws have the dims chain and draw, and {what} lack {' and '.join(lacking)}; their "
            f"dims are: {', '.join(map(str, draws.dims)) or 'none'}. Summarise draws before they "
            f"are averaged or selected."
        )
    return draws


def _numbers(draws: xr.DataArray) -> xr.DataArray:
    """Return draws as numbers, of truth values 0 and 1; raise TypeError if they are neither."""
    if draws.dtype.kind not in "biuf":
        raise TypeError(f"Draws must be numbers or truth values; these are of type {draws.dtype}.")
    return draws.astype(float) if draws.dtype.kind == "b" else draws


def _probability(prob: Any) -> float:
    if not isinstance(prob, int | float | np.number) or not 0 < prob < 1:
        raise ValueError(f"prob must be between 0 and 1, such as 0.95; it is {prob!r}.")
    return float(prob)


def _whole_number(name: str, value: Any) -> int:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1; it is {value!r}.")
    return int(value)


def flatten_variables(values: xr.Dataset) -> np.ndarray:
    """Return all values of a dataset in one array, in the order in which ArviZ lists parameters."""
    return np.concatenate([variable.to_numpy().ravel() for variable in values.values()])


def sensitivity(
    fit: xr.DataTree, quantities: str | Sequence[str] | xr.Dataset | None = None
) -> Estimates:
    """Return how far each posterior moves when the priors, or the likelihood, are power-scaled.

    The density of all priors, or the likelihood, is raised to a power a little below and a little
    above 1, by weighting the draws. The measure is the distance between the two posteriors per
    doubling of the power; ArviZ calls a posterior sensitive above 0.05. A prior that is flat
    wherever the likelihood is not has a small one, however unreasonable it is.

    Parameters
    ----------
    fit
        A fit by ``ml.fit``, which keeps the log densities of the priors.
    quantities
        Names of parameters, or variables computed from the same draws; by default all parameters.

    Returns
    -------
    Estimates, one row per parameter, labelled as by :func:`summarise`
        ``prior`` and ``likelihood``, numbers without a unit. Their Monte Carlo standard errors are
        the standard deviations over chains, each taken alone, which errs on the large side.

    Raises
    ------
    ValueError
        The fit lacks the log densities, has a single chain, or does not have such a parameter.

    References
    ----------
    Kallioinen, Paananen, Bürkner, Vehtari (2024), Statistics and Computing 34, 57.

    Examples
    --------
    >>> import multilevel as ml
    >>> fit = ml.fit(ml.partial_pooling(ml.load_mlm(), "con", "id"), seed=9)
    >>> ml.sensitivity(fit, ["sigma_alpha"])["likelihood"].item() > 0.3
    True
    """
    if lacking := [group for group in ("log_prior", "log_likelihood") if group not in fit.children]:
        raise ValueError(
            f"This fit does not contain {' and '.join(lacking)}; ml.fit(model, seed) keeps both."
        )
    posterior = fit["posterior"].to_dataset()
    if posterior.sizes["chain"] < 2:
        raise ValueError(
            "Monte Carlo errors are computed from several chains, and this fit has one."
        )
    if isinstance(quantities, xr.Dataset):
        draws = quantities
    else:
        draws = correlations_once(posterior, structure_or_none(fit))
        draws = draws[_chosen(draws, quantities)]
    every = _moved(fit, draws, slice(None))
    alone = pd.concat([_moved(fit, draws, [chain]) for chain in range(draws.sizes["chain"])])
    return Estimates.of(every, alone.groupby(level=0).std().loc[every.index])


def _moved(fit: xr.DataTree, draws: xr.Dataset, chains: Any) -> pd.DataFrame:
    """Return the sensitivities to the priors and to the likelihood, from some of the chains."""
    groups = {name: fit[name].to_dataset() for name in ("log_prior", "log_likelihood")}
    groups["posterior"], labels = _plainly_named(draws)
    part = xr.DataTree.from_dict({name: d.isel(chain=chains) for name, d in groups.items()})
    moved = {group: azs.psense(part, group=group) for group in ("prior", "likelihood")}
    return pd.DataFrame({g: flatten_variables(values) for g, values in moved.items()}, labels)


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
    >>> import numpy as np
    >>> import xarray as xr
    >>> rng = np.random.default_rng(1)
    >>> draws = xr.DataArray(rng.normal(1, 2, (4, 1000)), dims=("chain", "draw"))
    >>> ml.means({"value": draws, "P(value > 2)": draws > 2})
         value P(value > 2)
    mean  0.98        0.308
    """
    over = ("chain", "draw")
    quantities = _checked_quantities(draws)
    columns = {name: values.mean(over) for name, values in quantities.items()}
    errors = {name: mcse(values) for name, values in quantities.items()}
    first = next(iter(columns.values()))
    index = first.to_series().index if first.dims else ["mean"]
    table = {name: np.atleast_1d(value) for name, value in columns.items()}
    return Estimates.of(
        pd.DataFrame(table, index=index),
        {name: np.atleast_1d(value) for name, value in errors.items()},
    )


def _checked_quantities(draws: Any) -> dict[str, xr.DataArray]:
    """Return named draws; raise an error unless all have the same labels along one other dim."""
    if not isinstance(draws, Mapping) or isinstance(draws, xr.Dataset | xr.DataTree) or not draws:
        raise TypeError(
            "means takes names and draws, such as ml.means({'sigma': fit['posterior']['sigma']})."
        )
    quantities = {
        name: _numbers(_check_dims(values, f"those of '{name}'")) for name, values in draws.items()
    }
    labels = {name: values.isel(chain=0, draw=0, drop=True) for name, values in quantities.items()}
    name, first = next(iter(labels.items()))
    if first.ndim > 1:
        raise ValueError(
            f"'{name}' has several dims besides chain and draw: {', '.join(map(str, first.dims))}. "
            f"Select labels of all but one, with .sel(...), or use ml.interval."
        )
    for other, values in labels.items():
        same = values.dims == first.dims and values.shape == first.shape
        labelled = [dim for dim in first.dims if dim in first.coords and dim in values.coords]
        if not same or not all(values.indexes[d].equals(first.indexes[d]) for d in labelled):
            raise ValueError(
                f"'{name}' and '{other}' are not quantities of the same things: besides chain and "
                f"draw they have the dims ({', '.join(map(str, first.dims))}) and "
                f"({', '.join(map(str, values.dims))}), or other labels. Put them in separate "
                f"tables."
            )
    return quantities


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
    draws = _check_dims(draws)
    if draws.name is None or draws.name in draws.dims:
        raise ValueError(
            f"The column of the values needs a name that no dim has; this is {draws.name!r}. "
            f"Name it: ml.tidy(draws.rename('value'))."
        )
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

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> draws = pd.DataFrame({"person": "ann", "alpha": [0.4812, 0.3924, 0.4426]})
    >>> ml.peek(draws, rows=2)
      person  alpha
    0    ann  0.481
    1    ann  0.392
    """
    table, rows = as_frame(draws, "draws"), _whole_number("rows", rows)
    glimpse = Estimates.of(table.head(rows), table.select_dtypes("float").std())
    glimpse.attrs["draws"] = True
    return glimpse


def interval(
    draws: xr.DataArray, newdata: pd.DataFrame | None = None, prob: float = 0.95
) -> Estimates:
    """Return the mean and the equal-tailed interval of each quantity, with its labels as columns.

    Parameters
    ----------
    draws
        A variable with the dims chain and draw, and any others: numbers, or truth values.
    newdata
        If the draws are predictions: the frame that they were made for, whose columns are joined.
        Its index must be that of the predictions, in any order.
    prob
        Probability mass of the equal-tailed interval, between 0 and 1.

    Returns
    -------
    Estimates
        A column for each other dim (and each column of ``newdata``); ``mean``, ``lower`` and
        ``upper``, in the units of the variable.

    Raises
    ------
    ValueError
        The index of ``newdata`` is not that of the draws, or it has a column that the table has
        too.
    TypeError
        ``draws`` are not draws, or ``newdata`` is not a frame.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import xarray as xr
    >>> draws = np.random.default_rng(1).normal([1, 5], size=(4, 1000, 2))
    >>> people = {"person": ["ann", "bob"]}
    >>> alpha = xr.DataArray(draws, people, dims=("chain", "draw", "person"))
    >>> ml.interval(alpha)
      person mean lower upper
    0    ann  1.0  -0.9   3.0
    1    bob  5.0   3.1   6.9
    """
    prob = _probability(prob)
    draws = _numbers(_check_dims(draws))
    if newdata is None:
        return Estimates(_intervals(draws, prob).reset_index(drop=draws.ndim == 2))
    newdata = as_frame(newdata, "newdata")
    draws = _in_order_of(draws, newdata)
    labels = newdata.index
    numbered = draws.assign_coords(row=np.arange(len(labels)))  # labels need not be unique
    table = _intervals(numbered, prob)
    _check_new_columns(newdata, [*map(str, table.index.names), *table.columns])
    table = newdata.reset_index(drop=True).rename_axis("row").join(table).reset_index()
    return Estimates(table.assign(row=labels.take(table["row"].to_numpy())))


def _intervals(draws: xr.DataArray, prob: float) -> pd.DataFrame:
    """Return mean, ends and their errors, indexed by the other dims."""
    over = ("chain", "draw")
    probs = {"lower": (1 - prob) / 2, "upper": (1 + prob) / 2}
    columns = {"mean": draws.mean(over)}
    columns |= {name: draws.quantile(p, over).drop_vars("quantile") for name, p in probs.items()}
    columns["mcse_mean"] = mcse(draws)
    columns |= {f"mcse_{name}": mcse(draws, "quantile", p) for name, p in probs.items()}
    if not columns["mean"].ndim:
        return pd.DataFrame({name: [value.item()] for name, value in columns.items()})
    return xr.Dataset(columns).to_dataframe()


def _in_order_of(draws: xr.DataArray, newdata: pd.DataFrame) -> xr.DataArray:
    """Return predictions in the order of a frame's rows; raise ValueError for other rows."""
    if "row" not in draws.dims:
        raise ValueError(
            f"newdata has the rows of predictions, and these draws have no dim 'row'; their dims "
            f"are: {', '.join(map(str, draws.dims))}. Leave newdata out."
        )
    if newdata.index.nlevels > 1:
        raise ValueError(
            f"The index of newdata has {newdata.index.nlevels} columns, and rows need a single "
            f"label each. Predict for newdata.reset_index(), and give the same frame here."
        )
    there = draws["row"].to_index()
    if there.equals(newdata.index):
        return draws
    unique = there.is_unique and newdata.index.is_unique and len(there) == len(newdata)
    place = there.get_indexer(newdata.index) if unique else np.array([-1])
    if (place < 0).any():
        raise ValueError(
            f"newdata is not the frame that was predicted for: it has {len(newdata)} rows with the "
            f"index {_some(newdata.index)}, and the draws have {len(there)} rows with the index "
            f"{_some(there)}. Pass the frame that predict was given."
        )
    return draws.isel(row=place)


def _some(index: pd.Index) -> str:
    """Return the first labels of an index, for a message."""
    labels = index[:4].tolist()
    return f"{', '.join(map(repr, labels))}{', …' * (len(index) > 4)}"


def _check_new_columns(newdata: pd.DataFrame, added: list[str]) -> None:
    """Raise ValueError if a frame has columns that are to be added to it."""
    taken = [name for name in newdata if name in added]
    if taken:
        shown = [name for name in taken if not name.startswith(ERROR)] or taken
        raise ValueError(
            f"newdata has columns whose names the table needs for other columns: "
            f"{', '.join(shown)}. Drop them, newdata.drop(columns={taken}), or rename them: "
            f"newdata.rename(columns={{'{shown[0]}': 'my_{shown[0]}'}})."
        )


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
        minus printed) beyond rounding, in standard errors of a difference; and ``agrees``, whether
        its absolute value is at most 5.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> names = ["alpha", "beta"]
    >>> ours = ml.Estimates({"mean": [0.51, 0.32], "mcse_mean": 0.01}, index=names)
    >>> printed = pd.DataFrame({"parameter": names, "value": [0.5, 0.4]})
    >>> printed = printed.assign(statistic="mean", digits=2)
    >>> ml.agreement(ours, printed)[["parameter", "standard_errors", "agrees"]]
      parameter standard_errors  agrees
    0     alpha            0.35    True
    1      beta           -5.30   False
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
