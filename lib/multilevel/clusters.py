"""Integrate the effects of a new cluster out of the density of its rows.

Given a draw of all other parameters, the effects of a cluster that was not in the data are normal
around zero. :func:`log_density` averages the density of the cluster's rows over them: in closed
form for normal outcomes, and else by adaptive Gauss-Hermite quadrature (Pinheiro & Bates 1995).
:func:`multilevel.loo` and :func:`multilevel.reloo` use it.
"""

from collections.abc import Collection
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import expit, logsumexp

from multilevel.columns import complete_column
from multilevel.structure import Structure

NODES = {0: 1, 1: 31, 2: 21}
"""Points of the quadrature along each effect, by the number of effects.

They are placed around the maximum of the integrand, as wide as it is there. With standard
deviations of 6 in log-odds, a row alone is off by less than 3e-4 in log density, and a dozen
together by 1e-9.
"""

MAX_ELEMENTS = 1_000_000
"""Numbers held at a time: draws are evaluated in blocks."""

STEPS = 100
"""Largest number of Newton steps to the mode; about five are usual."""


class _Rows(NamedTuple):
    """Distinct rows of a cluster, and their linear predictors by draw, without the new effects."""

    eta: np.ndarray  # (draw, cell): linear predictor
    effects: np.ndarray  # (cell, effect): 1 for the intercept, or the predictor of a slope
    factor: np.ndarray  # (draw, effect, effect): L, where L L' is the covariance of the effects
    times: np.ndarray  # (cell,): how often each occurs
    first: np.ndarray  # (draw, cell): see _outcomes
    second: np.ndarray  # (draw, cell)


def log_density(
    posterior: xr.Dataset,
    structure: Structure,
    new: Collection[str],
    rows: pd.DataFrame,
    joint: bool = True,
) -> np.ndarray:
    """Return the log density of rows in each draw, with the effects of new clusters integrated out.

    Parameters
    ----------
    posterior
        Draws of a model from one of the builders.
    structure
        The structure of the model.
    new
        Groups of the model whose clusters are new, so that there are no draws of their effects.
    rows
        Outcome, predictors and other groups of the rows. If ``joint``, all rows belong to one
        cluster of the new group.
    joint
        Whether to return the density of all rows together, or of each row alone.

    Returns
    -------
    ndarray, one row per draw (those of a chain in sequence)
        A single column or, unless ``joint``, one for each row; in nats.

    Raises
    ------
    ValueError
        The model has no population distribution of clusters; a level is not in the draws; or there
        are more effects than can be integrated (two, unless the outcome is normal).
    """
    new = [group for group in structure.groups if group in new]
    if new and not structure.pooled:
        raise ValueError(
            f"A model without pooling has no population distribution, so that it cannot "
            f"predict a new cluster of '{new[0]}'. Use partial_pooling()."
        )
    others = [group for group in structure.groups if group not in new]
    columns = list(dict.fromkeys([*covariates(structure), *others, structure.outcome]))
    # Nested clusters, "school:class", are identified by two columns of the data.
    rows = pd.DataFrame({column: complete_column(rows, column) for column in columns})
    cell_of_row = rows.groupby(columns, observed=True, sort=False).ngroup().to_numpy()
    _, first = np.unique(cell_of_row, return_index=True)
    cells = rows.iloc[first]
    eta = _linear_predictor(posterior, structure, others, cells)
    terms = [(group, term) for group in new for term in structure.terms(group)]
    design = [np.ones(len(cells)) if x is None else cells[x].to_numpy(float) for _, x in terms]
    effects = np.reshape(design, (len(terms), len(cells))).T
    factor = _factor(posterior, structure, new)
    outcomes = _outcomes(posterior, structure, cells)
    normal = structure.family == "normal"
    if joint and len(rows) > 1:
        if len(new) > 1:
            raise ValueError(
                f"These rows belong to new clusters of several groups ({', '.join(new)}), whose "
                f"effects cannot be integrated together. Leave out clusters of a group whose rows "
                f"meet the clusters of the other groups elsewhere as well, or use joint=False."
            )
        cluster = _Rows(eta, effects, factor, np.bincount(cell_of_row), *outcomes)
        return _integrate(cluster, normal)[:, None]
    # A row alone has a single effect, the sum of all. Every row of every draw is a cluster here.
    sd = np.linalg.norm(np.einsum("ce,sef->scf", effects, factor), axis=-1)
    eta, sd, *outcomes = (each.reshape(-1, 1) for each in (eta, sd, *outcomes))
    alone = _Rows(eta, np.ones((1, 1)), sd[:, :, None], np.ones(1), *outcomes)
    if not terms:
        alone = alone._replace(effects=np.ones((1, 0)), factor=np.ones((len(eta), 0, 0)))
    return _integrate(alone, normal).reshape(-1, len(cells))[:, cell_of_row]


def covariates(structure: Structure) -> list[str]:
    """Return the names of the columns, other than groups, on which a model's predictions depend.

    Parameters
    ----------
    structure
        The structure of the model.

    Returns
    -------
    list of str
        Predictors, the treatment, and predictors whose slopes vary.
    """
    slopes = [slope for group in structure.groups for slope in structure.slopes.get(group, ())]
    treatment = [structure.treatment] if structure.treatment else []
    return list(dict.fromkeys([*structure.predictors, *treatment, *slopes]))


def _values(posterior: xr.Dataset, name: str, *dims: str) -> np.ndarray:
    """Return the draws of a variable, with those of all chains along the first axis."""
    values = posterior[name].transpose("chain", "draw", *dims).to_numpy()
    return values.reshape(-1, *values.shape[2:])


def _positions(posterior: xr.Dataset, dim: str, rows: pd.DataFrame) -> np.ndarray:
    """Return the position of each row's level among the labels of a dim."""
    wanted = rows[dim].tolist()
    positions = posterior[dim].to_index().get_indexer(pd.Index(wanted))
    if (positions < 0).any():
        unseen = wanted[int(np.flatnonzero(positions < 0)[0])]
        raise ValueError(
            f"There are no draws for {dim} {unseen!r}: all its rows are among those left out. "
            f"Leave out clusters of a group whose rows meet every {dim} elsewhere as well."
        )
    return np.asarray(positions)


def _linear_predictor(
    posterior: xr.Dataset, structure: Structure, groups: Collection[str], rows: pd.DataFrame
) -> np.ndarray:
    """Return the linear predictor of rows, dims (draw, row), with the effects of some groups."""
    eta = np.zeros((posterior.sizes["chain"] * posterior.sizes["draw"], len(rows)))
    level = _values(posterior, "alpha_bar")[:, None] if "alpha_bar" in structure.variables() else 0
    eta += level
    if structure.predictors:
        at = posterior["predictor"].to_index().get_indexer(pd.Index(structure.predictors))
        x = rows[list(structure.predictors)].to_numpy(float)
        eta += _values(posterior, "beta", "predictor")[:, at] @ x.T
    elif structure.treatment:
        beta = _values(posterior, "beta", structure.treatment)
        eta += beta[:, _positions(posterior, structure.treatment, rows)]
    for group in groups:
        at = _positions(posterior, group, rows)
        for term in structure.terms(group):
            effect = _values(posterior, structure.effect(group, term), group)[:, at]
            if term is not None:
                effect = effect * rows[term].to_numpy(float)
            elif structure.means:  # alpha is a cluster's mean, not its deviation
                effect = effect - level
            eta += effect
    return eta


def _factor(posterior: xr.Dataset, structure: Structure, groups: list[str]) -> np.ndarray:
    """Return L with the covariance L L' of the effects of groups, which are independent."""
    sizes = [len(structure.terms(group)) for group in groups]
    draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    factor = np.zeros((draws, sum(sizes), sum(sizes)))
    for group, size, end in zip(groups, sizes, np.cumsum(sizes), strict=True):
        sd = [_values(posterior, structure.sd(group, term)) for term in structure.terms(group)]
        block = slice(end - size, end)
        factor[:, block, block] = np.stack(sd, 1)[:, :, None] * np.linalg.cholesky(
            _correlations(posterior, structure.correlation(group), size)
        )
    return factor


def _correlations(posterior: xr.Dataset, name: str, size: int) -> np.ndarray:
    """Return the correlation matrices of a group's effects, dims (draw, effect, effect)."""
    if size == 1:
        return np.ones((1, 1, 1))
    dims = [str(dim) for dim in posterior[name].dims if dim not in ("chain", "draw")]
    rho = _values(posterior, name, *dims)
    if size == 2:
        rho = rho[:, None, None] * (1 - np.eye(2))
    ridge = 1e-12  # a correlation of one, but for rounding, must not stop the decomposition
    return np.where(np.eye(size) == 1, 1 + ridge, rho)


def _outcomes(posterior: xr.Dataset, structure: Structure, rows: pd.DataFrame) -> list[np.ndarray]:
    """Return the inputs of the density of each row, dims (draw, row).

    Normal: the outcome and its sd. Else: the thresholds below and above, minus and plus infinity at
    the ends; a yes or no is an ordered response with a single threshold, zero.
    """
    shape = (posterior.sizes["chain"] * posterior.sizes["draw"], len(rows))
    given = rows[structure.outcome]
    if structure.family == "normal":
        pair = [given.to_numpy(float)[None], _values(posterior, "sigma")[:, None]]
        return [np.broadcast_to(each, shape) for each in pair]
    if structure.family == "bernoulli":
        thresholds, labels = np.zeros((1, 1)), np.arange(2)
    else:
        thresholds = _values(posterior, "threshold", "cut")
        labels = np.asarray(posterior.get("category", np.arange(1, thresholds.shape[1] + 2)))
    code = pd.Index(labels).get_indexer(pd.Index(given.tolist()))
    padded = np.pad(thresholds, ((0, 0), (1, 1)), constant_values=(-np.inf, np.inf))
    return [np.broadcast_to(padded[:, code + end], shape) for end in (0, 1)]


# Integration -------------------------------------------------------------------------------------


def _integrate(rows: _Rows, normal: bool) -> np.ndarray:
    """Return the log density of a cluster's rows in each draw, in blocks of draws."""
    effects = rows.effects.shape[1]
    if not normal and effects not in NODES:
        raise ValueError(
            f"New clusters have {effects} effects here, and at most two can be "
            f"integrated unless the outcome is normal. Use joint=False, which needs one for each "
            f"row, or refit without some clusters at a time (K-fold cross-validation)."
        )
    draws, cells = rows.eta.shape
    points = cells * (1 if normal else NODES[effects] ** effects)
    blocks = np.array_split(np.arange(draws), min(draws, -(-draws * points // MAX_ELEMENTS)))
    integrate = _integrate_normal if normal else _integrate_by_quadrature
    return np.concatenate(
        [
            integrate(
                rows._replace(
                    eta=rows.eta[block],
                    factor=rows.factor[block],
                    first=rows.first[block],
                    second=rows.second[block],
                )
            )
            for block in blocks
        ]
    )


def _integrate_normal(rows: _Rows) -> np.ndarray:
    """Return the log density of Normal(eta, Z L L' Z' + sigma^2 I), by the Woodbury identity."""
    sigma, times = rows.second, rows.times
    z = (rows.first - rows.eta) / sigma
    design = np.einsum("ce,sef->scf", rows.effects, rows.factor) / sigma[:, :, None]
    weighted = design * times[:, None]
    inner = np.eye(design.shape[2]) + np.einsum("scf,scg->sfg", weighted, design)
    pull = np.einsum("scf,sc->sf", weighted, z)
    explained = (pull * np.linalg.solve(inner, pull[..., None])[..., 0]).sum(1)
    square = z**2 @ times - explained
    constant = (np.log(sigma) + 0.5 * np.log(2 * np.pi)) @ times
    return -0.5 * (square + np.linalg.slogdet(inner)[1]) - constant


def _integrate_by_quadrature(rows: _Rows) -> np.ndarray:
    """Return the log of the integral over standard normal effects, around its maximum."""
    design = np.einsum("ce,sef->scf", rows.effects, rows.factor)
    mode, precision = _mode(rows, design)
    root = np.linalg.cholesky(np.linalg.inv(precision))
    effects = design.shape[2]
    x, weight = np.polynomial.hermite_e.hermegauss(NODES[effects])
    nodes = np.array(list(product(x, repeat=effects)))
    log_weight = np.array(list(product(np.log(weight) + x**2 / 2, repeat=effects))).sum(-1)
    z = mode[:, None] + np.einsum("sef,qf->sqe", root, nodes)
    values = _log_integrand(rows, design, z) + log_weight
    log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(1)
    return logsumexp(values, axis=1) + log_det - effects / 2 * np.log(2 * np.pi)


def _log_integrand(rows: _Rows, design: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the log density of the rows given effects (draw, point, effect), plus -z^2 / 2."""
    eta = rows.eta[:, None] + np.einsum("scf,sqf->sqc", design, z)
    # As in models.ordered_logistic_logp: one exponential, one logarithm, and no cancellation.
    below, above = np.exp(rows.first)[:, None], np.exp(-rows.second)[:, None]
    odds = np.exp(np.clip(eta, -300, 300))
    log_p = np.log1p(-below * above) - np.log((1 + odds * above) * (1 + below / odds))
    return log_p @ rows.times - 0.5 * (z**2).sum(-1)


def _mode(rows: _Rows, design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mode of each draw's integrand, and minus the second derivatives of its log there.

    By Newton's method. The log is concave; a step that does not climb is halved.
    """
    z = np.zeros((len(design), design.shape[2]))
    value, size = _log_integrand(rows, design, z[:, None])[:, 0], np.ones(len(z))
    for _ in range(STEPS):
        eta = rows.eta + np.einsum("scf,sf->sc", design, z)
        upper, lower = expit(rows.second - eta), expit(rows.first - eta)
        slope = np.einsum("scf,sc->sf", design, rows.times * (upper + lower - 1)) - z
        curvature = rows.times * (upper * (1 - upper) + lower * (1 - lower))
        precision = np.eye(z.shape[1]) + np.einsum("scf,sc,scg->sfg", design, curvature, design)
        step = np.linalg.solve(precision, slope[..., None])[..., 0]
        if (step * slope).sum(1).max() < 1e-8:
            break
        trial = z + size[:, None] * step
        found = _log_integrand(rows, design, trial[:, None])[:, 0]
        climbs = found >= value
        z, value = np.where(climbs[:, None], trial, z), np.where(climbs, found, value)
        size = np.where(climbs, 1.0, size / 2)
    return z, precision
