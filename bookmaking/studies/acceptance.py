"""Study how often ``ml.fit`` accepts ordinary data, and is right: data/acceptance.csv.

usage: python -m bookmaking acceptance [--replicates N] [--scheduler ADDRESS] [--workers N]

Each replicate draws a design and a data set, builds the model with its default priors and form, and
samples it with the default settings. Finished replicates are kept in _build/studies, so that an
interrupted study can be resumed.
"""

import argparse
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from scipy.special import expit

import multilevel as ml
from bookmaking.paths import BOOKMAKING, BUILD, DATA
from bookmaking.studies.calibrate import density_state, versions
from multilevel.files import atomic, module_state
from multilevel.sampling import sample
from multilevel.studies import run_study

TABLE = DATA / "acceptance.csv"
SEED = 2026

BUILDERS: dict[str, Callable[..., pm.Model]] = {
    "normal": ml.linear,
    "binary": ml.logistic,
    "ordered": ml.ordered_logit,
}
CLUSTERS = [5, 8, 12, 20, 30, 50]
ROWS = [2, 3, 5, 10, 20, 50]
"""Of each cluster."""
ICC = [0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8]
"""Share of the variance that is between clusters; of logit models, on the latent scale."""
MOST_ROWS = 1000
CATEGORIES = ["never", "seldom", "often", "mostly", "always"]
SECOND = 1
"""Place of the threshold that is looked at."""

NORMAL, LOGISTIC = 1.0, np.pi**2 / 3
"""Variances within clusters."""


class Design(NamedTuple):
    """The design of a data set.

    Parameters
    ----------
    family
        Family of the outcome: one of ``BUILDERS``.
    groups
        Number of groups; a second one is crossed with the first, and has other clusters.
    slope
        Whether the slope of the predictor varies between the clusters of the first group.
    clusters, rows
        Number of clusters of the first group, and of the rows of each.
    items
        Number of clusters of the second group.
    icc
        Share of the variance that is between clusters, of both groups together.
    """

    family: str
    groups: int
    slope: bool
    clusters: int
    rows: int
    items: int
    icc: float


def draw_design(rng: np.random.Generator) -> Design:
    """Draw a design from the grids, with at most MOST_ROWS rows."""
    family, groups, slope = rng.choice(list(BUILDERS)), rng.integers(1, 3), rng.integers(2)
    rows, icc = rng.choice(ROWS), rng.choice(ICC)
    clusters = min(rng.choice(CLUSTERS), MOST_ROWS // rows)
    items = min(rng.choice(CLUSTERS), clusters * rows // 2)
    shape = int(clusters), int(rows), int(items)
    return Design(str(family), int(groups), bool(slope), *shape, float(icc))


def draw_truth(rng: np.random.Generator, design: Design) -> dict[str, float]:
    """Draw the parameters that make the data, by the names that the models give them."""
    variance = design.icc / (1 - design.icc)
    variance *= NORMAL if design.family == "normal" else LOGISTIC
    of_items = rng.uniform(0.1, 0.9) if design.groups == 2 else 0.0
    truth = {"alpha_bar": rng.normal(), "beta": rng.normal(0, 0.5)}
    truth["sigma_person"] = float(np.sqrt(variance * (1 - of_items)))
    if design.slope:
        truth["sigma_x_person"] = truth["sigma_person"] * rng.choice([0.25, 0.5, 1])
        truth["rho_person"] = rng.uniform(-0.8, 0.8)
    if design.groups == 2:
        truth["sigma_item"] = float(np.sqrt(variance * of_items))
    return truth | ({"sigma": 1.0} if design.family == "normal" else {})


def simulate(rng: np.random.Generator, design: Design) -> tuple[pd.DataFrame, dict[str, float]]:
    """Draw parameters and a data set; return it with the parameters on its scale."""
    truth, n = draw_truth(rng, design), design.clusters * design.rows
    person = np.repeat(np.arange(design.clusters), design.rows)
    item = rng.permutation(np.arange(n) % design.items)
    data = pd.DataFrame({"person": person, "item": item, "x": rng.normal(size=n)})
    z = rng.normal(size=(2, design.clusters))
    eta = truth["alpha_bar"] + truth["beta"] * data["x"] + truth["sigma_person"] * z[0][person]
    if design.slope:
        rho = truth.pop("rho_person")
        z[1] = rho * z[0] + np.sqrt(1 - rho**2) * z[1]
        eta += truth["sigma_x_person"] * z[1][person] * data["x"]
    if design.groups == 2:
        eta += truth["sigma_item"] * rng.normal(size=design.items)[item]
    if design.family == "normal":
        y = rng.normal(eta)
        truth["alpha_bar"] -= y.mean()
        truth = {name: value / y.std() for name, value in truth.items()}
        return data.assign(y=(y - y.mean()) / y.std()), truth
    if design.family == "binary":
        return data.assign(y=rng.binomial(1, expit(eta))), truth
    cuts = np.sort(rng.normal(0, 1.5, len(CATEGORIES) - 1))
    code = (rng.logistic(eta)[:, None] > cuts).sum(axis=1)
    truth["threshold"] = cuts[SECOND] - truth.pop("alpha_bar")
    answers = np.array(CATEGORIES)[code]
    return data.assign(y=pd.Categorical(answers, CATEGORIES, ordered=True)), truth


def build(design: Design, data: pd.DataFrame) -> pm.Model:
    """Build the model of a design with its default priors and form."""
    return BUILDERS[design.family](
        data,
        "y",
        ["x"],
        groups=["person", "item"][: design.groups],
        slopes={"person": ["x"]} if design.slope else None,
    )


def covered(fit: xr.DataTree, truth: dict[str, float]) -> dict[str, int]:
    """Return for each parameter whether its 90 % interval (equal tails) contains the true value."""
    result: dict[str, int] = {}
    for name, true in truth.items():
        draws = fit["posterior"].dataset[name]
        draws = draws.isel(dict.fromkeys(draws.dims[2:], SECOND if name == "threshold" else 0))
        low, high = draws.quantile([0.05, 0.95])
        result[f"covered_{name}"] = int(low <= true <= high)
    return result


def replicate(rng: np.random.Generator) -> pd.DataFrame:
    """Draw a data set and fit it, as a replicate of :func:`multilevel.run_study`.

    Returns
    -------
    One row: the design; ``result``, which is ``accepted``, ``refused`` (by the checks of the data)
    or ``not converged``; the ``reason``; a checksum of the density; the diagnostics; and which
    parameters were covered
    """
    design = draw_design(rng)
    data, truth = simulate(rng, design)
    row: dict[str, Any] = {**design._asdict(), "result": "accepted", "reason": ""}
    try:
        model = build(design, data)
    except ValueError as error:
        row |= {"result": "refused", "reason": why(error)}
        return pd.DataFrame([row])
    row["density_sha256"] = density_state(model)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "tree_depth")  # which is among the diagnostics
        fit = sample(model, seed=int(rng.integers(2**31)), cores=1)
        try:
            ml.check_convergence(fit)
        except ml.ConvergenceError as error:
            reason = " ".join(re.findall(r"^- (\w+):", str(error), flags=re.MULTILINE))
            row |= {"result": "not converged", "reason": reason}
    worst = ml.diagnose(fit).loc["worst"]
    return pd.DataFrame([row | dict(worst) | covered(fit, truth)])


def why(error: ValueError) -> str:
    """Return the reason of a refusal without the numbers: up to the colon of its sentence."""
    lines = [line.partition(":")[0] for line in str(error).splitlines()]
    return lines[1].partition(" is about ")[0] if lines[0].endswith("priors.") else lines[0]


def main(arguments: list[str]) -> int:
    """Run the study, or the rest of it, and store a row for each data set."""
    parser = argparse.ArgumentParser(prog="python -m bookmaking acceptance")
    parser.add_argument("--replicates", type=int, default=600)
    parser.add_argument("--scheduler")
    parser.add_argument("--workers", type=int)
    options = vars(parser.parse_args(arguments))
    code = module_state(BOOKMAKING / "studies" / "acceptance.py")
    place = BUILD / "studies" / f"acceptance-{code}"
    # Every data set compiles a separate model, whose code a worker never frees.
    table = run_study(replicate, seed=SEED, folder=place, memory="8 GiB", **options)
    about: dict[str, Any] = {"seed": SEED, "code_sha256": code, "versions": versions()}
    with atomic(TABLE) as temporary:
        table.assign(**about).to_csv(temporary, index=False)
    return 0
