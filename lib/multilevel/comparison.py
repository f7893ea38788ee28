"""Compare models by leave-one-out cross-validation (LOO).

:func:`loo` estimates each observation's expected log pointwise predictive density (elpd) from the
draws of a single fit, by Pareto-smoothed importance sampling (PSIS-LOO). Where its Pareto k says
that this cannot be trusted, :func:`reloo` refits the model without the observation. For the two
normal models :func:`multilevel.exact_loo` integrates numerically, without draws.
"""

from collections.abc import Callable, Mapping
from typing import Any

import arviz_stats as azs
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

from multilevel import sampling, storage
from multilevel.columns import complete_column
from multilevel.estimates import Estimates
from multilevel.predictions import Clusters, predict
from multilevel.structure import structure_of

BLOCK = 64  # rows: weights are computed in blocks to limit memory

GOOD_K = 0.7
"""Largest Pareto k for which PSIS-LOO can be trusted (Vehtari et al. 2024)."""


def loo(fit: xr.DataTree) -> pd.DataFrame:
    """Estimate the elpd of each observation by PSIS-LOO.

    The relative efficiency ``r_eff`` of the draws is the bulk effective sample size per draw,
    averaged over variables and at most 1. ``arviz.loo`` averages the effective sample size of the
    mean over all elements of all variables, so that variables with many elements weigh more,
    without an upper limit. Its results may therefore differ in the second decimal; given the same
    ``r_eff``, they agree.

    Parameters
    ----------
    fit
        A fit, as returned by :func:`multilevel.fit`.

    Returns
    -------
    DataFrame, one row per row of the data
        ``elpd``: log predictive density of the observation, given all others (PSIS-LOO; Vehtari,
        Gelman & Gabry 2017), in nats. ``p``: its log density given all observations, less ``elpd``;
        the sum over rows is the effective number of parameters. ``pareto_k``: the Pareto k
        diagnostic; above 0.7 the row's ``elpd`` cannot be trusted. ``mcse_elpd``: Monte Carlo
        standard error of ``elpd``.

    Raises
    ------
    ValueError
        Equal rows were counted before the model was built.
    """
    if "constant_data" in fit.children and "count_of_row" in fit["constant_data"]:
        raise ValueError(
            "The rows of this fit were counted before the model saw them, and LOO is about single "
            "rows. Fit a sample of the rows themselves to compare models."
        )
    (values,) = fit["log_likelihood"].dataset.data_vars.values()
    first, kind = storage.distinct_rows(fit)
    efficiency = _relative_efficiency(fit["posterior"].dataset)
    # In blocks: the weights of all rows and draws may not fit into memory.
    blocks = [
        _loo_of_rows(values.isel(row=rows), efficiency)
        for rows in np.array_split(first, -(-len(first) // BLOCK))
    ]
    table = pd.concat(blocks, ignore_index=True)
    return table.iloc[kind].set_axis(pd.Index(values["row"].to_numpy(), name="row"))


def _loo_of_rows(values: xr.DataArray, efficiency: float) -> pd.DataFrame:
    """Compute the table of :func:`loo` for a block of rows."""
    values = values.transpose("row", "chain", "draw")
    weights, shapes = _smooth_weights(values, efficiency)
    log_likelihood = values.to_numpy().reshape(len(values), -1)
    log_weights = weights.transpose("row", ...).to_numpy().reshape(len(values), -1)
    k = shapes.to_numpy()
    elpd = logsumexp(log_weights + log_likelihood, axis=1)
    lpd = logsumexp(log_likelihood, axis=1) - np.log(log_likelihood.shape[1])
    # Vehtari et al. (2017), section 2.2
    ratio = np.expm1(log_likelihood - elpd[:, None])
    error = np.sqrt((np.exp(2 * log_weights) * ratio**2).sum(axis=1) / efficiency)
    return pd.DataFrame(
        {
            "elpd": elpd,
            "p": lpd - elpd,
            "pareto_k": k,
            # Above 0.5 the variance of the raw weights is infinite, and the formula
            # underestimates: across seeds, the normal models vary about twice as much.
            "mcse_elpd": np.where(k > 0.5, 2, 1) * error,
        }
    )


def _smooth_weights(values: xr.DataArray, efficiency: float) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the logs of the Pareto-smoothed weights, and the Pareto k of each row.

    A row whose largest importance ratios are all equal has no tail to fit a Pareto distribution to:
    it keeps its raw weights, and its k is NaN.
    """
    try:
        weights, shapes = values.azstats.psislw(dim=["chain", "draw"], r_eff=efficiency)
    except ValueError:
        if len(values) == 1:
            total = logsumexp(-values.to_numpy())
            return -values - total, xr.full_like(values.isel(chain=0, draw=0, drop=True), np.nan)
        rows = [_smooth_weights(values[[row]], efficiency) for row in range(len(values))]
        parts = zip(*rows, strict=True)
        weights, shapes = (xr.concat(part, "row") for part in parts)
    return weights, shapes


def _relative_efficiency(posterior: xr.Dataset) -> float:
    """Return the effective sample size per draw, averaged over the variables, at most 1."""
    ess = azs.ess(posterior.drop_vars(set(posterior.coords) - set(posterior.sizes)), relative=True)
    return min(1.0, float(np.mean([np.mean(values) for values in ess.data_vars.values()])))


def reloo(
    fit: xr.DataTree,
    build: Callable[[pd.DataFrame], pm.Model],
    data: pd.DataFrame,
    seed: int,
    **settings: Any,
) -> pd.DataFrame:
    """Estimate the elpd of each observation by PSIS-LOO, or by refitting where Pareto k is high.

    Parameters
    ----------
    fit
        A fit, as returned by :func:`multilevel.fit`.
    build
        Function that builds the model from a frame: ``lambda data: ml.no_pooling(data, "con",
        "id")``.
    data
        The frame that the fitted model was built from.
    seed
        Seed of the refits.
    settings
        Other arguments of :func:`multilevel.fit`, for the refits.

    Returns
    -------
    DataFrame, one row per row of the data
        The columns of :func:`loo`, and ``refitted``: true where ``pareto_k`` is above 0.7. There
        ``elpd`` is the log of the observation's density averaged over the posterior draws of a fit
        to all other rows, and ``mcse_elpd`` its Monte Carlo standard error. Of several equal rows,
        one is left out and its result used for all. brms has a function of the same name.

    Raises
    ------
    ValueError
        The data are not those of the fit, or were counted before; or a model without pooling would
        have to predict the only row of a cluster.
    ConvergenceError
        The draws of a refit cannot be trusted.
    """
    _check_rows_of_fit(fit, data)
    table = loo(fit)
    high = (table["pareto_k"] > GOOD_K).to_numpy()
    first, kind = storage.distinct_rows(fit)
    both = table[["elpd", "mcse_elpd"]].to_numpy(copy=True)
    for row in first[high[first]]:
        both[kind == kind[row]] = _elpd_by_refitting(fit, build, data, row, seed, settings)
    elpd, error = both.T
    p = table["elpd"] + table["p"] - elpd
    return table.assign(elpd=elpd, p=p, mcse_elpd=error, refitted=high)


def compare(fits: Mapping[str, xr.DataTree | pd.DataFrame]) -> Estimates:
    """Compare models by their expected log pointwise predictive density (elpd), the best first.

    Parameters
    ----------
    fits
        Fits of the same observations, by name; or the tables that :func:`loo`, :func:`reloo` or
        :func:`exact_loo` return for them.

    Returns
    -------
    Estimates, one row per model
        ``elpd_diff`` and ``se_diff`` against the best model; ``high_k``, the number of rows whose
        Pareto k is above 0.7 and which were not refitted; ``elpd_loo``, ``se_elpd_loo``; ``p_loo``,
        ``se_p_loo`` (effective number of parameters); ``looic`` = -2 ``elpd_loo`` and ``se_looic``.
        Where ``high_k`` is not zero, the results cannot be trusted, and a note below the table says
        so. The formulas are those of Vehtari, Gelman & Gabry (2017), as in the R package loo.

    Raises
    ------
    ValueError
        There are fewer than two fits, or they are not of the same observations.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import pandas as pd
    >>> y = [0.3, 0.9, 0.5, 0.0, 0.6, 0.2, 0.7, 0.4, 1.0]
    >>> data = pd.DataFrame({"person": np.repeat(["ann", "bob", "eve"], 3), "y": y})
    >>> no_pooling = ml.exact_loo(ml.no_pooling(data, "y", "person"))
    >>> partial_pooling = ml.exact_loo(ml.partial_pooling(data, "y", "person"))
    >>> table = ml.compare({"no pooling": no_pooling, "partial pooling": partial_pooling})
    >>> table[["elpd_diff", "se_diff", "elpd_loo"]].round(2)  # doctest: +NORMALIZE_WHITESPACE
                     elpd_diff  se_diff  elpd_loo
    model
    partial pooling       0.00     0.00     -4.37
    no pooling           -0.54     0.74     -4.91
    """
    if len(fits) < 2:
        raise ValueError("compare() needs at least two fits: compare({'a': fit_a, 'b': fit_b}).")
    _check_same_observations(fits)
    pointwise = {
        name: fit if isinstance(fit, pd.DataFrame) else loo(fit) for name, fit in fits.items()
    }
    names = sorted(pointwise, key=lambda name: -pointwise[name]["elpd"].sum())
    rows = [_summarise_loo(pointwise[name], pointwise[names[0]]) for name in names]
    table = Estimates(rows, index=pd.Index(names, name="model"))
    rough = table.index[table["high_k"] > 0]
    if len(rough):
        table.attrs["note"] = (
            f"PSIS cannot be trusted for the rows of {', '.join(map(repr, rough))} whose Pareto k "
            f"is above {GOOD_K} (high_k says how many). reloo() refits without them; for normal "
            f"models exact_loo() gives the exact answer."
        )
    return table


def _summarise_loo(table: pd.DataFrame, best: pd.DataFrame) -> dict[str, float]:
    """Return sums over rows and their standard errors, and Monte Carlo standard errors of both."""
    elpd, p = table["elpd"], table["p"]
    difference = elpd - best["elpd"]
    both = [] if table is best else [table, best]
    row: dict[str, float] = {}
    for sum_name, se_name, values, times, sources in [
        ("elpd_diff", "se_diff", difference, 1, both),
        ("elpd_loo", "se_elpd_loo", elpd, 1, [table]),
        ("p_loo", "se_p_loo", p, 1, [table]),
        ("looic", "se_looic", -2 * elpd, 2, [table]),
    ]:
        n, centred = len(values), values - values.mean()
        row[sum_name] = values.sum()
        row[se_name] = se = np.sqrt(n * values.var())
        slopes: dict[str, pd.Series | float] = {sum_name: 1.0}
        slopes[se_name] = n / (n - 1) * centred / (se or 1)
        for name, slope in slopes.items():
            errors = [_mcse_of_weighted_sum(slope, source) for source in sources]
            row[f"mcse_{name}"] = times * float(np.linalg.norm(errors))
    high = table.get("pareto_k", pd.Series(0.0, table.index)) > GOOD_K
    refitted = table.get("refitted", pd.Series(False, table.index))
    row["high_k"] = int((high & ~refitted).sum())
    first = ["elpd_diff", "se_diff", "high_k"]
    return {name: row[name] for name in [*first, *(name for name in row if name not in first)]}


def _mcse_of_weighted_sum(slope: pd.Series | float, table: pd.DataFrame) -> float:
    """Return the Monte Carlo standard error of a weighted sum of elpd.

    Equal rows were evaluated once, so they share one error; the errors of other rows are taken to
    be independent. A table without errors, such as that of :func:`exact_loo`, has none.
    """
    if "mcse_elpd" not in table:
        return 0.0
    shared = (slope * table["mcse_elpd"]).groupby(table["elpd"].to_numpy()).sum()
    return float(np.linalg.norm(shared))


def _check_same_observations(fits: Mapping[str, xr.DataTree | pd.DataFrame]) -> None:
    """Raise ValueError unless all fits have the same rows and, where known, the same outcomes."""
    observed = {
        name: fit.index if isinstance(fit, pd.DataFrame) else fit["observed_data"].dataset
        for name, fit in fits.items()
    }
    rows = {
        name: each if isinstance(each, pd.Index) else each["row"].to_index()
        for name, each in observed.items()
    }
    reference, *others = fits
    for name in others:
        one, other = observed[reference], observed[name]
        same = rows[reference].equals(rows[name])
        if isinstance(one, xr.Dataset) and isinstance(other, xr.Dataset):
            same = one.equals(other)
        if not same:
            raise ValueError(
                f"The fits '{reference}' and '{name}' are not of the same observations, so their "
                f"LOO cannot be compared. Fit both to the same rows of the same outcome."
            )


# Refitting ---------------------------------------------------------------------------------------


def _elpd_by_refitting(
    fit: xr.DataTree,
    build: Callable[[pd.DataFrame], pm.Model],
    data: pd.DataFrame,
    position: int,
    seed: int,
    settings: Mapping[str, Any],
) -> tuple[float, float]:
    """Return the elpd of a row and its MCSE, from the posterior given all other rows."""
    row, others = data.iloc[[position]], data.iloc[np.arange(len(data)) != position]
    posterior = fit["posterior"].dataset
    clusters: dict[str, Clusters] = {
        group: "same" if others[group].eq(row[group].item()).any() else "new"
        for group in structure_of(fit, "reloo()").groups
    }
    if "new" in clusters.values() and "alpha" in posterior and "alpha_bar" not in posterior:
        raise ValueError(
            f"Row {data.index[position]!r} is the only one of its cluster. Without it a model "
            f"without pooling has no draws for the cluster; use exact_loo(model)."
        )
    refit = sampling.fit(build(others), seed, **settings)
    expected = predict(refit, row, clusters, seed=seed).isel(row=0, drop=True)
    (observed,) = fit["observed_data"].dataset.data_vars.values()
    y = observed.to_numpy()[position]
    log_density = _log_density(y, expected, refit["posterior"].dataset)
    elpd = float(logsumexp(log_density) - np.log(log_density.size))
    return elpd, float(azs.mcse(np.exp(log_density - elpd), method="mean"))


def _log_density(y: Any, expected: xr.DataArray, posterior: xr.Dataset) -> np.ndarray:
    """Return the log density of an outcome given its expectation, dims (chain, draw)."""
    if "category" in expected.dims:
        density = xr.apply_ufunc(np.log, expected.sel(category=y))
    elif "sigma" in posterior:
        density = xr.apply_ufunc(stats.norm.logpdf, y, expected, posterior["sigma"])
    else:
        density = xr.apply_ufunc(np.log, expected if y == 1 else 1 - expected)
    return density.transpose("chain", "draw").to_numpy()


def _check_rows_of_fit(fit: xr.DataTree, data: pd.DataFrame) -> None:
    """Raise ValueError unless a frame has the rows and the outcome that a fit was made of."""
    ((outcome, observed),) = fit["observed_data"].dataset.data_vars.items()
    if (
        data.index.tolist() != observed["row"].to_numpy().tolist()
        or complete_column(data, str(outcome)).tolist() != observed.to_numpy().tolist()
    ):
        raise ValueError(
            f"These data are not the rows that the fit was made of: their index or their "
            f"'{outcome}' differs. Give the frame that the model was built from, in its order."
        )
