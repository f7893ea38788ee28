"""Compare models by leave-one-out cross-validation (LOO).

:func:`loo` estimates the expected log pointwise predictive density (elpd) of each observation, or
of each cluster, from the draws of a single fit, by Pareto-smoothed importance sampling (PSIS-LOO).
Where its Pareto k is too high for the result to be trusted, :func:`reloo` refits the model without
the observation or the cluster. For two of the normal models :func:`multilevel.exact_loo` integrates
numerically, without draws.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import arviz_stats as azs
import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from scipy.special import logsumexp

from multilevel import sampling, storage
from multilevel.clusters import covariates, log_density
from multilevel.columns import complete_column
from multilevel.estimates import Estimates
from multilevel.observations import identify
from multilevel.structure import Structure, correlations_once, structure_of, structure_or_none

BLOCK, ROWS = 64, 2000  # clusters and rows: computed in blocks to limit memory

GOOD_K = 0.7
"""Largest Pareto k for which PSIS-LOO can be trusted (Vehtari et al. 2024); see :func:`good_k`."""

MCSE_FACTOR = 1.25
"""Standard deviation of elpd over runs, relative to the formula; see :func:`loo`."""

ROW_OF_NEW_CLUSTER = "cluster to predict each of its rows"
"""Attribute ``left_out`` of tables of single rows of new clusters; of others: row, cluster."""

FEW, SMALL = 100, 4.0
"""With fewer rows or clusters, or for a smaller difference, standard errors are unreliable."""


def good_k(draws: int) -> float:
    """Return the largest Pareto k for which PSIS-LOO can be trusted, for a number of draws.

    Parameters
    ----------
    draws
        Number of draws, of all chains.

    Returns
    -------
    float
        min(1 - 1 / log10(draws), 0.7) (Vehtari et al. 2024): 0.7 from 2155 draws on.

    Examples
    --------
    >>> from multilevel.comparison import good_k
    >>> [round(good_k(draws), 2) for draws in (400, 1000, 4000)]
    [0.62, 0.67, 0.7]
    """
    return float(min(1 - 1 / np.log10(draws), GOOD_K))


def loo(
    fit: xr.DataTree,
    leave_out: str | None = None,
    groups: Any = None,
    data: pd.DataFrame | None = None,
    joint: bool = True,
) -> pd.DataFrame:
    r"""Estimate the elpd of each observation, or of each cluster, by PSIS-LOO.

    By default one row is left out at a time: its density given all others, including those of its
    cluster. With ``leave_out`` a whole cluster is left out: the density of its rows given those of
    the other clusters. Then the cluster's effects are integrated out (Merkle, Furr & Rabe-Hesketh
    2019), in closed form for normal outcomes and else by quadrature; the effects of other groups
    stay as drawn.

    The relative efficiency ``r_eff`` of the draws is the bulk effective sample size per draw,
    averaged over variables and at most 1. ``arviz.loo`` averages the effective sample size of the
    mean over all elements of all variables, so that variables with many elements weigh more,
    without an upper limit. Its Pareto k may therefore differ by 0.2, and its elpd in the second
    decimal; given the same ``r_eff``, they agree.

    Parameters
    ----------
    fit
        A fit, as returned by :func:`multilevel.fit`.
    leave_out
        Name of the column whose clusters are left out, one at a time. It need not be a group of
        the model.
    groups
        With ``leave_out``: the cluster of each row of the data, for models without predictors,
        treatment and other groups.
    data
        With ``leave_out``: the frame that the model was built from, for any model.
    joint
        With ``leave_out``: whether the density is that of all rows of a cluster together, or of
        each row alone: a single observation of a new cluster.

    Returns
    -------
    DataFrame, one row per row of the data, or per cluster with ``leave_out`` and ``joint``
        ``elpd``: log predictive density of the observation, given all others (PSIS-LOO; Vehtari,
        Gelman & Gabry 2017), or of the cluster, in nats.

        ``p``: its log density given all observations, minus ``elpd``; the sum over rows is the
        effective number of parameters.

        ``pareto_k``: the Pareto k diagnostic; where it is above ``attrs["good_k"]`` (see
        :func:`good_k`) ``elpd`` cannot be trusted. It is infinite where the largest weights are
        equal, so that no tail can be fitted (as in R), but 0 where all draws predict the
        observation equally well: then all weights are equal, and nothing is estimated.

        ``mcse_elpd``: Monte Carlo standard error of ``elpd``, 1.25 times that of Vehtari et al.
        (2017), section 2.2. For the book's two normal models the actual spread over runs is 1.0 to
        1.2 times the formula with independent draws, for the rows of any k and for the sum; over
        runs of NUTS it is up to 1.4 times for rows, and below 1 for the sum. No such error
        covers bias: where k is above about 0.4, ``elpd`` is too high more often than too low,
        because the draws that it needs are missing. Over runs of 4,000 draws the sums for these
        models, without and with partial pooling, are on average 3.1 and 1.0 too high.

        The attributes identify the observations, for :func:`compare`.

    Raises
    ------
    ValueError
        Equal rows were counted before the model was built; the fit has no log likelihood; or, with
        ``leave_out``, the data are not those of the fit or lack a column, the model has no
        population distribution of clusters, or more than two effects would have to be integrated
        (for outcomes that are not normal).

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> person = np.repeat(list("abcdefgh"), 5)
    >>> y = rng.normal(np.repeat(rng.normal(0, 1, 8), 5), 0.5)
    >>> data = pd.DataFrame({"person": person, "y": y})
    >>> fit = ml.fit(ml.partial_pooling(data, "y", "person"), seed=1)
    >>> len(ml.loo(fit)), len(ml.loo(fit, leave_out="person", data=data))
    (40, 8)
    """
    structure = structure_or_none(fit)
    if "constant_data" in fit.children and "count_of_row" in fit["constant_data"]:
        raise ValueError(
            "The rows of this fit were counted before the model was built, and LOO is about single "
            "rows. Fit a sample of the rows themselves to compare models."
        )
    posterior = correlations_once(fit["posterior"].dataset, structure)
    efficiency = _relative_efficiency(posterior)
    if leave_out is not None:
        problem = _cluster_problem(fit, leave_out, groups, data)
        return _loo_of_clusters(*problem, leave_out, joint, efficiency)
    if groups is not None or data is not None:
        raise ValueError(
            "State which clusters to leave out as well: leave_out='name of the column'."
        )
    if "log_likelihood" not in fit.children:
        raise ValueError(
            "This fit has no log likelihood of its rows, which LOO needs. Fit the model again "
            "without keep_log_likelihood=False. To leave out whole clusters none is needed: "
            "ml.loo(fit, leave_out='the group', data=data)."
        )
    (values,) = fit["log_likelihood"].dataset.data_vars.values()
    first, kind = storage.distinct_rows(fit)
    # In blocks: the weights of all rows and draws may not fit into memory.
    blocks = [
        _loo_of_rows(values.isel(row=rows), efficiency)
        for rows in np.array_split(first, -(-len(first) // BLOCK))
    ]
    table = pd.concat(blocks, ignore_index=True)
    table = table.iloc[kind].set_axis(pd.Index(values["row"].to_numpy(), name="row"))
    table.attrs.update(_about(fit), good_k=good_k(values.sizes["chain"] * values.sizes["draw"]))
    return table


def _loo_of_rows(values: xr.DataArray, efficiency: float) -> pd.DataFrame:
    """Compute the table of :func:`loo` for a block of rows."""
    values = values.transpose("row", "chain", "draw")
    log_weights, k = _smooth_weights(values, efficiency)
    log_likelihood = values.to_numpy().reshape(len(values), -1)
    return _weighted_density(log_weights, log_likelihood, k, efficiency)


def _weighted_density(
    log_weights: np.ndarray, log_likelihood: np.ndarray, k: np.ndarray, efficiency: float
) -> pd.DataFrame:
    """Average densities (row, draw) over weighted draws: return the table of :func:`loo`."""
    elpd = logsumexp(log_weights + log_likelihood, axis=1)
    lpd = logsumexp(log_likelihood, axis=1) - np.log(log_likelihood.shape[1])
    # Vehtari et al. (2017), section 2.2
    ratio = np.expm1(log_likelihood - elpd[:, None])
    error = np.sqrt((np.exp(2 * log_weights) * ratio**2).sum(axis=1) / efficiency)
    return pd.DataFrame(
        {"elpd": elpd, "p": lpd - elpd, "pareto_k": k, "mcse_elpd": MCSE_FACTOR * error}
    )


def _smooth_weights(values: xr.DataArray, efficiency: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the logs of the Pareto-smoothed weights (row, draw), and the Pareto k of each row.

    A row whose largest importance ratios are all equal has no tail to fit a Pareto distribution to:
    it keeps its raw weights, and its k is infinite, or 0 if all of them are equal.
    """
    try:
        weights, shapes = values.azstats.psislw(dim=["chain", "draw"], r_eff=efficiency)
        k = shapes.to_numpy()
        log_weights = weights.transpose("row", "chain", "draw").to_numpy()
    except ValueError:
        if len(values) > 1:
            rows = [_smooth_weights(values[[row]], efficiency) for row in range(len(values))]
            log_weights, k = (np.concatenate(part) for part in zip(*rows, strict=True))
            return log_weights, k
        log_weights, k = -values.to_numpy(), np.array([np.nan])
        log_weights = log_weights - logsumexp(log_weights)
    log_weights = log_weights.reshape(len(values), -1)
    same = np.ptp(values.to_numpy().reshape(len(values), -1), axis=1) < 1e-10
    return log_weights, np.where(same, 0.0, np.where(np.isnan(k), np.inf, k))


def _relative_efficiency(posterior: xr.Dataset) -> float:
    """Return the effective sample size per draw, averaged over the variables, at most 1."""
    ess = azs.ess(posterior.drop_vars(set(posterior.coords) - set(posterior.sizes)), relative=True)
    return min(1.0, float(np.mean([np.mean(values) for values in ess.data_vars.values()])))


def reloo(
    fit: xr.DataTree,
    build: Callable[[pd.DataFrame], pm.Model],
    data: pd.DataFrame,
    seed: int,
    *,
    leave_out: str | None = None,
    joint: bool = True,
    **settings: Any,
) -> pd.DataFrame:
    """Estimate elpd by PSIS-LOO, or by refitting where Pareto k is high.

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
    leave_out, joint
        As for :func:`loo`: leave out rows, or whole clusters.
    settings
        Other arguments of :func:`multilevel.fit`, for the refits.

    Returns
    -------
    DataFrame, one row per row of the data, or per cluster with ``leave_out`` and ``joint``
        The columns of :func:`loo`, and ``refitted``: true where ``pareto_k`` is above its limit.
        There ``elpd`` is the log of the density averaged over the posterior draws of a fit to all
        other rows, and ``mcse_elpd`` its Monte Carlo standard error; the effects of clusters that
        these do not have are integrated out. Of several equal rows, one is left out and its result
        used for all. brms has a function of the same name.

    Raises
    ------
    ValueError
        As for :func:`loo`; the data are not those of the fit, or were counted before; or a model
        without pooling would have to predict the only row of a cluster.
    ConvergenceError
        The draws of a refit cannot be trusted.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import pandas as pd
    >>> rng = np.random.default_rng(1)
    >>> person = np.repeat(list("abcdefgh"), 5)
    >>> y = rng.normal(np.repeat(rng.normal(0, 1, 8), 5), 0.5)
    >>> data = pd.DataFrame({"person": person, "y": y})
    >>> def build(data):
    ...     return ml.partial_pooling(data, "y", "person")
    >>> fit = ml.fit(build(data), seed=1)
    >>> table = ml.reloo(fit, build, data, seed=2)
    >>> len(table), int(table["refitted"].sum())
    (40, 0)
    """
    structure = structure_of(fit, "reloo()")
    _check_rows_of_fit(fit, data)
    if leave_out is None:
        table = loo(fit)
        first, kind = storage.distinct_rows(fit)
    else:
        table = loo(fit, leave_out, data=data, joint=joint)
        kind, labels = pd.factorize(complete_column(data, leave_out), sort=True)
        first = np.arange(len(labels)) if joint else np.unique(kind, return_index=True)[1]
    high = ~(table["pareto_k"] <= table.attrs["good_k"]).to_numpy()
    # If clusters are left out together, the table has a row for each of them.
    of_table = np.arange(len(table)) if leave_out and joint else kind
    both = table[["elpd", "mcse_elpd"]].to_numpy(copy=True)
    for position in first[high[first]]:
        number = of_table[position]
        rows = np.flatnonzero(kind == number) if leave_out else np.array([position])
        both[of_table == number] = _elpd_by_refitting(
            structure, build, data, rows, seed, settings, joint
        )
    elpd, error = both.T
    p = table["elpd"] + table["p"] - elpd
    return table.assign(elpd=elpd, p=p, mcse_elpd=error, refitted=high)


def compare(
    fits: Mapping[str, xr.DataTree | pd.DataFrame],
    by: Any = None,
    columns: Literal["main", "all"] = "main",
) -> Estimates:
    r"""Compare models by their expected log pointwise predictive density (elpd), the best first.

    Parameters
    ----------
    fits
        Fits of the same observations, by name; or the tables that :func:`loo`, :func:`reloo` or
        :func:`exact_loo` return for them.
    by
        The cluster of each row, as a Series with the labels of the rows, such as ``data["id"]``, or
        as an array in their order. Then the standard errors are for another sample of clusters,
        rather than of rows, which would have to be independent: :math:`\sqrt{J \,
        \text{var}(s)}`, with the sums :math:`s_1, \dots, s_J` over the rows of each cluster of
        their deviations from the mean of all rows.
    columns
        ``"all"`` adds ``se_p_loo``, ``looic`` and ``se_looic``.

    Returns
    -------
    Estimates, one row per model
        ``elpd_diff`` and ``se_diff`` against the best model; ``high_k``, the number of rows (or
        clusters) whose Pareto k is above its limit (see :func:`loo`) and which were not refitted;
        ``elpd_loo``, ``se_elpd_loo``; ``p_loo``, ``se_p_loo`` (effective number of parameters);
        ``looic`` = -2 ``elpd_loo`` and ``se_looic``. The formulas are those of Vehtari, Gelman &
        Gabry (2017), as in the R package loo. Notes below the table name results that cannot be
        trusted: a high Pareto k, fewer than 100 rows or clusters, or a difference below 4 (Sivula,
        Magnusson & Vehtari 2020).

    Raises
    ------
    ValueError
        There are fewer than two fits, they are not of the same observations, or ``by`` does not
        give a cluster for each of their rows.

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
    >>> table[["elpd_diff", "se_diff"]]  # doctest: +NORMALIZE_WHITESPACE
                    elpd_diff se_diff
    model
    partial pooling       0.0     0.0
    no pooling           -0.5     0.7
    <BLANKLINE>
    With 9 rows, fewer than 100, the standard errors are rough.
    A difference below 4, such as that of 'no pooling', is small,
    and its standard error may be too small as well.
    """
    if not isinstance(fits, Mapping) or len(fits) < 2:
        raise ValueError(
            "compare() needs at least two fits by name: compare({'a': fit_a, 'b': fit_b})."
        )
    if columns not in ("main", "all"):
        raise ValueError(f"columns must be 'main' or 'all'; it is {columns!r}.")
    _check_same_observations(fits)
    pointwise = {
        name: fit if isinstance(fit, pd.DataFrame) else loo(fit) for name, fit in fits.items()
    }
    names = sorted(pointwise, key=lambda name: -pointwise[name]["elpd"].sum())
    best = pointwise[names[0]]
    clusters = np.arange(len(best))
    if by is not None:
        if best.attrs.get("left_out") == "cluster":
            raise ValueError(
                "These tables have a row for each cluster already, so that their standard errors "
                "are over clusters: leave out by=."
            )
        clusters = _cluster_of_row(by, best.index, "by").to_numpy()
    codes, labels = pd.factorize(clusters)
    if len(labels) < 2:
        raise ValueError(f"Standard errors need at least two rows or clusters, not {len(labels)}.")
    rows = [_summarise_loo(pointwise[name], best, codes) for name in names]
    table = Estimates(rows, index=pd.Index(names, name="model"))
    if columns == "main":
        hidden = ["se_p_loo", "looic", "se_looic"]
        table = table.drop(columns=[f"{start}{name}" for name in hidden for start in ("", "mcse_")])
    if notes := list(_notes(table, pointwise, len(labels), by is not None)):
        table.attrs["note"] = " ".join(notes)
    return table


def _notes(
    table: pd.DataFrame, pointwise: Mapping[str, pd.DataFrame], number: int, by_cluster: bool
) -> Iterator[str]:
    """Yield the reasons why a comparison cannot be trusted, or only with care."""
    best = pointwise[table.index[0]]
    single = best.attrs.get("left_out") != "cluster"
    left_out = "rows" if single else "clusters"
    rough = table.index[table["high_k"] > 0]
    if len(rough):
        limits = sorted({f"{_limit(pointwise[name]):.2g}" for name in rough})
        yield (
            f"PSIS cannot be trusted for the {left_out} of {_listed(rough)} whose Pareto k "
            f"is above {' or '.join(limits)} (their number is high_k). reloo() refits without them"
            + ("; for normal models exact_loo() gives the exact answer." if single else ".")
        )
    if number < FEW:
        units = "clusters" if by_cluster else left_out
        yield f"With {number} {units}, fewer than {FEW}, the standard errors are rough."
    close = table.index[(table["elpd_diff"] < 0) & (table["elpd_diff"] > -SMALL)]
    if len(close):
        yield (
            f"A difference below {SMALL:g}, such as that of {_listed(close)}, is small, and its "
            f"standard error may be too small as well."
        )


def _listed(names: pd.Index) -> str:
    """Return names in quotation marks."""
    return ", ".join(map(repr, names))


def _limit(table: pd.DataFrame) -> float:
    """Return the largest Pareto k that can be trusted in a table of :func:`loo`."""
    return float(table.attrs.get("good_k", GOOD_K))


def _summarise_loo(table: pd.DataFrame, best: pd.DataFrame, codes: np.ndarray) -> dict[str, float]:
    """Return sums over rows and their standard errors, and Monte Carlo standard errors of both.

    ``codes`` number the clusters, or the rows, over which the standard errors are.
    """
    elpd, p = table["elpd"].to_numpy(), table["p"].to_numpy()
    difference = elpd - best["elpd"].to_numpy()
    both = [] if table is best else [table, best]
    row: dict[str, float] = {}
    for sum_name, se_name, values, times, sources in [
        ("elpd_diff", "se_diff", difference, 1, both),
        ("elpd_loo", "se_elpd_loo", elpd, 1, [table]),
        ("p_loo", "se_p_loo", p, 1, [table]),
        ("looic", "se_looic", -2 * elpd, 2, [table]),
    ]:
        row[sum_name] = float(values.sum())
        row[se_name], slope_of_se = _standard_error(values, codes)
        slopes = {sum_name: np.ones(len(values)), se_name: slope_of_se}
        for name, slope in slopes.items():
            errors = [_mcse_of_weighted_sum(slope, source) for source in sources]
            row[f"mcse_{name}"] = times * float(np.linalg.norm(errors))
    k = table.get("pareto_k", pd.Series(0.0, table.index))
    refitted = table.get("refitted", pd.Series(False, table.index))
    row["high_k"] = int((~(k <= _limit(table)) & ~refitted).sum())
    first = ["elpd_diff", "se_diff", "high_k"]
    return {name: row[name] for name in [*first, *(name for name in row if name not in first)]}


def _standard_error(values: np.ndarray, codes: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the standard error of a sum over rows, and its derivative by each value.

    The sum is that of as many rows as these, in another sample of clusters, which the codes number.
    Values are centred before they are summed within clusters, or clusters of unequal size would
    differ in their sums for that alone. Where every row is a cluster, this is sqrt(n var).
    """
    size = np.bincount(codes)
    number = len(size)
    with np.errstate(invalid="ignore"):  # p may be infinite, and then its error is not known
        sums = np.bincount(codes, weights=values - values.mean())
        error = float(np.sqrt(number / (number - 1) * (sums**2).sum()))
        slope = sums - (size * sums).sum() / len(values)
        return error, number / (number - 1) * slope[codes] / (error or 1)


def _mcse_of_weighted_sum(slope: np.ndarray, table: pd.DataFrame) -> float:
    """Return the Monte Carlo standard error of a weighted sum of elpd.

    Equal rows were evaluated once, so they share one error, and the rows of a new cluster share
    their weights (and Pareto k), so their errors add up as well; the errors of other rows are taken
    to be independent. A table without errors, such as that of :func:`exact_loo`, has none.
    """
    if "mcse_elpd" not in table:
        return 0.0
    alike = "pareto_k" if table.attrs.get("left_out") == ROW_OF_NEW_CLUSTER else "elpd"
    shared = (slope * table["mcse_elpd"]).groupby(table[alike].to_numpy()).sum()
    return float(np.linalg.norm(shared))


# Which observations ------------------------------------------------------------------------------


def _about(fit: xr.DataTree, *columns: pd.Series) -> dict[str, Any]:
    """Return the attributes that identify the observations of a table."""
    ((outcome, observed),) = fit["observed_data"].dataset.data_vars.items()
    identity = identify(outcome, observed.to_numpy(), observed["row"].to_index(), *columns)
    return {**identity, "left_out": "row"}


def _check_same_observations(fits: Mapping[str, xr.DataTree | pd.DataFrame]) -> None:
    """Raise ValueError unless all fits have the same rows and, where known, the same outcomes."""
    known = {
        name: (fit.index, fit.attrs)
        if isinstance(fit, pd.DataFrame)
        else (fit["observed_data"]["row"].to_index(), _about(fit))
        for name, fit in fits.items()
    }
    reference, *others = fits
    for name in others:
        if why := _difference(*known[reference], *known[name]):
            raise ValueError(
                f"The fits '{reference}' and '{name}' are not of the same observations, so their "
                f"LOO cannot be compared: {why}. Fit both to the same rows of the same outcome, "
                f"and leave out the same."
            )


def _difference(
    rows: pd.Index, about: Mapping[str, Any], other_rows: pd.Index, other: Mapping[str, Any]
) -> str | None:
    """Say in which way two tables are about different observations; None if in no known way."""
    said = {
        "left_out": "one leaves out a {}, the other a {}",
        "group": "one leaves out clusters of '{}', the other of '{}'",
        "outcome": "the outcome of one is '{}', that of the other '{}'",
    }
    for key, words in said.items():
        if key in about and key in other and about[key] != other[key]:
            return words.format(about[key], other[key])
    if not rows.equals(other_rows):
        return "their rows have different labels, or the same in another order"
    if "digest" in about and "digest" in other and about["digest"] != other["digest"]:
        return f"their rows have the same labels, but other values of '{about['outcome']}'"
    return None


def _cluster_of_row(given: Any, rows: pd.Index, name: str) -> pd.Series:
    """Return the cluster of each row, in the order of the rows.

    Raise ValueError if a row has none, or if it is not clear which one it has.
    """
    if isinstance(given, pd.Series):
        if not given.index.equals(rows):
            missing = rows[~rows.isin(given.index)]
            if len(missing) or len(given) != len(rows) or not given.index.is_unique:
                more = f"; it has none for row {missing.tolist()[0]!r}" if len(missing) else ""
                raise ValueError(
                    f"{name} must have one cluster for each row of the fits, with the same labels: "
                    f"it has {len(given)}, for {len(rows)} rows{more}. Take the column of the "
                    f"frame that the models were built from: {name}=data['id']."
                )
            given = given.loc[rows]
        clusters = given
    elif isinstance(given, str):
        raise ValueError(f"{name} must be the column itself: {name}=data['{given}'].")
    else:
        values = list(given)
        if len(values) != len(rows):
            raise ValueError(
                f"{name} must have one cluster for each of the {len(rows)} rows; it has "
                f"{len(values)}."
            )
        clusters = pd.Series(values, rows)
    if clusters.isna().any():
        raise ValueError(f"{name} has missing values: every row needs a cluster.")
    return clusters


# Leaving out clusters ----------------------------------------------------------------------------


def _cluster_problem(
    fit: xr.DataTree, leave_out: str, groups: Any, data: pd.DataFrame | None
) -> tuple[xr.DataTree, Structure, pd.DataFrame]:
    """Return a fit, its structure, and its data with a column of the clusters that are left out."""
    structure = structure_of(fit, "leave_out=")
    if (groups is None) == (data is None):
        raise ValueError(
            f"To leave out clusters, give either the frame that the model was built from, "
            f"loo(fit, leave_out='{leave_out}', data=data), or the cluster of each row, "
            f"groups=data['{leave_out}']."
        )
    if data is not None:
        _check_rows_of_fit(fit, data)
        complete_column(data, leave_out)
        return fit, structure, data
    others = [group for group in structure.groups if group != leave_out]
    if needed := [*covariates(structure), *others]:
        raise ValueError(
            f"This model needs other columns besides the clusters: {', '.join(needed)}. Pass the "
            f"frame that it was built from: loo(fit, leave_out='{leave_out}', data=data)."
        )
    (observed,) = fit["observed_data"].dataset.data_vars.values()
    clusters = _cluster_of_row(groups, observed["row"].to_index(), "groups")
    frame = pd.DataFrame({structure.outcome: observed.to_numpy()}, clusters.index)
    return fit, structure, frame.assign(**{leave_out: clusters.to_numpy()})


def _loo_of_clusters(
    fit: xr.DataTree,
    structure: Structure,
    data: pd.DataFrame,
    leave_out: str,
    joint: bool,
    efficiency: float,
) -> pd.DataFrame:
    """Compute the table of :func:`loo` with clusters left out."""
    posterior = fit["posterior"].dataset
    clusters = complete_column(data, leave_out)
    codes, labels = pd.factorize(clusters, sort=True)
    rows_of = [np.flatnonzero(codes == code) for code in range(len(labels))]
    number = min(len(labels), max(-(-len(labels) // BLOCK), -(-len(data) // ROWS)))
    new, tables = [leave_out], []
    for block in np.array_split(np.arange(len(labels)), number):
        parts = [data.iloc[rows_of[code]] for code in block]
        together = [log_density(posterior, structure, new, part).T for part in parts]
        density = np.concatenate(together)
        shape = (len(block), posterior.sizes["chain"], posterior.sizes["draw"])
        values = xr.DataArray(density.reshape(shape), dims=("row", "chain", "draw"))
        log_weights, k = _smooth_weights(values, efficiency)
        if not joint:
            density = log_density(posterior, structure, new, pd.concat(parts), joint=False).T
            cluster = np.repeat(np.arange(len(block)), [len(part) for part in parts])
            log_weights, k = log_weights[cluster], k[cluster]
        tables.append(_weighted_density(log_weights, density, k, efficiency))
    table = pd.concat(tables, ignore_index=True)
    if joint:
        left_out, table.index = "cluster", pd.Index(labels, name=leave_out)
    else:
        left_out, table.index = ROW_OF_NEW_CLUSTER, np.concatenate(rows_of)
        table = table.sort_index().set_axis(data.index.rename("row"))
    about = {"left_out": left_out, "group": leave_out, "good_k": good_k(density.shape[1])}
    table.attrs.update(_about(fit, clusters) | about)
    return table


# Refitting ---------------------------------------------------------------------------------------


def _elpd_by_refitting(
    structure: Structure,
    build: Callable[[pd.DataFrame], pm.Model],
    data: pd.DataFrame,
    positions: np.ndarray,
    seed: int,
    settings: Mapping[str, Any],
    joint: bool,
) -> np.ndarray:
    """Return elpd and its MCSE, of rows together or each alone, from a fit to all other rows."""
    rows, others = data.iloc[positions], data.iloc[np.delete(np.arange(len(data)), positions)]
    new = [
        group
        for group in structure.groups
        if not complete_column(rows, group).isin(complete_column(others, group)).any()
    ]
    if new and not structure.pooled:
        raise ValueError(
            f"Row {rows.index[0]!r} is the only one of its cluster. Without it a model "
            f"without pooling has no draws for the cluster; use exact_loo(model)."
        )
    refit = sampling.fit(build(others), seed, **settings)["posterior"].dataset
    values = log_density(refit, structure, new, rows, joint)
    elpd = logsumexp(values, axis=0) - np.log(len(values))
    density = np.exp(values - elpd).T.reshape(len(elpd), refit.sizes["chain"], -1)
    return np.column_stack([elpd, [azs.mcse(each, method="mean") for each in density]])


def _check_rows_of_fit(fit: xr.DataTree, data: pd.DataFrame) -> None:
    """Raise ValueError unless a frame has the rows and the outcome that a fit was made of."""
    ((outcome, observed),) = fit["observed_data"].dataset.data_vars.items()
    if (
        data.index.tolist() != observed["row"].to_numpy().tolist()
        or complete_column(data, str(outcome)).tolist() != observed.to_numpy().tolist()
    ):
        raise ValueError(
            f"These data are not the rows that the fit was made of: their index or their "
            f"'{outcome}' differs. Pass the frame that the model was built from, in its order."
        )
