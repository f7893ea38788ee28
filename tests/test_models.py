"""Each builder states the model that its equations state.

The reference densities are written out from the equations with SciPy, row by row and without
counting equal rows. A model's own log density is that of the variables that the sampler moves, so
the Jacobian of each transformation is written beside the reference.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
from pymc.blocking import DictToArrayBijection
from pytensor.compile.maker import function
from pytensor.graph.replace import vectorize_graph
from scipy import stats
from scipy.special import expit

import multilevel as ml
from multilevel import effects, likelihoods, models
from multilevel.priors import PYTHON, Prior
from multilevel.structure import structure_of

Values = dict[str, Any]  # a number, or a dict of numbers by label, for each name

# PyTensor takes the log of a constant such as 1.5 in single precision, so that log densities are
# off by constants of about 1e-8, which no posterior notices.
TIGHT = 1e-8

PREDICTORS = ["action", "intention", "contact"]
MLM, CHIMPANZEES, TROLLEY = ml.load_mlm(), ml.load_chimpanzees(), ml.load_trolley()
MLM["is_pd"] = (MLM["group"] == "PD").astype(int)

# Labels that are strings, unsorted, not contiguous; categories whose order is not alphabetical;
# equal rows; an index that is not 0, 1, 2.
ODD = pd.DataFrame(
    {
        "person": ["zoe", "ann", "zoe", "mia", "bob", "ann", "mia", "bob", "zoe", "ann", "zoe"],
        "day": [30, 7, 7, 19, 30, 19, 7, 30, 7, 19, 30],
        "arm": pd.Categorical(list("tcctcttccct"), categories=["t", "c"], ordered=True),
        "y": [3.1, 7.2, 2.8, -5.0, 0.4, 6.9, -5.5, 0.2, 3.3, 7.0, 3.1],
        "yes": [1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1],
        "dose": [0.5, 2.0, 0.5, 1.0, 2.0, 1.0, 0.0, 2.0, 0.5, 1.0, 0.5],
        "age": [3, 5, 3, 4, 2, 5, 4, 2, 3, 5, 3],
        "trial": [1, 2, 3, 4, 2, 1, 3, 4, 4, 3, 1],
        "answer": pd.Categorical(
            [{"n": "never", "o": "often", "a": "always"}[letter] for letter in "onaonoanaoo"],
            categories=["never", "often", "always"],
            ordered=True,
        ),
    },
    index=range(100, 133, 3),
)


# The equations, written out -----------------------------------------------------------------------


def lookup(column: pd.Series, effect: dict[Any, float]) -> np.ndarray:
    return np.array([effect[label] for label in column])


def total(distribution: Any, values: Any) -> float:
    numbers = list(values.values()) if isinstance(values, dict) else values
    return float(np.sum(distribution.logpdf(numbers)))


class Equations(NamedTuple):
    """What a model states: what its rows and its parameters are distributed as."""

    family: str
    outcome: str
    predictors: Sequence[str] = ()
    treatment: str = ""
    groups: Sequence[str] = ()
    slopes: Mapping[str, Sequence[str]] = MappingProxyType({})
    alpha: str = ""
    """The group whose clusters' means are called alpha."""
    pooled: bool = True
    flat: bool = False

    def varying(self, v: Values, group: str, data: pd.DataFrame) -> Any:
        """Return the effects of a group, row by row."""
        labels = data[group] if group in data else data["day"].astype(str) + ":" + data["person"]
        if group == self.alpha:
            return lookup(labels, v["alpha"]) - (v["alpha_bar"] if self.pooled else 0)
        effect = lookup(labels, v[f"alpha_{group}"])
        for x in self.slopes.get(group, []):
            effect = effect + lookup(labels, v[f"{x}_{group}"]) * data[x].to_numpy(float)
        return effect

    def rows(self, v: Values, data: pd.DataFrame) -> np.ndarray:
        """Return the log likelihood of each row."""
        eta: Any = v.get("alpha_bar", 0.0)
        for name in self.predictors:
            eta = eta + v["beta"][name] * data[name].to_numpy(float)
        if self.treatment:
            eta = eta + lookup(data[self.treatment], v["beta"])
        for group in self.groups:
            eta = eta + self.varying(v, group, data)
        if self.family == "normal":
            return np.asarray(stats.norm.logpdf(data[self.outcome], eta, v["sigma"]))
        if self.family == "bernoulli":
            return np.asarray(stats.bernoulli.logpmf(data[self.outcome], expit(eta)))
        edges = np.array([-np.inf, *v["threshold"].values(), np.inf])
        k = data[self.outcome].cat.codes.to_numpy()
        return np.asarray(np.log(expit(edges[k + 1] - eta) - expit(edges[k] - eta)))

    def priors(self, v: Values, data: pd.DataFrame) -> float:
        """Return the log prior density of all parameters that are reported."""
        density = 0.0
        if self.family == "ordered":
            density += total(WIDE, centred_thresholds(v, data, self.predictors))
        elif self.pooled:
            density += total(WIDE, v["alpha_bar"])
        if "beta" in v and not self.flat:
            density += total(NARROW, v["beta"])
        if self.family == "normal":
            density += total(EXPONENTIAL, v["sigma"])
        for group in self.groups:
            density += self.group(v, group)
        return density

    def group(self, v: Values, group: str) -> float:
        """Return the log prior density of a group's effects, their sds and correlations."""
        if group == self.alpha and not self.pooled:
            return total(WIDE, v["alpha"])
        if group == self.alpha:
            within = stats.norm(v["alpha_bar"], v["sigma_alpha"])
            return total(within, v["alpha"]) + total(EXPONENTIAL, v["sigma_alpha"])
        slopes = self.slopes.get(group, [])
        effects = [v[f"{name}_{group}"] for name in ["alpha", *slopes]]
        sds = np.array([v[f"sigma_{group}"], *(v[f"sigma_{x}_{group}"] for x in slopes)])
        rho = correlations(v[f"rho_{group}"], len(sds)) if slopes else np.eye(1)
        both = stats.multivariate_normal(np.zeros(len(sds)), np.outer(sds, sds) * rho)
        density = sum(both.logpdf([e[label] for e in effects]) for label in effects[0])
        # LKJ(2) is proportional to the determinant (Lewandowski, Kurowicka & Joe 2009).
        return float(density + total(EXPONENTIAL, sds) + np.log(np.linalg.det(rho)))


def correlations(rho: Any, size: int) -> np.ndarray:
    """Return the matrix of correlations, which for two effects is reported as one number."""
    return np.array([[1, rho], [rho, 1]]) if size == 2 else np.asarray(rho)


def centred_thresholds(v: Values, data: pd.DataFrame, predictors: Sequence[str]) -> np.ndarray:
    """Return the thresholds at the predictors' means, which are those that have the prior."""
    at_zero = float(sum(v["beta"][name] * data[name].mean() for name in predictors))
    return np.array(list(v["threshold"].values())) - at_zero


# The models ---------------------------------------------------------------------------------------


class Case(NamedTuple):
    """A builder, what it is given, and what it should state."""

    build: Callable[..., pm.Model]
    given: tuple[Any, ...]
    equations: Equations
    keywords: Mapping[str, Any] = MappingProxyType({})

    def model(self, **keywords: Any) -> pm.Model:
        """Build it, whatever its priors say of these data."""
        return self.build(*self.given, **{"check": False, **self.keywords, **keywords})


def normal(build: Callable[..., pm.Model], data: pd.DataFrame, y: str, group: str) -> Case:
    pooled = build is ml.partial_pooling
    return Case(
        build, (data, y, group), Equations("normal", y, groups=[group], alpha=group, pooled=pooled)
    )


def lines(data: pd.DataFrame, y: str, x: list[str], group: str, slope: str) -> Case:
    equations = Equations("normal", y, x, groups=[group], slopes={group: [slope]})
    return Case(ml.varying_slopes, (data, y, x, group, slope), equations)


def crossed(data: pd.DataFrame, y: str, groups: list[str], treatment: str) -> Case:
    equations = Equations("bernoulli", y, treatment=treatment, groups=groups)
    given = (data, y, groups, treatment) if treatment else (data, y, groups)
    return Case(ml.crossed_intercepts, given, equations)


def judged(data: pd.DataFrame, y: str, x: list[str], group: str = "") -> Case:
    equations = Equations("ordered", y, x, groups=[group] if group else [], flat=not group)
    return Case(ml.ordered_logit, (data, y, x, *([group] if group else [])), equations)


def general(
    build: Callable[..., pm.Model],
    family: str,
    y: str,
    x: list[str],
    groups: list[str],
    slopes: dict[str, list[str]],
) -> Case:
    equations = Equations(family, y, x, groups=groups, slopes=slopes, flat=not groups)
    if family != "ordered":
        equations = equations._replace(flat=False)
    return Case(build, (ODD, y, x), equations, {"groups": groups, "slopes": slopes})


STUDIES = {
    "no pooling": normal(ml.no_pooling, MLM, "con", "id"),
    "partial pooling": normal(ml.partial_pooling, MLM, "con", "id"),
    "varying slopes": lines(MLM, "con", ["time", "is_pd"], "id", "time"),
    "crossed": crossed(CHIMPANZEES, "pulled_left", ["actor", "block"], "treatment"),
    "ordered": judged(TROLLEY, "response", PREDICTORS),
    "ordered, varying": judged(TROLLEY, "response", PREDICTORS, "id"),
}
TWO, THREE = {"person": ["dose"]}, {"person": ["dose", "trial"]}
ODDITIES = {
    "no pooling": normal(ml.no_pooling, ODD, "y", "person"),
    "partial pooling": normal(ml.partial_pooling, ODD, "y", "day"),
    "varying slopes": lines(ODD, "y", ["age", "dose"], "person", "dose"),
    "crossed": crossed(ODD, "yes", ["person", "day"], "arm"),
    "crossed, one group": crossed(ODD, "yes", ["person"], "arm"),
    "crossed, three groups": crossed(ODD, "yes", ["day", "person", "age"], "arm"),
    "crossed, no treatment": crossed(ODD, "yes", ["day", "person"], ""),
    "ordered": judged(ODD, "answer", ["dose", "age"]),
    "ordered, varying": judged(ODD, "answer", ["dose", "age"], "person"),
    "ordered, thresholds alone": judged(ODD, "answer", []),
    "linear": general(ml.linear, "normal", "y", [], [], {}),
    "linear, crossed": general(ml.linear, "normal", "y", ["age"], ["day", "person"], {}),
    "linear, slopes": general(
        ml.linear, "normal", "y", ["dose", "trial"], ["day", "person"], THREE
    ),
    "linear, nested": general(ml.linear, "normal", "y", ["age"], ["day", "day:person"], {}),
    "logistic, slope": general(ml.logistic, "bernoulli", "yes", ["dose"], ["day", "person"], TWO),
    "logistic, slopes": general(
        ml.logistic, "bernoulli", "yes", ["dose", "trial"], ["person"], THREE
    ),
    "ordered, slope": general(
        ml.ordered_logit, "ordered", "answer", ["dose"], ["person", "day"], TWO
    ),
}
ALL = {f"{name}, studies": c for name, c in STUDIES.items()} | {
    f"{name}, odd labels": c for name, c in ODDITIES.items()
}
all_cases = pytest.mark.parametrize("name", ALL)
FORMS = ["adapted", "centred", "non-centred"]


def random_point(model: pm.Model, seed: int = 1) -> dict[str, np.ndarray]:
    """Choose a point of the space that the sampler moves in."""
    rng = np.random.default_rng(seed)
    shapes = {name: np.shape(value) for name, value in sorted(model.initial_point().items())}
    return {name: np.asarray(rng.normal(0, 0.6, shape)) for name, shape in shapes.items()}


@lru_cache(maxsize=2)
def compiled(model: pm.Model) -> Callable[[dict[str, np.ndarray]], list[np.ndarray]]:
    """Return the log density of a model, and all its variables, as a function of a point."""
    outputs = model.replace_rvs_by_values([*model.free_RVs, *model.deterministics])
    of_point = model.compile_fn([model.logp(), *outputs], inputs=model.value_vars, mode=PYTHON)
    return cast(Callable[[dict[str, np.ndarray]], list[np.ndarray]], of_point)


def evaluate(model: pm.Model, point: dict[str, np.ndarray]) -> Values:
    """Return the values of all variables at a point, by label where they have labels."""
    values: Values = {}
    variables = [*model.free_RVs, *model.deterministics]
    for variable, value in zip(variables, compiled(model)(point)[1:], strict=True):
        dims = model.named_vars_to_dims.get(variable.name, ())
        by_label = len(dims) == 1
        values[variable.name] = (
            dict(zip(model.coords[dims[0]], value, strict=True)) if by_label else value
        )
    return values


def log_density(model: pm.Model, point: dict[str, np.ndarray]) -> float:
    return float(compiled(model)(point)[0])


def log_likelihood_of_rows(model: pm.Model, values: Values) -> np.ndarray:
    pointwise = np.array(list(values["_log_likelihood"].values()))
    if "cell" in model.coords:
        pointwise = pointwise[np.asarray(model["cell_of_row"].get_value())]
    return pointwise


def log_volume(model: pm.Model, point: dict[str, np.ndarray]) -> float:
    """Return the log of how much the reported parameters stretch the space that is sampled in.

    That is the log determinant of the derivatives of the parameters, from differences of the fourth
    order. Of a matrix of correlations they are those below its diagonal.
    """
    many = {v: v.type.clone(shape=(None, *v.type.shape))() for v in model.value_vars}
    names = structure_of(model, "test").variables()
    outputs = model.replace_rvs_by_values([model[name] for name in names])
    at_points = function([*many.values()], vectorize_graph(outputs, many), mode=PYTHON)
    start, h = DictToArrayBijection.map(point), 1e-3
    steps = np.array([k * h * unit for k in WEIGHTS for unit in np.eye(len(start.data))])
    at = [DictToArrayBijection.rmap(start._replace(data=start.data + step)) for step in steps]
    values = at_points(*(np.stack([p[v.name] for p in at]) for v in many))
    below = [
        v[:, *np.tril_indices(v.shape[1], -1)] if v.ndim == 3 else v.reshape(len(steps), -1)
        for v in values
    ]
    parameters = np.concatenate(below, axis=1).reshape(len(WEIGHTS), len(start.data), -1)
    derivatives = np.tensordot([*WEIGHTS.values()], parameters, axes=1) / h
    return float(np.linalg.slogdet(derivatives)[1])


WEIGHTS = {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ODDITIES)
def test_the_joint_log_density_is_that_of_the_equations(name: str, form: str) -> None:
    """Up to a constant: that of the LKJ prior, and one over two for each sign that is free."""
    case = ODDITIES[name]
    model = case.model() if "no pooling" in name else case.model(form=form)
    differences = []
    for seed in [1, 2, 3]:
        point = random_point(model, seed)
        v = evaluate(model, point)
        equations, data = case.equations, case.given[0]
        expected = equations.rows(v, data).sum() + equations.priors(v, data)
        differences.append(log_density(model, point) - expected - log_volume(model, point))
    assert differences == pytest.approx([differences[0]] * 3, abs=1e-6)
    if not case.equations.slopes:
        assert differences[0] == pytest.approx(0, abs=1e-6)


@all_cases
def test_each_row_is_explained_by_the_effect_that_carries_its_own_label(name: str) -> None:
    case = ALL[name]
    model = case.model()
    v = evaluate(model, random_point(model))
    expected = case.equations.rows(v, case.given[0])
    assert len(np.unique(expected)) > (4 if case.equations.groups else 2)  # clusters differ
    np.testing.assert_allclose(log_likelihood_of_rows(model, v), expected, rtol=1e-9)


@pytest.mark.parametrize("name", [name for name in ALL if ALL[name].equations.family != "normal"])
def test_counting_equal_rows_leaves_the_density_as_it_is(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def every_row_is_a_cell(data: pd.DataFrame, count: None) -> likelihoods.Rows:
        rows = np.arange(len(data))
        coords = {"cell": rows, "row": data.index}
        return likelihoods.Rows(data.reset_index(drop=True), rows * 0 + 1.0, rows, coords, None)

    counted = ALL[name].model()
    monkeypatch.setattr(models, "count_distinct", every_row_is_a_cell)
    uncounted = ALL[name].model()
    assert len(counted.coords["cell"]) < len(uncounted.coords["cell"])
    point = random_point(counted)
    expected = log_density(uncounted, point)
    assert log_density(counted, point) == pytest.approx(expected, rel=1e-12)


def test_every_row_is_counted_once() -> None:
    model = ml.ordered_logit(TROLLEY, "response", PREDICTORS, "id")
    sizes = TROLLEY.groupby(["id", *PREDICTORS, "response"], observed=True).size()
    assert model["count_of_cell"].get_value().tolist() == sizes.tolist()
    assert model["count_of_cell"].get_value().sum() == 9930


# Names, dims, labels ------------------------------------------------------------------------------

CUT, PREDICTOR = ("cut",), ("predictor",)


@pytest.mark.parametrize(
    ("name", "dims"),
    [
        ("no pooling", {"alpha": ("id",), "sigma": ()}),
        ("partial pooling", {"alpha_bar": (), "sigma_alpha": (), "alpha": ("id",), "sigma": ()}),
        (
            "crossed",
            {
                "alpha_bar": (),
                "beta": ("treatment",),
                "sigma_actor": (),
                "sigma_block": (),
                "alpha_actor": ("actor",),
                "alpha_block": ("block",),
            },
        ),
        (
            "varying slopes",
            {
                "alpha_bar": (),
                "beta": PREDICTOR,
                "sigma_id": (),
                "alpha_id": ("id",),
                "sigma_time_id": (),
                "time_id": ("id",),
                "rho_id": (),
                "sigma": (),
            },
        ),
        ("ordered", {"beta": PREDICTOR, "threshold": CUT}),
        (
            "ordered, varying",
            {"beta": PREDICTOR, "threshold": CUT, "sigma_id": (), "alpha_id": ("id",)},
        ),
    ],
)
def test_parameters_have_the_names_and_dims_that_stay(
    name: str, dims: dict[str, tuple[str, ...]]
) -> None:
    model = STUDIES[name].model()
    variables = [v.name for v in [*model.free_RVs, *model.deterministics] if v.name[0] != "_"]
    assert {v: tuple(model.named_vars_to_dims.get(v, ())) for v in variables} == dims


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("no pooling", 92),
        ("partial pooling", 94),
        ("varying slopes", 189),
        ("crossed", 20),
        ("ordered", 9),
        ("ordered, varying", 341),
    ],
)
def test_the_number_of_free_parameters(name: str, parameters: int) -> None:
    assert ml.count_parameters(STUDIES[name].model()) == parameters


def test_labels_of_the_studies_are_those_of_the_data() -> None:
    assert list(ml.no_pooling(MLM, "con", "id").coords["id"]) == sorted(MLM["id"].unique())
    crossed = STUDIES["crossed"].model()
    assert list(crossed.coords["actor"]) == [1, 2, 3, 4, 5, 6, 7]
    assert list(crossed.coords["block"]) == [1, 2, 3, 4, 5, 6]
    assert list(crossed.coords["treatment"]) == ["R/N", "L/N", "R/P", "L/P"]
    ordered = STUDIES["ordered, varying"].model()
    assert list(ordered.coords["id"]) == sorted(TROLLEY["id"].unique())
    assert list(ordered.coords["cut"]) == [1, 2, 3, 4, 5, 6]
    assert list(ordered.coords["category"]) == [1, 2, 3, 4, 5, 6, 7]
    assert list(ordered.coords["predictor"]) == PREDICTORS


def test_odd_labels_are_kept() -> None:
    crossed = ODDITIES["crossed"].model()
    assert list(crossed.coords["person"]) == ["ann", "bob", "mia", "zoe"]
    assert list(crossed.coords["day"]) == [7, 19, 30]
    assert list(crossed.coords["arm"]) == ["t", "c"]  # the order of the categories
    ordered = ODDITIES["ordered"].model()
    assert list(ordered.coords["category"]) == ["never", "often", "always"]


@pytest.mark.parametrize("name", ODDITIES)
def test_rows_keep_the_index_of_the_data(name: str) -> None:
    model = ODDITIES[name].model()
    assert list(model.coords["row"]) == list(range(100, 133, 3))


@all_cases
def test_building_a_model_leaves_the_data_as_they_were(name: str) -> None:
    data = ALL[name].given[0]
    before = data.copy(deep=True)
    ALL[name].model()
    pd.testing.assert_frame_equal(data, before)


def test_a_category_that_nobody_chose_still_counts() -> None:
    kept = ODD[ODD["answer"] != "often"]
    model = ml.ordered_logit(kept, "answer", ["dose"], check=False)
    assert list(model.coords["category"]) == ["never", "often", "always"]
    assert list(model.coords["cut"]) == [1, 2]


def test_a_level_that_does_not_occur_has_no_parameter() -> None:
    data = ODD.assign(person=pd.Categorical(ODD["person"], [*"qr", "zoe", "mia", "bob", "ann"]))
    model = ml.partial_pooling(data, "y", "person")
    assert list(model.coords["person"]) == ["zoe", "mia", "bob", "ann"]


# Priors -------------------------------------------------------------------------------------------

LOCATION = Prior(pm.Laplace, -1, 3), stats.laplace(-1, 3)
SCALE = Prior(pm.Gamma, alpha=2, beta=10), stats.gamma(2, scale=1 / 10)
WIDE, NARROW, EXPONENTIAL = stats.norm(0, 1.5), stats.norm(0, 0.5), stats.expon()


@pytest.mark.parametrize(
    ("name", "parameter", "given", "default"),
    [
        ("no pooling", "alpha", LOCATION, WIDE),
        ("no pooling", "sigma", SCALE, EXPONENTIAL),
        ("partial pooling", "alpha_bar", LOCATION, WIDE),
        ("partial pooling", "sigma_alpha", SCALE, EXPONENTIAL),
        ("partial pooling", "sigma", SCALE, EXPONENTIAL),
        ("varying slopes", "alpha_bar", LOCATION, WIDE),
        ("varying slopes", "beta", LOCATION, NARROW),
        ("varying slopes", "sigma_person", SCALE, EXPONENTIAL),
        ("varying slopes", "sigma_dose_person", SCALE, EXPONENTIAL),
        ("varying slopes", "sigma", SCALE, EXPONENTIAL),
        ("crossed", "alpha_bar", LOCATION, WIDE),
        ("crossed", "beta", LOCATION, NARROW),
        ("crossed", "sigma_person", SCALE, EXPONENTIAL),
        ("crossed", "sigma_day", SCALE, EXPONENTIAL),
        ("ordered", "threshold", LOCATION, WIDE),
        ("ordered", "beta", LOCATION, None),
        ("ordered, varying", "threshold", LOCATION, WIDE),
        ("ordered, varying", "beta", LOCATION, NARROW),
        ("ordered, varying", "sigma_person", SCALE, EXPONENTIAL),
    ],
)
def test_a_prior_that_is_given_takes_the_place_of_the_default(
    name: str, parameter: str, given: tuple[Prior, Any], default: Any
) -> None:
    case, form = ODDITIES[name], {} if name in ("no pooling", "ordered") else {"form": "centred"}
    model, other = case.model(**form), case.model(**form, **{parameter: given[0]})
    point = random_point(model)
    v = evaluate(model, point)
    values = v[parameter]
    if parameter == "threshold":
        values = centred_thresholds(v, case.given[0], case.given[2])
    expected = total(given[1], values) - (total(default, values) if default else 0)
    found = log_density(other, point) - log_density(model, point)
    assert abs(expected) > 0.01
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_standard_deviation_that_is_sampled_with_a_sign_keeps_its_prior() -> None:
    scale = Prior(pm.Exponential, 3), stats.expon(scale=1 / 3)
    model = ODDITIES["crossed"].model(form="non-centred", sigma_day=scale[0])
    drawn = pm.draw(model["sigma_day"], draws=2000, random_seed=1)
    assert stats.kstest(drawn, scale[1].cdf).pvalue > 0.01
    point = random_point(model)
    mirrored = point | {name: -point[name] for name in ("_sigma_day", "_alpha_day_z")}
    assert log_density(model, mirrored) == pytest.approx(log_density(model, point), rel=1e-12)
    reported = ["sigma_day", "alpha_day"]
    there, back = evaluate(model, point), evaluate(model, mirrored)
    assert [there[name] for name in reported] == [back[name] for name in reported]


def test_the_prior_of_a_correlation_is_that_of_half_its_way_from_minus_one_to_one() -> None:
    for prior, distribution in [({}, stats.beta(2, 2)), ({"rho_person": (9, 1)}, stats.beta(9, 1))]:
        priors = {name: Prior(pm.Beta, *numbers) for name, numbers in prior.items()}
        model = ODDITIES["varying slopes"].model(**priors)
        drawn = pm.draw(model["rho_person"], draws=2000, random_seed=1)
        assert stats.kstest((drawn + 1) / 2, distribution.cdf).pvalue > 0.01


def test_levels_and_slopes_of_the_prior_go_together_as_their_correlation_says() -> None:
    model = ODDITIES["varying slopes"].model(rho_person=Prior(pm.Beta, 90, 10))
    names = ["alpha_person", "dose_person", "sigma_person", "sigma_dose_person", "rho_person"]
    drawn = pm.draw([model[n] for n in names], draws=2000, mode=PYTHON, random_seed=1)
    level, steeper, *sds, rho = drawn
    standard = [x / sd[:, None] for x, sd in zip([level, steeper], sds, strict=True)]
    for values in standard:
        assert stats.kstest(values[:, 0], stats.norm.cdf).pvalue > 0.01
    assert np.mean(standard[0] * standard[1]) == pytest.approx(rho.mean(), abs=0.05)


def test_a_slope_must_be_a_predictor_that_varies_within_clusters() -> None:
    with pytest.raises(ValueError, match=r"one of the predictors \['age'\]: 'dose'"):
        ml.varying_slopes(ODD, "y", ["age"], "person", "dose")
    with pytest.raises(ValueError, match="'age' is constant in every person"):
        ml.varying_slopes(ODD, "y", ["age"], "person", "age")


def test_a_prior_is_shown_as_in_an_equation() -> None:
    assert repr(Prior(pm.Normal, 0, 1.5)) == "Normal(0, 1.5)"
    assert repr(Prior(pm.Gamma, alpha=2, beta=10)) == "Gamma(alpha=2, beta=10)"


@pytest.mark.parametrize("name", ODDITIES)
def test_the_name_of_a_prior_that_the_model_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"no prior named 'tau'.*: .*(sigma|beta|threshold)"):
        ODDITIES[name].model(tau=Prior(pm.Exponential, 1))


@pytest.mark.parametrize("name", ODDITIES)
def test_a_prior_that_is_not_a_prior_is_refused(name: str) -> None:
    case = ODDITIES[name]
    parameter = "threshold" if case.equations.family == "ordered" else "alpha_bar"
    parameter = "alpha" if name == "no pooling" else parameter
    with pytest.raises(TypeError, match=f"'{parameter}' must be a Prior.*it is 0.5"):
        case.model(**{parameter: 0.5})


# Columns that cannot be used ----------------------------------------------------------------------


def gap(column: str) -> pd.DataFrame:
    """Make two values of a column missing."""
    data = ODD.copy()
    data[column] = data[column].astype("object").where(data.index > 103, None)
    return data


@pytest.mark.parametrize("build", [ml.no_pooling, ml.partial_pooling])
@pytest.mark.parametrize("column", ["y", "person"])
def test_missing_values_are_refused_by_the_normal_models(
    build: Callable[..., pm.Model], column: str
) -> None:
    with pytest.raises(ValueError, match=rf"'{column}' has 2 missing values.*dropna"):
        build(gap(column), "y", "person")


@pytest.mark.parametrize("column", ["yes", "person", "day", "arm"])
def test_missing_values_are_refused_by_the_crossed_model(column: str) -> None:
    with pytest.raises(ValueError, match=rf"'{column}' has 2 missing values"):
        ml.crossed_intercepts(gap(column), "yes", ["person", "day"], "arm")


@pytest.mark.parametrize("column", ["answer", "dose", "person"])
def test_missing_values_are_refused_by_the_ordered_model(column: str) -> None:
    with pytest.raises(ValueError, match=rf"'{column}' has 2 missing values"):
        ml.ordered_logit(gap(column), "answer", ["dose"], "person")


def test_a_single_missing_value_is_counted_in_the_singular() -> None:
    data = ODD.assign(y=ODD["y"].where(ODD.index != 100))
    with pytest.raises(ValueError, match=r"'y' has 1 missing value\."):
        ml.no_pooling(data, "y", "person")


@pytest.mark.parametrize(
    ("build", "columns"),
    [
        (ml.no_pooling, ("height", "person")),
        (ml.no_pooling, ("y", "height")),
        (ml.partial_pooling, ("height", "person")),
        (ml.partial_pooling, ("y", "height")),
        (ml.crossed_intercepts, ("height", ["person"], "arm")),
        (ml.crossed_intercepts, ("yes", ["person", "height"], "arm")),
        (ml.crossed_intercepts, ("yes", ["person"], "height")),
        (ml.ordered_logit, ("height", ["dose"])),
        (ml.ordered_logit, ("answer", ["dose", "height"])),
        (ml.ordered_logit, ("answer", ["dose"], "height")),
    ],
)
def test_a_column_that_does_not_exist_is_refused_with_those_that_do(
    build: Callable[..., pm.Model], columns: tuple[Any, ...]
) -> None:
    with pytest.raises(ValueError, match=r"no column 'height'.*The columns are: person, day, arm"):
        build(ODD, *columns)


@pytest.mark.parametrize(
    ("build", "columns"),
    [
        (ml.no_pooling, ("y", "only")),
        (ml.partial_pooling, ("y", "only")),
        (ml.crossed_intercepts, ("yes", ["person", "only"], "arm")),
        (ml.crossed_intercepts, ("yes", ["person"], "only")),
        (ml.ordered_logit, ("answer", ["dose"], "only")),
    ],
)
def test_a_group_with_a_single_level_is_refused(
    build: Callable[..., pm.Model], columns: tuple[Any, ...]
) -> None:
    with pytest.raises(ValueError, match=r"'only' has a single level, 'a'.*at least two"):
        build(ODD.assign(only="a"), *columns)


@pytest.mark.parametrize(
    ("build", "columns"),
    [
        (ml.no_pooling, ("person", "day")),
        (ml.partial_pooling, ("person", "day")),
        (ml.crossed_intercepts, ("person", ["day"], "arm")),
        (ml.ordered_logit, ("answer", ["dose", "person"])),
    ],
)
def test_words_are_refused_where_numbers_are_needed(
    build: Callable[..., pm.Model], columns: tuple[Any, ...]
) -> None:
    with pytest.raises(ValueError, match="'person' must be numeric; it is of type"):
        build(ODD, *columns)


def test_an_outcome_that_is_not_zeros_and_ones_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'age' must contain zeros and ones only.*2, 3, 4, 5"):
        ml.crossed_intercepts(ODD, "age", ["person"], "arm")


@pytest.mark.parametrize(
    "answer",
    [
        pd.Series(ODD["answer"].cat.codes),
        ODD["answer"].astype(str),
        ODD["answer"].cat.as_unordered(),
        pd.Series(pd.Categorical(["yes"] * len(ODD), ["yes"], ordered=True), ODD.index),
    ],
    ids=["numbers", "words", "unordered", "one category"],
)
def test_a_response_that_is_not_an_ordered_category_is_refused(answer: pd.Series) -> None:
    with pytest.raises(ValueError, match=r"'answer' must be an ordered categorical.*it is of type"):
        ml.ordered_logit(ODD.assign(answer=answer), "answer", ["dose"])


# Log probabilities --------------------------------------------------------------------------------


@pytest.mark.parametrize("eta", [-60.0, -3.0, 0.0, 0.7, 60.0])
def test_category_log_probabilities_are_exact_even_where_probabilities_underflow(
    eta: float,
) -> None:
    threshold = np.array([-1.0, -0.999, 2.5])
    logp = likelihoods.ordered_logistic_logp(
        pt.constant(np.arange(4)), pt.constant(np.full(4, np.exp(eta))), pt.constant(threshold)
    )
    edges = np.array([-np.inf, *threshold, np.inf]) - eta
    # The logistic distribution is symmetric: take each difference in the tail where it is exact.
    low, high = edges[:-1], edges[1:]
    exact = np.where(low > 0, expit(-low) - expit(-high), expit(high) - expit(low))
    np.testing.assert_allclose(np.exp(logp.eval()), exact, rtol=1e-9)


def test_log_probabilities_of_zeros_and_ones_do_not_overflow() -> None:
    logit_p = np.array([-800.0, -800.0, 0.0, 800.0, 800.0])
    x = pt.vector("x")  # not a constant, so that the log of a small number is rewritten
    logp = likelihoods.bernoulli_logp(pt.constant(np.array([0, 1, 1, 0, 1])), x)
    np.testing.assert_allclose(logp.eval({x: logit_p}), [0, -800, -np.log(2), -800, 0])


@pytest.mark.parametrize("name", ["row", "cut", "category", "cell", "predictor", "draw"])
def test_a_group_with_the_name_of_another_dim_is_refused(name: str) -> None:
    data = pd.DataFrame({name: ["a", "a", "b"], "y": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match=f"cannot be called '{name}'.*Rename it"):
        ml.no_pooling(data, "y", name)


@pytest.mark.parametrize("name", ["row", "cell", "category"])
def test_an_outcome_with_the_name_of_a_dim_is_refused(name: str) -> None:
    data = pd.DataFrame({name: [0, 1, 1, 0], "id": list("aabb"), "arm": list("tctc")})
    with pytest.raises(ValueError, match=f"cannot be called '{name}'.*Rename it"):
        ml.no_pooling(data, name, "id")
    with pytest.raises(ValueError, match=f"cannot be called '{name}'.*Rename it"):
        ml.crossed_intercepts(data, name, ["id"], "arm")


def test_a_column_may_be_called_count() -> None:
    data = pd.DataFrame({"count": [0, 1, 1, 0], "id": list("aabb"), "arm": list("tctc")})
    again = data.assign(y=[0, 1, 0, 1])
    assert "count" in ml.no_pooling(data, "count", "id").named_vars
    assert "count" in ml.partial_pooling(data.assign(n=1), "count", "id", count="n").named_vars
    assert "count" in ml.crossed_intercepts(data, "count", ["id"], "arm").named_vars
    assert "count" in ml.crossed_intercepts(again, "y", ["count"], "arm", check=False).coords


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="have no rows"):
        ml.no_pooling(pd.DataFrame({"y": [], "g": []}), "y", "g")


def test_an_infinite_outcome_is_refused() -> None:
    data = pd.DataFrame({"g": ["a", "b"], "y": [1.0, np.inf]})
    with pytest.raises(ValueError, match="'y' has infinite values"):
        ml.partial_pooling(data, "y", "g")


@pytest.mark.parametrize("groups", [[], "actor"])
def test_groups_must_be_a_list(groups: Any) -> None:
    with pytest.raises(ValueError, match="groups must be a list"):
        ml.crossed_intercepts(ml.load_chimpanzees(), "pulled_left", groups, "treatment")


# Names that cannot be kept apart ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rename", "problem"),
    [
        ({"person": "sigma"}, "cannot be called 'sigma' here"),
        ({"person": "alpha_bar"}, "cannot be called 'alpha_bar' here"),
        ({"person": "variable"}, "cannot be called 'variable'"),
        ({"person": "cluster_of_row"}, "cannot be called 'cluster_of_row'"),
        ({"y": "outcome_of_row"}, "cannot be called 'outcome_of_row'"),
        ({"y": "_y"}, "'_y' begins with an underscore"),
        ({"dose": "_dose"}, "'_dose' begins with an underscore"),
        ({"person": "km/h"}, "'km/h' contains a slash"),
        ({"y": "sigma"}, "cannot be called 'sigma' here"),
        ({"y": "beta"}, "cannot be called 'beta' here"),
        ({"y": "sigma_person"}, "cannot be called 'sigma_person' here"),
        ({"dose": "alpha"}, "would be called 'alpha_person'"),
        ({"dose": "sigma"}, "would be called 'sigma_person'"),
        ({"dose": "rho"}, "would be called 'rho_person'"),
    ],
)
def test_names_that_would_be_those_of_parameters_are_refused(
    rename: dict[str, str], problem: str
) -> None:
    names = {name: rename.get(name, name) for name in ("y", "dose", "person")}
    with pytest.raises(ValueError, match=f"{problem}.*[Rr]ename"):
        ml.linear(
            ODD.rename(columns=rename),
            names["y"],
            [names["dose"]],
            [names["person"]],
            {names["person"]: [names["dose"]]},
            check=False,
        )


@pytest.mark.parametrize("slope", ["alpha_power", "alpha_2", "sigma_x", "threshold", "mean", "row"])
def test_other_names_change_no_number(slope: str) -> None:
    """Every name that is taken gives the density of any other name."""

    def build(name: str) -> pm.Model:
        data = ODD.rename(columns={"dose": name})
        return ml.linear(data, "y", [name], ["person"], {"person": [name]}, check=False)

    model, other = build("dose"), build(slope)
    point = random_point(model)
    renamed = dict(
        zip(other.initial_point(), (point[k] for k in model.initial_point()), strict=True)
    )
    assert log_density(other, renamed) == log_density(model, point)


def test_two_roles_for_one_column_are_refused() -> None:
    with pytest.raises(ValueError, match="names the column 'day' twice"):
        ml.linear(ODD, "y", groups=["day", "day"], check=False)
    with pytest.raises(ValueError, match="'arm' has two roles"):
        ml.crossed_intercepts(ODD, "yes", ["arm"], "arm", check=False)
    with pytest.raises(ValueError, match="'y' cannot be a predictor of itself"):
        ml.linear(ODD, "y", ["y"], check=False)


@pytest.mark.parametrize(
    ("keyword", "given"),
    [("predictors", "dose"), ("groups", "person"), ("predictors", ["dose", 3]), ("groups", 5)],
)
def test_what_must_be_a_list_of_columns_is_refused_otherwise(keyword: str, given: Any) -> None:
    with pytest.raises(ValueError, match=f"{keyword} must"):
        ml.linear(ODD, "y", check=False, **{keyword: given})


def test_a_column_is_named_by_text() -> None:
    wrong: Any = ["person"]
    for build in (ml.no_pooling, ml.partial_pooling):
        with pytest.raises(
            ValueError, match=r"named by text, such as 'person'; it is \['person'\]"
        ):
            build(ODD, "y", wrong)


def test_forms_are_named_by_group() -> None:
    model = ml.crossed_intercepts(ODD, "yes", ["person", "day"], form={"day": "centred"})
    assert structure_of(model, "test").forms == {"person": "adapted", "day": "centred"}
    with pytest.raises(ValueError, match="form names 'dya', which is not one of the groups"):
        ml.crossed_intercepts(ODD, "yes", ["day"], form={"dya": "centred"})
    wrong: Any = "cp"
    with pytest.raises(ValueError, match="'centred', 'non-centred'; it is 'cp'"):
        ml.crossed_intercepts(ODD, "yes", ["day"], form=wrong)


def test_nested_labels_are_told_apart_where_the_nesting_is_named() -> None:
    model = ml.linear(ODD, "y", groups=["day", "day:person"], check=False)
    assert "7:ann" in model.coords["day:person"]
    assert "7:mia" in model.coords["day:person"]
    crossed = ml.linear(ODD, "y", groups=["day", "person"], check=False)
    assert list(crossed.coords["person"]) == ["ann", "bob", "mia", "zoe"]


def test_what_rows_say_of_a_cluster_leaves_open_how_much_those_within_it_differ() -> None:
    """As by the covariances of rows: residuals, and the intercepts of two inner levels."""
    rng = np.random.default_rng(1)
    school, room, pupil = np.repeat([0, 1, 2], 12), np.repeat(range(9), 4), np.repeat(range(18), 2)
    x, y, sigma, sds = rng.normal(size=36), rng.normal(size=36), 0.7, [0.4, 0.9]
    z = [np.ones(36), x]
    inner = [(pupil, pt.constant(sds[0])), (room, pt.constant(sds[1]))]
    information = effects.information_of_normal(pt.constant(y), np.ones(36))
    remaining = effects.Remaining(
        information, sigma**-2, school, z, np.ones((36, 1)), pt.zeros(1), inner=inner
    )
    same = [np.equal.outer(codes, codes) for codes in (pupil, room)]
    covariance = sigma**2 * np.eye(36) + sum(sd**2 * s for sd, s in zip(sds, same, strict=True))
    precision = pt.stack([pt.stack(row) for row in remaining.precision]).eval()
    total = pt.stack(remaining.sum).eval()
    for k in range(3):
        design = np.column_stack(z) * (school == k)[:, None]
        weighted = np.linalg.solve(covariance, design)
        np.testing.assert_allclose(precision[..., k], design.T @ weighted)
        np.testing.assert_allclose(total[..., k], weighted.T @ y)


def test_clusters_come_before_those_that_lie_within_them() -> None:
    data = ODD.assign(y=ODD["y"] - 5 * (ODD["person"] == "ann"))
    for groups in (["day", "day:person"], ["day:person", "day"]):
        model = ml.linear(data, "y", groups=groups, check=False)
        forms = structure_of(model, "test").forms
        assert list(forms.items()) == [("day", "adapted"), ("day:person", "adapted")]
    model = ml.linear(data, "y", groups=["day", "day:person"], form="centred", check=False)
    assert set(structure_of(model, "test").forms.values()) == {"centred"}


# Priors of standard deviations and correlations ---------------------------------------------------


@pytest.mark.parametrize(
    ("prior", "signed"),
    [
        (Prior(pm.Exponential, 1), True),
        (Prior(pm.HalfNormal, 1), True),
        (Prior(pm.HalfCauchy, 1), True),
        (Prior(pm.TruncatedNormal, 0, 1, lower=0), True),
        (Prior(pm.LogNormal, -1, 1), False),
        (Prior(pm.InverseGamma, 3, 1), False),
        (Prior(pm.Gamma, 2, 2), False),
        (Prior(pm.Gamma, 0.5, 1), False),
        (Prior(pm.Weibull, 2, 1), False),
        (Prior(pm.Uniform, 0, 5), False),
    ],
    ids=repr,
)
def test_a_scale_has_a_sign_only_where_its_prior_has_no_edge(prior: Prior, signed: bool) -> None:
    model = ODDITIES["crossed"].model(form="non-centred", sigma_day=prior)
    assert ("_sigma_day" in model.named_vars) == signed
    assert np.isfinite(log_density(model, random_point(model)))


@pytest.mark.parametrize(
    ("name", "prior", "problem"),
    [
        ("sigma_day", Prior(pm.Flat), "is flat"),
        ("sigma_day", Prior(pm.HalfFlat), "is flat"),
        ("sigma_day", Prior(pm.Normal, 0, 1), "allows negative numbers"),
        ("sigma_day", Prior(pm.StudentT, nu=3, mu=0, sigma=1), "allows negative numbers"),
    ],
)
def test_a_prior_that_no_standard_deviation_can_have_is_refused(
    name: str, prior: Prior, problem: str
) -> None:
    with pytest.raises(ValueError, match=f"'{name}'.*{problem}"):
        ODDITIES["crossed"].model(**{name: prior})


def test_a_prior_of_a_correlation_is_one_of_numbers_from_zero_to_one() -> None:
    with pytest.raises(ValueError, match=r"\(rho_person \+ 1\) / 2, which is between 0 and 1"):
        ODDITIES["varying slopes"].model(rho_person=Prior(pm.Uniform, -1, 1))
    with pytest.raises(ValueError, match=r"3 effects have an LKJ prior.*for LKJ\(2\)"):
        ODDITIES["linear, slopes"].model(rho_person=Prior(pm.Beta, 9, 1))


def test_the_correlations_of_three_effects_have_an_lkj_prior() -> None:
    """Under LKJ(eta) each of them is a stretched Beta with eta + (K - 2) / 2, here 2.5."""
    model = ODDITIES["linear, slopes"].model()
    drawn = pm.draw(model["rho_person"], draws=2000, mode=PYTHON, random_seed=1)
    assert model.named_vars_to_dims["rho_person"] == ("person_effect", "person_effect_2")
    assert list(model.coords["person_effect"]) == ["intercept", "dose", "trial"]
    np.testing.assert_allclose(drawn[:, [0, 1, 2], [0, 1, 2]], 1)
    for k, m in [(0, 1), (0, 2), (1, 2)]:
        half = (drawn[:, k, m] + 1) / 2
        assert stats.kstest(half, stats.beta(2.5, 2.5).cdf).pvalue > 0.01


@pytest.mark.parametrize(("spread", "form"), [(9, "centred"), (1, "adapted"), (0, "non-centred")])
def test_the_form_follows_the_data(spread: float, form: str) -> None:
    """F ratios of about 500, 6 and 0.1; the outcome is counted in rows, or by a column."""
    person, wave = np.repeat(np.arange(8), 6), np.tile(np.arange(6), 8)
    y = spread * np.cos(person) + np.where(wave % 2, 1, -1) + 0.1 * np.sin(person)
    data = pd.DataFrame({"person": person, "y": y, "n": 1})
    for count in (None, "n"):
        model = ml.partial_pooling(data, "y", "person", count=count, check=False)
        assert structure_of(model, "test").forms == {"person": form}


def test_the_clusters_of_a_group_are_compared_given_those_that_differ_more() -> None:
    """Actors differ widely; between days there is little, which a plain F ratio would not see."""
    rng = np.random.default_rng(1)
    actor, day = np.repeat(np.arange(6), 12), np.tile(np.arange(12), 6)
    score = rng.normal(0, 9, 6)[actor] + rng.normal(0, 1, 12)[day] + rng.normal(0, 0.5, 72)
    ratios = effects.f_ratios(score - score.mean(), {"day": day, "actor": actor}, np.ones(72))
    assert list(ratios) == ["actor", "day"]
    assert ratios["day"] > 5
