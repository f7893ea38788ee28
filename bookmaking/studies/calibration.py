"""Simulation-based calibration of the six builders (Talts et al. 2018; Modrák et al. 2025).

Draw parameters from the prior, simulate an outcome from them, fit the model to it, and count how
many posterior draws lie below the parameter that the outcome was made with. If the model, its code
and the sampler are right, that rank is uniform.

Both the parameters and the outcome are simulated by code of this module. It states each model a
second time, in plain NumPy, from the builder's docstring: an error that the builder made in its
prior, its likelihood or its labels would cancel if its own code simulated the data as well.

simuk, of the ArviZ project, does the same for PyMC models in general. It is no use here: it asks
the model itself to simulate, which an outcome that is counted in cells cannot, it builds and
compiles the model anew for every data set, and it does not rank the log likelihood.
"""

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import nutpie
import pandas as pd
import pymc as pm
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
LEAST_F = 5.0
"""Of the clusters, where their effects are sampled centred: see :func:`clusters_differ`."""


class Study(NamedTuple):
    """A builder on a small design, and what its docstring says, stated in NumPy.

    Parameters
    ----------
    build
        Gives the model. Where it counts rows, its frame has every row that can occur.
    labels
        Every parameter of the model; for a vector, its labels in the order of ``Values``.
    prior
        Draws all parameters.
    outcome
        Simulates what is observed: the outcome of every row of the frame or, where the model
        counts rows, how often each of them occurs.
    log_likelihood
        Gives the log likelihood of all observations together, for each draw of the parameters.
    accept
        Says of an outcome whether to use it. Ranks stay uniform under any rule that looks at the
        outcome alone, since it leaves the posterior of an outcome as it is.
    target_accept
        Of the sampler.
    """

    build: Callable[[], pm.Model]
    labels: dict[str, list[Any]]
    prior: Callable[[np.random.Generator], Values]
    outcome: Callable[[np.random.Generator, Values], np.ndarray]
    log_likelihood: Callable[[Values, np.ndarray], np.ndarray]
    accept: Callable[[np.ndarray], bool] = lambda outcome: True
    target_accept: float = 0.9


def clusters_differ(scores: np.ndarray) -> bool:
    """Say whether the F ratio of the clusters (rows of scores) is above LEAST_F.

    Where it is not, the sd between clusters may be near zero. Effects that are sampled centred then
    make a funnel that the sampler does not get to the bottom of: its draws diverge, and ``ml.fit``
    refuses them. That is a limit of the sampler, known and reported; what is asked here is whether
    the models are right, so such outcomes are drawn again.
    """
    between = scores.shape[1] * scores.mean(axis=1).var(ddof=1)
    return bool(between > LEAST_F * scores.var(axis=1, ddof=1).mean())


def scores_of(counts: np.ndarray) -> np.ndarray:
    """Write out a table of counts (clusters by categories): a row of codes for each cluster."""
    return np.array([np.repeat(np.arange(len(row)), row) for row in counts])


# Normal outcomes: eight people, three rows each ---------------------------------------------------

PEOPLE = ["zoe", "ann", "mia", "bob", "lee", "kim", "eva", "tom"]  # not in alphabetical order
PERSON_OF_ROW = np.tile(np.arange(8), 3)
PEOPLE_ROWS = pd.DataFrame({"person": np.array(PEOPLE)[PERSON_OF_ROW], "y": 0.0})


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


def normal_outcome(rng: np.random.Generator, v: Values) -> np.ndarray:
    return rng.normal(v["alpha"][PERSON_OF_ROW], v["sigma"])


def normal_log_likelihood(v: Values, y: np.ndarray) -> np.ndarray:
    rows = stats.norm.logpdf(y, v["alpha"][..., PERSON_OF_ROW], v["sigma"][..., None])
    return np.asarray(rows.sum(axis=-1))


def people_differ(y: np.ndarray) -> bool:
    return clusters_differ(y.reshape(3, 8).T)


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
        "y": 0.0,
    }
)


def slopes_prior(rng: np.random.Generator) -> Values:
    sds, rho = rng.exponential(1, 2), 2 * rng.beta(2, 2) - 1
    covariance = np.outer(sds, sds) * np.array([[1, rho], [rho, 1]])
    level, steeper = rng.multivariate_normal([0, 0], covariance, 6).T
    return {
        "alpha_bar": np.array(rng.normal(0, 1.5)),
        "beta": rng.normal(0, 0.5, 2),
        "sigma_person": np.array(sds[0]),
        "alpha_person": level,
        "sigma_time_person": np.array(sds[1]),
        "time_person": steeper,
        "rho_person": np.array(rho),
        "sigma": np.array(rng.exponential(1)),
    }


def lines(v: Values) -> np.ndarray:
    """Return the expected outcome of each row."""
    slope = v["beta"][..., [0]] + v["time_person"]
    level = v["alpha_bar"][..., None] + v["beta"][..., [1]] * OLD + v["alpha_person"]
    return np.asarray(level[..., WALKER_OF_ROW] + slope[..., WALKER_OF_ROW] * TIME_OF_ROW)


def slopes_outcome(rng: np.random.Generator, v: Values) -> np.ndarray:
    return rng.normal(lines(v), v["sigma"])


def slopes_log_likelihood(v: Values, y: np.ndarray) -> np.ndarray:
    rows = stats.norm.logpdf(y, lines(v), v["sigma"][..., None])
    return np.asarray(rows.sum(axis=-1))


# A yes-or-no outcome: five actors, four days, three arms, each combination four times -------------

ACTORS, DAYS, ARMS = ["zoe", "ann", "mia", "bob", "lee"], [30, 7, 19, 4], ["t", "c", "u"]
PULLS = 4
ACTOR, DAY, ARM = np.array(list(product(range(5), range(4), range(3)))).T
PULL_ROWS = pd.DataFrame(
    product(ACTORS, DAYS, ARMS, [0, 1]), columns=["actor", "day", "arm", "yes"]
)


def crossed_prior(rng: np.random.Generator) -> Values:
    sigma_actor, sigma_day = rng.exponential(1, 2)
    return {
        "alpha_bar": np.array(rng.normal(0, 1.5)),
        "beta": rng.normal(0, 0.5, 3),
        "sigma_actor": np.array(sigma_actor),
        "sigma_day": np.array(sigma_day),
        "alpha_actor": rng.normal(0, sigma_actor, 5),
        "alpha_day": rng.normal(0, sigma_day, 4),
    }


def log_odds(v: Values) -> np.ndarray:
    deviations = v["alpha_actor"][..., ACTOR] + v["alpha_day"][..., DAY]
    return np.asarray(v["alpha_bar"][..., None] + v["beta"][..., ARM] + deviations)


def crossed_outcome(rng: np.random.Generator, v: Values) -> np.ndarray:
    yes = rng.binomial(PULLS, expit(log_odds(v)))
    return np.stack([PULLS - yes, yes], axis=-1).ravel()


def crossed_log_likelihood(v: Values, counts: np.ndarray) -> np.ndarray:
    no, yes = counts.reshape(-1, 2).T
    cells = yes * log_expit(log_odds(v)) + no * log_expit(-log_odds(v))
    return np.asarray(cells.sum(axis=-1))


def actors_differ(counts: np.ndarray) -> bool:
    return clusters_differ(scores_of(counts.reshape(5, -1, 2).sum(axis=1)))


# An ordered response to six kinds of case, each four times, by anybody or by each of six people ---

ANSWERS = ["never", "often", "mostly", "always"]
DOSE_AND_AGE = np.array(list(product([0.0, 1.0, 2.0], [3.0, 5.0])))
JUDGES = PEOPLE[:6]
KIND_OF_CASE = np.tile(np.arange(6), 6)
JUDGE_OF_CASE = np.repeat(np.arange(6), 6)
CASES = 4


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
    sigma = rng.exponential(1)
    people = {"sigma_judge": np.array(sigma), "alpha_judge": rng.normal(0, sigma, 6)}
    return ordered_prior(rng) | people


def probabilities(v: Values) -> np.ndarray:
    """Return the probability of each answer (last dim) to each case (the dim before)."""
    eta = v["beta"] @ DOSE_AND_AGE.T
    if "alpha_judge" in v:
        eta = eta[..., KIND_OF_CASE] + v["alpha_judge"][..., JUDGE_OF_CASE]
    at_most = expit(v["threshold"][..., None, :] - eta[..., None])
    ends = np.zeros((*eta.shape, 1))
    return np.diff(np.concatenate([ends, at_most, ends + 1], axis=-1))


def ordered_outcome(rng: np.random.Generator, v: Values) -> np.ndarray:
    return rng.multinomial(CASES, probabilities(v)).ravel()


def ordered_log_likelihood(v: Values, counts: np.ndarray) -> np.ndarray:
    cells = xlogy(counts.reshape(-1, 4), probabilities(v))
    return np.asarray(cells.sum(axis=(-2, -1)))


def judges_differ(counts: np.ndarray) -> bool:
    return clusters_differ(scores_of(counts.reshape(6, -1, 4).sum(axis=1)))


# The six builders ---------------------------------------------------------------------------------

PREDICTORS = ["dose", "age"]
ORDERED_LABELS: dict[str, list[Any]] = {"beta": PREDICTORS, "threshold": [1, 2, 3]}

STUDIES = {
    "no_pooling": Study(
        build=lambda: ml.no_pooling(PEOPLE_ROWS, "y", "person"),
        labels={"alpha": PEOPLE, "sigma": []},
        prior=no_pooling_prior,
        outcome=normal_outcome,
        log_likelihood=normal_log_likelihood,
    ),
    "partial_pooling": Study(
        build=lambda: ml.partial_pooling(PEOPLE_ROWS, "y", "person"),
        labels={"alpha_bar": [], "sigma_alpha": [], "alpha": PEOPLE, "sigma": []},
        prior=partial_pooling_prior,
        outcome=normal_outcome,
        log_likelihood=normal_log_likelihood,
        accept=people_differ,
    ),
    "varying_slopes": Study(
        build=lambda: ml.varying_slopes(LINE_ROWS, "y", ["time", "old"], "person", "time"),
        labels={
            "alpha_bar": [],
            "beta": ["time", "old"],
            "sigma_person": [],
            "alpha_person": WALKERS,
            "sigma_time_person": [],
            "time_person": WALKERS,
            "rho_person": [],
            "sigma": [],
        },
        prior=slopes_prior,
        outcome=slopes_outcome,
        log_likelihood=slopes_log_likelihood,
        target_accept=0.98,
    ),
    "crossed_intercepts": Study(
        build=lambda: ml.crossed_intercepts(PULL_ROWS, "yes", ["actor", "day"], "arm"),
        labels={
            "alpha_bar": [],
            "beta": ARMS,
            "sigma_actor": [],
            "sigma_day": [],
            "alpha_actor": ACTORS,
            "alpha_day": DAYS,
        },
        prior=crossed_prior,
        outcome=crossed_outcome,
        log_likelihood=crossed_log_likelihood,
        accept=actors_differ,
    ),
    # Nothing can be simulated from a flat prior, so the slopes have that of the varying model.
    "ordered_logit": Study(
        build=lambda: ml.ordered_logit(
            response_rows(["anybody"]), "answer", PREDICTORS, beta=Prior(pm.Normal, 0, 0.5)
        ),
        labels=ORDERED_LABELS,
        prior=ordered_prior,
        outcome=ordered_outcome,
        log_likelihood=ordered_log_likelihood,
    ),
    "ordered_logit_varying": Study(
        build=lambda: ml.ordered_logit(response_rows(JUDGES), "answer", PREDICTORS, "judge"),
        labels={**ORDERED_LABELS, "sigma_judge": [], "alpha_judge": JUDGES},
        prior=varying_prior,
        outcome=ordered_outcome,
        log_likelihood=ordered_log_likelihood,
        accept=judges_differ,
    ),
}
"""Every prior is the builder's own, but for the slopes of ``ordered_logit``."""

EVERY_OUTCOME = STUDIES["partial_pooling"]._replace(accept=lambda outcome: True)
"""Partial pooling without leaving any outcome out, to show the limit of the sampler."""
LIMIT = "partial_pooling, every outcome"


# Simulate, fit, rank ------------------------------------------------------------------------------


class Sampler:
    """A model that is compiled once and then sampled with one data set after the other.

    Parameters
    ----------
    study
        Which model, and the names and labels of its parameters.
    """

    def __init__(self, study: Study) -> None:
        model = study.build()
        self.labels, self.target_accept = study.labels, study.target_accept
        self.cell_of_row = model["cell_of_row"].get_value() if "count_of_cell" in model else None
        self.compiled = nutpie.compile_pymc_model(model, var_names=list(study.labels))

    def draw(self, outcome: np.ndarray, seed: int) -> tuple[Values, int]:
        """Draw from the posterior.

        Parameters
        ----------
        outcome
            As :class:`Study` simulates it.
        seed
            Of the sampler.

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
            target_accept=self.target_accept,
            save_warmup=False,
            progress_bar=False,
        )
        kept = raw["posterior"].dataset.isel(chain=0, draw=slice(THIN - 1, None, THIN))
        values = {}
        for name, labels in self.labels.items():
            draws = kept[name]
            values[name] = (draws.sel({draws.dims[1]: labels}) if labels else draws).to_numpy()
        return values, int(raw["sample_stats"]["diverging"].sum())

    def _data(self, outcome: np.ndarray) -> dict[str, np.ndarray]:
        if self.cell_of_row is None:
            return {"outcome_of_row": outcome}
        count = np.zeros(len(outcome))
        count[self.cell_of_row] = outcome
        return {"count_of_cell": count}


@cache
def sampler(name: str) -> Sampler:
    """Compile a model once in each process."""
    return Sampler({**STUDIES, LIMIT: EVERY_OUTCOME}[name])


def replicate(rng: np.random.Generator, name: str) -> pd.DataFrame:
    """Simulate, fit and rank once, as a replicate of :func:`multilevel.run_study`."""
    study = {**STUDIES, LIMIT: EVERY_OUTCOME}[name]
    return pd.DataFrame([rank_once(study, sampler(name).draw, rng)])


def simulate(study: Study, rng: np.random.Generator) -> tuple[Values, np.ndarray]:
    """Draw parameters and an outcome that they bring about, until an outcome is accepted."""
    while True:
        truth = study.prior(rng)
        outcome = study.outcome(rng, truth)
        if study.accept(outcome):
            return truth, outcome


def ranks(study: Study, draw: Draw, simulations: int, seed: int) -> pd.DataFrame:
    """Simulate, fit and rank, again and again.

    Parameters
    ----------
    study
        What simulates the parameters and the outcome.
    draw
        What fits: ``Sampler(study).draw``, or something that must be caught.
    simulations
        How many data sets.
    seed
        Of everything. The first simulations are the same, however many follow.

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
    """Simulate, fit and rank once: a row of what :func:`ranks` gives."""
    truth, outcome = simulate(study, rng)
    draws, divergent = draw(outcome, int(rng.integers(2**31)))
    true, drawn = quantities(study, truth, outcome), quantities(study, draws, outcome)
    return {name: int((drawn[name] < true[name]).sum()) for name in true} | {"divergent": divergent}


def quantities(study: Study, values: Values, outcome: np.ndarray) -> Values:
    """Pick what is ranked: numbers, the first and last element of vectors, the log likelihood.

    The log likelihood looks at parameters and outcome at once, and so catches what no parameter
    alone can, such as a posterior that took no notice of the data (Modrák et al. 2025).
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
        What :func:`ranks` gives.
    bins
        How many; a divisor of ``KEPT + 1``.

    Returns
    -------
    One row per quantity, one column per bin, numbered from 1
    """
    place = rank.drop(columns="divergent") // ((KEPT + 1) // bins)
    counts = {name: np.bincount(column, minlength=bins) for name, column in place.items()}
    return pd.DataFrame.from_dict(counts, orient="index", columns=range(1, bins + 1))
