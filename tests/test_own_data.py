"""Data of readers: either the numbers are right, or the refusal says what to do."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import arviz as az
import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pymc as pm
import pytest
import xarray as xr

import multilevel as ml
from multilevel import comparison, sampling, storage
from multilevel.priors import PYTHON
from multilevel.structure import structure_of, to_json

CHOICES: list[Any] = ["same", "new", "average"]


def invented(model: pm.Model) -> xr.DataTree:
    """Invent a fit of a model: the same draws, whatever the names of its columns are."""
    structure = structure_of(model, "test")
    rng = np.random.default_rng(7)
    scales = {structure.sd(g, term) for g in structure.groups for term in structure.terms(g)}
    variables, coords = {}, {"chain": np.arange(2), "draw": np.arange(50)}
    for name in structure.variables():
        dims = tuple(model.named_vars_to_dims.get(name, ()))
        values = rng.normal(size=(2, 50, *(len(model.coords[dim] or ()) for dim in dims)))
        if name in scales or name == "sigma":
            values = np.exp(values)
        if name in {structure.correlation(group) for group in structure.groups}:
            values = np.tanh(values)
        if name == "threshold":
            values = np.sort(values, axis=-1)
        variables[name] = (("chain", "draw", *dims), values)
    labels = {str(dim): pd.Index(list(model.coords[dim] or ())) for dim in model.coords}
    fit = xr.DataTree.from_dict({"posterior": xr.Dataset(variables, coords)})
    posterior = fit["posterior"].dataset
    wanted = [*posterior.dims, "category"]
    known = {dim: labels[str(dim)] for dim in wanted if dim in labels}
    fit["posterior"] = xr.DataTree(posterior.assign_coords(known))
    fit.attrs["structure"] = to_json(structure)
    return fit


# Outcomes in their own units ----------------------------------------------------------------------

YIELDS = {  # of Dyestuff in lme4: five preparations of each of six batches
    "A": [1545, 1440, 1440, 1520, 1580],
    "B": [1540, 1555, 1490, 1560, 1495],
    "C": [1595, 1550, 1605, 1510, 1560],
    "D": [1445, 1440, 1595, 1465, 1545],
    "E": [1595, 1630, 1515, 1635, 1625],
    "F": [1520, 1455, 1450, 1480, 1445],
}
DYESTUFF = pd.DataFrame(
    {"batch": np.repeat(list(YIELDS), 5), "yield_": [y for five in YIELDS.values() for y in five]}
)


def growth() -> pd.DataFrame:
    """Simulate children who are measured at four ages: millimetres, as in Orthodont of nlme."""
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"child": np.repeat([f"F{k:02}" for k in range(27)], 4)})
    data["age"] = np.tile([8, 10, 12, 14], 27)
    level = np.repeat(rng.normal(24, 1.9, 27), 4)
    data["distance"] = level + 0.66 * (data["age"] - 11) + rng.normal(0, 1.4, 108)
    return data


def sleep() -> pd.DataFrame:
    """Simulate reaction times in milliseconds on ten days, as in sleepstudy of lme4."""
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"person": np.repeat(np.arange(308, 326), 10)})
    data["day"] = np.tile(np.arange(10), 18)
    level, slope = np.repeat(rng.normal([251, 10.5], [25, 6], (18, 2)), 10, axis=0).T
    data["reaction"] = level + slope * data["day"] + rng.normal(0, 25, 180)
    return data


def build_growth(data: pd.DataFrame, **settings: Any) -> pm.Model:
    return ml.partial_pooling(data, "distance", "child", **settings)


def build_growth_by_age(data: pd.DataFrame, **settings: Any) -> pm.Model:
    return ml.linear(data, "distance", ["age"], ["child"], {"child": ["age"]}, **settings)


def build_sleep(data: pd.DataFrame, **settings: Any) -> pm.Model:
    return ml.varying_slopes(data, "reaction", ["day"], "person", "day", **settings)


def build_levels(data: pd.DataFrame, **settings: Any) -> pm.Model:
    return ml.no_pooling(data, "reaction", "person", **settings)


def build_dyestuff(data: pd.DataFrame, **settings: Any) -> pm.Model:
    return ml.partial_pooling(data, "yield_", "batch", **settings)


OWN_UNITS: dict[str, tuple[Callable[..., pm.Model], pd.DataFrame, list[str]]] = {
    "dyestuff": (
        build_dyestuff,
        DYESTUFF,
        [
            r"mean of 'yield_' is about 1\.53e.* alpha_bar ~ Normal\(0, 1\.5\), has 99 % ",
            r"between 'batch' is about 37\.3 .* sigma_alpha ~ Exponential\(1\), has 99 % of its",
            r"within clusters is about 49\.5 .* sigma ~ Exponential\(1\), has",
        ],
    ),
    "growth": (build_growth, growth(), [r"mean of 'distance' is about 2\d.*alpha_bar ~ Normal"]),
    "growth by age": (
        build_growth_by_age,
        growth(),
        [r"mean of 'distance' where all predictors are 0 is about 1\d.*alpha_bar ~ Normal"],
    ),
    "sleep": (
        build_sleep,
        sleep(),
        [
            r"mean of 'reaction' where all predictors are 0 is about 2\d\d .*Normal\(0, 1\.5\)",
            r"slope of 'day' is about 9\.\d+ .* beta ~ Normal\(0, 0\.5\), has 99 % .* from -1\.",
            r"within clusters is about [23]\d.* sigma ~ Exponential\(1\)",
        ],
    ),
    "levels": (build_levels, sleep(), [r"mean of 'reaction' is about 2\d\d.* alpha ~ Normal"]),
}


def remedies(message: str) -> list[str]:
    """Return the code that a message offers, one piece for each way."""
    parts = message.split("or scale the priors to the data:\n")
    indented = [re.findall(r"^    (.*)$", part, re.MULTILINE) for part in parts]
    return ["\n".join(lines) for lines in indented]


@pytest.mark.parametrize("name", OWN_UNITS)
def test_outcomes_in_other_units_are_refused_with_both_numbers_and_code_that_works(
    name: str,
) -> None:
    build, data, words = OWN_UNITS[name]
    with pytest.raises(ValueError, match="The data contradict the priors") as refusal:
        build(data)
    for pattern in words:
        assert re.search(pattern, str(refusal.value)), pattern
    standardise, scale = remedies(str(refusal.value))
    names: dict[str, Any] = {"data": data.copy()}
    exec(standardise, names)
    assert isinstance(build(names["data"]), pm.Model)
    names = {"ml": ml, "pm": pm}
    exec(scale, names)
    assert isinstance(build(data, **names["priors"]), pm.Model)
    # Nothing less will do: with all but one of these priors, the data still contradict one.
    for parameter in ["alpha" if name == "levels" else "alpha_bar"]:
        fewer = {key: prior for key, prior in names["priors"].items() if key != parameter}
        with pytest.raises(ValueError, match=f"its prior, {parameter} ~"):
            build(data, **fewer)
    assert isinstance(build(data, check=False), pm.Model)


def test_scaled_priors_are_those_of_the_message() -> None:
    with pytest.raises(ValueError, match="contradict") as refusal:
        build_dyestuff(DYESTUFF)
    names: dict[str, Any] = {"ml": ml, "pm": pm}
    exec(remedies(str(refusal.value))[1], names)
    given = ml.scaled_priors(ml.partial_pooling, DYESTUFF, "yield_", "batch")
    assert {name: repr(prior) for name, prior in given.items()} == {
        name: repr(prior) for name, prior in names["priors"].items()
    }
    assert repr(given["alpha_bar"]) == "Normal(1530, 92.9)"


def test_columns_without_a_scale_have_no_scaled_priors() -> None:
    data = growth().assign(one=1.0)
    with pytest.raises(ValueError, match=r"Column 'one' is constant \(1\)"):
        ml.scaled_priors(ml.linear, data, "distance", ["age", "one"], ["child"])
    with pytest.raises(ValueError, match="A single value of column 'one'"):
        ml.scaled_priors(ml.partial_pooling, data, "one", "child")


def test_a_prior_made_of_another_distribution_can_be_shown_in_a_refusal() -> None:
    half = ml.Prior(pm.Truncated, pm.Normal.dist(0, 1), lower=0)
    with pytest.raises(
        ValueError, match=r"sigma_alpha ~ Truncated\(.*lower=0\), has 99 % of its mass from"
    ):
        build_dyestuff(DYESTUFF, sigma_alpha=half)
    function: Any = lambda name: pm.Normal(name, 0, 1)  # noqa: E731
    with pytest.raises(TypeError, match=r"distribution of PyMC, such as ml\.Prior\(pm\.Normal"):
        ml.Prior(function)


@pytest.fixture(scope="module")
def dyestuff_model() -> pm.Model:
    priors = ml.scaled_priors(ml.partial_pooling, DYESTUFF, "yield_", "batch")
    return build_dyestuff(DYESTUFF, **priors)


@pytest.fixture(scope="module")
def dyestuff(dyestuff_model: pm.Model) -> xr.DataTree:
    return ml.fit(dyestuff_model, seed=1)


def test_six_batches_pass_at_default_settings_and_agree_with_exact_integration(
    dyestuff_model: pm.Model, dyestuff: xr.DataTree
) -> None:
    found, exact = ml.summarise(dyestuff), ml.exact_posterior(dyestuff_model)
    assert set(exact.index) == set(found.index)
    z = (found["mean"] - exact["mean"]) / found["mcse"]
    assert (abs(z[exact.index]) < 4.5).all()
    np.testing.assert_allclose(found.loc[exact.index, "sd"], exact["sd"], rtol=0.12)


def test_six_batches_are_near_lme4(dyestuff: xr.DataTree) -> None:
    median = dyestuff["posterior"].dataset.median()
    # REML: mean 1527.5, sd between batches 42.0, within 49.5
    assert median["alpha_bar"].item() == pytest.approx(1527.5, abs=3)
    assert median["sigma_alpha"].item() == pytest.approx(42.0, rel=0.1)
    assert median["sigma"].item() == pytest.approx(49.5, rel=0.07)


def test_a_fit_is_complete_for_the_checks_of_arviz(dyestuff: xr.DataTree) -> None:
    simulated = ml.replicate(dyestuff, DYESTUFF, seed=1, draws=None)
    assert simulated.sizes == {"chain": 4, "draw": 1000, "row": 30}
    fit = dyestuff.copy()
    fit["posterior_predictive"] = xr.DataTree(simulated.to_dataset())
    pit = az.loo_pit(fit)["yield_"]
    assert pit.dims == ("row",)
    assert ((pit > 0) & (pit < 1)).all()
    # The lowest and the highest yield are at the ends of what is predicted for them.
    lowest, highest = DYESTUFF["yield_"].idxmin(), DYESTUFF["yield_"].idxmax()
    assert pit[lowest] < 0.15
    assert pit[highest] > 0.75
    sensitivity = az.psense_summary(dyestuff)
    assert {"alpha_bar", "sigma_alpha", "sigma"} <= set(sensitivity.index)
    assert np.isfinite(sensitivity[["prior", "likelihood"]].to_numpy(float)).all()


@pytest.fixture(scope="module")
def sleep_fit() -> xr.DataTree:
    data = sleep()
    columns = (["day"], "person", "day")
    priors = ml.scaled_priors(ml.varying_slopes, data, "reaction", *columns)
    return ml.fit(build_sleep(data, **priors), seed=1)


def test_reaction_times_in_milliseconds_have_the_numbers_that_they_were_made_of(
    sleep_fit: xr.DataTree,
) -> None:
    table = pd.DataFrame(ml.summarise(sleep_fit))
    mean, sd = table["mean"].to_dict(), table["sd"].to_dict()
    truth = {
        "alpha_bar": 251,
        "beta[day]": 10.5,
        "sigma_person": 25,
        "sigma_day_person": 6,
        "sigma": 25,
    }
    for name, value in truth.items():
        assert abs(mean[name] - value) < 3 * sd[name], name
    assert sd["alpha_bar"] < 15
    assert sd["beta[day]"] < 3


# Responses in words -------------------------------------------------------------------------------


def satisfaction() -> pd.DataFrame:
    """Simulate answers in words whose alphabetical order is not theirs; influence raises them."""
    rng = np.random.default_rng(9)
    influence = rng.integers(0, 2, 300)
    score = 1.5 * influence + rng.logistic(size=300)
    words = np.array(["Low", "Medium", "High"])[np.digitize(score, [0, 1.5])]
    return pd.DataFrame({"satisfied": words, "influence": influence})


def test_the_order_of_a_response_in_words_is_asked_for() -> None:
    data = satisfaction()
    with pytest.raises(ValueError, match="which only you know") as refusal:
        ml.ordered_logit(data, "satisfied", ["influence"])
    message = str(refusal.value)
    assert "categories=[lowest, ..., highest], ordered=True" in message
    for word in ["'Low'", "'Medium'", "'High'"]:
        assert word in message
    assert "pd.Categorical(data['satisfied'], ordered=True)" not in message  # alphabetical


def test_in_the_right_order_the_slope_has_the_right_sign() -> None:
    data = satisfaction()
    data["satisfied"] = pd.Categorical(
        data["satisfied"], categories=["Low", "Medium", "High"], ordered=True
    )
    model = ml.ordered_logit(data, "satisfied", ["influence"])
    draws = sampling.sample(model, seed=1, draws=300, tune=400, chains=2)
    beta = draws["posterior"]["beta"].sel(predictor="influence")
    assert beta.mean().item() == pytest.approx(1.5, abs=0.6)
    assert (beta > 0).all()


# Columns with the names of parameters -------------------------------------------------------------

NAMES = pd.DataFrame(
    {
        "person": np.repeat(["p", "q", "r", "s"], 6),
        "day": np.tile([1, 2, 3], 8),
        "dose": np.tile([0.1, 0.5, -0.4, -0.2, 0.9, -0.7, 0.3], 4)[:24],
        "age": np.tile([0.0, 1.0, -1.0, 0.5, -0.5], 5)[:24],
        "arm": np.tile(["t", "c"], 12),
        "y": np.random.default_rng(3).normal(0, 1, 24),
        "yes": np.tile([0, 1, 1, 0, 1, 0, 0], 4)[:24],
        "answer": pd.Categorical(np.tile([1, 2, 3, 2, 1], 5)[:24], ordered=True),
    }
)


def slopes_of(data: pd.DataFrame, new: Callable[[str], str]) -> pm.Model:
    x = [new("age"), new("dose")]
    return ml.varying_slopes(data, new("y"), x, new("person"), new("dose"))


def crossed_of(data: pd.DataFrame, new: Callable[[str], str]) -> pm.Model:
    return ml.crossed_intercepts(data, new("yes"), [new("person"), new("day")], new("arm"))


def pooled_of(data: pd.DataFrame, new: Callable[[str], str]) -> pm.Model:
    return ml.partial_pooling(data, new("y"), new("person"), [new("dose")])


def ordered_of(data: pd.DataFrame, new: Callable[[str], str]) -> pm.Model:
    x, person = [new("age"), new("dose")], new("person")
    return ml.ordered_logit(data, new("answer"), x, person, slopes={person: [new("dose")]})


def logistic_of(data: pd.DataFrame, new: Callable[[str], str]) -> pm.Model:
    person, day, dose = new("person"), new("day"), new("dose")
    return ml.logistic(data, new("yes"), [dose], [person, day], {person: [dose]})


WHAT = {
    "slopes": (slopes_of, ["dose", "person", "y"]),
    "crossed": (crossed_of, ["person", "arm", "yes"]),
    "pooled": (pooled_of, ["dose", "person"]),
    "ordered": (ordered_of, ["dose", "person", "answer"]),
    "logistic": (logistic_of, ["dose", "person"]),
}
WORDS = ["alpha_power", "alpha_2", "alpha", "sigma", "rho", "beta", "threshold", "alpha_bar"]
WORDS += ["row", "predictor", "mean", "z", "sigma_dose", "category"]


@pytest.mark.slow
@pytest.mark.parametrize("what", WHAT)
def test_a_column_with_the_name_of_a_parameter_is_refused_or_changes_no_number(what: str) -> None:
    build, columns = WHAT[what]
    fit = invented(build(NAMES, str))
    expected = [ml.predict(fit, NAMES, each, seed=1).to_numpy() for each in CHOICES]
    refused: dict[tuple[str, str], str] = {}
    for column in columns:
        for word in WORDS:

            def new(name: str, column: str = column, word: str = word) -> str:
                return word if name == column else name

            data = NAMES.rename(columns=new)
            try:
                model = build(data, new)
            except ValueError as error:
                refused[column, word] = str(error)
                continue
            other = invented(model)
            found = [ml.predict(other, data, each, seed=1).to_numpy() for each in CHOICES]
            for one, again in zip(expected, found, strict=True):
                np.testing.assert_array_equal(again, one, f"{column} as {word}")
    for case, message in refused.items():
        assert "Rename it: data.rename(columns={" in message, case
    assert {word for column, word in refused if column == "dose"} <= {"alpha", "sigma", "rho"}
    taken = {word for column, word in refused if column in {"person", "arm"}}
    assert {"beta", "row", "predictor", "mean", "category"} <= taken
    assert "alpha_power" not in taken
    assert "z" not in taken


# Nested clusters ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_nested_clusters_pass_at_default_settings(seed: int) -> None:
    """Ten batches of three casks, two samples each, as in a textbook's pastes."""
    rng = np.random.default_rng(seed)
    batch, cask = np.repeat(range(10), 6), np.tile(np.repeat(list("abc"), 2), 10)
    between = rng.normal(0, 1.3, 10)[batch] + np.repeat(rng.normal(0, 2.9, 30), 2)
    data = pd.DataFrame({"batch": batch, "cask": cask, "y": between + rng.normal(0, 0.8, 60)})
    data["y"] = (data["y"] - data["y"].mean()) / data["y"].std()
    ml.fit(ml.linear(data, "y", groups=["batch", "batch:cask"]), seed=1)


# New data that predictions cannot take ------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pd.to_datetime(["2024-01-01"] * 24), "'dose' must be numeric; it is of type datetime64"),
        (["much"] * 24, "'dose' must be numeric; it is of type str"),
        ([np.inf] * 24, "'dose' has infinite values"),
        ([np.nan] + [1.0] * 23, "'dose' has 1 missing value"),
    ],
)
@pytest.mark.parametrize("what", ["slopes", "ordered"])
def test_predictors_that_are_no_numbers_are_refused_by_column(
    what: str, values: Any, words: str
) -> None:
    fit = invented(WHAT[what][0](NAMES, str))
    with pytest.raises(ValueError, match=words):
        ml.predict(fit, NAMES.assign(dose=values))
    with pytest.raises(ValueError, match=words):
        ml.replicate(fit, NAMES.assign(dose=values), seed=1)


DAYS = [*range(23), 30.0]
NOT_NUMBERS: dict[str, tuple[Any, str, list[float]]] = {
    "dates": (
        pd.Timestamp("2024-01-01") + pd.to_timedelta(DAYS, unit="D"),
        "data['x'] = (data['x'] - data['x'].min()) / pd.Timedelta(days=1)",
        DAYS,
    ),
    "durations": (
        pd.to_timedelta(DAYS, unit="s"),
        "data['x'] = data['x'].dt.total_seconds()",
        DAYS,
    ),
    "decimals": (
        [Decimal(str(day)) for day in DAYS],
        "data['x'] = data['x'].astype(str).astype(float)",
        DAYS,
    ),
    "percent": ([f"{day}%" for day in DAYS], "data['x'].str.rstrip('%').astype(float)", DAYS),
    "decimal commas": (
        [f"{day:.1f}".replace(".", ",") for day in DAYS],
        "data['x'].str.replace(',', '.').astype(float)",
        DAYS,
    ),
    "thousands": (
        [f"{1000 * day:,}" for day in DAYS],
        "data['x'].str.replace(',', '').astype(float)",
        [1000 * day for day in DAYS],
    ),
    "two labels": (
        ["no", "yes"] * 12,
        "data['x'] = (data['x'] == 'yes').astype(int)",
        [0, 1] * 12,
    ),
    "categories": (
        pd.Categorical(["low", "high"] * 12),
        "data['x'] = (data['x'] == 'low').astype(int)",
        [1, 0] * 12,
    ),
}


@pytest.mark.parametrize("kind", NOT_NUMBERS)
def test_how_to_make_numbers_of_a_column_is_said_and_right(kind: str) -> None:
    values, code, numbers = NOT_NUMBERS[kind]
    data = NAMES.assign(x=values)
    with pytest.raises(ValueError, match=f"'x' must be numeric.*{re.escape(code)}"):
        ml.linear(data, "y", ["x"], check=False)
    changed = code if code.startswith("data['x'] = ") else f"data['x'] = {code}"
    exec(changed, {"data": data, "pd": pd})
    np.testing.assert_allclose(data["x"].to_numpy(float), numbers)
    ml.linear(data, "y", ["x"], check=False)


def test_a_predictor_of_several_labels_takes_a_column_for_each_but_one() -> None:
    data = NAMES.assign(x=list("abc") * 8)
    code = "data.join(pd.get_dummies(data['x'], prefix='x', drop_first=True, dtype=int))"
    with pytest.raises(ValueError, match=re.escape(code)):
        ml.linear(data, "y", ["x"], check=False)
    ml.linear(eval(code), "y", ["x_b", "x_c"], check=False)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("Y", "Did you mean 'y'"),
        ("y ~ dose", "Formulas are not read here"),
        ("log(y) ~ dose", "Formulas are not read here"),
    ],
)
def test_a_name_that_is_nearly_a_column_or_a_formula_is_told_so(outcome: str, words: str) -> None:
    with pytest.raises(ValueError, match=rf"no column '{re.escape(outcome)}'.*{words}"):
        ml.linear(NAMES, outcome, ["dose"], check=False)


def test_slopes_that_name_no_group_and_builders_that_are_none_are_refused() -> None:
    wrong: Any = ["dose"]
    with pytest.raises(ValueError, match=r"slopes=\{'person': \['dose'\]\}; it is \['dose'\]"):
        ml.linear(NAMES, "y", ["dose"], ["person"], wrong, check=False)
    with pytest.raises(ValueError, match=r"population-level effect: predictors=\['dose'\]"):
        ml.linear(NAMES, "y", [], ["person"], {"person": ["dose"]}, check=False)
    data: Any = NAMES
    with pytest.raises(TypeError, match=r"needs the builder first.*of the type DataFrame"):
        ml.scaled_priors(data, data, "y")
    with pytest.raises(TypeError, match=r"DataFrameGroupBy: make one by data\.obj"):
        ml.linear(data.groupby("person"), "y")


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_an_outcome_in_another_unit_is_not_blamed_on_its_predictors(factor: float) -> None:
    data = NAMES.assign(y=NAMES["y"] * factor)
    with pytest.raises(ValueError, match="sd of 'y' within clusters") as refused:
        ml.linear(data, "y", ["dose"], ["person"])
    assert "'dose' (mean" not in str(refused.value)


def test_a_large_predictor_that_is_centred_already_is_not_to_be_centred() -> None:
    data = NAMES.assign(dose=1e4 * (NAMES["dose"] - NAMES["dose"].mean()))
    with pytest.raises(ValueError, match=r"larger unit, such as data\['dose'\] / data") as refused:
        ml.linear(data, "y", ["dose"], ["person"])
    assert "centre it" not in str(refused.value)


def test_two_rows_say_nothing_of_a_spread() -> None:
    ml.linear(pd.DataFrame({"y": [0.5, 1.0], "dose": [0.0, 1.0]}), "y", ["dose"])


@pytest.mark.parametrize("thing", [None, NAMES, "fit.nc"], ids=lambda thing: type(thing).__name__)
def test_what_is_no_fit_is_refused_as_such(thing: Any) -> None:
    words, both = f"needs a fit.*of the type {type(thing).__name__}", cast(Any, [thing, thing])
    with pytest.raises(TypeError, match=words):
        ml.predict(thing, NAMES)
    with pytest.raises(TypeError, match=words):
        ml.loo(thing)
    with pytest.raises(TypeError, match=words):
        ml.reloo(thing, lambda data: ml.no_pooling(data, "y", "person"), NAMES, seed=1)
    with pytest.raises(ValueError, match="two fits by name"):
        ml.compare(both)


def test_nested_labels_are_the_same_whether_numbers_are_whole_or_floats() -> None:
    data = NAMES.assign(school=[1, 2, 3] * 8, room=[1, 2] * 12)
    again = data.astype({"school": float, "room": "Int64"})
    both = [ml.linear(d, "y", groups=["school:room"], check=False) for d in (data, again)]
    assert both[0].coords["school:room"] == both[1].coords["school:room"]
    assert "1:2" in both[0].coords["school:room"]


def test_a_model_of_ones_own_is_not_guessed_at() -> None:
    with pm.Model(coords={"person": list("pqrs"), "row": NAMES.index}) as model:
        alpha = pm.Normal("alpha", 0, 1, dims="person")  # the names of no_pooling, but a slope
        sigma = pm.Exponential("sigma", 1)
        mu = alpha[pd.factorize(NAMES["person"])[0]] * NAMES["dose"].to_numpy()
        pm.Normal("y", mu, sigma, observed=NAMES["y"], dims="row")
    words = "needs the structure of the model.*For a PyMC model of your own compute"
    with pytest.raises(ValueError, match=words):
        ml.predict(model, NAMES, seed=1)
    fit = invented(ml.no_pooling(NAMES, "y", "person"))
    del fit.attrs["structure"]
    for function in (ml.predict, ml.replicate):
        with pytest.raises(ValueError, match=words):
            function(fit, NAMES, seed=1)


def test_a_part_of_a_date_is_not_a_date_that_was_seen() -> None:
    days = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-02-01", "2024-02-02"])
    data = NAMES.assign(person=np.repeat(days, 6))
    fit = invented(ml.partial_pooling(data, "y", "person"))
    known = ml.predict(fit, pd.DataFrame({"person": days[[2, 0]]})).to_numpy()
    np.testing.assert_allclose(known, fit["posterior"]["alpha"].to_numpy()[..., [2, 0]])
    for label in ["2024-01", "2024", "2024-01-01"]:
        words = f"have no person '{label}'.*fit are of type Timestamp, these of type str"
        with pytest.raises(ValueError, match=words):
            ml.predict(fit, pd.DataFrame({"person": [label]}))


def test_labels_of_another_type_are_said_to_be_of_another_type() -> None:
    data = NAMES.assign(person=np.repeat([7, 8, 9, 10], 6))
    fit = invented(ml.partial_pooling(data, "y", "person"))
    with pytest.raises(ValueError, match=r"have no person '7'.*fit are of type int, these of type"):
        ml.predict(fit, pd.DataFrame({"person": ["7"]}))
    with pytest.raises(ValueError, match="have no person 11") as unseen:
        ml.predict(fit, pd.DataFrame({"person": [11]}))
    assert "type" not in str(unseen.value)
    text = data.astype({"person": str})
    with pytest.raises(ValueError, match="fit are of type str, these of type int"):
        ml.predict(invented(ml.partial_pooling(text, "y", "person")), data)


# Data that say nothing ----------------------------------------------------------------------------


def nothing() -> pd.DataFrame:
    """Return columns each of which says nothing, alone or beside others."""
    rng = np.random.default_rng(4)
    data = NAMES.assign(one=1.0, twice=2 * NAMES["dose"] + 1, zero=0, flat=0.3)
    data["same"] = data["person"].map({"p": 4, "q": 3, "r": 2, "s": 1})
    data["by_person"] = data["person"].map({"p": 0.1, "q": -0.3, "r": 0.2, "s": 0.0})
    for level in ["p", "q", "r", "s"]:
        data[level] = (data["person"] == level).astype(int)
    data["only"] = pd.Categorical(["never"] * 24, ["never", "often"], ordered=True)
    data["tells"] = data["answer"].astype(int) + rng.uniform(-0.3, 0.3, 24)
    data["large"], data["small"] = 1e6 * data["dose"], 1e-6 * data["dose"]
    data["year"] = 1990.0 + np.arange(24)
    return data


SAYS_NOTHING: dict[str, tuple[Callable[..., pm.Model], dict[str, Any], str]] = {
    "a constant": (
        ml.linear,
        {"outcome": "y", "predictors": ["dose", "one"], "groups": ["person"]},
        r"Column 'one' is constant \(1\).*Leave it out",
    ),
    "a constant in an ordered model": (
        ml.ordered_logit,
        {"response": "answer", "predictors": ["one"]},
        r"Column 'one' is constant \(1\)",
    ),
    "a multiple": (
        ml.logistic,
        {"outcome": "yes", "predictors": ["dose", "age", "twice"], "groups": ["person"]},
        "'twice' is a linear combination of 'dose', so",
    ),
    "a dummy for each level": (
        ml.linear,
        {"outcome": "y", "predictors": ["p", "q", "r", "s"], "groups": ["day"]},
        "'s' is a linear combination of 'p', 'q', 'r', so",
    ),
    "a constant outcome": (
        ml.partial_pooling,
        {"outcome": "flat", "group": "person"},
        "A single value of column 'flat' occurs in the data",
    ),
    "an outcome that clusters repeat": (
        ml.partial_pooling,
        {"outcome": "by_person", "group": "person"},
        "'by_person' does not vary within any 'person'",
    ),
    "a single category": (
        ml.ordered_logit,
        {"response": "only", "predictors": ["dose"], "group": "person"},
        "A single category of column 'only' occurs",
    ),
    "zeros only": (
        ml.crossed_intercepts,
        {"outcome": "zero", "groups": ["person"]},
        "A single value of column 'zero' occurs",
    ),
    "the same clusters twice": (
        ml.crossed_intercepts,
        {"outcome": "yes", "groups": ["person", "day", "same"]},
        "'person' and 'same' divide the rows into the same clusters, under two names",
    ),
    "separation": (
        ml.ordered_logit,
        {"response": "answer", "predictors": ["dose", "tells"]},
        r"'tells' separate the categories.*beta=ml\.Prior\(pm\.Normal, 0, 1\)",
    ),
    "a large predictor": (
        ml.logistic,
        {"outcome": "yes", "predictors": ["large"], "groups": ["person"]},
        r"'large' \(mean .*, sd 4\.\d*e\+05\) is too large for the prior.*beta ~ Normal",
    ),
    "a large predictor of a response": (
        ml.ordered_logit,
        {"response": "answer", "predictors": ["large"], "group": "person"},
        "'large' .*is too large for the prior",
    ),
    "a small predictor": (
        ml.linear,
        {"outcome": "y", "predictors": ["small"], "groups": ["person"]},
        r"'small' \(mean .*, sd 4\.\d*e-07\) is too small for the prior",
    ),
    "a year": (
        ml.linear,
        {"outcome": "y", "predictors": ["year"], "groups": ["person"]},
        r"'year' .*is too large.*centre it, data\['year'\] - data\['year'\]\.mean\(\)",
    ),
}


@pytest.mark.parametrize("what", SAYS_NOTHING)
def test_data_that_say_nothing_are_refused_by_column(what: str) -> None:
    build, settings, words = SAYS_NOTHING[what]
    with pytest.raises(ValueError, match=words):
        build(nothing(), **settings)
    assert isinstance(build(nothing(), **settings, check=False), pm.Model)


def test_who_insists_on_an_outcome_of_zeros_gets_a_model_with_a_density() -> None:
    model = ml.crossed_intercepts(nothing(), "zero", ["person"], check=False)
    logp = model.compile_logp(mode=PYTHON)(model.initial_point())
    assert np.isfinite(logp)


def test_what_the_refusals_advise_is_accepted() -> None:
    data = nothing()
    assert ml.linear(data, "y", ["dose", "age"], ["person"])
    assert ml.linear(data, "y", ["p", "q", "r"], ["day"])
    assert ml.logistic(data.assign(large=data["large"] / 1e6), "yes", ["large"], ["person"])
    year = data["year"] - data["year"].mean()
    assert ml.linear(data.assign(year=year), "y", ["year"], ["person"])
    # Ordered responses are modelled at the means of the predictors, so that a year does no harm.
    assert ml.ordered_logit(data, "answer", ["year"], "person")
    proper = ml.Prior(pm.Normal, 0, 1)
    assert ml.ordered_logit(data, "answer", ["dose", "tells"], beta=proper)


# Tables of other libraries, and columns of other types --------------------------------------------


class Polars:
    """A table that converts itself, as those of Polars do."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a frame."""
        return self._frame


def build_from(data: Any) -> pm.Model:
    return ml.logistic(data, "yes", ["dose", "old"], ["person"])


PLAIN = NAMES[["person", "yes", "dose"]].assign(old=NAMES["age"] > 0)
OTHER_TYPES: dict[str, Any] = {
    "a table of PyArrow": pa.table(PLAIN),
    "a table of Polars": Polars(PLAIN),
    "nullable": PLAIN.astype({"yes": "Int64", "dose": "Float64", "old": "boolean"}),
    "PyArrow's": PLAIN.astype(
        {"yes": "int64[pyarrow]", "dose": "double[pyarrow]", "old": "bool[pyarrow]"}
    ),
    "truth values": PLAIN.astype({"yes": bool}),
    "unused levels": PLAIN.astype({"person": pd.CategoricalDtype(["o", "p", "q", "r", "s", "t"])}),
}


@pytest.mark.parametrize("kind", OTHER_TYPES)
def test_other_tables_and_types_make_the_same_model(kind: str) -> None:
    expected, found = build_from(PLAIN), build_from(OTHER_TYPES[kind])
    assert found.coords == expected.coords
    assert storage.fingerprint(found, {}) == storage.fingerprint(expected, {})
    turned = build_from(PLAIN.assign(old=~PLAIN["old"]))
    assert storage.fingerprint(turned, {}) != storage.fingerprint(expected, {})
    fit = invented(expected)
    xr.testing.assert_identical(ml.predict(fit, OTHER_TYPES[kind]), ml.predict(fit, PLAIN))


def test_an_index_of_two_columns_is_refused_before_sampling() -> None:
    data = NAMES.assign(wave=np.arange(24)).set_index(["person", "wave"])
    with pytest.raises(ValueError, match=r"index of 2 columns.*data\.reset_index\(\)"):
        ml.fit(ml.partial_pooling(data, "y", "day"), seed=1)
    plain = invented(ml.partial_pooling(NAMES, "y", "day"))
    with pytest.raises(ValueError, match=r"newdata has several levels.*reset_index\(\)"):
        ml.predict(plain, data)


# Nested clusters, from the model to replicates ----------------------------------------------------


def schools() -> pd.DataFrame:
    """Simulate pupils in classes that are numbered from 1 in every school."""
    rng = np.random.default_rng(6)
    data = pd.MultiIndex.from_product([list("ABCDEF"), [1, 2, 3], range(5)]).to_frame(index=False)
    data.columns = ["school", "class", "pupil"]
    school = np.repeat(rng.normal(0, 0.8, 6), 15)
    data["score"] = school + np.repeat(rng.normal(0, 0.5, 18), 5) + rng.normal(0, 0.6, 90)
    return data


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> xr.DataTree:
    model = ml.linear(schools(), "score", groups=["school", "school:class"])
    file = tmp_path_factory.mktemp("fits") / "nested"
    fit = ml.fit(model, seed=1, file=file)
    again = ml.fit(model, seed=1, file=file)
    xr.testing.assert_equal(fit["posterior"].dataset, again["posterior"].dataset)
    return again  # what the file holds


def test_nested_clusters_are_predicted_by_their_own_effects(nested: xr.DataTree) -> None:
    draws = nested["posterior"].dataset
    rows = pd.DataFrame({"school": ["B", "A", "B"], "class": [1, 1, 2]}, index=[5, 3, 9])
    found = ml.predict(nested, rows)
    for row, school, own in [(5, "B", "B:1"), (3, "A", "A:1"), (9, "B", "B:2")]:
        expected = draws["alpha_bar"] + draws["alpha_school"].sel(school=school)
        expected = expected + draws["alpha_school:class"].sel({"school:class": own})
        np.testing.assert_allclose(found.sel(row=row), expected, rtol=1e-12)
    with pytest.raises(ValueError, match="have no school:class 'A:4'"):
        ml.predict(nested, pd.DataFrame({"school": ["A"], "class": [4]}))


def test_a_class_left_out_has_the_density_of_a_new_class_of_its_school(nested: xr.DataTree) -> None:
    data, draws = schools(), nested["posterior"].dataset
    table = ml.loo(nested, leave_out="school:class", data=data)
    assert len(table) == 18
    for label, own in data.groupby(data["school"] + ":" + data["class"].astype(str)):
        assert isinstance(label, str)
        level = (draws["alpha_bar"] + draws["alpha_school"].sel(school=label[0])).to_numpy()
        residual = own["score"].to_numpy() - level.reshape(-1, 1)
        within, between = (
            draws[name].to_numpy().ravel() for name in ["sigma", "sigma_school:class"]
        )
        # Normal with the covariance within^2 I + between^2, which has two different eigenvalues
        along = residual.mean(axis=1) * np.sqrt(5)
        one = np.log(within**2 + 5 * between**2) + along**2 / (within**2 + 5 * between**2)
        rest = ((residual**2).sum(axis=1) - along**2) / within**2 + 8 * np.log(within)
        density = -(one + rest + 5 * np.log(2 * np.pi)) / 2
        expected = -np.log(np.mean(np.exp(-density)))
        assert table["elpd"][label] == pytest.approx(expected, abs=0.15)


def test_refitting_without_a_class_knows_its_school(
    nested: xr.DataTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, seen = schools(), []
    monkeypatch.setattr(comparison, "good_k", lambda draws: -10.0)
    monkeypatch.setattr(sampling, "fit", lambda rows, *_, **__: nested)

    def build(rows: pd.DataFrame) -> Any:
        seen.append(len(rows))
        return rows

    table = ml.reloo(nested, build, data, seed=1, leave_out="school:class")
    assert seen == [85] * 18
    assert table["refitted"].all()
    # Draws that saw the class predict it no worse than those that did not.
    plain = ml.loo(nested, leave_out="school:class", data=data)
    assert (table["elpd"] > plain["elpd"]).all()
    np.testing.assert_allclose(table["elpd"], plain["elpd"], atol=2.5)


def test_new_classes_of_known_schools_and_of_new_ones(nested: xr.DataTree) -> None:
    draws = nested["posterior"].dataset
    rows = pd.DataFrame({"school": ["B", "B", "A", "B"], "class": [8, 9, 8, 8]})
    found = ml.predict(nested, rows, {"school": "same", "school:class": "new"}, seed=1)
    own = draws["alpha_bar"] + draws["alpha_school"].sel(school=["B", "B", "A", "B"])
    own = own.rename(school="row").assign_coords(row=range(4)).transpose(..., "row")
    z = ((found - own) / draws["sigma_school:class"]).to_numpy()
    np.testing.assert_allclose(z[..., 0], z[..., 3])  # the same class of the same school
    assert abs(np.corrcoef(z[..., 0].ravel(), z[..., 1].ravel())[0, 1]) < 0.06
    # Number 8 of another school is another class.
    assert abs(np.corrcoef(z[..., 0].ravel(), z[..., 2].ravel())[0, 1]) < 0.06
    assert z.mean() == pytest.approx(0, abs=0.05)
    assert z.std() == pytest.approx(1, abs=0.03)


def test_replicates_of_new_schools_vary_by_all_three_sources(nested: xr.DataTree) -> None:
    draws = nested["posterior"].dataset
    rows = pd.DataFrame({"school": ["X", "X", "X", "Y"], "class": [1, 1, 2, 1]})
    found = ml.replicate(nested, rows, seed=1, draws=None, clusters="new")
    z = (found - draws["alpha_bar"]).to_numpy().reshape(-1, 4)
    school, own, noise = (
        float((draws[name] ** 2).mean()) for name in ["sigma_school", "sigma_school:class", "sigma"]
    )
    covariance = np.cov(z.T)
    total = school + own + noise
    np.testing.assert_allclose(np.diag(covariance), total, rtol=0.12)
    assert covariance[0, 1] == pytest.approx(school + own, abs=0.1 * total)
    assert covariance[0, 2] == pytest.approx(school, abs=0.1 * total)
    assert covariance[0, 3] == pytest.approx(0, abs=0.1 * total)
