"""Fit one of the five models in Bambi, and print time and memory as a line of JSON.

The priors are those of the book. Everything else is Bambi's default: its sampler (the NUTS of
PyMC), its acceptance rate, and group-level effects sampled non-centred.
"""

from collections.abc import Callable
from typing import NamedTuple

import bambi as bmb
import numpy as np
import pandas as pd
import xarray as xr
from bambi import Prior
from pymc.distributions.transforms import ordered

from bookmaking.benchmarks.measuring import CHAINS, CORES, arguments, clock, report

PREDICTORS = ["action", "intention", "contact"]
TREATMENTS = {"RN": "beta[R/N]", "LN": "beta[L/N]", "RP": "beta[R/P]", "LP": "beta[L/P]"}


def normal(sigma: float) -> Prior:
    """Return a normal prior around zero."""
    return Prior("Normal", mu=0, sigma=sigma)


UNIT = Prior("Exponential", lam=1)
VARYING = Prior("Normal", mu=0, sigma=UNIT)
THRESHOLD = Prior(
    "Normal",
    mu=0,
    sigma=1.5,
    # Bambi orders the thresholds of its default prior only; with this one it has to be told.
    transform=ordered,
    initval=np.linspace(-1.5, 1.5, 6),  # any increasing start will do
)


def as_it_is(data: pd.DataFrame) -> pd.DataFrame:
    """Return the table unchanged."""
    return data


def with_people(data: pd.DataFrame) -> pd.DataFrame:
    """Convert the numbers of the people to names."""
    return data.assign(id=data["id"].astype("category"))


def with_centred_predictors(data: pd.DataFrame) -> pd.DataFrame:
    """Order the response, and give the predictors a mean of zero.

    Bambi centres predictors where there is an intercept, and an ordinal model has none. Centred by
    hand, the thresholds have their priors at the predictors' means, as in brms and in the book.
    """
    predictors = data[PREDICTORS] - data[PREDICTORS].mean()
    return data.assign(response=pd.Categorical(data["response"], ordered=True), **predictors)


def with_indicators(data: pd.DataFrame) -> pd.DataFrame:
    """Add a column of zeros and ones for each treatment.

    From the column ``treatment`` and an intercept, Bambi would make the first treatment the
    reference, which has no effect.
    """
    return data.join(pd.get_dummies(data["treatment"].str.replace("/", ""), dtype=float))


class Study(NamedTuple):
    """A table and its preparation, a model, and our names for its parameters."""

    table: str
    prepare: Callable[[pd.DataFrame], pd.DataFrame]
    formula: str
    family: str
    priors: dict[str, Prior]
    names: dict[str, str]


SLOPES = {name: f"beta[{name}]" for name in PREDICTORS}

STUDIES = {
    "no pooling": Study(
        "mlm",
        with_people,
        "con ~ 0 + id",
        "gaussian",
        {"id": normal(1.5), "sigma": UNIT},
        {"id": "alpha"},
    ),
    "partial pooling": Study(
        "mlm",
        as_it_is,
        "con ~ 1 + (1 | id)",
        "gaussian",
        {"Intercept": normal(1.5), "1|id": VARYING, "sigma": UNIT},
        {"Intercept": "alpha_bar", "1|id_sigma": "sigma_alpha"},
    ),
    "crossed intercepts": Study(
        "chimpanzees",
        with_indicators,
        "pulled_left ~ 1 + RN + LN + RP + LP + (1 | actor) + (1 | block)",
        "bernoulli",
        {
            "Intercept": normal(1.5),
            **dict.fromkeys(TREATMENTS, normal(0.5)),
            "1|actor": VARYING,
            "1|block": VARYING,
        },
        {
            "Intercept": "alpha_bar",
            **TREATMENTS,
            "1|actor_sigma": "sigma_actor",
            "1|block_sigma": "sigma_block",
        },
    ),
    "ordered logit": Study(
        "trolley",
        with_centred_predictors,
        "response ~ 0 + action + intention + contact",
        "cumulative",
        {"threshold": THRESHOLD, **dict.fromkeys(PREDICTORS, Prior("Flat"))},
        SLOPES,
    ),
    "ordered logit, varying": Study(
        "trolley",
        with_centred_predictors,
        "response ~ 0 + action + intention + contact + (1 | id)",
        "cumulative",
        {"threshold": THRESHOLD, **dict.fromkeys(PREDICTORS, normal(0.5)), "1|id": VARYING},
        {**SLOPES, "1|id_sigma": "sigma_id"},
    ),
}


def at_zero(posterior: xr.Dataset, means: pd.Series) -> xr.Dataset:
    """Move the thresholds from the predictors' means to zero, and count them from one.

    Parameters
    ----------
    posterior
        Draws of a model with predictors that were centred by hand.
    means
        Means that were subtracted from the predictors.
    """
    shift = sum(mean * posterior[name] for name, mean in means.items())
    threshold = posterior["threshold"] + shift
    cut = posterior["threshold_dim"] + 1
    return posterior.assign(threshold=threshold).assign_coords(threshold_dim=cut)


def main() -> None:
    """Fit and report."""
    given = arguments(__doc__)
    study = STUDIES[given.model]
    table = pd.read_csv(given.data / f"{study.table}.csv")
    data = study.prepare(table)
    with clock() as took:
        model = bmb.Model(
            study.formula,
            data,
            family=study.family,
            priors=study.priors,
            center_predictors=False,  # the priors of intercepts are those at zero
        )
        fit = model.fit(
            draws=given.draws,
            tune=given.draws,
            chains=CHAINS,
            cores=CORES,
            random_seed=given.seed,
            progressbar=False,
        )
    posterior = fit["posterior"].dataset
    if study.table == "trolley":
        posterior = at_zero(posterior, table[PREDICTORS].mean())
    report(
        given.model,
        "Bambi",
        ["bambi", "pymc", "arviz"],
        took,
        posterior.rename(study.names),
        fit["sample_stats"].dataset["diverging"],
    )


if __name__ == "__main__":
    main()
