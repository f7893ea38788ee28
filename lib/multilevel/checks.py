"""Check data before sampling: columns without information, and priors that the data contradict."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pymc as pm
from scipy.optimize import linprog
from scipy.special import logit

from multilevel.priors import Prior
from multilevel.structure import Structure

FAR = 4.0
"""Prior standard deviations that an estimate from the data may be away from the prior mean."""

WIDE = 50.0
"""Standard deviations of the outcome that the prior may let one predictor move it by."""

TINY = 0.001
"""Standard deviations of the outcome that the prior must let a predictor move it by."""


# Columns without information ---------------------------------------------------------------------


def check_predictors(x: np.ndarray, names: Sequence[str]) -> None:
    """Raise ValueError if a predictor is constant, or a linear combination of those before it.

    Parameters
    ----------
    x
        Predictors, one column each.
    names
        Their names.
    """
    basis = np.ones((len(x), 1)) / np.sqrt(len(x))
    kept: list[int] = []
    for k, name in enumerate(names):
        size = np.abs(x[:, k]).max()
        centred = (x[:, k] - x[:, k].mean()) / (size or 1)
        if np.abs(centred).max() < 1e-12:
            raise ValueError(
                f"Column '{name}' is constant ({x[0, k]:g}): it carries no information "
                f"about the outcome. Leave it out of the predictors."
            )
        left = centred - basis @ (basis.T @ centred)
        if np.linalg.norm(left) < 1e-8 * np.linalg.norm(centred):
            others = np.column_stack([np.ones(len(x)), *(x[:, m] for m in kept)])
            weights = np.linalg.lstsq(others, x[:, k], rcond=None)[0][1:]
            scale = [abs(w) * x[:, m].std() for w, m in zip(weights, kept, strict=True)]
            used = [names[m] for s, m in zip(scale, kept, strict=True) if s > 1e-6 * x[:, k].std()]
            raise ValueError(
                f"Column '{name}' is a linear combination of {', '.join(map(repr, used))}, so that "
                f"their effects cannot be told apart. Leave one of them out."
            )
        left -= basis @ (basis.T @ left)  # once more, against rounding
        basis = np.column_stack([basis, left / np.linalg.norm(left)])
        kept.append(k)


def check_groups(codes: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError if two groups divide the rows into the same clusters."""
    names = list(codes)
    for k, one in enumerate(names):
        for other in names[k + 1 :]:
            pairs = len(np.unique(np.column_stack([codes[one], codes[other]]), axis=0))
            if pairs == codes[one].max() + 1 == codes[other].max() + 1:
                raise ValueError(
                    f"Columns '{one}' and '{other}' divide the rows into the same clusters, under "
                    f"two names. Leave one of them out of the groups."
                )


def check_outcome(structure: Structure, y: np.ndarray, codes: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError if an outcome does not vary, over all or within the clusters of a group.

    Parameters
    ----------
    structure
        The structure of the model.
    y
        The outcome; of a response, the codes of its categories.
    codes
        Cluster of each row, by group.
    """
    name = structure.outcome
    if np.ptp(y) == 0:
        what = "A single category of" if structure.family == "ordered" else "A single value of"
        raise ValueError(
            f"{what} column '{name}' occurs in the data: there is nothing to explain. Is it the "
            f"right column, and are these all rows?"
        )
    if structure.family != "normal":
        return
    for group, code in codes.items():
        first = np.full(code.max() + 1, np.nan)
        first[code] = y
        if len(first) < len(y) and (first[code] == y).all():
            raise ValueError(
                f"Column '{name}' does not vary within any '{group}': the rows of a cluster repeat "
                f"one value. Keep one row for each, and model the differences between them."
            )


def check_separation(
    response: np.ndarray, x: np.ndarray, names: Sequence[str], categories: int
) -> None:
    """Raise ValueError if predictors with flat priors separate the categories of a response.

    There is then a direction of slopes and thresholds in which the likelihood only grows, and a
    flat prior leaves the posterior improper (Albert & Anderson 1984).

    Parameters
    ----------
    response
        Codes of the categories, from 0.
    x
        Predictors, one column each.
    names
        Their names.
    categories
        Number of categories.
    """
    rows = np.unique(np.column_stack([response, x]), axis=0)
    code, z = rows[:, 0].astype(int), rows[:, 1:] - x.mean(axis=0)
    z = z / z.std(axis=0)
    cuts = np.eye(categories + 1)[:, 1:-1]  # the ends have no threshold
    upper = np.hstack([-z, cuts[code + 1]])[code < categories - 1]
    lower = np.hstack([z, -cuts[code]])[code > 0]
    margins = np.vstack([upper, lower])
    bounds = [(-1.0, 1.0)] * z.shape[1] + [(-1e3, 1e3)] * (categories - 1)
    found = linprog(-margins.sum(axis=0), -margins, np.zeros(len(margins)), bounds=bounds)
    if found.success and -found.fun > 1e-6:
        slopes = np.abs(found.x[: z.shape[1]])
        used = [name for name, slope in zip(names, slopes, strict=True) if slope > 1e-6]
        if used:
            raise ValueError(
                f"The predictors {', '.join(map(repr, used))} separate the categories of the "
                f"response: with a flat prior their slopes would grow without limit. Choose a "
                f"proper prior for them, such as beta=ml.Prior(pm.Normal, 0, 1)."
            )


# Priors that the data contradict ------------------------------------------------------------------


class Sketch:
    """Rough estimates of a model's parameters from least squares, to set its priors against.

    Binary outcomes and ordered responses are taken as scores in log-odds, so that a slope is about
    that of the logit model.

    Parameters
    ----------
    structure
        The structure of the model.
    y
        The outcome; of a response, the codes of its categories.
    x
        Predictors, one column each.
    codes
        Cluster of each row, by group.
    weight
        Number of times that each row occurs.
    arm
        The treatment of each row, if there is one.
    """

    def __init__(
        self,
        structure: Structure,
        y: np.ndarray,
        x: np.ndarray,
        codes: Mapping[str, np.ndarray],
        weight: np.ndarray,
        arm: np.ndarray | None = None,
    ) -> None:
        self.structure, self.x, self.codes, self.weight = structure, x, codes, weight
        self.score = scores(structure, y, weight)
        design = np.column_stack([np.ones(len(x)), x])
        root = np.sqrt(weight)[:, None]
        factor = np.linalg.pinv(root * design)
        self.coefficients = factor @ (root[:, 0] * self.score)
        self.residual = self.score - design @ self.coefficients
        if arm is not None:
            means = np.bincount(arm, weight * self.residual) / np.bincount(arm, weight)
            self.residual = self.residual - means[arm]
        free = weight.sum() - design.shape[1]
        squares = (weight * self.residual**2).sum()
        self.sd = float(np.sqrt(squares / free)) if free > 0 else np.inf
        self.errors = self.sd * np.sqrt((factor**2).sum(axis=1))
        self.within = min([self.sd, *(self._within(code) for code in codes.values())])
        self.mean, self.spread = _moments(self.score, weight)
        self.x_mean, self.x_spread = _moments(x, weight)

    def _within(self, code: np.ndarray) -> float:
        """Return the residual sd within the clusters of a group; infinite if each has one row."""
        size = np.bincount(code, self.weight)
        means = np.bincount(code, self.weight * self.residual) / size
        free = self.weight.sum() - len(size)
        inside = (self.weight * (self.residual - means[code]) ** 2).sum()
        return float(np.sqrt(inside / free)) if free > 0 and inside > 0 else np.inf


def _moments(values: np.ndarray, weight: np.ndarray) -> tuple[Any, Any]:
    mean = np.average(values, axis=0, weights=weight)
    return mean, np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))


def scores(structure: Structure, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return an outcome on the scale of the linear predictor, roughly.

    Of a category, that is the log-odds of being below its middle, half of those who chose it
    included (Bross 1958), with the opposite sign: a higher category has a higher score.
    """
    if structure.family == "normal":
        return y
    codes = y.astype(int)
    share = np.bincount(codes, weight) / weight.sum()
    middle = share.cumsum() - share / 2
    return logit(np.clip(middle, 1e-9, 1 - 1e-9))[codes]


def check_priors(sketch: Sketch, prior: Mapping[str, Prior]) -> None:
    """Raise ValueError if the data contradict a prior, with both numbers and advice.

    An estimate from the data may be ``FAR`` prior standard deviations away from the prior mean,
    with allowance for the standard error of the estimate; a standard deviation must not be larger
    than all of 4000 draws of its prior; and the prior of the slopes must not let a predictor move
    the outcome by ``WIDE`` times its spread, nor limit it to less than ``TINY`` of that spread.

    Parameters
    ----------
    sketch
        Rough estimates.
    prior
        Priors by parameter.
    """
    scales = _scales(sketch, prior)
    # Where the outcome has another unit, the reach of a predictor is not informative.
    found = [*_locations(sketch, prior), *(scales or _sizes(sketch, prior))]
    if found:
        raise ValueError("\n".join(["The data contradict the priors.", *found, *_remedies(sketch)]))


def _locations(sketch: Sketch, prior: Mapping[str, Prior]) -> list[str]:
    """Set intercept and slopes against their priors."""
    structure, found = sketch.structure, []
    estimates: list[tuple[str, str, float, float, int | None]] = []
    intercept, *slopes = sketch.coefficients
    error, *errors = sketch.errors
    outcome = structure.outcome
    if structure.family == "normal":
        name = "alpha_bar" if structure.pooled else "alpha"
        where = " where all predictors are 0" if structure.predictors else ""
        estimates.append((name, f"the mean of '{outcome}'{where}", intercept, error, None))
    elif structure.family == "bernoulli":
        share = np.average(sketch.score > sketch.score.min(), weights=sketch.weight)
        at_zero = logit(share) - sketch.x_mean @ np.array(slopes)
        estimates.append(("alpha_bar", f"the log-odds of '{outcome}'", at_zero, error, None))
    for k, name in enumerate(structure.predictors):
        estimates.append(("beta", f"the slope of '{name}'", slopes[k], errors[k], k))
    for name, what, estimate, se, element in estimates:
        draws = _element(prior[name].draws(), element)
        away = abs(estimate - np.median(draws)) / np.hypot(draws.std(), se)
        if np.isfinite(away) and away > FAR:
            low, high = np.quantile(draws, [0.005, 0.995])
            found.append(
                f"- {what} is about {estimate:.3g} in the data; its prior, {name} ~ {prior[name]}, "
                f"has 99 % of its mass from {low:.2g} to {high:.2g}: the estimate is {away:.0f} "
                f"standard deviations away."
            )
    return found


def _sizes(sketch: Sketch, prior: Mapping[str, Prior]) -> list[str]:
    """Set the size of the predictors against the prior of their slopes."""
    structure, found = sketch.structure, []
    # The ordered model centres its predictors, so that only their spread matters.
    from_zero = sketch.x_mean * (structure.family != "ordered")
    reach = np.sqrt(from_zero**2 + sketch.x_spread**2)
    unit = sketch.spread if structure.family == "normal" else 1.0
    for k, name in enumerate(structure.predictors):
        sd = float(_element(prior["beta"].draws(), k).std()) / unit
        said = (
            f"'{name}' (mean {sketch.x_mean[k]:.3g}, sd {sketch.x_spread[k]:.3g}) is too {{}} for "
            f"the prior of its slope, beta ~ {prior['beta']}, which lets it move the outcome by "
            f"{{:.3g}} {'sds' if structure.family == 'normal' else 'log-odds'}"
        )
        if np.isfinite(sd) and sd * reach[k] > WIDE:
            column = f"data['{name}']"
            remedy = f"choose a larger unit, such as {column} / {column}.std()"
            if sd * sketch.x_spread[k] < WIDE:
                remedy = f"centre it, {column} - {column}.mean(), or choose a larger unit"
            found.append(f"- {said.format('large', sd * reach[k])}: {remedy}.")
        if sd * sketch.x_spread[k] < TINY:
            found.append(f"- {said.format('small', sd * sketch.x_spread[k])}.")
    return found


def _scales(sketch: Sketch, prior: Mapping[str, Prior]) -> list[str]:
    """Set the standard deviations of a normal model against their priors."""
    structure = sketch.structure
    if structure.family != "normal":
        return []
    found = []
    for name, (what, estimate) in spreads(sketch).items():
        draws = prior[name].draws()
        if estimate > draws.max() or estimate < draws.min() / 10:
            low, high = np.quantile(draws, [0.005, 0.995])
            found.append(
                f"- {what} is about {estimate:.3g} in the data; its prior, {name} ~ {prior[name]}, "
                f"has 99 % of its mass from {low:.2g} to {high:.2g}."
            )
    return found


def spreads(sketch: Sketch) -> dict[str, tuple[str, float]]:
    """Return rough standard deviations within clusters and between them, by parameter."""
    structure, outcome = sketch.structure, sketch.structure.outcome
    within, result = sketch.within, {}
    for group in structure.groups if structure.pooled else ():
        code, weight = sketch.codes[group], sketch.weight
        size = np.bincount(code, weight)
        means = np.bincount(code, weight * sketch.residual) / size
        noise = within**2 * np.mean(1 / size)  # the means of clusters that do not differ
        between = float(np.sqrt(max(means.var() - noise, 0.0)))
        result[structure.sd(group)] = (f"the sd of '{outcome}' between '{group}'", between)
    result["sigma"] = (f"the sd of '{outcome}' within clusters", within)
    return {name: (what, sd) for name, (what, sd) in result.items() if 0 < sd < np.inf}


def _element(draws: np.ndarray, element: int | None) -> np.ndarray:
    """Return the draws of one element of a parameter, whose prior may be the same for all."""
    return draws if draws.ndim == 1 or element is None else draws[:, element]


def _remedies(sketch: Sketch) -> list[str]:
    """Return code that standardises the columns, or scales the priors to them."""
    structure = sketch.structure
    normal = [structure.outcome] if structure.family == "normal" else []
    columns = [*normal, *structure.predictors]
    lines = []
    if columns:
        lines += [
            "Either standardise the columns:",
            f"    columns = {columns}",
            "    data[columns] = (data[columns] - data[columns].mean()) / data[columns].std()",
            "or scale the priors to the data:",
        ]
    else:
        lines.append("Choose priors that the data do not rule out:")
    given = {name: prior.code() for name, prior in scaled(sketch).items()}
    lines += ["    priors = {", *(f"        '{name}': {code}," for name, code in given.items())]
    lines += [
        "    }",
        "and pass **priors to the builder. check=False keeps the priors as they are.",
    ]
    return lines


def scaled(sketch: Sketch) -> dict[str, Prior]:
    """Return priors on the scale of the data: those of the course, for standardised columns."""

    def rounded(value: Any) -> Any:
        return np.vectorize(lambda v: float(f"{v:.3g}"))(value).tolist()

    structure = sketch.structure
    normal = structure.family == "normal"
    unit = sketch.spread if normal else 1.0
    priors: dict[str, Prior] = {}
    if structure.family != "ordered":
        centre = sketch.mean if normal else 0.0
        away = np.sqrt(1.5**2 + ((0.5 * sketch.x_mean / sketch.x_spread) ** 2).sum())
        name = "alpha_bar" if structure.pooled else "alpha"
        priors[name] = Prior(pm.Normal, rounded(centre), rounded(away * unit))
    if structure.predictors:
        sds = rounded(0.5 * unit / sketch.x_spread)
        priors["beta"] = Prior(pm.Normal, 0, sds if len(sds) > 1 else sds[0])
    spread = dict(zip(structure.predictors, sketch.x_spread, strict=True))
    for group in structure.groups if structure.pooled else ():
        for term in structure.terms(group):
            size = unit / (spread[term] if term else 1.0)
            priors[structure.sd(group, term)] = Prior(pm.Exponential, rounded(1 / size))
    if normal:
        priors["sigma"] = Prior(pm.Exponential, rounded(1 / unit))
    return priors
