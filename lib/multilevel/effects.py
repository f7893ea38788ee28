"""Group-level effects: correlated varying intercepts and slopes, in three parameterisations.

Group-level effects are hard to sample where a standard deviation between clusters may be near zero
(centred) or where the data determine each cluster (non-centred). Between the two there are data
that neither form suits. For them there is a third, ``"adapted"``, which moves the effects of each
cluster in units of the uncertainty that its data leave, given all other parameters. It suits all
data, but takes longer to compile.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from scipy.special import expit, logit

from multilevel.priors import (
    Prior,
    Tensor,
    can_be_any_positive,
    can_have_sign,
    is_symmetric_beta,
)
from multilevel.structure import Structure

NEWTON_STEPS = 8
"""Number of steps of the search for the level of each cluster."""

RIDGE = 0.1
"""Precision of the normal prior that keeps the level of a cluster finite in that search."""


@dataclass(frozen=True)
class Information:
    """Log likelihood of the rows of a model, as a quadratic function of their linear predictors.

    Parameters
    ----------
    weight
        For each row, minus the second derivative of its log likelihood, times its count.
    response
        For each row, the weight times the position of the maximum of that log likelihood.
    reference
        For ordered responses, the mean of the thresholds to which ``response`` refers.
    """

    weight: np.ndarray
    response: np.ndarray | Tensor
    reference: float = 0.0


def information_of_normal(y: Tensor, count: np.ndarray) -> Information:
    """Return the information in normal outcomes, in units of the residual variance."""
    return Information(count, count * y)


def information_of_categories(
    category: np.ndarray, count: np.ndarray, cluster: np.ndarray
) -> Information:
    r"""Return the information in ordered categories, near the level of each row's cluster.

    With :math:`\text{logit} \Pr(y \le k) = \kappa_k - \eta` and :math:`F_k` for that
    probability, the log likelihood of category :math:`k` has the derivatives :math:`F_k + F_{k-1} -
    1` and :math:`-F_k (1 - F_k) - F_{k-1} (1 - F_{k-1})`. The thresholds are those of the shares of
    the categories. Zeros and ones are two categories.

    Parameters
    ----------
    category
        Category of each row, from 0.
    count
        Number of times that each row occurs.
    cluster
        Cluster of each row in one of the groups.

    Returns
    -------
    Information
    """
    share = np.bincount(category, count, minlength=2) / count.sum()
    threshold = logit(np.clip(share.cumsum()[:-1], 1e-3, 1 - 1e-3))
    edges = np.array([-np.inf, *threshold, np.inf])
    level = np.zeros(cluster.max() + 1)

    def derivatives() -> tuple[np.ndarray, np.ndarray]:
        below = expit(edges[category] - level[cluster])
        above = expit(edges[category + 1] - level[cluster])
        return above + below - 1, above * (1 - above) + below * (1 - below)

    for _ in range(NEWTON_STEPS):
        slope, curvature = derivatives()
        uphill = np.bincount(cluster, count * slope) - RIDGE * level
        step = uphill / (np.bincount(cluster, count * curvature) + RIDGE)
        level = level + np.clip(step, -1, 1)
    slope, curvature = derivatives()
    response = count * (curvature * level[cluster] + slope)
    return Information(count * curvature, response, float(threshold.mean()))


class Scales(NamedTuple):
    """Standard deviations of a group's effects, and the signs with which they are sampled."""

    signed: list[Tensor]
    signs: list[Tensor | float]


def group_level_scales(
    structure: Structure, group: str, prior: Mapping[str, Prior], units: Sequence[float]
) -> Scales:
    """Create the standard deviations of a group's effects, in the model of the current context.

    Parameters
    ----------
    structure, group, prior
        As for :func:`group_level_effects`.
    units
        By term, the size of an effect that the rows of a typical cluster can just tell from zero.

    Returns
    -------
    Scales
    """
    form, terms = structure.forms[group], structure.terms(group)
    symmetric = len(terms) == 1 or is_symmetric_beta(prior[structure.correlation(group)])
    scales = Scales([], [])
    for term, unit in zip(terms, units, strict=True):
        sd = structure.sd(group, term)
        signed = form == "non-centred" and symmetric and can_have_sign(prior[sd])
        if form == "adapted" and can_be_any_positive(prior[sd]):
            scale = prior[sd](sd, default_transform=HalfLog(unit))
        else:
            scale = prior[sd].of_absolute(f"_{sd}") if signed else prior[sd](sd)
        scales.signed.append(scale)
        scales.signs.append(pt.sign(scale) if signed else 1.0)
        if signed:
            pm.Deterministic(sd, abs(scale))
    return scales


def group_level_effects(
    structure: Structure,
    group: str,
    prior: Mapping[str, Prior],
    around: Mapping[str | None, Tensor],
    remaining: "Remaining",
    create_scales: Callable[[], Scales],
) -> dict[str | None, Tensor]:
    r"""Create the group-level effects of a group, in the model of the current context.

    The effects of a cluster are :math:`\text{Normal}(0, \Sigma)`, where :math:`\Sigma` has the
    standard deviations :math:`\sigma_k` and the correlations :math:`L L^T`. Effect by effect, given
    those before it, the effects of cluster :math:`j` are

    .. math::
        u_{kj} = \sigma_k \Big( \sum_{m<k} L_{km} z_{mj} + L_{kk} z_{kj} \Big), \quad
        z_{kj} \sim \text{Normal}(0, 1)

    - Non-centred: the sampler moves :math:`z_{kj}`. The scale of an effect may have either sign,
      and :math:`\sigma_k` is its absolute value: normal effects have the same distribution whatever
      the sign of their scale, and with a sign the sampler passes through zero, where :math:`\log
      \sigma_k` would go to minus infinity. The sign of an effect is also that of its correlations,
      whose prior must be symmetric for it.
    - Centred: it moves :math:`u_{kj}` plus a population-level effect.
    - Adapted: see :func:`_adapted`.

    Parameters
    ----------
    structure
        The structure of the model, which includes the form of each group.
    group
        One of its groups.
    prior
        Priors of the standard deviations and correlations, by name.
    around
        By term (None for the intercept), the centre of a centred effect; zero if absent.
    remaining
        The information in the rows about the group, given everything that was created before.
    create_scales
        Creates the standard deviations, or returns them if they exist.

    Returns
    -------
    dict
        The effects by term, each with the group as its dim: deviations from the population.
    """
    terms, correlation = structure.terms(group), structure.correlation(group)
    form, several = structure.forms[group], len(terms) > 1
    effects: list[Tensor]
    cholesky: list[list[Any]]
    cholesky = _cholesky(correlation, prior[correlation], len(terms)) if several else [[1.0]]
    scales, signs = create_scales()
    if form == "centred":
        effects = _centred(structure, group, scales, cholesky, around)
    else:
        factor = [
            [scale * part for part in row] for scale, row in zip(scales, cholesky, strict=True)
        ]
        if form == "adapted":
            z = _adapted(structure, group, factor, remaining)
        else:
            z = [pm.Normal(_auxiliary(structure, group, term), 0, 1, dims=group) for term in terms]
        effects = [sum(part * z[m] for m, part in enumerate(row)) for row in factor]
    for term, effect in zip(terms, effects, strict=True):
        name = structure.effect(group, term)
        if not structure.means:
            pm.Deterministic(name, effect, dims=group)
        elif form != "centred":
            pm.Deterministic(name, around[None] + effect, dims=group)
    if several:
        _report_correlations(correlation, structure, group, cholesky, signs)
    return dict(zip(terms, effects, strict=True))


def _auxiliary(structure: Structure, group: str, term: str | None) -> str:
    """Return the name of the variable that the sampler moves for an effect."""
    return f"_{structure.effect(group, term)}_z"


def _centred(
    structure: Structure,
    group: str,
    scales: Sequence[Tensor],
    cholesky: Sequence[Sequence[Any]],
    around: Mapping[str | None, Tensor],
) -> list[Tensor]:
    """Create centred effects, each given those before it."""
    effects: list[Tensor] = []
    z: list[Tensor] = []
    for k, term in enumerate(structure.terms(group)):
        name = structure.effect(group, term)
        level, scale, own = around.get(term, 0.0), scales[k], cholesky[k][k]
        given_others = sum(cholesky[k][m] * z[m] for m in range(k))
        moved = name if structure.means else f"_{name}_mean"
        position = pm.Normal(moved, level + scale * given_others, scale * own, dims=group)
        effects.append(position - level)
        z.append((effects[k] / scale - given_others) / own)
    return effects


class HalfLog(Transform):  # type: ignore[misc]
    r"""Logarithm of a positive number, bent where it is small.

    A standard deviation that may be near zero has a long tail on the log scale, which is hard to
    sample. Here :math:`\sigma = c \, e^t` for :math:`t > -1`, and below
    :math:`\sigma = c \, e^{-(t^2 + 1) / 2}`, so that a density that is flat near
    :math:`\sigma = 0` has the tail of a normal one.

    Parameters
    ----------
    scale
        The scale :math:`c`, in the units of :math:`\sigma`.
    """

    name = "half_log"

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def forward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """Return t."""
        x = pt.log(value / self.scale)
        return pt.switch(x > -1, x, -pt.sqrt(pt.maximum(-2 * x - 1, 1.0)))

    def backward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """Return sigma."""
        return self.scale * pt.exp(pt.switch(value > -1, value, -(value**2 + 1) / 2))

    def log_jac_det(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """Return the log of the derivative of sigma."""
        x = pt.switch(value > -1, value, -(value**2 + 1) / 2)
        return np.log(self.scale) + x + pt.log(pt.maximum(-value, 1.0))


class Remaining:
    """Information in the rows about a group, given the other parameters: precisions and sums.

    Parameters
    ----------
    information
        The information in the rows about their linear predictors.
    precision
        Factor by which it is multiplied: one over the residual variance, or 1.
    codes
        Cluster of each row.
    z
        By term, the factor of the effect in each row: ones for the intercept, or a predictor.
    known
        Columns that are multiplied by population-level effects.
    effects
        These effects, of the same length.
    others
        Effects of other groups by row, created before.
    inner
        For groups whose clusters are nested in those of this group, the finest first: the cluster
        of each row, and the standard deviation of their intercepts, which are still to be created
        and are integrated out.
    """

    def __init__(
        self,
        information: Information,
        precision: Tensor | float,
        codes: np.ndarray,
        z: Sequence[np.ndarray],
        known: np.ndarray,
        effects: Tensor,
        others: Sequence[Tensor] = (),
        inner: Sequence[tuple[np.ndarray, Tensor]] = (),
    ) -> None:
        weight = information.weight
        levels = [*(fine for fine, _ in inner), codes]
        first, clusters = levels[0], levels[0].max() + 1

        def sums(values: np.ndarray) -> np.ndarray:
            return np.bincount(first, values, minlength=clusters)

        def symbolic_sums(values: Any) -> Tensor:
            return pt.inc_subtensor(pt.zeros(clusters)[first], values)

        self.precision = [[precision * sums(weight * a * b) for b in z] for a in z]
        self.sum = []
        for a in z:
            design = np.column_stack([sums(weight * a * column) for column in known.T])
            total = symbolic_sums(information.response * a) - (design * effects).sum(axis=1)
            for other in others:
                total = total - symbolic_sums(weight * a * other)
            self.sum.append(precision * total)
        for (fine, sd), coarse in zip(inner, levels[1:], strict=True):
            self._integrate_out(sd, fine, coarse)

    def _integrate_out(self, sd: Tensor, fine: np.ndarray, coarse: np.ndarray) -> None:
        """Integrate out the intercepts of clusters, and add up the rest over larger ones."""
        p, q, size = self.precision, self.sum, range(len(self.sum))
        larger = np.empty(fine.max() + 1, int)
        larger[fine] = coarse

        def total(values: Tensor) -> Tensor:
            return pt.inc_subtensor(pt.zeros(coarse.max() + 1)[larger], values)

        lost = sd**2 / (1 + sd**2 * p[0][0])
        self.precision = [[total(p[a][b] - lost * p[0][a] * p[0][b]) for b in size] for a in size]
        self.sum = [total(q[a] - lost * p[0][a] * q[0]) for a in size]


def units(
    information: Information, codes: np.ndarray, z: Sequence[np.ndarray], noise: float
) -> list[float]:
    """Return, by term, the size of an effect that a typical cluster can just tell from zero.

    Parameters
    ----------
    information, codes, z
        As for :class:`Remaining`.
    noise
        Rough residual sd of normal outcomes, or 1.

    Returns
    -------
    list of float
    """
    weight, clusters = information.weight, codes.max() + 1
    return [float(noise / np.sqrt((weight * a**2).sum() / clusters)) for a in z]


def lies_within(fine: np.ndarray, coarse: np.ndarray) -> bool:
    """Return whether each cluster of a group is in one cluster of another with fewer clusters."""
    pairs = len(np.unique(np.column_stack([fine, coarse]), axis=0))
    return bool(pairs == fine.max() + 1 > coarse.max() + 1)


def _adapted(
    structure: Structure,
    group: str,
    factor: Sequence[Sequence[Tensor]],
    remaining: Remaining,
) -> list[Tensor]:
    r"""Create the standard normal effects :math:`z_j`, adapted to the uncertainty that data leave.

    The effects are :math:`S z_j`. If the log likelihood of the cluster's rows is
    :math:`-\frac{1}{2} u^T P_j u + u^T q_j` plus a constant, then :math:`z_j`, given all other
    parameters, is normal with the precision :math:`B_j = I + S^T P_j S` and the mean
    :math:`m_j = B_j^{-1} S^T q_j`. The sampler moves
    :math:`w_j = C_j^T (z_j - m_j)`, where :math:`C_j C_j^T = B_j`: in normal models these are
    independent standard normal variables in the posterior, as if the effects had been integrated
    out; in logit models approximately so. The prior of :math:`w_j` is that of :math:`z_j`,
    transformed: whatever :math:`P_j` and :math:`q_j` are, the posterior is the same (cf.
    Papaspiliopoulos, Roberts & Sköld 2007). Where other clusters are nested in these, as classes in
    schools, their intercepts are integrated out of :math:`P_j` and :math:`q_j`: the information in
    the rows of a school about it depends on how much its classes differ.
    """
    terms = structure.terms(group)
    size = range(len(terms))
    # S and B, element by element, each a vector over clusters; S is lower triangular.
    p, q = remaining.precision, remaining.sum
    column = [[(k, factor[k][a]) for k in size if k >= a] for a in size]
    b = [
        [
            float(a == c) + sum(s * t * p[k][m] for k, s in column[a] for m, t in column[c])
            for c in size
        ]
        for a in size
    ]
    sq = [sum(s * q[k] for k, s in column[a]) for a in size]
    chol: list[list[Any]] = [[0.0 for _ in size] for _ in size]
    for k in size:
        for m in range(k + 1):
            left = b[k][m] - sum(chol[k][i] * chol[m][i] for i in range(m))
            chol[k][m] = pt.sqrt(left) if k == m else left / chol[m][m]
    half: list[Tensor] = []
    for k in size:
        half.append((sq[k] - sum(chol[k][i] * half[i] for i in range(k))) / chol[k][k])
    # C^T z = w + C^T m = w + half, from the last effect to the first.
    z: list[Any] = [0.0 for _ in size]
    for k in reversed(size):
        others = sum(chol[m][k] * z[m] for m in size if m > k)
        name = _auxiliary(structure, group, terms[k])
        moved = pm.Normal(name, others - half[k], chol[k][k], dims=group)
        z[k] = (moved + half[k] - others) / chol[k][k]
    return z


def _cholesky(name: str, prior: Prior, size: int) -> list[list[Tensor]]:
    r"""Create the Cholesky factor of a correlation matrix with an LKJ prior.

    Its elements are products of partial correlations, which are independent and have Beta
    distributions, stretched to the range from -1 to 1 (Lewandowski, Kurowicka & Joe 2009). A Beta
    prior with both parameters equal to :math:`\eta` gives LKJ(:math:`\eta`); two effects have a
    single correlation, whose prior may be any.
    """
    pairs = [(m, k) for k in range(size) for m in range(k)]
    half_name = f"_{name}_half"
    if size == 2:
        halves = [prior(half_name)]
    else:
        if not is_symmetric_beta(prior):
            raise ValueError(
                f"The correlations of {size} effects have an LKJ prior: give '{name}' a Beta prior "
                f"with two equal parameters, such as {name}={Prior(pm.Beta, 2, 2).code()} for "
                f"LKJ(2); it is {prior}."
            )
        (eta,) = {*prior.parameters, *prior.keywords.values()}
        shape = np.array([eta + (size - 2 - m) / 2 for m, _ in pairs])
        vector = pm.Beta(half_name, shape, shape, shape=len(pairs))
        halves = [vector[i] for i in range(len(pairs))]
    partial = {pair: 2 * half - 1 for pair, half in zip(pairs, halves, strict=True)}
    factor: list[list[Tensor]] = []
    for k in range(size):
        row, left = [], pt.constant(1.0)
        for m in range(k):
            row.append(partial[m, k] * pt.sqrt(left))
            left = left * (1 - partial[m, k] ** 2)
        factor.append([*row, pt.sqrt(left)])
    return factor


def _report_correlations(
    name: str,
    structure: Structure,
    group: str,
    cholesky: Sequence[Sequence[Any]],
    signs: Sequence[Tensor | float],
) -> None:
    """Add the correlation of two effects, or the labelled matrix of those of more."""
    size = len(cholesky)
    matrix = [
        [
            signs[k] * signs[m] * sum(a * b for a, b in zip(cholesky[k], cholesky[m], strict=False))
            for m in range(size)
        ]
        for k in range(size)
    ]
    if size == 2:
        pm.Deterministic(name, matrix[1][0])
        return
    value = pt.stack([pt.stack(row) for row in matrix])
    pm.Deterministic(name, value, dims=structure.correlation_dims(group))


LEAST_CENTRED, LARGEST_NON_CENTRED, LARGEST_OF_LINES = 20.0, 1.1, 1.5
"""F ratios from which, and up to which, a form suits data as well as the adapted one."""


def f_ratios(
    score: np.ndarray, codes: Mapping[str, np.ndarray], weight: np.ndarray
) -> dict[str, float]:
    """Return how much the clusters of each group differ, as F ratios of an analysis of variance.

    Parameters
    ----------
    score
        Outcome of each row, minus the part that predictors explain.
    codes
        Cluster of each row, by group.
    weight
        Number of times that each row occurs.

    Returns
    -------
    dict
        F ratios by group, the largest mean square first; each is computed from what the groups
        before it leave unexplained. NaN where there are no more rows than clusters.
    """
    left, ratios = score, {}

    def means(group: str) -> np.ndarray:
        size = np.bincount(codes[group], weight)
        return (np.bincount(codes[group], weight * left) / size)[codes[group]]

    def mean_square(group: str) -> float:
        return float((weight * means(group) ** 2).sum() / max(codes[group].max(), 1))

    for group in sorted(codes, key=mean_square, reverse=True):
        between, explained = mean_square(group), means(group)
        left = left - explained
        free = weight.sum() - codes[group].max() - 1
        residual = (weight * left**2).sum()
        ratios[group] = between * free / residual if free > 0 and residual > 0 else np.nan
    return ratios


def suitable_form(f_ratio: float, structure: Structure, group: str, others: bool) -> str:
    """Return the form that suits data, which is the adapted one unless another does and is faster.

    Parameters
    ----------
    f_ratio
        F ratio of the clusters of the group.
    structure
        The structure of the model.
    group
        One of its groups.
    others
        Whether another group is centred: two would share one level, along which they mix slowly.

    Returns
    -------
    str
        ``"centred"``, where intercepts alone vary and the F ratio is large; ``"non-centred"``,
        where it is small and intercepts alone vary or the outcome has categories, of which a few
        carry too little information about a line for the adapted form; or ``"adapted"``.
    """
    intercepts_alone = len(structure.terms(group)) == 1
    if intercepts_alone and not others and f_ratio > LEAST_CENTRED:
        return "centred"
    if f_ratio < LARGEST_NON_CENTRED and intercepts_alone:
        return "non-centred"
    if f_ratio < LARGEST_OF_LINES and not intercepts_alone and structure.family != "normal":
        return "non-centred"
    return "adapted"
