"""Evaluate the log density of the Trolley model with varying intercepts and its gradient, by hand.

It writes the terms of ``multilevel.ordered_logit`` with a group once more, in plain loops over
arrays, differentiated by hand and compiled by Numba. It is a yardstick for the time, and an
independent statement of the density for the tests.
"""

from math import exp, log, pi
from typing import NamedTuple

import numba
import numpy as np
import pandas as pd

type Array = np.ndarray


class Counts(NamedTuple):
    """Distinct responses: how many of each, by whom, to which design, in which category."""

    size: Array
    cluster: Array
    design_of_cell: Array
    category: Array
    design: Array
    predictor_means: Array


def count(data: pd.DataFrame, response: str, predictors: list[str], group: str) -> Counts:
    """Count equal rows.

    Parameters
    ----------
    data
        One row per response.
    response
        An ordered categorical column.
    predictors
        Numeric columns.
    group
        The column with the cluster of each row.

    Returns
    -------
    The arguments of :func:`log_density` after the parameters
    """
    cells = data.groupby([group, *predictors, response], observed=True).size().reset_index(name="n")
    design, design_of_cell = np.unique(
        cells[predictors].to_numpy(float), axis=0, return_inverse=True
    )
    return Counts(
        cells["n"].to_numpy(float),
        pd.factorize(cells[group], sort=True)[0],
        design_of_cell,
        cells[response].cat.codes.to_numpy(np.int64),
        design,
        data[predictors].to_numpy(float).mean(axis=0),
    )


@numba.njit(fastmath=True)
def log_density(
    increments: Array,
    beta: Array,
    log_sigma: float,
    mean: Array,
    size: Array,
    cluster: Array,
    design_of_cell: Array,
    category: Array,
    design: Array,
    predictor_means: Array,
) -> tuple[float, Array, Array, float, Array]:
    """Evaluate the log density, up to no constant, and its gradient.

    Parameters
    ----------
    increments
        The first threshold at the predictors' means, and the logs of the steps to the next ones.
    beta
        Slopes.
    log_sigma
        Log of the standard deviation of the clusters' means.
    mean
        The clusters' means, which are their effects minus the mean threshold.
    size, cluster, design_of_cell, category, design, predictor_means
        Values as returned by :func:`count`.

    Returns
    -------
    The log density, and its derivatives by ``increments``, ``beta``, ``log_sigma`` and ``mean``
    """
    cuts, clusters, designs, predictors = len(increments), len(mean), *design.shape
    sigma = exp(log_sigma)
    constant = -0.5 * log(2 * pi)

    centred = np.empty(cuts)
    centred[0] = increments[0]
    total = 0.0
    for m in range(1, cuts):
        centred[m] = centred[m - 1] + exp(increments[m])
        total += increments[m]
    level, shift = 0.0, 0.0
    for m in range(cuts):
        level -= centred[m] / cuts
    for p in range(predictors):
        shift += predictor_means[p] * beta[p]

    by_centred = np.empty(cuts)
    for m in range(cuts):
        total += constant - log(1.5) - 0.5 * (centred[m] / 1.5) ** 2
        by_centred[m] = -centred[m] / 1.5**2
    by_beta = np.empty(predictors)
    for p in range(predictors):
        total += constant - log(0.5) - 0.5 * (beta[p] / 0.5) ** 2
        by_beta[p] = -beta[p] / 0.5**2
    total += log_sigma - sigma
    by_log_sigma = 1 - sigma - clusters
    by_mean = np.empty(clusters)
    by_level = 0.0
    odds_of_cluster = np.empty(clusters)
    for j in range(clusters):
        z = (mean[j] - level) / sigma
        total += constant - log_sigma - 0.5 * z**2
        by_mean[j] = -z / sigma
        by_level += z / sigma
        by_log_sigma += z**2
        odds_of_cluster[j] = exp(mean[j] - level)

    below, above = np.zeros(cuts + 1), np.zeros(cuts + 1)
    for m in range(cuts):
        below[m + 1] = exp(centred[m] + shift)
        above[m] = exp(-centred[m] - shift)
    ratio = below * above
    log_numerator = np.log1p(-ratio)
    share = ratio / (1 - ratio)
    odds_of_design = np.empty(designs)
    for d in range(designs):
        eta = 0.0
        for p in range(predictors):
            eta += design[d, p] * beta[p]
        odds_of_design[d] = exp(eta)

    by_upper, by_lower = np.zeros(cuts + 1), np.zeros(cuts + 1)
    by_design = np.zeros(designs)
    by_effect = np.zeros(clusters)
    for i in range(len(size)):
        n, j, d, k = size[i], cluster[i], design_of_cell[i], category[i]
        odds = odds_of_cluster[j] * odds_of_design[d]
        up, down, r = odds * above[k], below[k] / odds, ratio[k]
        denominator = 1 + r + up + down
        total += n * (log_numerator[k] - log(denominator))
        each = n / denominator
        by_upper[k] += n * share[k] + each * (r + up)
        by_lower[k] -= n * share[k] + each * (r + down)
        by_design[d] += each * (down - up)
        by_effect[j] += each * (down - up)

    by_shift = 0.0
    for m in range(cuts):
        by_threshold = by_upper[m] + by_lower[m + 1]
        by_centred[m] += by_threshold
        by_shift += by_threshold
    for p in range(predictors):
        by_beta[p] += predictor_means[p] * by_shift
        for d in range(designs):
            by_beta[p] += design[d, p] * by_design[d]
    for j in range(clusters):
        by_mean[j] += by_effect[j]
        by_level -= by_effect[j]
    by_increments = np.empty(cuts)
    rest = 0.0
    for m in range(cuts - 1, -1, -1):
        rest += by_centred[m] - by_level / cuts
        by_increments[m] = rest if m == 0 else 1 + rest * exp(increments[m])
    return total, by_increments, by_beta, by_log_sigma, by_mean
