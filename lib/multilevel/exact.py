"""Compute LOO and posterior moments of the normal models by numerical integration, without draws.

Given the scales (standard deviations), everything else in :func:`multilevel.no_pooling` and
:func:`multilevel.partial_pooling` is normal and integrates in closed form. The one or two scales
are integrated by quadrature on a grid. There is no Monte Carlo error, so the results are a
reference for the sampler and for PSIS-LOO.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from scipy.special import logsumexp, roots_legendre

from multilevel.extras import ensure_compile_folder
from multilevel.observations import identify
from multilevel.priors import PYTHON
from multilevel.structure import structure_or_none

NEGLIGIBLE = 30.0
"""Integrands this far below their maximum, on the log scale, are negligible: exp(-30) = 1e-13."""

TOLERANCE = 1e-8
"""Largest change of a log density, or of a moment in sds, when the points are doubled."""

MAX_POINTS = 2000
"""Largest number of points along one scale."""

MAX_LOG_SCALE = 100.0
"""Largest absolute log scale that is searched, with scales in units of the outcome."""


def exact_loo(model: pm.Model) -> pd.DataFrame:
    r"""Compute the elpd of each observation in a normal model by numerical integration.

    The leave-one-out predictive density is a ratio of marginal likelihoods,

    .. math::
        p(y_i \mid y_{-i}) = \frac{Z(y)}{Z(y_{-i})}, \quad
        Z(y) = \int p(y \mid \sigma, \sigma_\alpha)\, p(\sigma)\, p(\sigma_\alpha)\,
        d\sigma\, d\sigma_\alpha .

    Given the scales everything is normal, so the clusters' means and the population mean are
    integrated in closed form. The integral over :math:`\log \sigma` and, with partial pooling,
    :math:`\log \sigma_\alpha` is computed by Gauss-Legendre quadrature, whose points are doubled
    until no value changes by more than 1e-8. A prior with an edge, such as a uniform one, is
    integrated up to the edge. There are no draws, hence no Monte Carlo error.

    Parameters
    ----------
    model
        A model from :func:`multilevel.no_pooling` or :func:`multilevel.partial_pooling`. The scales
        may have any prior whose density is smooth between the ends of its range.

    Returns
    -------
    DataFrame, one row per row of the data
        ``elpd``: log predictive density of the observation, given all others, in nats. ``p``: its
        log density given all observations, minus ``elpd``; infinite if no cluster has two different
        outcomes and the prior lets sigma be zero. :func:`loo` estimates the same two quantities.

    Raises
    ------
    ValueError
        The model is a different one, or its rows were counted before; the prior of ``alpha`` (no
        pooling) or ``alpha_bar`` (partial pooling) is not normal; or the integrals do not exist or
        do not converge.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> people = ["ann", "ann", "bob", "bob"]
    >>> data = pd.DataFrame({"person": people, "y": [0.3, 0.5, -0.1, 0.2]})
    >>> ml.exact_loo(ml.partial_pooling(data, "y", "person"))["elpd"].round(2).tolist()
    [-0.17, -0.39, -0.74, -0.36]
    """
    problem = _read_normal_model(model)
    try:
        elpd, lpd = _elpd_and_lpd(problem, twice=True)
    except _DoesNotExist:
        (elpd,), lpd = _elpd_and_lpd(problem, twice=False), np.inf
    table = pd.DataFrame({"elpd": elpd, "p": lpd - elpd}, pd.Index(problem.rows, name="row"))
    y = model["outcome_of_row"].get_value()
    table.attrs.update(identify(model.observed_RVs[0].name, y, problem.rows), left_out="row")
    return table


def exact_posterior(model: pm.Model) -> pd.DataFrame:
    """Compute posterior means and standard deviations in a normal model by numerical integration.

    Given the scales, the clusters' means and the population mean are normal (Gelman et al. 2013,
    section 5.4). Their conditional means and variances are averaged over the posterior of the
    scales, by quadrature as in :func:`exact_loo`, to 1e-8 standard deviations.

    Parameters
    ----------
    model
        A model from :func:`multilevel.no_pooling` or :func:`multilevel.partial_pooling`.

    Returns
    -------
    DataFrame indexed by the parameter's name and label, such as ``alpha[29]``
        ``mean`` and ``sd``, in units of the outcome, as :func:`multilevel.summarise` estimates
        them.

    Raises
    ------
    ValueError
        As for :func:`exact_loo`.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> people = ["ann", "ann", "bob", "bob"]
    >>> data = pd.DataFrame({"person": people, "y": [0.3, 0.5, -0.1, 0.2]})
    >>> ml.exact_posterior(ml.no_pooling(data, "y", "person")).round(2)
                mean    sd
    alpha[ann]  0.38  0.29
    alpha[bob]  0.05  0.29
    sigma       0.36  0.28
    """
    problem = _read_normal_model(model)

    def integrands(axes: list[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the integrands of the total probability and of each scale's second moment."""
        every = next(_log_integrands(problem, axes))
        yield every
        yield from (every + 2 * log_scale for log_scale in np.meshgrid(*axes, indexing="ij"))

    def evaluate(axes: list[np.ndarray], log_weight: np.ndarray) -> np.ndarray:
        log_posterior = next(integrands(axes)) + log_weight
        return _moments(problem, axes, np.exp(log_posterior - logsumexp(log_posterior)))

    box = _bracket_log_scales(problem, integrands)
    mean, sd = _refine(problem, box, evaluate, in_sds=True)
    centre = [0.0 if name in problem.log_prior else problem.centre for name in _names(problem)]
    return pd.DataFrame({"mean": mean + centre, "sd": sd}, _names(problem))


class _NormalModel(NamedTuple):
    """The inputs of the marginal likelihood; outcomes and means are centred at the mean outcome."""

    rows: list[Any]
    centre: float
    outcome: np.ndarray
    cluster: np.ndarray
    labels: list[Any]
    level_mean: float
    level_sd: float
    log_prior: dict[str, Callable[[np.ndarray], np.ndarray]]
    """Log prior density by scale: ``sigma`` and, with partial pooling, ``sigma_alpha``."""


def _read_normal_model(model: pm.Model) -> _NormalModel:
    """Extract data and priors from a model; raise ValueError if it cannot be integrated."""
    ensure_compile_folder()
    structure = structure_or_none(model)
    if structure is None or not structure.means:
        raise ValueError(
            "Only the models that no_pooling() and partial_pooling() build can be integrated. For "
            "others use loo(), and reloo() where a Pareto k is high."
        )
    if structure.predictors:
        raise ValueError(
            "This model has predictors, and only models without any are integrated. Use loo(), and "
            "reloo() where a Pareto k is high."
        )
    if "count_of_row" in model.named_vars:
        raise ValueError(
            "The rows of this model were counted before, and only single rows are integrated. "
            "Build the model of the rows themselves."
        )
    level = model["alpha_bar" if structure.pooled else "alpha"]
    if not isinstance(level.owner.op, pm.Normal.rv_type):
        raise ValueError(
            f"The level '{level.name}' must have a normal prior to be integrated in closed form."
        )
    mean, sd = (float(p.eval().item()) for p in level.owner.op.dist_params(level.owner))
    y = model["outcome_of_row"].get_value()
    (group,) = model.named_vars_to_dims["alpha"]
    return _NormalModel(
        list(model.coords["row"]),
        y.mean(),
        y - y.mean(),
        model["cluster_of_row"].get_value(),
        list(model.coords[str(group)]),
        mean - y.mean(),
        sd,
        {
            # A non-centred scale is sampled with a sign: its prior is that of its absolute value.
            name: _compile_logp(model.named_vars.get(f"_{name}", model[name]))
            for name in ("sigma", "sigma_alpha")[: 1 + structure.pooled]
        },
    )


def _compile_logp(scale: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Compile the log prior density of a scale, for a vector of values."""
    value = pt.dvector()
    return pm.compile([value], pm.logp(scale, value), mode=PYTHON)


def _names(problem: _NormalModel) -> list[str]:
    """Return the names of all parameters, as in a summary of draws."""
    alpha = [f"alpha[{label}]" for label in problem.labels]
    return ["alpha_bar"] * ("sigma_alpha" in problem.log_prior) + alpha + list(problem.log_prior)


def _moments(problem: _NormalModel, axes: list[np.ndarray], weight: np.ndarray) -> np.ndarray:
    """Return posterior means (minus the mean outcome) and sds, averaging over a grid of scales."""
    pooled = "sigma_alpha" in problem.log_prior
    sigma, *rest = np.meshgrid(*map(np.exp, axes), indexing="ij", sparse=True)
    sigma_alpha = rest[0] if pooled else np.array(problem.level_sd)

    def moments(mean: np.ndarray, variance: np.ndarray | float) -> tuple[float, float]:
        reference = np.ravel(mean)[0]  # rounding errors then scale with the spread
        average = reference + (weight * (mean - reference)).sum()
        return average, np.sqrt((weight * (variance + (mean - average) ** 2)).sum())

    level, level_variance = np.array(problem.level_mean), np.array(0.0)
    clusters = [problem.outcome[problem.cluster == j] for j in range(len(problem.labels))]
    rows = []
    if pooled:
        terms = [_marginalise_cluster(y, sigma, sigma_alpha) for y in clusters]
        _, precision, weighted = np.sum(terms, axis=0)
        level_variance = 1 / (precision + problem.level_sd**-2)
        level = level_variance * (weighted + problem.level_mean * problem.level_sd**-2)
        rows.append(moments(level, level_variance))
    for y in clusters:
        variance = 1 / (len(y) / sigma**2 + sigma_alpha**-2)
        share = variance * sigma_alpha**-2  # weight of the population mean
        mean = variance * y.sum() / sigma**2 + share * level
        rows.append(moments(mean, variance + share**2 * level_variance))
    rows += [moments(scale, 0.0) for scale in [sigma, sigma_alpha][: len(axes)]]
    return np.transpose(rows)


class _DoesNotExist(ValueError):
    """An integral does not exist."""


def _elpd_and_lpd(problem: _NormalModel, twice: bool) -> np.ndarray:
    """Return log p(y_i | y_-i) and, if ``twice``, log p(y_i | y) of each row, one below the other.

    The second needs a stronger condition: if no cluster has two different outcomes, the density of
    a row that is observed twice grows without limit as sigma goes to zero.
    """

    def integrands(axes: list[np.ndarray]) -> Iterator[np.ndarray]:
        return _log_integrands(problem, axes, twice)

    def evaluate(axes: list[np.ndarray], log_weight: np.ndarray) -> np.ndarray:
        every, *changed = (logsumexp(values + log_weight) for values in integrands(axes))
        without, *again = np.reshape(changed, (-1, 1 + twice)).T
        return np.stack([every - without, *(values - every for values in again)])

    return _refine(problem, _bracket_log_scales(problem, integrands), evaluate)


def _refine(
    problem: _NormalModel,
    box: list[np.ndarray],
    evaluate: Callable[[list[np.ndarray], np.ndarray], np.ndarray],
    in_sds: bool = False,
) -> np.ndarray:
    """Double the points along one scale after the other until the values change no more.

    With ``in_sds``, the values are means and sds, whose changes count in sds.
    """
    points = [24 for _ in box]
    values = evaluate(*_grid(box, points))
    for axis in range(len(box)):
        change = np.inf
        while not change < TOLERANCE:
            points[axis] *= 2
            if points[axis] > MAX_POINTS:
                raise ValueError(
                    f"The integral over {_scales(problem)} does not converge. A prior density that "
                    f"jumps or has a corner between the ends of its range can be the reason: "
                    f"choose a smooth one, or use draws instead: ml.fit(model, seed)."
                )
            finer = evaluate(*_grid(box, points))
            change = np.abs((finer - values) / (finer[1] if in_sds else 1)).max()
            values = finer
    return values


def _grid(box: list[np.ndarray], points: list[int]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the Gauss-Legendre nodes of each log scale, and the log weights of the grid."""
    axes, log_weights = [], []
    for (low, high), number in zip(box, points, strict=True):
        x, weight = roots_legendre(number)
        axes.append(low + (high - low) * (x + 1) / 2)
        log_weights.append(np.log(weight * (high - low) / 2))
    return axes, sum(np.meshgrid(*log_weights, indexing="ij", sparse=True), np.zeros(1))


def _bracket_log_scales(
    problem: _NormalModel, integrands: Callable[[list[np.ndarray]], Iterable[np.ndarray]]
) -> list[np.ndarray]:
    """Bracket each log scale: outside, every integrand is below exp(-30) of its maximum.

    An end moves outwards if some integrand is not negligible there, and otherwise inwards to where
    one is not, until at least 40 % of the grid points between the ends are not negligible. It stops
    where the prior does.
    """
    points = 48
    sd = problem.outcome.std() or 1.0
    support = [_support(log_prior) for log_prior in problem.log_prior.values()]
    box = [np.clip(np.log(sd) + np.array([-8.0, 4.0]), *ends) for ends in support]
    box = [
        np.clip(at + np.array([-1, 1]), *ends) if at[0] == at[1] else at
        for at, ends in zip(box, support, strict=True)
    ]
    while np.abs(box).max() < MAX_LOG_SCALE:
        axes = [np.linspace(low, high, points) for low, high in box]
        counts = np.zeros([points] * len(axes), bool)
        for integrand in integrands(axes):
            counts |= integrand > integrand.max() - NEGLIGIBLE
        where = np.nonzero(counts)
        settled = [
            (i.min() > 0 or low == lowest)
            and (i.max() < points - 1 or high == highest)
            and np.ptp(i) > 0.4 * points
            for i, (low, high), (lowest, highest) in zip(where, box, support, strict=True)
        ]
        if all(settled):
            return box
        moved = zip(axes, where, support, strict=True)
        box = [np.clip(_move_bracket(axis, i), *ends) for axis, i, ends in moved]
    raise _DoesNotExist(
        f"The integral over {_scales(problem)} does not exist. The data must show "
        f"how far rows of the same cluster differ: some clusters need two different outcomes."
    )


def _support(log_prior: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the smallest and the largest log scale at which a prior has a density."""
    axis = np.linspace(-MAX_LOG_SCALE, MAX_LOG_SCALE, 20_001)
    inside = np.flatnonzero(np.isfinite(log_prior(np.exp(axis))))
    if not len(inside):
        raise ValueError("A prior of a scale has no density at any positive value.")
    ends = []
    for last, step in ((inside[0], -1), (inside[-1], 1)):
        within = axis[last]
        if 0 < last < len(axis) - 1:
            beyond = axis[last + step]
            for _ in range(60):  # bisection, to the last digit
                middle = (within + beyond) / 2
                found = np.isfinite(log_prior(np.exp([middle]))).all()
                within, beyond = (middle, beyond) if found else (within, middle)
        ends.append(within)
    return np.array(ends)


def _scales(problem: _NormalModel) -> str:
    """Name the scales of a model, for messages."""
    return " and ".join(problem.log_prior)


def _move_bracket(axis: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return new ends of an axis: just outside of where integrands count, or further out."""
    first, last = counts.min(), counts.max()
    step, width = axis[1] - axis[0], axis[-1] - axis[0]
    low = axis[first] - (step if first > 0 else width / 2)
    high = axis[last] + (step if last < len(axis) - 1 else width / 2)
    return np.array([low, high])


def _log_integrands(
    problem: _NormalModel, axes: Sequence[np.ndarray], twice: bool = True
) -> Iterator[np.ndarray]:
    """Yield log p(y, log scales) on a grid: of all rows; then with each left out, and duplicated.

    Without ``twice``, no row is duplicated.
    """
    pooled = "sigma_alpha" in problem.log_prior
    scales = np.meshgrid(*map(np.exp, axes), indexing="ij", sparse=True)
    sigma_alpha = scales[1] if pooled else problem.level_sd
    level_sd = problem.level_sd if pooled else 0.0  # without pooling, the prior mean is fixed
    # Jacobian: the density of log s is s times that of s.
    priors = [
        logp(np.exp(axis)) + axis
        for logp, axis in zip(problem.log_prior.values(), axes, strict=True)
    ]
    log_prior = sum(np.meshgrid(*priors, indexing="ij", sparse=True), np.zeros(1))

    def cluster(rows: np.ndarray) -> np.ndarray:
        return _marginalise_cluster(problem.outcome[rows], scales[0], sigma_alpha)

    def joint(terms: np.ndarray) -> np.ndarray:
        return log_prior + _marginalise_population_mean(terms, problem.level_mean, level_sd)

    members = [np.flatnonzero(problem.cluster == j) for j in np.unique(problem.cluster)]
    every = sum((cluster(rows) for rows in members), np.zeros(1))
    yield joint(every)
    for row, j in enumerate(problem.cluster):  # a row only affects its own cluster's terms
        own = members[j]
        others = every - cluster(own)
        yield joint(others + cluster(own[own != row]))
        if twice:
            yield joint(others + cluster(np.append(own, row)))


def _marginalise_cluster(
    y: np.ndarray, sigma: np.ndarray, sigma_alpha: np.ndarray | float
) -> np.ndarray:
    """Integrate a cluster's mean: return the terms of log p(y | population mean) from its rows.

    The terms are the log density at a population mean of zero, the precision of the cluster's
    average around the population mean, and that precision times the average. They add up over
    clusters.
    """
    n = len(y)
    mean = y.mean() if n else 0.0
    within = n * np.var(y - y[:1]) if n else 0.0  # exactly 0 if all rows are equal
    spread = sigma**2 + n * sigma_alpha**2
    precision = n / spread
    log_p = -0.5 * (
        n * np.log(2 * np.pi)
        + 2 * (n - 1) * np.log(sigma)
        + np.log(spread)
        + within / sigma**2
        + precision * mean**2
    )
    return np.stack([log_p, precision, precision * mean])


def _marginalise_population_mean(
    terms: np.ndarray, prior_mean: float, prior_sd: float
) -> np.ndarray:
    """Integrate the population mean over its normal prior, whose sd is 0 if the mean is known."""
    log_p, precision, weighted = terms
    mean = weighted / precision
    shrinkage = 1 + prior_sd**2 * precision
    distance = precision * (mean - prior_mean) ** 2 / shrinkage
    return log_p + 0.5 * (precision * mean**2 - distance - np.log(shrinkage))
