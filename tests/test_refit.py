"""The book's models sampled in the browser: densities as PyMC's, posteriors as the library's.

The scripts are opened from the file system, with no network, as a reader's page opens them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import arviz_stats as azs
import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from playwright.sync_api import Browser, Error, Page, sync_playwright
from pymc.blocking import DictToArrayBijection
from pymc.model.transform.optimization import freeze_dims_and_data

import multilevel as ml
from multilevel.compilation import density_and_gradient
from multilevel.priors import Prior
from tests.test_browser import CHROMIUM, FLAGS

SCRIPTS = Path(__file__).resolve().parents[1] / "bookmaking" / "html" / "static" / "refit"
NAMES = ["parts", "normal", "logistic", "ordered", "slopes", "sampler", "diagnostics", "workers"]
LIMIT = 60_000
"""Size of all scripts, in bytes."""
TOLERANCE = 1e-8

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="there is no Chromium here; Debian and Ubuntu have it: chromium"
    ),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Return an empty page that holds the scripts, opened from the file system."""
    file = tmp_path_factory.mktemp("refit") / "page.html"
    scripts = [f'<script src="{(SCRIPTS / name).as_uri()}.js"></script>' for name in NAMES]
    file.write_text("<!doctype html><meta charset='utf-8'>" + "".join(scripts), encoding="utf-8")
    opened = browser.new_context(offline=True).new_page()
    opened.goto(file.as_uri())
    return opened


# The models of the course -------------------------------------------------------------------------

MLM = ml.load_mlm().assign(is_pd=lambda data: (data["group"] == "PD").astype(int))
CHIMPANZEES, TROLLEY = ml.load_chimpanzees(), ml.load_trolley()
ACTIONS = ["action", "intention", "contact"]


def table(data: pd.DataFrame, columns: list[str], **roles: Any) -> dict[str, Any]:
    """Return columns of a frame as a page hands them over, with the roles they have."""
    levels = {
        name: data[name].cat.categories.tolist()
        for name in columns
        if isinstance(data[name].dtype, pd.CategoricalDtype)
    }
    return {"columns": {n: data[n].tolist() for n in columns}, "levels": levels, **roles}


def one_cluster(data: pd.DataFrame, group: str, form: str, **priors: Prior) -> pm.Model:
    """Build the model of the page about the sampler, as it is written there."""
    cluster, labels = pd.factorize(data[group], sort=True)
    chosen = {"alpha_bar": Prior(pm.Normal, 0, 1.5), "sigma_alpha": Prior(pm.Exponential, 1)}
    chosen |= priors
    with pm.Model(coords={"cluster": labels, "row": data.index}) as model:
        alpha_bar = chosen["alpha_bar"]("alpha_bar")
        sigma_alpha = chosen["sigma_alpha"]("sigma_alpha")
        if form == "centred":
            alpha = pm.Normal("alpha", alpha_bar, sigma_alpha, dims="cluster")
        else:
            z = pm.Normal("z", 0, 1, dims="cluster")
            alpha = pm.Deterministic("alpha", alpha_bar + sigma_alpha * z, dims="cluster")
        outcome = data["pulled_left"]
        pm.Bernoulli("pulled_left", logit_p=alpha[cluster], observed=outcome, dims="row")
    return model


@dataclass(frozen=True)
class Case:
    """A model here and there, and priors other than the course's."""

    model: str
    data: dict[str, Any]
    build: Callable[..., pm.Model]
    other: dict[str, Prior]
    form: Any = None
    library: dict[str, Any] = field(default_factory=dict)
    """The form that the library calls by this name, if the model has one."""
    settings: dict[str, Any] = field(default_factory=dict)


PEOPLE = table(MLM, ["con", "id"], outcome="con", group="id")
LINES = table(
    MLM,
    ["con", "id", "time", "is_pd"],
    outcome="con",
    group="id",
    predictors=["time", "is_pd"],
    slope="time",
)
PULLS = table(
    CHIMPANZEES,
    ["pulled_left", "actor", "block", "treatment"],
    outcome="pulled_left",
    groups=["actor", "block"],
    treatment="treatment",
)
JUDGEMENTS = table(
    TROLLEY, ["response", "id", *ACTIONS], response="response", predictors=ACTIONS, group="id"
)


def exponential(rate: float) -> Prior:
    return Prior(pm.Exponential, rate)


def no_pooling(**priors: Prior) -> pm.Model:
    return ml.no_pooling(MLM, "con", "id", check=False, **priors)


def partial_pooling(form: Any = "adapted", **priors: Prior) -> pm.Model:
    return ml.partial_pooling(MLM, "con", "id", form=form, check=False, **priors)


def varying_slopes(**priors: Prior) -> pm.Model:
    predictors = ["time", "is_pd"]
    return ml.varying_slopes(MLM, "con", predictors, "id", "time", form="adapted", check=False, **priors)


def crossed(form: Any, **priors: Prior) -> pm.Model:
    groups = ["actor", "block"]
    return ml.crossed_intercepts(
        CHIMPANZEES, "pulled_left", groups, "treatment", form=form, check=False, **priors
    )


def ordered_logit(group: str | None = None, **priors: Prior) -> pm.Model:
    form = "centred" if group else "auto"
    return ml.ordered_logit(TROLLEY, "response", ACTIONS, group, form=form, check=False, **priors)


def blocks(form: str, **priors: Prior) -> pm.Model:
    return one_cluster(CHIMPANZEES, "block", form, **priors)


TIGHT = {"sigma_alpha": exponential(100), "alpha_bar": Prior(pm.Normal, 0.1, 0.02)}
MIXED: Any = {"actor": "centred", "block": "non-centred"}
BLOCK = table(CHIMPANZEES, ["pulled_left", "block"], outcome="pulled_left", group="block")
CASES = {
    "no pooling": Case(
        "no_pooling",
        PEOPLE,
        no_pooling,
        {"alpha": Prior(pm.Normal, 0.2, 0.05), "sigma": Prior(pm.HalfNormal, 0.02)},
    ),
    "partial pooling": Case("partial_pooling", PEOPLE, partial_pooling, TIGHT),
    "partial pooling, centred": Case(
        "partial_pooling",
        PEOPLE,
        lambda **priors: partial_pooling("centred", **priors),
        {"sigma_alpha": exponential(10)},
        "centred",
    ),
    "partial pooling, non-centred": Case(
        "partial_pooling",
        PEOPLE,
        lambda **priors: partial_pooling("non-centred", **priors),
        {"sigma_alpha": Prior(pm.HalfNormal, 0.02), "sigma": exponential(10)},
        "non-centred",
    ),
    "chimpanzees": Case(
        "crossed_intercepts",
        PULLS,
        lambda **priors: crossed(MIXED, **priors),
        {"sigma_actor": exponential(0.5), "beta": Prior(pm.Normal, 0.1, 0.3)},
    ),
    "chimpanzees, the other way round": Case(
        "crossed_intercepts",
        PULLS | {"groups": ["block", "actor"]},
        lambda **priors: crossed(MIXED, **priors),
        {"sigma_block": Prior(pm.HalfNormal, 0.5)},
        MIXED,
    ),
    "blocks, centred": Case(
        "one_cluster", BLOCK, lambda **p: blocks("centred", **p), {}, "centred"
    ),
    "blocks, non-centred": Case(
        "one_cluster",
        BLOCK,
        lambda **priors: blocks("non-centred", **priors),
        {"sigma_alpha": Prior(pm.HalfNormal, 0.3)},
        "non-centred",
    ),
    "judgements": Case(
        "ordered_logit",
        JUDGEMENTS,
        ordered_logit,
        {"beta": Prior(pm.Normal, 0, 0.1), "threshold": Prior(pm.Normal, 0, 1)},
    ),
    "judgements of people": Case(
        "ordered_logit_varying",
        JUDGEMENTS,
        lambda **priors: ordered_logit("id", **priors),
        {"sigma_id": exponential(20), "beta": Prior(pm.Normal, -0.5, 0.2)},
    ),
    "lines": Case(
        "varying_slopes",
        LINES,
        varying_slopes,
        {"sigma_time_id": exponential(100), "rho_id": Prior(pm.Beta, 10, 10)},
    ),
}


def in_script(priors: Mapping[str, Prior]) -> dict[str, dict[str, Any]]:
    """Return priors of PyMC as the scripts take them, their numbers by name."""
    names = {"Normal": ("mu", "sigma"), "HalfNormal": ("sigma",), "Exponential": ("rate",)}
    result = {}
    for name, prior in priors.items():
        family = prior.distribution.__name__
        if family == "Beta":  # the correlation, halfway between -1 and 1
            result[name] = {"family": "LKJ", "eta": prior.parameters[0]}
        else:
            result[name] = {
                "family": family,
                **dict(zip(names[family], prior.parameters, strict=True)),
            }
    return result


def settings(case: Case, priors: Mapping[str, Prior]) -> dict[str, Any]:
    given = {"model": case.model, "data": case.data, "priors": in_script(priors)}
    return given | ({"form": case.form} if case.form else {})


# The densities ------------------------------------------------------------------------------------

DENSITIES = """({ given, points }) => {
    const family = Refit.build(given);
    const gradient = new Float64Array(family.size);
    const at = point => family.logDensity(Float64Array.from(point), gradient);
    const values = new Float64Array(family.names.length);
    const evaluate = point => {
        const logDensity = at(point);
        family.constrain(Float64Array.from(point), values);
        return { logDensity, gradient: [...gradient], values: [...values] };
    };
    return { results: points.map(evaluate), names: family.names.map(name => name.key) };
}"""
LAYOUT = """given => {
    const { layout, units } = Refit.build(given);
    return { layout, units: units ?? {} };
}"""


def in_order(vector: np.ndarray, names: list[list[Any]], order: list[str]) -> np.ndarray:
    """Return a vector with its variables in another order."""
    ends = np.cumsum([size for _, size in names])
    parts = dict(zip([name for name, _ in names], np.split(vector, ends[:-1]), strict=True))
    return np.concatenate([parts[name] for name in order])


@pytest.mark.parametrize("other", [False, True], ids=["course", "other"])
@pytest.mark.parametrize("name", CASES)
def test_densities_and_gradients_are_those_of_pymc(page: Page, name: str, other: bool) -> None:
    case = CASES[name]
    priors = case.other if other else {}
    given = settings(case, priors)
    found = page.evaluate(LAYOUT, given)
    model = case.build(**priors)
    for parameter, unit in found["units"].items():  # any will do: it only stretches an axis
        model.rvs_to_transforms[model[parameter]].scale = unit
    model = freeze_dims_and_data(model)
    start = model.initial_point()
    order = [value.name for value in model.value_vars]
    assert sorted(order) == sorted(name for name, _ in found["layout"])
    rng = np.random.default_rng(21)
    size = sum(size for _, size in found["layout"])
    points = rng.uniform(-1, 1, (5, size))
    points[:2] *= 2
    theirs = density_and_gradient(model, start)
    answer = page.evaluate(DENSITIES, {"given": given, "points": points.tolist()})
    values, reported = [], []
    for point, ours in zip(points, answer["results"], strict=True):
        value, gradient = theirs(in_order(point, found["layout"], order))
        mine = in_order(np.array(ours["gradient"]), found["layout"], order)
        assert np.allclose(mine, gradient, rtol=TOLERANCE, atol=TOLERANCE * abs(gradient).max())
        values.append((ours["logDensity"], float(value)))
        reported.append(ours["values"])
    mine, other_values = np.array(values).T
    assert np.allclose(np.diff(mine), np.diff(other_values), rtol=TOLERANCE, atol=1e-8)
    # The reported parameters are the library's at the same points.
    flat = DictToArrayBijection.map(start)
    unpack = [
        DictToArrayBijection.rmap(
            type(flat)(in_order(point, found["layout"], order), flat.point_map_info)
        )
        for point in points
    ]
    outputs = {key.split("[")[0] for key in answer["names"]}
    names = sorted(outputs)
    there = model.compile_fn(
        model.replace_rvs_by_values([model[name] for name in names]), on_unused_input="ignore"
    )
    for point, ours in zip(unpack, reported, strict=True):
        by_name = dict(zip(names, there(point), strict=True))
        expected = [
            number
            for name in dict.fromkeys(key.split("[")[0] for key in answer["names"])
            for number in np.atleast_1d(by_name[name])
        ]
        assert np.allclose(ours, expected, rtol=TOLERANCE, atol=1e-10)
