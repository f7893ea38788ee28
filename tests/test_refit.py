"""The book's models sampled in the browser: densities as PyMC's, posteriors as the library's.

A page of the built book is opened from the file system, with no network, as a reader opens it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import arviz_stats as azs
import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, Error, Page
from pymc.blocking import DictToArrayBijection
from pymc.model.transform.optimization import freeze_dims_and_data
from scipy.special import gamma

import multilevel as ml
from bookmaking.paths import HTML
from multilevel.compilation import density_and_gradient
from multilevel.priors import Prior
from tests.chromium import NEEDS_CHROMIUM

SCRIPTS = Path(__file__).resolve().parents[1] / "bookmaking" / "html" / "static" / "refit"
NAMES = ["parts", "normal", "logistic", "ordered", "slopes", "sampler", "diagnostics", "workers"]
LIMIT = 60_000
"""Size of all scripts, in bytes."""
TOLERANCE = 1e-8

pytestmark = NEEDS_CHROMIUM


def page_file(name: str) -> Path:
    return HTML / "chapters" / f"{name}.html"


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    """Return a page of the book."""
    opened = browser.new_context(offline=True).new_page()
    opened.goto(page_file("sampler-struggles").as_uri())
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


def one_cluster(data: pd.DataFrame, group: str, form: str, **priors: Any) -> pm.Model:
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
    others: list[dict[str, Prior]]
    """Three settings for each model; one for a further form of it."""
    form: Any = None
    target: float = 0.9
    """Acceptance rate that keeps the model's draws from diverging."""


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


def no_pooling(**priors: Any) -> pm.Model:
    return ml.no_pooling(MLM, "con", "id", check=False, **priors)


def partial_pooling(form: Any = "adapted", **priors: Any) -> pm.Model:
    return ml.partial_pooling(MLM, "con", "id", form=form, check=False, **priors)


def varying_slopes(**priors: Any) -> pm.Model:
    predictors = ["time", "is_pd"]
    return ml.varying_slopes(
        MLM, "con", predictors, "id", "time", form="adapted", check=False, **priors
    )


def crossed(form: Any, **priors: Any) -> pm.Model:
    groups = ["actor", "block"]
    return ml.crossed_intercepts(
        CHIMPANZEES, "pulled_left", groups, "treatment", form=form, check=False, **priors
    )


def ordered_logit(group: str | None = None, **priors: Any) -> pm.Model:
    form: Any = "centred" if group else "auto"
    return ml.ordered_logit(TROLLEY, "response", ACTIONS, group, form=form, check=False, **priors)


def blocks(form: str, **priors: Any) -> pm.Model:
    return one_cluster(CHIMPANZEES, "block", form, **priors)


def normal(mu: float, sigma: float) -> Prior:
    return Prior(pm.Normal, mu, sigma)


def half_normal(sigma: float) -> Prior:
    return Prior(pm.HalfNormal, sigma)


TIGHT = {"sigma_alpha": exponential(100), "alpha_bar": normal(0.1, 0.02)}
MIXED: Any = {"actor": "centred", "block": "non-centred"}
BLOCK = table(CHIMPANZEES, ["pulled_left", "block"], outcome="pulled_left", group="block")
CASES = {
    "no pooling": Case(
        "no_pooling",
        PEOPLE,
        no_pooling,
        [
            {"alpha": normal(0.2, 0.05), "sigma": half_normal(0.02)},
            {"alpha": normal(0.5, 0.1)},
            {"sigma": exponential(300)},
        ],
    ),
    "partial pooling": Case(
        "partial_pooling",
        PEOPLE,
        partial_pooling,
        [
            TIGHT,
            {"sigma_alpha": half_normal(0.02), "sigma": exponential(10)},
            {"alpha_bar": normal(0.5, 0.05), "sigma_alpha": exponential(0.1)},
        ],
    ),
    "partial pooling, centred": Case(
        "partial_pooling",
        PEOPLE,
        lambda **priors: partial_pooling("centred", **priors),
        [TIGHT],
        "centred",
    ),
    "partial pooling, non-centred": Case(
        "partial_pooling",
        PEOPLE,
        lambda **priors: partial_pooling("non-centred", **priors),
        [{"sigma_alpha": half_normal(0.02), "sigma": exponential(10)}],
        "non-centred",
    ),
    "chimpanzees": Case(
        "crossed_intercepts",
        PULLS,
        lambda **priors: crossed(MIXED, **priors),
        [
            {"sigma_actor": exponential(0.5), "beta": normal(0.1, 0.3)},
            {"sigma_block": exponential(0.1), "sigma_actor": half_normal(1)},
            {"alpha_bar": normal(0, 0.5), "beta": normal(0, 1)},
        ],
    ),
    "chimpanzees, the other way round": Case(
        "crossed_intercepts",
        PULLS | {"groups": ["block", "actor"]},
        lambda **priors: crossed(MIXED, **priors),
        [{"sigma_block": half_normal(0.5)}],
        MIXED,
    ),
    "blocks, centred": Case(
        "one_cluster", BLOCK, lambda **p: blocks("centred", **p), [{}], "centred"
    ),
    "blocks, non-centred": Case(
        "one_cluster",
        BLOCK,
        lambda **priors: blocks("non-centred", **priors),
        [
            {"sigma_alpha": half_normal(0.3)},
            {"sigma_alpha": exponential(0.2)},
            {"alpha_bar": normal(0, 0.5), "sigma_alpha": half_normal(1)},
        ],
        "non-centred",
        target=0.99,
    ),
    "judgements": Case(
        "ordered_logit",
        JUDGEMENTS,
        ordered_logit,
        [
            {"beta": normal(0, 0.1), "threshold": normal(0, 1)},
            {"beta": normal(-1, 0.05)},
            {"threshold": normal(0, 0.3)},
        ],
    ),
    "judgements of people": Case(
        "ordered_logit_varying",
        JUDGEMENTS,
        lambda **priors: ordered_logit("id", **priors),
        [
            {"sigma_id": exponential(20), "beta": normal(-0.5, 0.2)},
            {"sigma_id": half_normal(0.1)},
            {"threshold": normal(0, 0.5), "beta": normal(0, 2)},
        ],
    ),
    "lines": Case(
        "varying_slopes",
        LINES,
        varying_slopes,
        [
            {"sigma_time_id": exponential(100), "rho_id": Prior(pm.Beta, 10, 10)},
            {"rho_id": Prior(pm.Beta, 1, 1), "sigma_id": half_normal(0.1)},
            {"beta": normal(0, 0.01), "sigma": exponential(100)},
        ],
    ),
}
SETTINGS = [(name, k) for name, case in CASES.items() for k in range(len(case.others) + 1)]
"""Each model with the course's priors (0) and with others."""


def in_script(priors: Mapping[str, Prior]) -> dict[str, dict[str, Any]]:
    """Return priors of PyMC as the scripts take them, their numbers by name."""
    names = {"Normal": ("mu", "sigma"), "HalfNormal": ("sigma",), "Exponential": ("rate",)}
    result: dict[str, dict[str, Any]] = {}
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


def priors_of(case: Case, number: int) -> dict[str, Prior]:
    return case.others[number - 1] if number else {}


def settings(case: Case, priors: Mapping[str, Prior]) -> dict[str, Any]:
    given: dict[str, Any] = {"model": case.model, "data": case.data, "priors": in_script(priors)}
    given["targetAccept"] = case.target
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


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("name", CASES)
def test_densities_and_gradients_are_those_of_pymc(page: Page, name: str, number: int) -> None:
    case = CASES[name]
    priors = priors_of(case, number)
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


FINITE = """({ given, point }) => {
    const family = Refit.build(given);
    const q = Float64Array.from(point);
    const gradient = new Float64Array(family.size);
    const spare = new Float64Array(family.size);
    family.logDensity(q, gradient);
    const slopes = [...q].map((value, i) => {
        const h = 1e-4;
        const at = x => { q[i] = x; return family.logDensity(q, spare); };
        const [a, b, c, d] = [-2, -1, 1, 2].map(step => at(value + step * h));
        q[i] = value;
        return (a - 8 * b + 8 * c - d) / (12 * h);
    });
    return { slopes, gradient: [...gradient] };
}"""


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_finite_differences_of_the_density(page: Page, name: str) -> None:
    case = CASES[name]
    given = settings(case, case.others[0])
    size = sum(size for _, size in page.evaluate(LAYOUT, given)["layout"])
    point = np.random.default_rng(5).uniform(-1, 1, size)
    found = page.evaluate(FINITE, {"given": given, "point": point.tolist()})
    slopes, gradient = np.array(found["slopes"]), np.array(found["gradient"])
    assert np.allclose(slopes, gradient, rtol=1e-5, atol=1e-7 * abs(gradient).max())


PAGES = {
    "no pooling": "repeated-measures",
    "partial pooling": "repeated-measures",
    "chimpanzees": "crossed-clusters",
    "lines": "varying-slopes",
    "judgements": "exercise-moral-judgement",
    "judgements of people": "exercise-moral-judgement",
    "blocks, non-centred": "sampler-struggles",
}


def handed_over(page: str, model: str, what: str = ":not([data-book])") -> dict[str, Any]:
    """Return what a page of the book hands over to the panel of a model: content, or the book's."""
    soup = BeautifulSoup(page_file(page).read_text(encoding="utf-8"), "html.parser")
    script = soup.select_one(f'[data-refit="{model}"] script{what}')
    assert script
    content: dict[str, Any] = json.loads(script.get_text())
    return content


@pytest.mark.parametrize("name", PAGES)
def test_pages_hand_over_the_data_and_the_priors_of_the_model(page: Page, name: str) -> None:
    case = CASES[name]
    content = handed_over(PAGES[name], case.model)
    data = content["data"]
    levels, columns = data["levels"], dict(data["columns"])
    for column, codes in data["codes"].items():
        columns[column] = [levels[column][code] for code in codes]
    assert {column: columns[column] for column in case.data["columns"]} == case.data["columns"]
    ours = {"levels", "columns"} | ({"group"} if case.model == "ordered_logit" else set())
    roles = {key: case.data[key] for key in case.data.keys() - ours}
    assert {key: data[key] for key in roles} == roles
    theirs = {"model": case.model, "data": {**data, "columns": columns}}
    size = sum(size for _, size in page.evaluate(LAYOUT, theirs)["layout"])
    point = np.random.default_rng(3).uniform(-1, 1, size).tolist()
    priors = [content["priors"], None]
    given = [{"given": {**theirs, "priors": each}, "points": [point]} for each in priors]
    assert page.evaluate(DENSITIES, given[0]) == page.evaluate(DENSITIES, given[1])


# The posteriors -----------------------------------------------------------------------------------

RUN = """async given => {
    const { summary, worst, draws } = await Refit.run(given);
    return { summary, worst, draws: given.keep ? Object.values(draws).map(x => [...x]) : [] };
}"""
MEETS = [name for name in CASES if name != "blocks, centred"]
"""Those whose draws may be trusted: that the others may not is what their page shows."""
FITS: dict[tuple[str, str], xr.DataTree] = {}


def library_fit(case: Case, priors: Mapping[str, Prior]) -> xr.DataTree:
    """Return the library's fit, one for all forms of a model."""
    key = (case.model, repr(sorted(priors.items(), key=lambda item: item[0])))
    if key not in FITS:
        FITS[key] = ml.fit(case.build(**priors), seed=3, target_accept=case.target)
    return FITS[key]


@pytest.mark.parametrize(("name", "number"), [one for one in SETTINGS if one[0] in MEETS])
def test_posteriors_are_those_of_the_library(page: Page, name: str, number: int) -> None:
    case = CASES[name]
    priors = priors_of(case, number)
    ours = page.evaluate(RUN, settings(case, priors) | {"seed": 1})
    table = pd.DataFrame(ours["summary"]).set_index("key")
    assert ours["worst"]["divergences"] == ours["worst"]["tree_depth"] == 0
    assert table["r_hat"].max() < 1.01
    assert table[["ess_bulk", "ess_tail"]].min().min() > 400
    posterior = library_fit(case, priors)["posterior"].dataset
    names = list(dict.fromkeys(table["parameter"]))
    assert set(names) == {name for name in posterior if str(name)[0] not in "_z"}
    for of, error in (("mean", "mcse"), ("sd", "mcse_sd")):
        theirs, errors = posterior[names], azs.mcse(posterior[names], method=of)
        theirs = theirs.mean(("chain", "draw")) if of == "mean" else theirs.std(("chain", "draw"))
        expected = np.concatenate([np.ravel(theirs[name]) for name in names])
        spread = np.concatenate([np.ravel(errors[name]) for name in names])
        apart = abs(table[of] - expected) / np.hypot(table[error], spread)
        assert apart.max() < 5, apart.idxmax()


KNOWN = """() => {
  const { sample } = refitSampler();
  const family = {
    size: 2,
    names: ["quartic", "normal"],
    start: (random) => [random.normal(), random.normal()],
    constrain: (q, values) => values.set(q),
    logDensity([x, z], gradient) {
      gradient[0] = -(x ** 3);
      gradient[1] = -z;
      return -(x ** 4) / 4 - z ** 2 / 2;
    },
  };
  const settings = { tune: 500, draws: 20000, targetAccept: 0.5, seed: 1 };
  return [0, 1, 2, 3].map((chain) => [...sample(family, { ...settings, chain }).values]);
}"""


def test_a_known_density_is_sampled_also_with_long_steps(page: Page) -> None:
    """Long steps have large errors of the energy, which only the right weights make up for."""
    draws = np.array(page.evaluate(KNOWN)).reshape(4, -1, 2)
    quartic, normal = (xr.DataArray(draws[..., k], dims=("chain", "draw")) for k in range(2))
    second = 2 * gamma(3 / 4) / gamma(1 / 4)  # of exp(-x ** 4 / 4)
    for power, expected in [
        (quartic, 0.0),
        (quartic**2, second),
        (quartic**4, 1.0),
        (normal, 0.0),
        (normal**2, 1.0),
        (normal**4, 3.0),
    ]:
        assert abs(float(power.mean()) - expected) < 5 * float(ml.mcse(power))


@pytest.mark.parametrize("name", MEETS)
def test_the_same_seed_gives_the_same_draws_on_one_core_and_on_two(page: Page, name: str) -> None:
    short = settings(CASES[name], {}) | {"tune": 40, "draws": 10, "keep": True}
    first, again, another = (
        page.evaluate(RUN, short | {"seed": seed, "cores": cores})["draws"]
        for seed, cores in [(7, 2), (7, 1), (8, 2)]
    )
    assert first == again
    assert first != another
    assert len({tuple(np.round(chain, 9)) for chain in np.reshape(first[0], (4, 10))}) == 4


def test_centred_blocks_diverge_and_their_draws_come_while_they_are_made(page: Page) -> None:
    watched = """async given => {
        const seen = [];
        const watch = ['alpha_bar', 'sigma_alpha'];
        const onProgress = ({ chain, draws, diverging, done, of }) => {
            if (draws.some(draw => draw.length !== 2 || !(draw[1] > 0))) throw new Error('draw');
            seen.push([chain, draws.length, diverging.filter(Boolean).length, done, of]);
        };
        const { worst } = await Refit.run({ ...given, watch, onProgress });
        return { worst, seen };
    }"""
    found = page.evaluate(watched, settings(CASES["blocks, centred"], {}) | {"seed": 1})
    seen = pd.DataFrame(found["seen"], columns=["chain", "draws", "diverging", "done", "of"])
    assert found["worst"]["divergences"] == seen["diverging"].sum() > 10
    assert seen.groupby("chain")["draws"].sum().tolist() == [1000] * 4
    assert seen.groupby("chain")["done"].max().tolist() == [2000] * 4
    assert (seen.groupby("chain")["done"].diff().dropna() > 0).all()
    assert found["worst"]["r_hat"] > 1.01


def test_sampling_stops_on_request(page: Page) -> None:
    stopped = """given => {
        const result = Refit.run({ ...given, draws: 100000 });
        setTimeout(result.stop, 300);
        return result.catch(error => error.name);
    }"""
    assert page.evaluate(stopped, settings(CASES["lines"], {}) | {"seed": 1}) == "Stopped"


# The diagnostics ----------------------------------------------------------------------------------

RNG = np.random.default_rng(8)


def autoregressive(share: float, draws: int) -> np.ndarray:
    x = RNG.normal(size=(4, draws))
    for i in range(1, draws):
        x[:, i] += share * x[:, i - 1]
    return x


DRAWS = {
    "independent": RNG.normal(size=(4, 1000)),
    "small and far from zero": 1e3 + 1e-4 * RNG.normal(size=(4, 500)),
    "positively correlated": autoregressive(0.9, 1000),
    "negatively correlated": autoregressive(-0.7, 1000),
    "hardly moving": autoregressive(0.999, 400),
    "chains that disagree": autoregressive(0.3, 500) + np.arange(4)[:, None],
    "chains of unlike spread": autoregressive(0.3, 500) * np.arange(1, 5)[:, None],
    "long tails": RNG.standard_cauchy((4, 1000)),
    "equal values": RNG.poisson(2, (4, 1000)).astype(float),
    "an odd number": RNG.exponential(size=(4, 501)),
    "two chains": RNG.exponential(size=(2, 250)),
    "few": RNG.normal(size=(4, 6)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_diagnostics_are_those_of_arviz(page: Page, name: str) -> None:
    draws = DRAWS[name]
    summarise = "([x, chains]) => refitDiagnostics().summarise(Float64Array.from(x), chains)"
    found = page.evaluate(summarise, [draws.ravel().tolist(), len(draws)])
    sample = xr.Dataset({"x": (("chain", "draw"), draws)})
    expected = {
        "mean": draws.mean(),
        "sd": draws.std(ddof=1),
        "lower": np.quantile(draws, 0.025),
        "upper": np.quantile(draws, 0.975),
        "mcse": float(azs.mcse(sample, method="mean")["x"]),
        "mcse_sd": float(azs.mcse(sample, method="sd")["x"]),
        "r_hat": float(azs.rhat(sample)["x"]),
        "ess_bulk": float(azs.ess(sample, method="bulk")["x"]),
        "ess_tail": float(azs.ess(sample, method="tail", prob=(0.05, 0.95))["x"]),
    }
    assert found == pytest.approx(expected, rel=1e-6)


def test_the_share_of_renewed_energy_is_that_of_arviz(page: Page) -> None:
    energy = autoregressive(0.8, 500)
    shares = "chains => chains.map(x => refitDiagnostics().eBfmi(x))"
    sample = xr.Dataset({"energy": (("chain", "draw"), energy)})
    expected = azs.bfmi(xr.DataTree.from_dict({"sample_stats": sample}))
    expected = np.ravel(expected["energy"])
    assert page.evaluate(shares, energy.tolist()) == pytest.approx(expected.tolist(), rel=1e-6)


# Wrong input --------------------------------------------------------------------------------------

NEGATIVE = {"family": "Exponential", "rate": -1}
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "negative rate": ("lines", {"priors": {"sigma_id": NEGATIVE}}, "rate of sigma_id.*above zero"),
    "empty field": (
        "partial pooling",
        {"priors": {"sigma_alpha": {"family": "Exponential", "rate": None}}},
        "rate of sigma_alpha.*above zero",
    ),
    "text": (
        "chimpanzees",
        {"priors": {"beta": {"family": "Normal", "mu": "0", "sigma": 1}}},
        "mu of beta.*a number",
    ),
    "zero scale": (
        "judgements",
        {"priors": {"threshold": {"family": "Normal", "mu": 0, "sigma": 0}}},
        "sigma of threshold.*above zero",
    ),
    "scale of an exponential": (
        "no pooling",
        {"priors": {"sigma": {"family": "Exponential", "scale": 0}}},
        "scale of sigma.*above zero",
    ),
    "family": (
        "judgements of people",
        {"priors": {"sigma_id": {"family": "Normal", "mu": 0, "sigma": 1}}},
        "sigma_id.*Exponential or HalfNormal.*Normal",
    ),
    "other parameter": ("no pooling", {"priors": {"sigma_alpha": NEGATIVE}}, "sigma_alpha.*alpha"),
    "correlation": ("lines", {"priors": {"rho_id": {"family": "LKJ", "eta": 0}}}, "eta of rho_id"),
    "model": ("lines", {"model": "toString"}, "model is one of .*no_pooling"),
    "form": ("partial pooling", {"form": "best"}, "form.*centred.*best"),
    "form of a group": ("chimpanzees", {"form": {"actor": "best"}}, "form of actor.*centred"),
    "form of no group": ("chimpanzees", {"form": {"bock": "centred"}}, "form names 'bock'"),
    "seed": ("lines", {"seed": -1}, "seed.*from 0"),
    "seed in words": ("lines", {"seed": "1"}, "seed"),
    "chains": ("lines", {"chains": 1}, "chains.*from 2"),
    "draws": ("lines", {"draws": 0.5}, "draws"),
    "target": ("lines", {"targetAccept": 1}, "targetAccept.*between 0 and 1"),
    "watch": ("lines", {"watch": ["alpha[6]"]}, r"alpha\[6\]"),
    "outcome": (
        "chimpanzees",
        {"data": PULLS | {"outcome": "block"}},
        "outcome is 0 or 1 in every row",
    ),
    "column": ("lines", {"data": LINES | {"outcome": "com"}}, "outcome.*'com'"),
    "slope": ("lines", {"data": LINES | {"slope": "is_pd"}}, "'is_pd' is constant in every 'id'"),
    "missing slope": ("lines", {"data": LINES | {"slope": "wave"}}, "'wave' is not among"),
    "missing value": (
        "partial pooling",
        {"data": {**PEOPLE, "columns": {"con": [0.1, None], "id": [1, 1]}}},
        "'con' holds 'null'",
    ),
    "one group": (
        "partial pooling",
        {"data": {**PEOPLE, "columns": {"con": [0.1, 0.2], "id": [1, 1]}}},
        "'id' needs at least two levels",
    ),
    "unlike lengths": (
        "partial pooling",
        {"data": {**PEOPLE, "columns": {"con": [0.1, 0.2, 0.3], "id": [1, 2]}}},
        "length",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_input_is_refused_in_words(page: Page, name: str) -> None:
    case, changes, message = REFUSED[name]
    with pytest.raises(Error, match=message):
        page.evaluate(RUN, settings(CASES[case], {}) | {"seed": 1} | changes)


def test_the_scripts_are_small() -> None:
    assert sorted(file.stem for file in SCRIPTS.iterdir()) == sorted(NAMES)
    assert sum(file.stat().st_size for file in SCRIPTS.iterdir()) <= LIMIT
