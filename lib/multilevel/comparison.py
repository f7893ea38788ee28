"""Which model predicts better? Leave-one-out cross-validation by importance sampling (PSIS-LOO)."""

import warnings
from collections.abc import Mapping

import arviz as az
import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import logsumexp

GOOD_K = 0.7
"""Above this Pareto k, PSIS cannot be trusted for an observation (Vehtari et al. 2024)."""


def loo(fit: xr.DataTree) -> pd.DataFrame:
    """Estimate how well a model predicts each observation from all the others.

    Parameters
    ----------
    fit
        What :func:`multilevel.fit` returned.

    Returns
    -------
    DataFrame, one row per row of the data
        ``elpd``: log predictive density of the observation, given the others (PSIS-LOO; Vehtari,
        Gelman & Gabry 2017). ``p``: how much better it is predicted when it is among the data,
        which summed over rows is the effective number of parameters. ``pareto_k``: above 0.7 the
        row's ``elpd`` cannot be trusted.
    """
    log_likelihood = fit["log_likelihood"].dataset
    rows = log_likelihood["row"].to_numpy()
    first, cell_of_row = _distinct_rows(fit, len(rows))
    distinct = log_likelihood.isel(row=first)
    with warnings.catch_warnings():
        # The warning says that some Pareto k are high; here they are a column of the result.
        warnings.filterwarnings("ignore", message="Estimated shape parameter of Pareto")
        estimate = az.loo(
            xr.DataTree.from_dict(
                {"posterior": fit["posterior"].dataset, "log_likelihood": distinct}
            ),
            pointwise=True,
        )
    (values,) = distinct.data_vars.values()
    draws = values.sizes["chain"] * values.sizes["draw"]
    lpd = logsumexp(values.to_numpy(), axis=(0, 1)) - np.log(draws)
    elpd = estimate.elpd_i.to_numpy()
    table = pd.DataFrame({"elpd": elpd, "p": lpd - elpd, "pareto_k": estimate.pareto_k.to_numpy()})
    return table.iloc[cell_of_row].set_axis(pd.Index(rows, name="row"))


def compare(fits: Mapping[str, xr.DataTree]) -> pd.DataFrame:
    """Rank models by how well they predict observations that they have not seen.

    Parameters
    ----------
    fits
        Fits of the same observations, by name.

    Returns
    -------
    DataFrame, one row per model, the best first
        ``elpd_diff`` and ``se_diff`` against the best; ``elpd_loo``, ``se_elpd_loo``; ``p_loo``,
        ``se_p_loo`` (the effective number of parameters); ``looic`` = -2 ``elpd_loo`` and
        ``se_looic``; and ``high_k``, the number of rows whose Pareto k is above 0.7. Where
        ``high_k`` is not zero, the row's figures are rough, and usually too optimistic. The
        formulas are those of Vehtari, Gelman & Gabry (2017), as in R's loo package.

    Raises
    ------
    ValueError
        There are fewer than two fits, or they are not of the same observations.
    """
    if len(fits) < 2:
        raise ValueError("compare() needs at least two fits: compare({'a': fit_a, 'b': fit_b}).")
    _check_same_observations(fits)
    pointwise = {name: loo(fit) for name, fit in fits.items()}
    names = sorted(pointwise, key=lambda name: -pointwise[name]["elpd"].sum())
    best = pointwise[names[0]]["elpd"]
    rows = []
    for name in names:
        table = pointwise[name]
        row = {
            "elpd_diff": (table["elpd"] - best).sum(),
            "se_diff": _se(table["elpd"] - best),
            "elpd_loo": table["elpd"].sum(),
            "se_elpd_loo": _se(table["elpd"]),
            "p_loo": table["p"].sum(),
            "se_p_loo": _se(table["p"]),
        }
        row["looic"] = -2 * row["elpd_loo"]
        row["se_looic"] = 2 * row["se_elpd_loo"]
        rows.append(row | {"high_k": int((table["pareto_k"] > GOOD_K).sum())})
    return pd.DataFrame(rows, index=pd.Index(names, name="model"))


def _se(pointwise: pd.Series) -> float:
    """Give the standard error of a sum over observations."""
    return float(np.sqrt(len(pointwise) * pointwise.var()))


def _distinct_rows(fit: xr.DataTree, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Find one row of each kind, and the kind of each row: equal rows have equal elpd."""
    if "constant_data" not in fit.children:
        return np.arange(rows), np.arange(rows)
    cell_of_row = fit["constant_data"]["cell_of_row"].to_numpy()
    _, first, kind = np.unique(cell_of_row, return_index=True, return_inverse=True)
    return first, kind


def _check_same_observations(fits: Mapping[str, xr.DataTree]) -> None:
    (reference, first), *others = (
        (name, fit["observed_data"].dataset) for name, fit in fits.items()
    )
    for name, observed in others:
        if not observed.equals(first):
            raise ValueError(
                f"The fits '{reference}' and '{name}' are not of the same observations, so their "
                f"LOO cannot be compared. Fit both to the same rows of the same outcome."
            )
