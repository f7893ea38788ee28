"""Simulation-based calibration of the builders (Talts et al. 2018; Modrák et al. 2025).

Draw parameters from the prior, simulate an outcome from them, fit the model to it, and count how
many posterior draws are below the parameter that the outcome was made with. If the model, its code
and the sampler are right, that rank is uniform.

Both the parameters and the outcome are simulated by code of this module. It states each model a
second time, in plain NumPy, from the builder's docstring: an error that the builder made in its
prior, its likelihood or its labels would cancel if the same code simulated the data.

simuk, of the ArviZ project, does the same for PyMC models in general. It cannot be used here: it
simulates with the model itself, which is impossible for an outcome that is counted in cells, it
builds and compiles the model for every data set, and it does not rank the log likelihood.

Group-level effects have the form ``"adapted"``, which suits all outcomes. Each builder is also
calibrated in its other two forms: non-centred with the same priors, centred with standard
deviations away from zero, since the centred form fails near it (``LIMIT`` shows how). The choice of
the form for some data is studied by :mod:`bookmaking.studies.acceptance`.
"""

from collections.abc import Callable
from functools import cache, partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import xarray as xr
from scipy import stats
from scipy.special import expit, log_expit, xlogy

import multilevel as ml
from multilevel.priors import Prior

Values = dict[str, np.ndarray]
"""Parameters by name. Leading dims are draws, the last dim of a vector is that of its labels."""

Draw = Callable[[np.ndarray, int], tuple[Values, int]]
"""What gives draws for an outcome and a seed, and the number of divergent transitions."""

KEPT = 99
"""Draws that a true value is ranked among: ranks from 0 to 99."""
THIN = 6
"""One draw in so many is kept, for an effective sample size of about the number kept."""
TUNE = 800


class Study(NamedTuple):
    """A builder on a small design, and the model of its docstring in NumPy.

    Parameters
    ----------
    build
        Function that returns the model, with any ``form`` and priors. Where it counts rows, its
        frame has every row that can occur.
    labels
        Every parameter of the model; for a vector, its labels in the order of ``Values``.
    prior
        Function that draws all parameters.
    outcome
        Function that simulates the outcome of every row of the frame or, where the model counts
        rows, the number of times that each of them occurs.
    log_likelihood
        Function that returns the log likelihood of all observations together, by draw.
    """

    build: Callable[..., pm.Model]
    labels: dict[str, list[Any]]
    prior: Callable[[np.random.Generator], Values]
    outcome: Callable[[np.random.Generator, Values], np.ndarray]
    log_likelihood: Callable[[Values, np.ndarray], np.ndarray]


def noise(rows: int) -> np.ndarray:
    """Return a placeholder for an outcome, of a realistic size, to compile a model."""
    return np.random.default_rng(1).normal(size=rows)


def normal(mean: Callable[[Values], np.ndarray]) -> dict[str, Any]:
    """Return ``outcome`` and ``log_likelihood`` of normal rows, given their expected values."""

    def outcome(rng: np.random.Generator, v: Values) -> np.ndarray:
        return rng.normal(mean(v), v["sigma"])

    def log_likelihood(v: Values, y: np.ndarray) -> np.ndarray:
        rows = stats.norm.logpdf(y, mean(v), v["sigma"][..., None])
        return np.asarray(rows.sum(axis=-1))

    return {"outcome": outcome, "log_likelihood": log_likelihood}


def binary(log_odds: Callable[[Values], np.ndarray]) -> dict[str, Any]:
    """Return ``outcome`` and ``log_likelihood`` of cases, each of which occurs ``CASES`` times."""

    def outcome(rng: np.random.Generator, v: Values) -> np.ndarray:
        yes = rng.binomial(CASES, expit(log_odds(v)))
        return np.stack([CASES - yes, yes], axis=-1).ravel()

    def log_likelihood(v: Values, counts: np.ndarray) -> np.ndarray:
        no, yes = counts.reshape(-1, 2).T
        cells = yes * log_expit(log_odds(v)) + no * log_expit(-log_odds(v))
        return np.asarray(cells.sum(axis=-1))

    return {"outcome": outcome, "log_likelihood": log_likelihood}


def correlations(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a matrix from LKJ(2), whose density is proportional to its determinant."""
    pairs = np.triu_indices(size, 1)
    while True:
        matrix = np.eye(size)
        matrix[pairs] = matrix.T[pairs] = rng.uniform(-1, 1, len(pairs[0]))
        if rng.uniform() < np.linalg.det(matrix):  # negative if it is none, up to three effects
            return matrix


def effects(rng: np.random.Generator, group: str, slopes: list[str], clusters: int) -> Values:
    """Draw the standard deviations, the correlations and the effects of a group."""
    size = 1 + len(slopes)
    sds, rho = rng.exponential(1, size), correlations(rng, size)
    drawn = rng.multivariate_normal(np.zeros(size), np.outer(sds, sds) * rho, clusters).T
    names, pairs = ["alpha", *slopes], rho[np.triu_indices(size, 1)]
    result = {f"{name}_{group}": effect for name, effect in zip(names, drawn, strict=True)}
    for name, sd in zip(
        [f"sigma_{group}", *(f"sigma_{x}_{group}" for x in slopes)], sds, strict=True
    ):
        result[name] = sd
    return result | ({f"rho_{group}": pairs if size > 2 else pairs[0]} if slopes else {})


# Normal outcomes: eight people, three rows each ---------------------------------------------------

PEOPLE = ["zoe", "ann", "mia", "bob", "lee", "kim", "eva", "tom"]  # not in alphabetical order
PERSON_OF_ROW = np.tile(np.arange(8), 3)
PEOPLE_ROWS = pd.DataFrame({"person": np.array(PEOPLE)[PERSON_OF_ROW], "y": noise(24)})


def no_pooling_prior(rng: np.random.Generator) -> Values:
    return {"alpha": rng.normal(0, 1.5, 8), "sigma": np.array(rng.exponential(1))}


def partial_pooling_prior(rng: np.random.Generator) -> Values:
    alpha_bar, sigma_alpha = rng.normal(0, 1.5), rng.exponential(1)
    return {
        "alpha_bar": np.array(alpha_bar),
        "sigma_alpha": np.array(sigma_alpha),
        "alpha": rng.normal(alpha_bar, sigma_alpha, 8),
        "sigma": np.array(rng.exponential(1)),
    }


def levels(v: Values) -> np.ndarray:
    return v["alpha"][..., PERSON_OF_ROW]


# Lines: six people, each measured at five times ---------------------------------------------------

WALKERS = PEOPLE[:6]
TIMES = np.array([0.0, 1.0, 2.0, 4.0, 6.0])
WALKER_OF_ROW, TIME_OF_ROW = np.repeat(np.arange(6), 5), np.tile(TIMES, 6)
OLD = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0])  # a property of the person
LINE_ROWS = pd.DataFrame(
    {
        "person": np.array(WALKERS)[WALKER_OF_ROW],
        "time": TIME_OF_ROW,
        "old": OLD[WALKER_OF_ROW],
        "y": noise(30),
    }
)


def slopes_prior(rng: np.random.Generator) -> Values:
    return effects(rng, "person", ["time"], 6) | {
        "alpha_bar": np.array(rng.normal(0, 1.5)),
        "beta": rng.normal(0, 0.5, 2),
        "sigma": np.array(rng.exponential(1)),
    }


def lines(v: Values) -> np.ndarray:
    """Return the expected outcome of each row."""
    slope = v["beta"][..., [0]] + v["time_person"]
    level = v["alpha_bar"][..., None] + v["beta"][..., [1]] * OLD + v["alpha_person"]
    return np.asarray(level[..., WALKER_OF_ROW] + slope[..., WALKER_OF_ROW] * TIME_OF_ROW)


# Two groups that are crossed, and three effects of each person: six people, four stories ----------

STORIES = ["dog", "cat", "ape", "fox"]
READER, STORY = np.array(list(product(range(6), range(4)))).repeat(2, axis=0).T
MOOD, HOUR = np.random.default_rng(2).normal(size=(2, 48)).round(1)
READ_ROWS = pd.DataFrame(
    {
        "person": np.array(WALKERS)[READER],
        "story": np.array(STORIES)[STORY],
        "mood": MOOD,
        "hour": HOUR,
        "y": noise(48),
    }
)


def linear_prior(rng: np.random.Generator) -> Values:
    people, stories = effects(rng, "person", ["mood", "hour"], 6), effects(rng, "story", [], 4)
    return (
        people
        | stories
        | {
            "alpha_bar": np.array(rng.normal(0, 1.5)),
            "beta": rng.normal(0, 0.5, 2),
            "sigma": np.array(rng.exponential(1)),
        }
    )


def readings(v: Values) -> np.ndarray:
    mood = (v["beta"][..., [0]] + v["mood_person"])[..., READER] * MOOD
    hour = (v["beta"][..., [1]] + v["hour_person"])[..., READER] * HOUR
    level = (
        v["alpha_bar"][..., None] + v["alpha_person"][..., READER] + v["alpha_story"][..., STORY]
    )
    return np.asarray(level + mood + hour)


# A yes-or-no outcome: five actors, four days, three arms, each combination four times -------------

ACTORS, DAYS, ARMS = ["zoe", "ann", "mia", "bob", "lee"], [30, 7, 19, 4], ["t", "c", "u"]
CASES = 4
ACTOR, DAY, ARM = np.array(list(product(range(5), range(4), range(3)))).T
PULL_ROWS = pd.DataFrame(
    product(ACTORS, DAYS, ARMS, [0, 1]), columns=["actor", "day", "arm", "yes"]
).assign(times=CASES // 2)


def crossed_prior(rng: np.random.Generator) -> Values:
    return (
        effects(rng, "actor", [], 5)
        | effects(rng, "day", [], 4)
        | {
            "alpha_bar": np.array(rng.normal(0, 1.5)),
            "beta": rng.normal(0, 0.5, 3),
        }
    )


def log_odds(v: Values) -> np.ndarray:
    deviations = v["alpha_actor"][..., ACTOR] + v["alpha_day"][..., DAY]
    return np.asarray(v["alpha_bar"][..., None] + v["beta"][..., ARM] + deviations)


# A yes-or-no outcome with a slope for each of six people, at five times, four times each ----------

CHOICE_ROWS = pd.DataFrame(
    product(WALKERS, TIMES / 2, [0, 1]), columns=["person", "time", "yes"]
).assign(times=CASES // 2)


def choices_prior(rng: np.random.Generator) -> Values:
    return effects(rng, "person", ["time"], 6) | {
        "alpha_bar": np.array(rng.normal(0, 1.5)),
        "beta": rng.normal(0, 0.5, 1),
    }


def choices(v: Values) -> np.ndarray:
    level, slope = v["alpha_bar"][..., None] + v["alpha_person"], v["beta"] + v["time_person"]
    return np.asarray(level[..., WALKER_OF_ROW] + slope[..., WALKER_OF_ROW] * TIME_OF_ROW / 2)


# An ordered response to six kinds of case, each four times, by anyone or by each of six people ----

ANSWERS = ["never", "often", "mostly", "always"]
DOSE_AND_AGE = np.array(list(product([0.0, 1.0, 2.0], [3.0, 5.0])))
JUDGES = PEOPLE[:6]
KIND_OF_CASE = np.tile(np.arange(6), 6)
JUDGE_OF_CASE = np.repeat(np.arange(6), 6)


def response_rows(judges: list[str]) -> pd.DataFrame:
    combinations = product(judges, DOSE_AND_AGE.tolist(), ANSWERS)
    rows = [(judge, *kind, answer) for judge, kind, answer in combinations]
    table = pd.DataFrame(rows, columns=["judge", "dose", "age", "answer"])
    return table.assign(answer=pd.Categorical(table["answer"], ANSWERS, ordered=True))


def ordered_prior(rng: np.random.Generator) -> Values:
    beta = rng.normal(0, 0.5, 2)
    # The prior belongs to the thresholds at the predictors' means. The model takes these from the
    # frame that it is built from; every data set has the same, since all cases are as frequent.
    at_means = np.sort(rng.normal(0, 1.5, 3))
    return {"beta": beta, "threshold": at_means + DOSE_AND_AGE.mean(axis=0) @ beta}


def varying_prior(rng: np.random.Generator) -> Values:
    return ordered_prior(rng) | effects(rng, "judge", [], 6)


def doses_prior(rng: np.random.Generator) -> Values:
    return ordered_prior(rng) | effects(rng, "judge", ["dose"], 6)


def probabilities(v: Values) -> np.ndarray:
    """Return the probability of each answer (last dim) to each case (the dim before)."""
    eta = v["beta"] @ DOSE_AND_AGE.T
    if "alpha_judge" in v:
        eta = eta[..., KIND_OF_CASE] + v["alpha_judge"][..., JUDGE_OF_CASE]
    if "dose_judge" in v:
        eta = eta + v["dose_judge"][..., JUDGE_OF_CASE] * DOSE_AND_AGE[KIND_OF_CASE, 0]
    at_most = expit(v["threshold"][..., None, :] - eta[..., None])
    ends = np.zeros((*eta.shape, 1))
    return np.diff(np.concatenate([ends, at_most, ends + 1], axis=-1))


def ordered_outcome(rng: np.random.Generator, v: Values) -> np.ndarray:
    return rng.multinomial(CASES, probabilities(v)).ravel()


def ordered_log_likelihood(v: Values, counts: np.ndarray) -> np.ndarray:
    cells = xlogy(counts.reshape(-1, 4), probabilities(v))
    return np.asarray(cells.sum(axis=(-2, -1)))


# The builders -------------------------------------------------------------------------------------

PREDICTORS = ["dose", "age"]
LINE_LABELS: dict[str, list[Any]] = {
    "alpha_bar": [],
    "beta": ["time", "old"],
    "sigma_person": [],
    "alpha_person": WALKERS,
    "sigma_time_person": [],
    "time_person": WALKERS,
    "rho_person": [],
    "sigma": [],
}
ORDERED_LABELS: dict[str, list[Any]] = {"beta": PREDICTORS, "threshold": [1, 2, 3]}
JUDGE_LABELS = {**ORDERED_LABELS, "sigma_judge": [], "alpha_judge": JUDGES}
ANY_DATA: dict[str, Any] = {"check": False}
"""The data are replaced later, so they need not suit the priors."""
ADAPTED: dict[str, Any] = {"form": "adapted", **ANY_DATA}
ANSWERED: dict[str, Any] = {"outcome": ordered_outcome, "log_likelihood": ordered_log_likelihood}


STUDIES = {
    "no_pooling": Study(
        build=partial(ml.no_pooling, PEOPLE_ROWS, "y", "person", **ANY_DATA),
        labels={"alpha": PEOPLE, "sigma": []},
        prior=no_pooling_prior,
        **normal(levels),
    ),
    "partial_pooling": Study(
        build=partial(ml.partial_pooling, PEOPLE_ROWS, "y", "person", **ADAPTED),
        labels={"alpha_bar": [], "sigma_alpha": [], "alpha": PEOPLE, "sigma": []},
        prior=partial_pooling_prior,
        **normal(levels),
    ),
    "varying_slopes": Study(
        build=partial(
            ml.varying_slopes, LINE_ROWS, "y", ["time", "old"], "person", "time", **ADAPTED
        ),
        labels=LINE_LABELS,
        prior=slopes_prior,
        **normal(lines),
    ),
    "linear": Study(
        build=partial(
            ml.linear,
            READ_ROWS,
            "y",
            ["mood", "hour"],
            ["person", "story"],
            {"person": ["mood", "hour"]},
            **ADAPTED,
        ),
        labels={
            "alpha_bar": [],
            "beta": ["mood", "hour"],
            "sigma_person": [],
            "alpha_person": WALKERS,
            "sigma_mood_person": [],
            "mood_person": WALKERS,
            "sigma_hour_person": [],
            "hour_person": WALKERS,
            "rho_person": [("intercept", "mood"), ("intercept", "hour"), ("mood", "hour")],
            "sigma_story": [],
            "alpha_story": STORIES,
            "sigma": [],
        },
        prior=linear_prior,
        **normal(readings),
    ),
    "crossed_intercepts": Study(
        build=partial(
            ml.crossed_intercepts,
            PULL_ROWS,
            "yes",
            ["actor", "day"],
            "arm",
            count="times",
            **ADAPTED,
        ),
        labels={
            "alpha_bar": [],
            "beta": ARMS,
            "sigma_actor": [],
            "sigma_day": [],
            "alpha_actor": ACTORS,
            "alpha_day": DAYS,
        },
        prior=crossed_prior,
        **binary(log_odds),
    ),
    "logistic": Study(
        build=partial(
            ml.logistic,
            CHOICE_ROWS,
            "yes",
            ["time"],
            ["person"],
            {"person": ["time"]},
            count="times",
            **ADAPTED,
        ),
        labels={
            "alpha_bar": [],
            "beta": ["time"],
            "sigma_person": [],
            "alpha_person": WALKERS,
            "sigma_time_person": [],
            "time_person": WALKERS,
            "rho_person": [],
        },
        prior=choices_prior,
        **binary(choices),
    ),
    # A flat prior cannot be simulated from, so the slopes have that of the varying model.
    "ordered_logit": Study(
        build=partial(
            ml.ordered_logit,
            response_rows(["anybody"]),
            "answer",
            PREDICTORS,
            beta=Prior(pm.Normal, 0, 0.5),
            **ANY_DATA,
        ),
        labels=ORDERED_LABELS,
        prior=ordered_prior,
        **ANSWERED,
    ),
    "ordered_logit_varying": Study(
        build=partial(
            ml.ordered_logit, response_rows(JUDGES), "answer", PREDICTORS, "judge", **ADAPTED
        ),
        labels=JUDGE_LABELS,
        prior=varying_prior,
        **ANSWERED,
    ),
    "ordered_logit_slopes": Study(
        build=partial(
            ml.ordered_logit,
            response_rows(JUDGES),
            "answer",
            PREDICTORS,
            "judge",
            slopes={"judge": ["dose"]},
            **ADAPTED,
        ),
        labels={**JUDGE_LABELS, "sigma_dose_judge": [], "dose_judge": JUDGES, "rho_judge": []},
        prior=doses_prior,
        **ANSWERED,
    ),
}
"""The priors are those of the builders, except for the slopes of ``ordered_logit``."""


# The other forms ----------------------------------------------------------------------------------

AWAY_FROM_ZERO = {"mu": 0.0, "sigma": 0.5}
"""Prior of the logarithm of a standard deviation: 90 % are between 0.4 and 2.3."""


def spreads(study: Study) -> list[str]:
    """Return the names of the standard deviations between clusters."""
    return [name for name in study.labels if name.startswith("sigma_")]


def non_centred(study: Study) -> Study:
    """Return a study of the same model in its non-centred form."""
    return study._replace(build=partial(study.build, form="non-centred"))


def centred(study: Study) -> Study:
    """Return a study of the centred form, whose clusters differ: otherwise it cannot be sampled."""
    priors = {name: Prior(pm.LogNormal, **AWAY_FROM_ZERO) for name in spreads(study)}

    def prior(rng: np.random.Generator) -> Values:
        v = study.prior(rng)
        for name in priors:
            sd = rng.lognormal(AWAY_FROM_ZERO["mu"], AWAY_FROM_ZERO["sigma"])
            group = name.removeprefix("sigma_")
            effect = group if group in v else f"alpha_{group}"
            mean = v["alpha_bar"] if effect == "alpha" else 0.0  # a level, not a deviation
            v |= {name: np.array(sd), effect: mean + (v[effect] - mean) * sd / v[name]}
        return v

    return study._replace(build=partial(study.build, form="centred", **priors), prior=prior)


FORMS = {
    f"{name}, {form.__name__.replace('_', '-')}": form(study)
    for name, study in STUDIES.items()
    for form in (centred, non_centred)
    if spreads(study)
}
LIMIT = "partial_pooling, centred near zero"
ALL = STUDIES | FORMS
ALL[LIMIT] = STUDIES["partial_pooling"]._replace(
    build=partial(STUDIES["partial_pooling"].build, form="centred")
)


# Simulate, fit, rank ------------------------------------------------------------------------------


class Sampler:
    """A model that is compiled once and then sampled with one data set after the other.

    Parameters
    ----------
    study
        The model, and the names and labels of its parameters.
    """

    def __init__(self, study: Study) -> None:
        model = study.build()
        self.labels = study.labels
        self.cell_of_row = model["cell_of_row"].get_value() if "count_of_cell" in model else None
        self.compiled = nutpie.compile_pymc_model(model, var_names=list(study.labels))

    def draw(self, outcome: np.ndarray, seed: int) -> tuple[Values, int]:
        """Draw from the posterior.

        Parameters
        ----------
        outcome
            As :class:`Study` simulates it.
        seed
            Seed of the sampler.

        Returns
        -------
        The draws kept, and the number of divergent transitions
        """
        raw = nutpie.sample(
            self.compiled.with_data(**self._data(outcome)),
            draws=KEPT * THIN,
            tune=TUNE,
            chains=1,
            cores=1,
            seed=seed,
            target_accept=0.95,
            save_warmup=False,
            progress_bar=False,
        )
        kept = raw["posterior"].dataset.isel(chain=0, draw=slice(THIN - 1, None, THIN))
        values = {name: _labelled(kept[name], labels) for name, labels in self.labels.items()}
        return values, int(raw["sample_stats"]["diverging"].sum())

    def _data(self, outcome: np.ndarray) -> dict[str, np.ndarray]:
        if self.cell_of_row is None:
            return {"outcome_of_row": outcome}
        count = np.zeros(len(outcome))
        count[self.cell_of_row] = outcome
        return {"count_of_cell": count}


def _labelled(draws: xr.DataArray, labels: list[Any]) -> np.ndarray:
    """Return draws in the order of labels, each of which is a tuple if there are two dims."""
    if not labels:
        return draws.to_numpy()
    places = [label if isinstance(label, tuple) else (label,) for label in labels]
    columns = [draws.sel(dict(zip(draws.dims[1:], place, strict=True))) for place in places]
    return np.stack(columns, axis=-1)


@cache
def sampler(name: str) -> Sampler:
    """Compile a model once in each process."""
    return Sampler(ALL[name])


def replicate(rng: np.random.Generator, name: str) -> pd.DataFrame:
    """Simulate, fit and rank once, as a replicate of :func:`multilevel.run_study`."""
    study = ALL[name]
    return pd.DataFrame([rank_once(study, sampler(name).draw, rng)])


def ranks(study: Study, draw: Draw, simulations: int, seed: int) -> pd.DataFrame:
    """Simulate, fit and rank many times.

    Parameters
    ----------
    study
        The study that simulates the parameters and the outcome.
    draw
        Function that fits: ``Sampler(study).draw``, or a wrong one that must be detected.
    simulations
        Number of data sets.
    seed
        Seed. The first simulations are the same, however many follow.

    Returns
    -------
    One row per data set: for each quantity the number of draws below its true value, from 0 to
    ``KEPT``, and the column ``divergent``, the number of divergent transitions
    """
    rows = [
        rank_once(study, draw, np.random.default_rng([seed, number]))
        for number in range(simulations)
    ]
    return pd.DataFrame(rows)


def rank_once(study: Study, draw: Draw, rng: np.random.Generator) -> dict[str, int]:
    """Simulate, fit and rank once: return a row of the table of :func:`ranks`."""
    truth = study.prior(rng)
    outcome = study.outcome(rng, truth)
    draws, divergent = draw(outcome, int(rng.integers(2**31)))
    true, drawn = quantities(study, truth, outcome), quantities(study, draws, outcome)
    return {name: int((drawn[name] < true[name]).sum()) for name in true} | {"divergent": divergent}


def quantities(study: Study, values: Values, outcome: np.ndarray) -> Values:
    """Select the ranked quantities: scalars, two elements of vectors, the log likelihood.

    The log likelihood depends on parameters and outcome together, and so detects errors that no
    parameter alone can, such as a posterior that ignored the data (Modrák et al. 2025).
    """
    picked = {}
    for name, labels in study.labels.items():
        if not labels:
            picked[name] = values[name]
        for place in (0, -1) if labels else ():
            picked[f"{name}[{labels[place]}]"] = values[name][..., place]
    return picked | {"log_likelihood": study.log_likelihood(values, outcome)}


def histogram(rank: pd.DataFrame, bins: int) -> pd.DataFrame:
    """Count the ranks in bins of equal width.

    Parameters
    ----------
    rank
        Table as returned by :func:`ranks`.
    bins
        Number of bins; a divisor of ``KEPT + 1``.

    Returns
    -------
    One row per quantity, one column per bin, numbered from 1
    """
    place = rank.drop(columns="divergent") // ((KEPT + 1) // bins)
    counts = {name: np.bincount(column, minlength=bins) for name, column in place.items()}
    return pd.DataFrame.from_dict(counts, orient="index", columns=range(1, bins + 1))
