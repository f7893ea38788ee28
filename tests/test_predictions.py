"""Predictions are what the equations give, worked out by hand from a few invented draws."""

from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy.special import expit, logit

import multilevel as ml
from multilevel.priors import Prior
from multilevel.structure import Structure, to_json

DRAWS = ("chain", "draw")
PEOPLE = ["zoe", "ann", "mia"]


def fit_of(
    structure: Structure, coords: dict[str, list[Any]], draws: int = 4, **dims: tuple[str, ...]
) -> xr.DataTree:
    """Invent draws of some variables: standard normal, positive for scales, or increasing."""
    assert set(dims) == set(structure.variables())
    coords = {"chain": [0, 1], "draw": list(range(draws))} | coords
    sizes = {dim: len(labels) for dim, labels in coords.items()}
    rng = np.random.default_rng(30)
    variables = {}
    for name, own in dims.items():
        values = rng.normal(size=[sizes[dim] for dim in (*DRAWS, *own)])
        if name.startswith("sigma"):
            values = np.exp(values / 3)
        if name == "threshold":
            values = np.sort(values, axis=-1)
        variables[name] = ((*DRAWS, *own), values)
    fit = xr.DataTree.from_dict({"posterior": xr.Dataset(variables, coords)})
    fit.attrs["structure"] = to_json(structure)
    return fit


def no_pooling() -> xr.DataTree:
    structure = Structure("normal", "y", groups=("person",), pooled=False, means=True)
    return fit_of(structure, {"person": PEOPLE}, alpha=("person",), sigma=())


def partial_pooling(draws: int = 4) -> xr.DataTree:
    structure = Structure("normal", "y", groups=("person",), means=True)
    scalars: dict[str, tuple[str, ...]] = {"alpha_bar": (), "sigma_alpha": (), "sigma": ()}
    return fit_of(structure, {"person": PEOPLE}, draws, **scalars, alpha=("person",))


def crossed(draws: int = 4) -> xr.DataTree:
    structure = Structure("bernoulli", "yes", treatment="arm", groups=("person", "day"))
    coords: dict[str, list[Any]] = {"arm": ["t", "c"], "person": PEOPLE, "day": [30, 7]}
    scalars: dict[str, tuple[str, ...]] = {"alpha_bar": (), "sigma_person": (), "sigma_day": ()}
    effects = {"beta": ("arm",), "alpha_day": ("day",), "alpha_person": ("person",)}
    return fit_of(structure, coords, draws, **scalars, **effects)


def slopes(draws: int = 4) -> xr.DataTree:
    structure = Structure(
        "normal", "y", ("age", "dose"), groups=("person",), slopes={"person": ("dose",)}
    )
    coords: dict[str, list[Any]] = {"predictor": ["age", "dose"], "person": PEOPLE}
    scalars: dict[str, tuple[str, ...]] = {"alpha_bar": (), "sigma_person": (), "sigma": ()}
    scalars |= {"sigma_dose_person": (), "rho_person": ()}
    effects = {"beta": ("predictor",), "alpha_person": ("person",), "dose_person": ("person",)}
    fit = fit_of(structure, coords, draws, **scalars, **effects)
    fit["posterior"]["rho_person"] = np.tanh(fit["posterior"]["rho_person"])
    return fit


def ordered(group: bool, draws: int = 4) -> xr.DataTree:
    structure = Structure("ordered", "answer", ("dose", "age"), groups=("person",) if group else ())
    coords: dict[str, list[Any]] = {"cut": [1, 2], "predictor": ["dose", "age"]}
    coords["category"] = ["never", "often", "always"]
    dims: dict[str, tuple[str, ...]] = {"beta": ("predictor",), "threshold": ("cut",)}
    if group:
        coords["person"] = PEOPLE
        dims |= {"sigma_person": (), "alpha_person": ("person",)}
    return fit_of(structure, coords, draws, **dims)


def posterior(fit: xr.DataTree) -> dict[str, np.ndarray]:
    return {str(name): v.to_numpy() for name, v in fit["posterior"].dataset.data_vars.items()}


ROWS = pd.DataFrame(
    {
        "person": ["mia", "zoe", "mia", "ann"],
        "day": [7, 7, 30, 30],
        "arm": ["c", "t", "t", "c"],
        "dose": [0.0, 1.0, 2.5, -1.0],
        "age": [3, 1, 2, 5],
    },
    index=[40, 10, 30, 20],
)
PERSON, DAY, ARM = [2, 0, 2, 1], [1, 1, 0, 0], [1, 0, 0, 1]  # where each label stands


def check(predicted: xr.DataArray, expected: np.ndarray) -> None:
    dims = (*DRAWS, "row", "category")[: predicted.ndim]
    assert predicted.dims == dims
    assert predicted["row"].to_numpy().tolist() == ROWS.index.tolist()
    np.testing.assert_allclose(predicted, expected, rtol=1e-12, atol=1e-15)


# The same clusters --------------------------------------------------------------------------------


def test_same_clusters_without_pooling() -> None:
    fit = no_pooling()
    check(ml.predict(fit, ROWS), posterior(fit)["alpha"][..., PERSON])


def test_same_clusters_with_partial_pooling_have_their_own_means() -> None:
    fit = partial_pooling()
    check(ml.predict(fit, ROWS, "same"), posterior(fit)["alpha"][..., PERSON])


def crossed_by_hand(v: dict[str, np.ndarray], person: Any, day: Any) -> np.ndarray:
    return np.asarray(expit(v["alpha_bar"][..., None] + v["beta"][..., ARM] + person + day))


def test_same_clusters_with_crossed_intercepts() -> None:
    fit = crossed()
    v = posterior(fit)
    expected = crossed_by_hand(v, v["alpha_person"][..., PERSON], v["alpha_day"][..., DAY])
    check(ml.predict(fit, ROWS), expected)


def slopes_by_hand(v: dict[str, np.ndarray], level: Any, steeper: Any) -> np.ndarray:
    fixed = v["alpha_bar"][..., None] + v["beta"] @ ROWS[["age", "dose"]].to_numpy(float).T
    return np.asarray(fixed + level + steeper * ROWS["dose"].to_numpy())


def test_same_clusters_with_slopes_of_their_own() -> None:
    fit = slopes()
    v = posterior(fit)
    own = v["alpha_person"][..., PERSON], v["dose_person"][..., PERSON]
    check(ml.predict(fit, ROWS), slopes_by_hand(v, *own))


def test_the_average_cluster_with_varying_slopes_has_the_population_s_line() -> None:
    fit = slopes()
    check(ml.predict(fit, ROWS, "average"), slopes_by_hand(posterior(fit), 0, 0))


def test_new_clusters_have_levels_and_slopes_that_go_together() -> None:
    fit = slopes(20_000)
    v = posterior(fit)
    rows = pd.DataFrame({"age": 0, "dose": [0.0, 1.0]})
    drawn = ml.predict(fit, rows, "new", seed=1).to_numpy()
    level = drawn[..., 0] - v["alpha_bar"]
    steeper = drawn[..., 1] - drawn[..., 0] - v["beta"][..., 1]
    u, w = level / v["sigma_person"], steeper / v["sigma_dose_person"]
    for values in (u, w):
        assert abs(values.mean()) < 0.03
        assert values.std() == pytest.approx(1, abs=0.03)
    rho = v["rho_person"]
    left = (w - rho * u) / np.sqrt(1 - rho**2)
    assert abs(np.mean(left * u)) < 0.03
    assert left.std() == pytest.approx(1, abs=0.03)


def test_existing_takes_over_level_and_slope_of_one_cluster() -> None:
    fit = slopes(200)
    v = posterior(fit)
    rows = pd.DataFrame({"age": 0, "dose": [0.0, 1.0]})
    drawn = ml.predict(fit, rows, "new", new="existing", seed=1).to_numpy()
    level = drawn[..., 0] - v["alpha_bar"]
    steeper = drawn[..., 1] - drawn[..., 0] - v["beta"][..., 1]
    same = np.isclose(level[..., None], v["alpha_person"]) & np.isclose(
        steeper[..., None], v["dose_person"]
    )
    assert (same.sum(axis=-1) == 1).all()
    assert same.any(axis=(0, 1)).all()


def ordered_by_hand(v: dict[str, np.ndarray], person: Any) -> np.ndarray:
    eta = v["beta"] @ ROWS[["dose", "age"]].to_numpy(float).T + person
    first = expit(v["threshold"][..., [0]] - eta)
    second = expit(v["threshold"][..., [1]] - eta)
    return np.stack([first, second - first, 1 - second], axis=-1)


def test_ordered_response_without_groups() -> None:
    fit = ordered(group=False)
    check(ml.predict(fit, ROWS), ordered_by_hand(posterior(fit), 0))


def test_same_clusters_with_an_ordered_response() -> None:
    fit = ordered(group=True)
    v = posterior(fit)
    check(ml.predict(fit, ROWS), ordered_by_hand(v, v["alpha_person"][..., PERSON]))


def test_labels_are_looked_up_and_not_counted() -> None:
    fit = crossed()
    as_category = ROWS.astype({"person": pd.CategoricalDtype(["ann", "mia", "zoe"])})
    xr.testing.assert_identical(ml.predict(fit, as_category), ml.predict(fit, ROWS))


def test_the_order_of_the_new_rows_is_free() -> None:
    fit = crossed()
    turned = ml.predict(fit, ROWS.iloc[::-1])
    xr.testing.assert_identical(turned.isel(row=slice(None, None, -1)), ml.predict(fit, ROWS))


@pytest.mark.parametrize("group", [True, False])
def test_category_probabilities_sum_to_one_and_have_the_labels_of_the_response(
    group: bool,
) -> None:
    probability = ml.predict(ordered(group), ROWS)
    assert probability["category"].to_numpy().tolist() == ["never", "often", "always"]
    np.testing.assert_allclose(probability.sum("category"), 1)
    assert (probability > 0).all()


# The average cluster ------------------------------------------------------------------------------


def test_the_average_cluster_is_at_the_mean_of_the_population() -> None:
    fit = partial_pooling()
    expected = np.repeat(posterior(fit)["alpha_bar"][..., None], 4, axis=-1)
    check(ml.predict(fit, ROWS.drop(columns="person"), "average"), expected)


def test_the_average_cluster_of_crossed_groups_has_effects_of_zero() -> None:
    fit = crossed()
    check(ml.predict(fit, ROWS[["arm"]], "average"), crossed_by_hand(posterior(fit), 0, 0))


def test_the_average_cluster_with_an_ordered_response() -> None:
    fit = ordered(group=True)
    check(
        ml.predict(fit, ROWS.drop(columns="person"), "average"),
        ordered_by_hand(posterior(fit), 0),
    )


def test_each_group_can_have_its_own_kind_of_cluster() -> None:
    fit = crossed()
    v = posterior(fit)
    predicted = ml.predict(fit, ROWS.drop(columns="day"), {"person": "same", "day": "average"})
    check(predicted, crossed_by_hand(v, v["alpha_person"][..., PERSON], 0))
    predicted = ml.predict(fit, ROWS.drop(columns="person"), {"day": "same", "person": "average"})
    check(predicted, crossed_by_hand(v, 0, v["alpha_day"][..., DAY]))


# New clusters -------------------------------------------------------------------------------------

TWO_NEW = pd.DataFrame({"person": ["p", "q", "p", "q"], "arm": list("ttcc"), "day": 7})


def test_new_clusters_come_from_the_population() -> None:
    fit = partial_pooling(draws=4000)
    v = posterior(fit)
    predicted = ml.predict(fit, TWO_NEW, "new", seed=1).to_numpy()
    z = (predicted - v["alpha_bar"][..., None]) / v["sigma_alpha"][..., None]
    for row in range(4):
        # 8000 independent draws: standard errors of 0.011 and 0.008.
        assert abs(z[..., row].mean()) < 0.05
        assert abs(z[..., row].std() - 1) < 0.04
    # The new cluster's effect owes nothing to the effects or means in the same draw.
    for name in ["alpha_bar", "sigma_alpha"]:
        assert abs(np.corrcoef(z[..., 0].ravel(), v[name].ravel())[0, 1]) < 0.05


def test_rows_with_the_same_new_label_share_an_effect_and_others_do_not() -> None:
    fit = crossed(draws=2000)
    v = posterior(fit)
    predicted = ml.predict(fit, TWO_NEW, {"person": "new", "day": "same"}, seed=1)
    arm = v["beta"][..., [0, 0, 1, 1]]
    fixed = v["alpha_bar"][..., None] + arm + v["alpha_day"][..., [1, 1, 1, 1]]
    effect = logit(predicted.to_numpy()) - fixed
    np.testing.assert_allclose(effect[..., 0], effect[..., 2], atol=1e-9)
    np.testing.assert_allclose(effect[..., 1], effect[..., 3], atol=1e-9)
    z = effect / v["sigma_person"][..., None]
    assert abs(np.corrcoef(z[..., 0].ravel(), z[..., 1].ravel())[0, 1]) < 0.08
    assert z[..., :2].std() == pytest.approx(1, abs=0.05)


def test_new_clusters_of_two_groups_are_independent() -> None:
    fit = crossed(draws=2000)
    rows = TWO_NEW.assign(day=["r", "s", "s", "r"], arm="t")
    v = posterior(fit)
    predicted = ml.predict(fit, rows, "new", seed=1).to_numpy()
    effect = logit(predicted) - v["alpha_bar"][..., None] - v["beta"][..., [0]]
    # p + r, q + s, p + s, q + r
    np.testing.assert_allclose(effect[..., 0] + effect[..., 1], effect[..., 2] + effect[..., 3])
    assert effect.var() == pytest.approx(
        (v["sigma_person"] ** 2 + v["sigma_day"] ** 2).mean(), rel=0.1
    )


def test_without_the_column_all_rows_are_the_same_new_cluster() -> None:
    fit = partial_pooling()
    predicted = ml.predict(fit, ROWS.drop(columns="person"), "new", seed=1).to_numpy()
    np.testing.assert_array_equal(predicted, predicted[..., [0]] * np.ones(4))


def test_new_clusters_with_an_ordered_response() -> None:
    fit = ordered(group=True, draws=2000)
    v = posterior(fit)
    rows = ROWS.drop(columns="person")
    probability = ml.predict(fit, rows, "new", seed=1).to_numpy()
    fixed = v["beta"] @ rows[["dose", "age"]].to_numpy(float).T
    effect = v["threshold"][..., [0]] - fixed - logit(probability[..., 0])
    np.testing.assert_allclose(effect, effect[..., [0]] * np.ones(4), atol=1e-4)
    z = effect[..., 0] / v["sigma_person"]
    assert abs(z.mean()) < 0.08
    assert abs(z.std() - 1) < 0.06


def test_new_clusters_are_drawn_anew_with_another_seed_and_the_same_with_the_same() -> None:
    fit = partial_pooling()
    first, again, other = (ml.predict(fit, TWO_NEW, "new", seed=seed) for seed in [1, 1, 2])
    xr.testing.assert_identical(first, again)
    assert not (first == other).any()


def test_existing_takes_over_the_effect_of_a_cluster_of_the_data() -> None:
    fit = partial_pooling(draws=3000)
    predicted = ml.predict(fit, TWO_NEW, "new", new="existing", seed=1).to_numpy()
    taken = np.isclose(predicted[..., None], posterior(fit)["alpha"][..., None, :])
    assert (taken.sum(axis=-1) == 1).all()  # exactly one of the three, in every draw
    # Each of the three as often as the others: 6000 picks, standard error 0.006.
    np.testing.assert_allclose(taken[..., :2, :].mean(axis=(0, 1)), 1 / 3, atol=0.03)
    np.testing.assert_array_equal(predicted[..., 0], predicted[..., 2])
    # Two new clusters choose independently.
    assert (taken[..., 0, :] & taken[..., 1, :]).any(axis=-1).mean() == pytest.approx(
        1 / 3, abs=0.03
    )


def test_existing_chooses_for_each_group() -> None:
    fit = crossed()
    v = posterior(fit)
    rows = TWO_NEW.assign(arm="t", day="another")
    predicted = ml.predict(fit, rows, "new", new="existing", seed=1).to_numpy()
    effect = logit(predicted) - v["alpha_bar"][..., None] - v["beta"][..., [0]]
    sums = v["alpha_person"][..., :, None] + v["alpha_day"][..., None, :]
    possible = sums.reshape(2, 4, 1, 6)
    assert np.isclose(effect[..., None], possible).any(axis=-1).all()


# What cannot be predicted -------------------------------------------------------------------------


@pytest.mark.parametrize("fit", [no_pooling(), partial_pooling(), crossed(), ordered(True)])
def test_a_cluster_that_was_never_seen_is_named(fit: xr.DataTree) -> None:
    with pytest.raises(ValueError, match=r"have no person 'tom', 'eve'.*'average' and 'new'"):
        ml.predict(fit, ROWS.assign(person=["tom", "zoe", "eve", "tom"]))


def test_a_treatment_that_was_never_seen_is_named() -> None:
    with pytest.raises(ValueError, match="have no arm 'x'"):
        ml.predict(crossed(), ROWS.assign(arm=list("xttc")))


@pytest.mark.parametrize(
    ("fit", "column"),
    [
        (no_pooling(), "person"),
        (partial_pooling(), "person"),
        (crossed(), "person"),
        (crossed(), "day"),
        (crossed(), "arm"),
        (ordered(True), "person"),
        (ordered(False), "dose"),
    ],
)
def test_a_missing_column_is_named(fit: xr.DataTree, column: str) -> None:
    with pytest.raises(ValueError, match=f"no column '{column}'"):
        ml.predict(fit, ROWS.drop(columns=column))


@pytest.mark.parametrize("column", ["person", "arm", "day"])
def test_a_missing_value_is_named(column: str) -> None:
    rows = ROWS.astype({column: object})
    rows.loc[10, column] = None
    with pytest.raises(ValueError, match=f"'{column}' has 1 missing value"):
        ml.predict(crossed(), rows)


def test_a_missing_label_of_a_new_cluster_is_named() -> None:
    rows = ROWS.astype({"person": object})
    rows.loc[10, "person"] = None
    with pytest.raises(ValueError, match="'person' has 1 missing value"):
        ml.predict(partial_pooling(), rows, "new", seed=1)


@pytest.mark.parametrize("clusters", ["average", "new"])
@pytest.mark.parametrize("new", ["population", "existing"])
def test_without_pooling_there_is_no_population(clusters: Any, new: Any) -> None:
    with pytest.raises(ValueError, match=r"has no population.*partial_pooling"):
        ml.predict(no_pooling(), ROWS, clusters, new=new, seed=1)


@pytest.mark.parametrize("clusters", ["new", {"person": "new", "day": "same"}])
def test_new_clusters_need_a_seed(clusters: Any) -> None:
    with pytest.raises(ValueError, match="A seed is needed: new clusters are random"):
        ml.predict(crossed(), ROWS, clusters)


@pytest.mark.parametrize(
    ("clusters", "problem"),
    [
        ("mean", "it is 'mean'"),
        ({"person": "same", "day": "all"}, "it is 'all'"),
        ({"person": "same"}, "must name each group of the model once: .*person"),
        ({"person": "same", "day": "same", "age": "new"}, "must name each group"),
    ],
)
def test_wrong_words_for_clusters_are_named(clusters: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        ml.predict(crossed(), ROWS, clusters, seed=1)


def test_wrong_words_for_the_source_of_new_clusters_are_named() -> None:
    wrong: Any = "gaussian"
    with pytest.raises(ValueError, match=r"new must be 'population' or 'existing'.*'gaussian'"):
        ml.predict(crossed(), ROWS, "new", new=wrong, seed=1)


# Draws from the prior -----------------------------------------------------------------------------

SEEN = ROWS.assign(
    y=[1.0, 2.0, 3.0, 4.0],
    yes=[0, 1, 1, 0],
    answer=pd.Categorical(["a", "b", "c", "d"], ordered=True),
)


def test_the_prior_of_partial_pooling() -> None:
    model = ml.partial_pooling(SEEN, "y", "person")
    average = ml.predict(model, ROWS, "average", seed=1)
    assert average.shape == (1, 1000, 4)
    # 1000 draws of Normal(0, 1.5): standard errors 0.047 and 0.034.
    assert abs(average[..., 0].mean()) < 0.2
    assert abs(average[..., 0].std() - 1.5) < 0.14
    # A cluster's variance is 1.5 squared plus the mean of an Exponential(1) squared, 2.
    for one in [
        ml.predict(model, ROWS, "same", seed=1),
        ml.predict(model, ROWS, "new", seed=1),
        ml.predict(model, ROWS, "new", new="existing", seed=1),
    ]:
        assert one[..., 0].std() == pytest.approx(np.sqrt(1.5**2 + 2), rel=0.15)


def test_the_prior_of_crossed_intercepts() -> None:
    model = ml.crossed_intercepts(SEEN, "yes", ["person", "day"], "arm")
    log_odds = logit(ml.predict(model, ROWS, "average", seed=1).to_numpy())
    assert abs(log_odds[..., 0].mean()) < 0.2
    assert log_odds[..., 0].std() == pytest.approx(np.sqrt(1.5**2 + 0.5**2), rel=0.1)


def test_the_prior_of_the_thresholds_is_that_at_the_predictors_means() -> None:
    model = ml.ordered_logit(SEEN, "answer", ["dose", "age"], "person")
    mean = pd.DataFrame({"dose": [ROWS["dose"].mean()], "age": [ROWS["age"].mean()]})
    probability = ml.predict(model, mean, "average", seed=1)
    assert probability["category"].to_numpy().tolist() == ["a", "b", "c", "d"]
    np.testing.assert_allclose(probability.sum("category"), 1)
    thresholds = logit(probability.cumsum("category").to_numpy()[0, :, 0, :3])
    assert (np.diff(thresholds) > 0).all()
    # In random order the three thresholds are independent draws of Normal(0, 1.5).
    assert abs(thresholds.mean()) < 0.14
    assert thresholds.std() == pytest.approx(1.5, rel=0.1)
    assert thresholds.sum(axis=1).std() == pytest.approx(1.5 * np.sqrt(3), rel=0.12)


def test_draws_from_the_prior_need_a_seed_and_repeat_with_it() -> None:
    model = ml.partial_pooling(SEEN, "y", "person")
    with pytest.raises(ValueError, match="A seed is needed: draws from the prior are random"):
        ml.predict(model, ROWS)
    first, again, other = (ml.predict(model, ROWS, "new", seed=seed) for seed in [1, 1, 2])
    xr.testing.assert_identical(first, again)
    assert not (first == other).any()


def test_a_flat_prior_cannot_be_drawn_from() -> None:
    model = ml.ordered_logit(SEEN, "answer", ["dose"])
    with pytest.raises(ValueError, match=r"prior of beta is flat.*beta=Prior\(pm\.Normal"):
        ml.predict(model, ROWS, seed=1)
    given = ml.ordered_logit(SEEN, "answer", ["dose"], beta=Prior(pm.Normal, 0, 0.5))
    assert ml.predict(given, ROWS, seed=1).shape == (1, 1000, 4, 4)


# Replicates ---------------------------------------------------------------------------------------


def many(row: dict[str, Any], n: int) -> pd.DataFrame:
    return pd.DataFrame([row] * n)


def test_replicates_of_categories_are_as_frequent_as_probable() -> None:
    fit = ordered(group=True)
    rows = many({"person": "mia", "dose": 0.2, "age": 0.1}, 20_000)
    replicates = ml.replicate(fit, rows, seed=1, draws=8)
    assert replicates.dims == ("draw", "row")
    assert replicates.shape == (8, 20_000)
    assert set(np.unique(replicates)) == {"never", "often", "always"}
    # All 8 draws are used once, in some order: compare the sorted frequencies of each category.
    probability = ml.predict(fit, rows.head(1)).to_numpy().reshape(8, 3)
    for k, category in enumerate(["never", "often", "always"]):
        frequency = (replicates == category).mean("row").to_numpy()
        np.testing.assert_allclose(np.sort(frequency), np.sort(probability[:, k]), atol=0.02)


def test_replicates_of_zeros_and_ones_are_as_frequent_as_probable() -> None:
    fit = crossed()
    rows = many({"person": "zoe", "day": 7, "arm": "c"}, 20_000)
    replicates = ml.replicate(fit, rows, seed=1, draws=8)
    assert replicates.dims == ("draw", "row")
    assert set(np.unique(replicates)) == {0, 1}
    probability = ml.predict(fit, rows.head(1)).to_numpy().ravel()
    np.testing.assert_allclose(np.sort(replicates.mean("row")), np.sort(probability), atol=0.02)


def test_replicates_of_numbers_scatter_around_the_mean_with_sigma() -> None:
    fit = partial_pooling()
    v = posterior(fit)
    replicates = ml.replicate(fit, many({"person": "mia"}, 20_000), seed=1, draws=8)
    assert replicates.dims == ("draw", "row")
    assert replicates.shape == (8, 20_000)
    order = np.argsort(v["alpha"][..., 2].ravel())
    found = np.argsort(replicates.mean("row").to_numpy())
    means, sds = (f("row").to_numpy()[found] for f in (replicates.mean, replicates.std))
    np.testing.assert_allclose(means, v["alpha"][..., 2].ravel()[order], atol=0.06)
    np.testing.assert_allclose(sds, v["sigma"].ravel()[order], rtol=0.04)


def test_replicates_keep_the_index_of_the_rows_and_their_own_clusters() -> None:
    fit = crossed()
    effects = xr.DataArray([-40.0, 0.0, 40.0], dims="person")  # zoe never, mia always
    fit["posterior"]["alpha_person"] = 0 * fit["posterior"]["alpha_person"] + effects
    replicates = ml.replicate(fit, ROWS, seed=1, draws=6)
    assert replicates["row"].to_numpy().tolist() == [40, 10, 30, 20]
    assert (replicates.sel(row=[40, 30]) == 1).all()
    assert (replicates.sel(row=10) == 0).all()


def test_replicates_of_a_model_come_from_its_prior() -> None:
    data = SEEN.assign(y=np.linspace(-1, 1, len(SEEN)))
    given = ml.no_pooling(data, "y", "person", sigma=Prior(pm.Exponential, 2))
    rows = many({"person": "mia"}, 2)
    replicates = ml.replicate(given, rows, seed=1, draws=1000)
    first, second = replicates.to_numpy().T
    # Both rows share the level, with variance 1.5^2; the variance of y is 2 / 2^2 more.
    assert np.cov(first, second)[0, 1] == pytest.approx(1.5**2, abs=0.45)
    assert first.var() == pytest.approx(1.5**2 + 0.5, abs=0.5)
    with pytest.raises(ValueError, match="There are 1000 draws; 1001 data sets"):
        ml.replicate(given, rows, seed=1, draws=1001)


def test_replicates_of_new_clusters_have_the_dims_of_others() -> None:
    replicates = ml.replicate(partial_pooling(), ROWS, seed=1, draws=6, clusters="new")
    assert replicates.dims == ("draw", "row")


def test_replicates_repeat_with_their_seed() -> None:
    fit = ordered(group=True)
    rows = many({"person": "mia", "dose": 0.0, "age": 0.0}, 200)
    first, again, other = (ml.replicate(fit, rows, seed=seed) for seed in [1, 1, 2])
    assert first.shape == (5, 200)
    xr.testing.assert_identical(first, again)
    assert not first.equals(other)


def test_replicates_of_a_draw_are_independent_of_those_of_another_row() -> None:
    fit = crossed()
    rows = many({"person": "zoe", "day": 7, "arm": "c"}, 4000)
    replicates = ml.replicate(fit, rows, seed=1, draws=2).to_numpy()
    assert abs(np.corrcoef(replicates[0, :-1], replicates[0, 1:])[0, 1]) < 0.08
    assert abs(np.corrcoef(replicates[0], replicates[1])[0, 1]) < 0.08


def test_new_rows_with_the_same_index_are_refused() -> None:
    rows = pd.DataFrame({"person": ["a", "a"]}, index=[0, 0])
    with pytest.raises(ValueError, match=r"duplicates: use newdata.reset_index"):
        ml.predict(no_pooling(), rows)


def test_a_wrong_word_is_refused_where_there_is_no_group() -> None:
    misspelt: Any = "nwe"
    rows = pd.DataFrame({"x": [0.0], "z": [0.0]})
    with pytest.raises(ValueError, match="must be 'same', 'average' or 'new'; it is 'nwe'"):
        ml.predict(ordered(group=False), rows, misspelt)


def test_a_flat_threshold_is_named_as_its_keyword() -> None:
    data = ml.load_trolley().head(300)
    model = ml.ordered_logit(
        data, "response", ["intention"], threshold=Prior(pm.Flat), beta=Prior(pm.Normal, 0, 1)
    )
    with pytest.raises(ValueError, match=r"prior of threshold is flat"):
        ml.predict(model, data.head(1), seed=1)


def test_more_replicates_than_draws_are_refused() -> None:
    rows = pd.DataFrame({"person": ["a"]})
    with pytest.raises(ValueError, match="There are 8 draws; 9 data sets"):
        ml.replicate(partial_pooling(), rows, seed=1, draws=9)
