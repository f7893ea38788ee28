"""Each builder states the model that its equations state.

The reference densities are written out from the equations with SciPy, row by row and without
counting equal rows. A model's own log density is that of the variables that the sampler moves, so
the Jacobian of each transformation is written beside the reference.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
from scipy import stats
from scipy.special import expit

import multilevel as ml
from multilevel import models
from multilevel.models import Prior

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


def normal_rows(v: Values, data: pd.DataFrame, outcome: str, group: str) -> np.ndarray:
    return np.asarray(stats.norm.logpdf(data[outcome], lookup(data[group], v["alpha"]), v["sigma"]))


def no_pooling_priors(v: Values, *_: Any) -> float:
    return total(stats.norm(0, 1.5), v["alpha"]) + total(stats.expon, v["sigma"])


def no_pooling_jacobian(v: Values, *_: Any) -> float:
    return float(np.log(v["sigma"]))


def partial_pooling_priors(v: Values, *_: Any) -> float:
    return (
        total(stats.norm(v["alpha_bar"], v["sigma_alpha"]), v["alpha"])
        + total(stats.norm(0, 1.5), v["alpha_bar"])
        + total(stats.expon, v["sigma_alpha"])
        + total(stats.expon, v["sigma"])
    )


def partial_pooling_jacobian(v: Values, *_: Any) -> float:
    return float(np.log(v["sigma"]) + np.log(v["sigma_alpha"]))


def crossed_rows(
    v: Values, data: pd.DataFrame, outcome: str, groups: list[str], treatment: str
) -> np.ndarray:
    logit_p = v["alpha_bar"] + lookup(data[treatment], v["beta"])
    for group in groups:
        logit_p = logit_p + lookup(data[group], v[f"alpha_{group}"])
    return np.asarray(stats.bernoulli.logpmf(data[outcome], expit(logit_p)))


def crossed_priors(
    v: Values, data: pd.DataFrame, outcome: str, groups: list[str], treatment: str
) -> float:
    density = total(stats.norm(0, 1.5), v["alpha_bar"]) + total(stats.norm(0, 0.5), v["beta"])
    for group in groups:
        density += total(stats.norm(0, v[f"sigma_{group}"]), v[f"alpha_{group}"])
        density += total(stats.expon, v[f"sigma_{group}"])
    return density


def crossed_jacobian(
    v: Values, data: pd.DataFrame, outcome: str, groups: list[str], treatment: str
) -> float:
    # The first group is sampled as means around a level, a shift, and its sigma as a logarithm; the
    # others in units of sigma, which has a sign instead.
    units = sum(len(v[f"alpha_{g}"]) * np.log(v[f"sigma_{g}"]) for g in groups[1:])
    return float(np.log(v[f"sigma_{groups[0]}"]) + units)


def ordered_rows(
    v: Values, data: pd.DataFrame, response: str, predictors: list[str], group: str | None = None
) -> np.ndarray:
    eta = sum(v["beta"][name] * data[name].to_numpy(float) for name in predictors)
    if group:
        eta = eta + lookup(data[group], v[f"alpha_{group}"])
    edges = np.array([-np.inf, *v["threshold"].values(), np.inf])
    k = data[response].cat.codes.to_numpy()
    return np.asarray(np.log(expit(edges[k + 1] - eta) - expit(edges[k] - eta)))


def centred_thresholds(v: Values, data: pd.DataFrame, predictors: list[str]) -> np.ndarray:
    """Return the thresholds at the predictors' means, which are those that have the prior."""
    at_zero = float(sum(v["beta"][name] * data[name].mean() for name in predictors))
    return np.array(list(v["threshold"].values())) - at_zero


def ordered_priors(
    v: Values, data: pd.DataFrame, response: str, predictors: list[str], group: str | None = None
) -> float:
    density = total(stats.norm(0, 1.5), centred_thresholds(v, data, predictors))
    if group:
        density += total(stats.norm(0, 0.5), v["beta"])
        density += total(stats.norm(0, v[f"sigma_{group}"]), v[f"alpha_{group}"])
        density += total(stats.expon, v[f"sigma_{group}"])
    return density  # without a group the slopes are flat


def ordered_jacobian(
    v: Values, data: pd.DataFrame, response: str, predictors: list[str], group: str | None = None
) -> float:
    # The thresholds are sampled as the first, and the logs of the steps from one to the next.
    steps = np.log(np.diff(list(v["threshold"].values()))).sum()
    return float(steps + (np.log(v[f"sigma_{group}"]) if group else 0))


def slopes_rows(
    v: Values, data: pd.DataFrame, outcome: str, predictors: list[str], group: str, slope: str
) -> np.ndarray:
    mu = v["alpha_bar"] + sum(v["beta"][name] * data[name] for name in predictors)
    mu = mu + lookup(data[group], v[f"alpha_{group}"])
    mu = mu + lookup(data[group], v[f"{slope}_{group}"]) * data[slope]
    return np.asarray(stats.norm.logpdf(data[outcome], mu, v["sigma"]))


def slopes_priors(
    v: Values, data: pd.DataFrame, outcome: str, predictors: list[str], group: str, slope: str
) -> float:
    density = total(stats.norm(0, 1.5), v["alpha_bar"]) + total(stats.norm(0, 0.5), v["beta"])
    sds = [v[f"sigma_{group}"], v[f"sigma_{slope}_{group}"]]
    density += total(stats.expon, sds) + total(stats.expon, v["sigma"])
    rho = v[f"rho_{group}"]
    density += np.log(0.75 * (1 - rho**2)) + np.log(2)  # LKJ(2); the sampler has (rho + 1) / 2
    covariance = np.outer(sds, sds) * np.array([[1, rho], [rho, 1]])
    both = stats.multivariate_normal([0, 0], covariance)
    level, steeper = v[f"alpha_{group}"], v[f"{slope}_{group}"]
    return density + sum(both.logpdf([level[label], steeper[label]]) for label in level)


def slopes_jacobian(
    v: Values, data: pd.DataFrame, outcome: str, predictors: list[str], group: str, slope: str
) -> float:
    # Scales are sampled as logarithms, but that of the slopes has a sign; (rho + 1) / 2 as
    # log-odds; levels in units of their sd, slopes of what is left of theirs given the level.
    rho, steeper = v[f"rho_{group}"], v[f"sigma_{slope}_{group}"]
    unit = np.log(v[f"sigma_{group}"] * steeper * np.sqrt(1 - rho**2))
    half = (rho + 1) / 2
    scales = np.log(v["sigma"]) + np.log(v[f"sigma_{group}"]) + np.log(half * (1 - half))
    return float(scales + len(v[f"alpha_{group}"]) * unit)


# The models ---------------------------------------------------------------------------------------


class Case(NamedTuple):
    """A builder, what it is given, and what it should state."""

    build: Callable[..., pm.Model]
    given: tuple[Any, ...]
    rows: Callable[..., np.ndarray]
    priors: Callable[..., float]
    jacobian: Callable[..., float]


NO = (ml.no_pooling, normal_rows, no_pooling_priors, no_pooling_jacobian)
PARTIAL = (ml.partial_pooling, normal_rows, partial_pooling_priors, partial_pooling_jacobian)
CROSSED = (ml.crossed_intercepts, crossed_rows, crossed_priors, crossed_jacobian)
SLOPES = (ml.varying_slopes, slopes_rows, slopes_priors, slopes_jacobian)
ORDERED = (ml.ordered_logit, ordered_rows, ordered_priors, ordered_jacobian)


def case(parts: tuple[Callable[..., Any], ...], *given: Any) -> Case:
    build, rows, priors, jacobian = parts
    return Case(build, given, rows, priors, jacobian)


STUDIES = {
    "no pooling": case(NO, MLM, "con", "id"),
    "partial pooling": case(PARTIAL, MLM, "con", "id"),
    "varying slopes": case(SLOPES, MLM, "con", ["time", "is_pd"], "id", "time"),
    "crossed": case(CROSSED, CHIMPANZEES, "pulled_left", ["actor", "block"], "treatment"),
    "ordered": case(ORDERED, TROLLEY, "response", PREDICTORS),
    "ordered, varying": case(ORDERED, TROLLEY, "response", PREDICTORS, "id"),
}
ODDITIES = {
    "no pooling": case(NO, ODD, "y", "person"),
    "partial pooling": case(PARTIAL, ODD, "y", "day"),
    "varying slopes": case(SLOPES, ODD, "y", ["age", "dose"], "person", "dose"),
    "crossed": case(CROSSED, ODD, "yes", ["person", "day"], "arm"),
    "crossed, one group": case(CROSSED, ODD, "yes", ["person"], "arm"),
    "crossed, three groups": case(CROSSED, ODD, "yes", ["day", "person", "age"], "arm"),
    "ordered": case(ORDERED, ODD, "answer", ["dose", "age"]),
    "ordered, varying": case(ORDERED, ODD, "answer", ["dose", "age"], "person"),
}
ALL = {f"{name}, studies": c for name, c in STUDIES.items()} | {
    f"{name}, odd labels": c for name, c in ODDITIES.items()
}
all_cases = pytest.mark.parametrize("name", ALL)


def random_point(model: pm.Model, seed: int = 1) -> dict[str, np.ndarray]:
    """Choose a point of the space that the sampler moves in."""
    rng = np.random.default_rng(seed)
    shapes = {name: np.shape(value) for name, value in sorted(model.initial_point().items())}
    return {name: np.asarray(rng.normal(0, 0.6, shape)) for name, shape in shapes.items()}


def evaluate(model: pm.Model, point: dict[str, np.ndarray]) -> Values:
    """Return the values of all variables at a point, by label where they have labels."""
    variables = [*model.free_RVs, *model.deterministics]
    outputs = model.replace_rvs_by_values(variables)
    function = model.compile_fn(outputs, inputs=model.value_vars, mode="FAST_COMPILE")
    values: Values = {}
    for variable, value in zip(variables, function(point), strict=True):
        dims = model.named_vars_to_dims.get(variable.name, ())
        values[variable.name] = (
            dict(zip(model.coords[dims[0]], value, strict=True)) if dims else value
        )
    return values


def log_density(model: pm.Model, point: dict[str, np.ndarray]) -> float:
    return float(model.compile_logp(mode="FAST_COMPILE")(point))


def log_likelihood_of_rows(model: pm.Model, values: Values) -> np.ndarray:
    pointwise = np.array(list(values["_log_likelihood"].values()))
    if "cell" in model.coords:
        pointwise = pointwise[np.asarray(model["cell_of_row"].get_value())]
    return pointwise


@all_cases
def test_the_joint_log_density_is_that_of_the_equations(name: str) -> None:
    build, given, rows, priors, jacobian = ALL[name]
    model = build(*given)
    for seed in [1, 2]:
        point = random_point(model, seed)
        v = evaluate(model, point)
        expected = rows(v, *given).sum() + priors(v, *given) + jacobian(v, *given)
        assert log_density(model, point) == pytest.approx(expected, rel=TIGHT)


@all_cases
def test_each_row_is_explained_by_the_effect_that_carries_its_own_label(name: str) -> None:
    build, given, rows, *_ = ALL[name]
    model = build(*given)
    v = evaluate(model, random_point(model))
    expected = rows(v, *given)
    assert len(np.unique(expected)) > 4  # rows of different clusters differ
    np.testing.assert_allclose(log_likelihood_of_rows(model, v), expected, rtol=1e-9)


@pytest.mark.parametrize("name", [name for name in ALL if "crossed" in name or "ordered" in name])
def test_counting_equal_rows_leaves_the_density_as_it_is(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def every_row_is_a_cell(data: pd.DataFrame, columns: list[str], count: None) -> models.Cells:
        rows = np.arange(len(data))
        coords = {"cell": rows, "row": data.index}
        return models.Cells(data[columns].reset_index(drop=True), rows * 0 + 1, rows, coords, None)

    counted = ALL[name].build(*ALL[name].given)
    monkeypatch.setattr(models, "_count", every_row_is_a_cell)
    uncounted = ALL[name].build(*ALL[name].given)
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
    model = STUDIES[name].build(*STUDIES[name].given)
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
    assert ml.count_parameters(STUDIES[name].build(*STUDIES[name].given)) == parameters


def test_labels_of_the_studies_are_those_of_the_data() -> None:
    assert list(ml.no_pooling(MLM, "con", "id").coords["id"]) == sorted(MLM["id"].unique())
    crossed = STUDIES["crossed"].build(*STUDIES["crossed"].given)
    assert list(crossed.coords["actor"]) == [1, 2, 3, 4, 5, 6, 7]
    assert list(crossed.coords["block"]) == [1, 2, 3, 4, 5, 6]
    assert list(crossed.coords["treatment"]) == ["R/N", "L/N", "R/P", "L/P"]
    ordered = STUDIES["ordered, varying"].build(*STUDIES["ordered, varying"].given)
    assert list(ordered.coords["id"]) == sorted(TROLLEY["id"].unique())
    assert list(ordered.coords["cut"]) == [1, 2, 3, 4, 5, 6]
    assert list(ordered.coords["category"]) == [1, 2, 3, 4, 5, 6, 7]
    assert list(ordered.coords["predictor"]) == PREDICTORS


def test_odd_labels_are_kept() -> None:
    crossed = ODDITIES["crossed"].build(*ODDITIES["crossed"].given)
    assert list(crossed.coords["person"]) == ["ann", "bob", "mia", "zoe"]
    assert list(crossed.coords["day"]) == [7, 19, 30]
    assert list(crossed.coords["arm"]) == ["t", "c"]  # the order of the categories
    ordered = ODDITIES["ordered"].build(*ODDITIES["ordered"].given)
    assert list(ordered.coords["category"]) == ["never", "often", "always"]


@pytest.mark.parametrize("name", ODDITIES)
def test_rows_keep_the_index_of_the_data(name: str) -> None:
    model = ODDITIES[name].build(*ODDITIES[name].given)
    assert list(model.coords["row"]) == list(range(100, 133, 3))


@all_cases
def test_building_a_model_leaves_the_data_as_they_were(name: str) -> None:
    data, *columns = ALL[name].given
    before = data.copy(deep=True)
    ALL[name].build(data, *columns)
    pd.testing.assert_frame_equal(data, before)


def test_a_category_that_nobody_chose_still_counts() -> None:
    kept = ODD[ODD["answer"] != "often"]
    model = ml.ordered_logit(kept, "answer", ["dose"])
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
    build, arguments, *_ = ODDITIES[name]
    model, other = build(*arguments), build(*arguments, **{parameter: given[0]})
    point = random_point(model)
    v = evaluate(model, point)
    values = v[parameter]
    if parameter == "threshold":
        values = centred_thresholds(v, arguments[0], arguments[2])
    expected = total(given[1], values) - (total(default, values) if default else 0)
    found = log_density(other, point) - log_density(model, point)
    assert abs(expected) > 0.01
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_standard_deviation_that_is_sampled_with_a_sign_keeps_its_prior() -> None:
    build, given, *_ = ODDITIES["crossed"]
    model = build(*given, sigma_day=SCALE[0])
    drawn = pm.draw(model["sigma_day"], draws=2000, random_seed=1)
    assert stats.kstest(drawn, SCALE[1].cdf).pvalue > 0.01
    point = random_point(model)
    mirrored = point | {name: -point[name] for name in ("_sigma_day", "_day_z")}
    assert log_density(model, mirrored) == pytest.approx(log_density(model, point), rel=1e-12)
    reported = ["sigma_day", "alpha_day"]
    there, back = evaluate(model, point), evaluate(model, mirrored)
    assert [there[name] for name in reported] == [back[name] for name in reported]


def test_the_prior_of_a_correlation_is_that_of_half_its_way_from_minus_one_to_one() -> None:
    build, given, *_ = ODDITIES["varying slopes"]
    for prior, distribution in [({}, stats.beta(2, 2)), ({"rho_person": (9, 1)}, stats.beta(9, 1))]:
        priors = {name: Prior(pm.Beta, *numbers) for name, numbers in prior.items()}
        drawn = pm.draw(build(*given, **priors)["rho_person"], draws=2000, random_seed=1)
        assert stats.kstest((drawn + 1) / 2, distribution.cdf).pvalue > 0.01


def test_levels_and_slopes_of_the_prior_go_together_as_their_correlation_says() -> None:
    build, given, *_ = ODDITIES["varying slopes"]
    model = build(*given, rho_person=Prior(pm.Beta, 90, 10))
    names = ["alpha_person", "dose_person", "sigma_person", "sigma_dose_person", "rho_person"]
    level, steeper, *sds, rho = pm.draw([model[n] for n in names], draws=2000, random_seed=1)
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
    build, given, *_ = ODDITIES[name]
    with pytest.raises(ValueError, match=r"no prior named 'tau'.*Its priors are: .*(sigma|beta)"):
        build(*given, tau=Prior(pm.Exponential, 1))


@pytest.mark.parametrize("name", ODDITIES)
def test_a_prior_that_is_not_a_prior_is_refused(name: str) -> None:
    build, given, *_ = ODDITIES[name]
    parameter = "sigma" if "pooling" in name else "beta"
    with pytest.raises(TypeError, match=f"'{parameter}' must be a Prior.*it is 0.5"):
        build(*given, **{parameter: 0.5})


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
    with pytest.raises(ValueError, match=r"'age' must hold zeros and ones only.*2, 3, 4, 5"):
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
    logp = models.ordered_logistic_logp(
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
    logp = models.bernoulli_logp(pt.constant(np.array([0, 1, 1, 0, 1])), x)
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
    assert "count" in ml.no_pooling(data, "count", "id").named_vars
    assert "count" in ml.partial_pooling(data.assign(n=1), "count", "id", count="n").named_vars
    assert "count" in ml.crossed_intercepts(data, "count", ["id"], "arm").named_vars
    assert "count" in ml.crossed_intercepts(data.assign(y=1), "y", ["count"], "arm").coords


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
