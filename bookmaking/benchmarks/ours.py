"""Fit one of the models as the chapters do, and print time and memory as a line of JSON."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pymc as pm

import multilevel as ml
from bookmaking.benchmarks.measuring import CHAINS, CORES, arguments, clock, report
from multilevel.sampling import sample

PREDICTORS = ["action", "intention", "contact"]


class Study(NamedTuple):
    """Table, model, settings and seed of a chapter."""

    load: Callable[[Path], pd.DataFrame]
    state: Callable[[pd.DataFrame], pm.Model]
    settings: dict[str, Any]
    seed: int


def _with_patients(folder: Path) -> pd.DataFrame:
    data = ml.load_mlm(folder)
    return data.assign(is_pd=(data["group"] == "PD").astype(int))


STUDIES = {
    "no pooling": Study(ml.load_mlm, lambda data: ml.no_pooling(data, "con", "id"), {}, 9),
    "partial pooling": Study(
        ml.load_mlm, lambda data: ml.partial_pooling(data, "con", "id"), {}, 9
    ),
    "crossed intercepts": Study(
        ml.load_chimpanzees,
        lambda data: ml.crossed_intercepts(data, "pulled_left", ["actor", "block"], "treatment"),
        {"target_accept": 0.95},
        1,
    ),
    "ordered logit": Study(
        ml.load_trolley,
        lambda data: ml.ordered_logit(data, "response", PREDICTORS),
        {"adapt_correlations": True},
        7,
    ),
    "ordered logit, varying": Study(
        ml.load_trolley,
        lambda data: ml.ordered_logit(data, "response", PREDICTORS, "id"),
        {"target_accept": 0.8},
        7,
    ),
}


MORE = {
    "varying slopes": Study(
        _with_patients,
        lambda data: ml.varying_slopes(data, "con", ["time", "is_pd"], "id", "time"),
        {},
        15,
    ),
}
"""Models that are no part of the course."""


def main() -> None:
    """Fit and report; a fit that ``ml.fit`` would refuse is reported too, with an error message."""
    given = arguments(__doc__)
    study = (STUDIES | MORE)[given.model]
    data = study.load(given.data)
    with clock() as took:
        fit = sample(
            study.state(data),
            given.seed,
            draws=given.draws,
            tune=given.draws,
            chains=CHAINS,
            cores=CORES,
            **study.settings,
        )
    try:
        ml.check_convergence(fit)
    except ml.ConvergenceError as error:
        print(error, file=sys.stderr)
    report(
        given.model,
        "multilevel",
        ["pymc", "nutpie", "arviz"],
        took,
        fit["posterior"].dataset,
        fit["sample_stats"].dataset["diverging"],
    )


if __name__ == "__main__":
    main()
