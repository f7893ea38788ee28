"""Likelihoods of rows, and of distinct rows times their counts."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

from multilevel.priors import Tensor


def bernoulli_logp(y: Tensor, logit_p: Tensor) -> Tensor:
    """Return the log probability of zeros and ones, given the log-odds of a one.

    Parameters
    ----------
    y
        Zeros and ones, of any shape.
    logit_p
        Log-odds, of the same shape.

    Returns
    -------
    TensorVariable
        Log probabilities, of the same shape: the log of the logistic function at plus or minus the
        log-odds.
    """
    return -pt.log1p(pt.exp((1 - 2 * y) * logit_p))


def ordered_logistic_logp(code: Tensor, odds: Tensor, threshold: Tensor) -> Tensor:
    r"""Return the log probability of a category in the cumulative logit model.

    With the logistic function :math:`S` and the linear predictor :math:`\eta`,

    .. math::
        S(\kappa_k - \eta) - S(\kappa_{k-1} - \eta)
        = (1 - e^{\kappa_{k-1} - \kappa_k}) \, S(\kappa_k - \eta) \, S(\eta - \kappa_{k-1}),

    which avoids cancellation, the subtraction of two almost equal numbers: the response is neither
    above its upper nor below its lower threshold, and the first factor depends on the thresholds
    alone. Written in odds :math:`e^\eta`, the two logistic functions share one logarithm. The
    lowest category has :math:`e^{\kappa_0} = 0`, the highest :math:`e^{-\kappa_K} = 0`.

    Parameters
    ----------
    code
        Categories as integers from 0 to K - 1, of any shape.
    odds
        Exponentials of the linear predictors, of the same shape.
    threshold
        The K - 1 thresholds, increasing, in log-odds.

    Returns
    -------
    TensorVariable
        Log probabilities, of the shape of ``code``.
    """
    threshold = threshold.ravel()  # a CustomDist adds a leading dimension of length 1
    nothing = pt.constant(np.zeros(threshold.type.shape[0] + 1))
    below = nothing[1:].set(pt.exp(threshold))
    above = nothing[:-1].set(pt.exp(-threshold))
    k = pt.cast(code, "int64")
    return pt.log1p(-below * above)[k] - pt.log((1 + odds * above[k]) * (1 + below[k] / odds))


class Rows(NamedTuple):
    """The rows that a model evaluates: all rows of a frame, or its distinct rows (cells)."""

    frame: pd.DataFrame
    size: np.ndarray
    """How often each occurs."""
    cell_of_row: np.ndarray | None
    """The cell of each row of the data; None where every row is evaluated."""
    coords: dict[str, Any]
    count_of_row: np.ndarray | None
    """Number of times each row of the data occurred, where rows were counted before."""

    @property
    def dim(self) -> str:
        """The dim of the evaluated rows: ``"row"`` or ``"cell"``."""
        return "row" if self.cell_of_row is None else "cell"


def every_row(data: pd.DataFrame, count: np.ndarray | None) -> Rows:
    """Return all rows of a frame, with their counts if they were counted before."""
    size = np.ones(len(data)) if count is None else count
    return Rows(data, size, None, {"row": data.index}, count)


def count_distinct(data: pd.DataFrame, count: np.ndarray | None) -> Rows:
    """Find and count the distinct rows of a frame; given counts are summed."""
    groups = data.groupby(list(data), observed=True)
    rows, cell_of_row = groups.size().index.to_frame(index=False), groups.ngroup().to_numpy()
    size = np.bincount(cell_of_row, count).astype(float)
    coords = {"cell": np.arange(len(size)), "row": data.index}
    return Rows(rows, size, cell_of_row, coords, count)


def observe_cells(
    name: str,
    logp: Callable[..., Tensor],
    parameters: Sequence[Tensor],
    signature: str,
    observed: np.ndarray,
    rows: Rows,
) -> None:
    """Add the likelihood of each cell times its count, and store which row is in which cell.

    Counts are stored as floats: ``pm.Data`` would cast integers to int32, which overflows at 2.1e9.
    """
    count = pm.Data("count_of_cell", rows.size, dims="cell")
    pm.Data("cell_of_row", rows.cell_of_row, dims="row")
    if rows.count_of_row is not None:
        pm.Data("count_of_row", rows.count_of_row, dims="row")
    pm.CustomDist(
        name,
        *parameters,
        count,
        logp=lambda y, *given: given[-1] * logp(y, *given[:-1]),
        signature=signature,
        observed=observed,
        dims="cell",
    )
    _keep_log_likelihood(logp(observed, *parameters), "cell")


def observe_normal(name: str, mu: Tensor, sigma: Tensor, y: Tensor, rows: Rows) -> None:
    """Add the normal likelihood of each row, times its count if rows were counted before."""
    pm.Normal(name, mu, sigma, observed=y, dims="row")
    logp = pm.logp(pm.Normal.dist(mu, sigma), y)
    if rows.count_of_row is not None:
        again = pm.Data("count_of_row", rows.count_of_row, dims="row") - 1
        pm.Potential("_counted", (again * logp).sum())
    _keep_log_likelihood(logp, "row")


def _keep_log_likelihood(logp: Tensor, dim: str) -> None:
    """Store the pointwise log likelihood of rows or cells, which LOO needs, as a deterministic."""
    pm.Deterministic("_log_likelihood", logp, dims=dim)
