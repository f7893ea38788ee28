"""Leaving out clusters: effects are integrated out, and the result is that of refitting."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import stats
from scipy.special import expit, log_expit, logsumexp

import multilevel as ml
from multilevel import comparison, sampling
from multilevel.clusters import log_density
from multilevel.structure import ATTRIBUTE, Structure, to_json
from tests.test_exact import half_line, log_mvn, on_grid, signal

type Array = np.ndarray

DRAWS = (2, 4)
CATEGORIES = ["lo", "mid", "hi", "top"]


# The integral over the effects --------------------------------------------------------------------


def invented_posterior() -> xr.Dataset:
    """Invent draws of everything that the models below are made of."""
    rng = np.random.default_rng(1)

    def draws(values: Array, *dims: str) -> xr.DataArray:
        return xr.DataArray(values, dims=("chain", "draw", *dims))

    root = rng.normal(size=(*DRAWS, 3, 3))
    covariance = root @ np.swapaxes(root, -1, -2)
    sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    rho = covariance / sd[..., None] / sd[..., None, :]
    names = ["intercept", "x", "w"]
    return xr.Dataset(
        {
            "alpha_bar": draws(rng.normal(size=DRAWS)),
            "beta": draws(rng.normal(size=(*DRAWS, 2)), "predictor"),
            "sigma_g": draws(rng.uniform(0.2, 4, DRAWS)),
            "sigma_x_g": draws(rng.uniform(0.1, 3, DRAWS)),
            "rho_g": draws(rng.uniform(-0.99, 0.99, DRAWS)),
            "sigma_k": draws(rng.uniform(0.2, 2, DRAWS)),
            "sigma_x_k": draws(rng.uniform(0.2, 2, DRAWS)),
            "sigma_w_k": draws(rng.uniform(0.2, 2, DRAWS)),
            "rho_k": draws(rho, "k_effect", "k_effect_2"),
            "sigma_h": draws(rng.uniform(0.5, 2, DRAWS)),
            "alpha_h": draws(rng.normal(size=(*DRAWS, 2)), "h"),
            "sigma": draws(rng.uniform(0.6, 2, DRAWS)),
            "threshold": draws(np.sort(rng.normal(size=(*DRAWS, 3))), "cut"),
        },
        {"predictor": ["w", "x"], "h": [5, 9], "category": CATEGORIES}
        | {"k_effect": names, "k_effect_2": names},
    )


POSTERIOR = invented_posterior()
OUTCOMES = {"normal": "y", "bernoulli": "b", "ordered": "o"}


def invented_rows() -> pd.DataFrame:
    """Invent the rows of a new cluster, some of them equal."""
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "x": rng.integers(0, 3, 12) / 2,
            "w": rng.integers(0, 2, 12),
            "h": rng.choice([5, 9], 12),
            "y": rng.normal(size=12).round(),
            "b": rng.integers(0, 2, 12),
            "o": rng.choice(CATEGORIES, 12),
        }
    )


ROWS = invented_rows()


def one_draw(number: int) -> dict[str, Any]:
    chain, draw = divmod(number, DRAWS[1])
    return {str(k): v.to_numpy() for k, v in POSTERIOR.isel(chain=chain, draw=draw).items()}


def fixed_part(draw: dict[str, Any], family: str) -> Array:
    """Return the linear predictor without the effects of the new cluster."""
    level = 0 if family == "ordered" else draw["alpha_bar"]
    return level + ROWS[["w", "x"]].to_numpy() @ draw["beta"]


def log_p(family: str, draw: dict[str, Any], row: int, eta: Array) -> Array:
    """Return the log density of a row's outcome."""
    if family == "normal":
        return stats.norm.logpdf(ROWS["y"][row], eta, draw["sigma"])
    if family == "bernoulli":
        return log_expit(eta if ROWS["b"][row] else -eta)
    code = CATEGORIES.index(ROWS["o"][row])
    low, high = np.r_[-np.inf, draw["threshold"], np.inf][code : code + 2]
    return log_expit(high - eta) + log_expit(eta - low) + np.log1p(-np.exp(low - high))


AXIS = np.linspace(-9, 9, 500)
FIRST, SECOND = np.meshgrid(AXIS, AXIS, indexing="ij")
LOG_WEIGHT = stats.norm.logpdf(FIRST) + stats.norm.logpdf(SECOND) + 2 * np.log(AXIS[1] - AXIS[0])


@pytest.mark.parametrize("family", OUTCOMES)
def test_effects_are_integrated_as_on_a_fine_grid(family: Any) -> None:
    structure = Structure(family, OUTCOMES[family], ("x", "w"), None, ("g", "h"), {"g": ("x",)})
    joint = log_density(POSTERIOR, structure, ["g"], ROWS)
    alone = log_density(POSTERIOR, structure, ["g"], ROWS, joint=False)
    assert joint.shape == (8, 1)
    assert alone.shape == (8, 12)
    for number in range(8):
        draw = one_draw(number)
        known = fixed_part(draw, family) + draw["alpha_h"][(ROWS["h"] == 9).astype(int)]
        rho = draw["rho_g"]
        steeper = draw["sigma_x_g"] * (rho * FIRST + np.sqrt(1 - rho**2) * SECOND)
        of_rows = [
            log_p(family, draw, i, known[i] + draw["sigma_g"] * FIRST + steeper * ROWS["x"][i])
            for i in range(12)
        ]
        assert joint[number, 0] == pytest.approx(logsumexp(sum(of_rows) + LOG_WEIGHT), abs=1e-6)
        one_by_one = [logsumexp(values + LOG_WEIGHT) for values in of_rows]
        np.testing.assert_allclose(alone[number], one_by_one, rtol=0, atol=5e-4)


@pytest.mark.parametrize("family", OUTCOMES)
def test_a_row_alone_sums_the_effects_of_all_its_new_clusters(family: Any) -> None:
    slopes = {"k": ("x", "w")}
    structure = Structure(family, OUTCOMES[family], ("x", "w"), None, ("k", "h"), slopes)
    alone = log_density(POSTERIOR, structure, ["k", "h"], ROWS, joint=False)
    for number in range(8):
        draw = one_draw(number)
        sd = np.array([draw["sigma_k"], draw["sigma_x_k"], draw["sigma_w_k"]])
        z = np.column_stack([np.ones(12), ROWS["x"], ROWS["w"]]) * sd
        spread = np.sqrt(np.einsum("ie,ef,if->i", z, draw["rho_k"], z) + draw["sigma_h"] ** 2)
        eta = fixed_part(draw, family)[:, None] + spread[:, None] * AXIS
        expected = [
            logsumexp(log_p(family, draw, i, eta[i]) + stats.norm.logpdf(AXIS)) for i in range(12)
        ] + np.log(AXIS[1] - AXIS[0])
        np.testing.assert_allclose(alone[number], expected, rtol=0, atol=5e-4)


def test_three_effects_of_a_normal_outcome_have_the_multivariate_normal_density() -> None:
    structure = Structure("normal", "y", ("x", "w"), None, ("k",), {"k": ("x", "w")})
    joint = log_density(POSTERIOR, structure, ["k"], ROWS)[:, 0]
    for number in range(8):
        draw = one_draw(number)
        sd = np.array([draw["sigma_k"], draw["sigma_x_k"], draw["sigma_w_k"]])
        z = np.column_stack([np.ones(12), ROWS["x"], ROWS["w"]]) * sd
        covariance = z @ draw["rho_k"] @ z.T + draw["sigma"] ** 2 * np.eye(12)
        found = stats.multivariate_normal.logpdf(ROWS["y"], fixed_part(draw, "normal"), covariance)
        assert joint[number] == pytest.approx(found, abs=1e-9)


def test_rows_that_differ_in_a_varying_slope_alone_are_not_taken_for_equal() -> None:
    slopes = {"g": ("x",)}
    structure = Structure("bernoulli", "b", ("w",), None, ("g", "h"), slopes)
    both = POSTERIOR.sel(predictor=["w"])
    rows = ROWS.iloc[[0, 0]].assign(x=[0.0, 4.0])
    first, second = log_density(both, structure, ["g"], rows, joint=False).T
    assert (np.abs(first - second) > 1e-4).all()


@pytest.mark.parametrize("family", OUTCOMES)
def test_without_new_effects_the_density_is_that_of_independent_rows(family: Any) -> None:
    structure = Structure(family, OUTCOMES[family], ("x", "w"))
    joint = log_density(POSTERIOR, structure, ["g"], ROWS)[:, 0]
    alone = log_density(POSTERIOR, structure, ["g"], ROWS, joint=False)
    for number in range(8):
        draw = one_draw(number)
        eta = fixed_part(draw, family)
        expected = [log_p(family, draw, i, eta[i]) for i in range(12)]
        np.testing.assert_allclose(alone[number], expected, atol=1e-10)
        assert joint[number] == pytest.approx(sum(expected), abs=1e-9)


def test_a_draw_far_from_the_rows_is_integrated_too() -> None:
    # Newton's method alone would jump from one flat side to the other.
    structure = Structure("bernoulli", "b", groups=("g",))
    ones = ROWS.assign(b=1)
    variables = {"alpha_bar": -8.0, "sigma_g": 10.0}
    far = xr.Dataset({k: (("chain", "draw"), [[v]]) for k, v in variables.items()})
    expected = logsumexp(12 * log_expit(-8 + 10 * AXIS) + stats.norm.logpdf(AXIS))
    found = log_density(far, structure, ["g"], ones)[0, 0]
    assert found == pytest.approx(expected + np.log(AXIS[1] - AXIS[0]), abs=0.01)


def test_more_than_two_effects_of_a_yes_or_no_are_refused_together() -> None:
    structure = Structure("bernoulli", "b", ("x", "w"), None, ("k",), {"k": ("x", "w")})
    with pytest.raises(ValueError, match=r"3 effects.*at most two.*joint=False"):
        log_density(POSTERIOR, structure, ["k"], ROWS)


def test_new_clusters_of_two_groups_are_refused_together() -> None:
    structure = Structure("bernoulli", "b", ("x", "w"), None, ("g", "h"))
    with pytest.raises(ValueError, match=r"several groups \(g, h\).*joint=False"):
        log_density(POSTERIOR, structure, ["g", "h"], ROWS)


def test_a_cluster_of_another_group_that_the_draws_do_not_know_is_refused() -> None:
    structure = Structure("bernoulli", "b", ("x", "w"), None, ("g", "h"))
    with pytest.raises(ValueError, match="no draws for h 7"):
        log_density(POSTERIOR, structure, ["g"], ROWS.assign(h=7))


# LOO ----------------------------------------------------------------------------------------------


def declared(fit: xr.DataTree, structure: Structure) -> xr.DataTree:
    """Say what the model of a fit was made of, if the fit does not."""
    fit.attrs.setdefault(ATTRIBUTE, to_json(structure))
    return fit


def sample(model: pm.Model, structure: Structure, draws: int = 1000) -> xr.DataTree:
    settings: dict[str, Any] = {"draws": draws, "tune": 500, "chains": 2, "target_accept": 0.95}
    return declared(sampling.sample(model, seed=1, **settings), structure)


LEVELS = Structure("normal", "y", groups=("g",), means=True)
YES = Structure("bernoulli", "yes", treatment="arm", groups=("g",))


@pytest.fixture(scope="module")
def measured() -> pd.DataFrame:
    """Twelve clusters of two to six measurements."""
    rng = np.random.default_rng(5)
    group = np.repeat(list("abcdefghijkl"), rng.integers(2, 7, 12))
    level = pd.Series(rng.normal(0, 1, 12), list("abcdefghijkl"))[group].to_numpy()
    data = pd.DataFrame({"g": group, "y": rng.normal(level, 0.7)})
    return data.set_axis(rng.permutation(len(data)) + 100)


@pytest.fixture(scope="module")
def levels(measured: pd.DataFrame) -> xr.DataTree:
    return sample(ml.partial_pooling(measured, "y", "g"), LEVELS)


@pytest.fixture(scope="module")
def without(measured: pd.DataFrame) -> pd.Series:
    """Integrate over both scales: the exact log density of each cluster given the others."""
    y, cluster = measured["y"].to_numpy(), measured["g"].to_numpy()
    (sigma, sigma_alpha), log_weight = on_grid(half_line(60), half_line(60))
    log_weight = log_weight - sigma - sigma_alpha

    def log_evidence(rows: Array) -> float:
        covariance = signal(cluster[rows], sigma_alpha, 1.5)
        covariance = covariance + sigma[:, None, None] ** 2 * np.eye(rows.sum())
        return float(logsumexp(log_weight + log_mvn(y[rows], covariance)))

    every = log_evidence(np.ones(len(y), bool))
    return pd.Series({g: every - log_evidence(cluster != g) for g in np.unique(cluster)})


def test_leaving_out_a_cluster_gives_its_exact_density_given_the_others(
    levels: xr.DataTree, measured: pd.DataFrame, without: pd.Series
) -> None:
    table = ml.loo(levels, leave_out="g", data=measured)
    assert table.index.tolist() == list("abcdefghijkl")
    assert table.index.name == "g"
    assert list(table) == ["elpd", "p", "pareto_k", "mcse_elpd"]
    distance = (table["elpd"] - without) / table["mcse_elpd"]
    assert distance.abs().max() < 4
    assert (table["mcse_elpd"] < 0.1).all()
    assert (table["p"] > 0).all()


def test_groups_alone_suffice_for_a_model_without_predictors(
    levels: xr.DataTree, measured: pd.DataFrame
) -> None:
    expected = ml.loo(levels, leave_out="g", data=measured)
    for groups in (
        measured["g"],
        measured["g"].sample(frac=1, random_state=2),
        list(measured["g"]),
    ):
        table = ml.loo(levels, leave_out="g", groups=groups)
        pd.testing.assert_frame_equal(table, expected)
        assert table.attrs == expected.attrs


def test_refitting_without_a_cluster_gives_its_exact_density(
    levels: xr.DataTree,
    measured: pd.DataFrame,
    without: pd.Series,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    k = ml.loo(levels, leave_out="g", data=measured)["pareto_k"]
    second = k.nlargest(2).iloc[-1]
    monkeypatch.setattr(comparison, "good_k", lambda _: second)
    table = ml.reloo(
        levels,
        lambda data: ml.partial_pooling(data, "y", "g"),
        measured,
        seed=2,
        leave_out="g",
        draws=2000,
        target_accept=0.99,
    )
    assert table.index[table["refitted"]].tolist() == [k.idxmax()]
    distance = (table["elpd"] - without) / table["mcse_elpd"]
    assert distance.abs().max() < 4
    assert table.attrs["left_out"] == "cluster"


@pytest.fixture(scope="module")
def answered() -> pd.DataFrame:
    """Ten clusters of eight answers, under two treatments."""
    rng = np.random.default_rng(6)
    group, arm = np.repeat(np.arange(10), 8), np.tile(["t", "c"], 40)
    eta = rng.normal(0, 2, 10)[group] + 0.8 * (arm == "t")
    return pd.DataFrame({"g": group, "arm": arm, "yes": rng.binomial(1, expit(eta))})


def build_answers(data: pd.DataFrame) -> pm.Model:
    return ml.crossed_intercepts(data, "yes", ["g"], "arm")


@pytest.fixture(scope="module")
def answers(answered: pd.DataFrame) -> xr.DataTree:
    return sample(build_answers(answered), YES)


def test_leaving_out_a_cluster_of_answers_gives_what_refitting_gives(
    answers: xr.DataTree, answered: pd.DataFrame
) -> None:
    together = ml.loo(answers, leave_out="g", data=answered)
    alone = ml.loo(answers, leave_out="g", data=answered, joint=False)
    assert alone.index.equals(answered.index)
    rng = np.random.default_rng(3)
    for left_out in (together["pareto_k"].idxmax(), 3):
        own = answered["g"] == left_out
        refit = sample(build_answers(answered[~own]), YES)["posterior"].dataset
        joint = np.exp(log_density(refit, YES, ["g"], answered[own])).reshape(2, 1000)
        # Each row alone, with simulated effects: the probability of a one or a zero.
        z = xr.DataArray(rng.standard_normal((2, 1000, 100)), dims=("chain", "draw", "again"))
        arm = refit["beta"].sel(arm=answered[own]["arm"].to_numpy())
        sign = xr.DataArray(2 * answered[own]["yes"].to_numpy() - 1, dims="arm")
        eta = refit["alpha_bar"] + arm + refit["sigma_g"] * z
        single = xr.apply_ufunc(expit, sign * eta).mean("again")
        for table, density in [
            (together.loc[[left_out]], xr.DataArray(joint, dims=("chain", "draw"))),
            (alone[own], single),
        ]:
            mean = density.mean(("chain", "draw"))
            error = (ml.mcse(density) / mean).to_numpy()
            distance = np.abs(table["elpd"].to_numpy() - np.log(mean).to_numpy())
            assert (distance < 4 * np.hypot(table["mcse_elpd"], error)).all()
            assert (error < 0.2).all()


@pytest.mark.parametrize("joint", [True, False])
def test_refitting_without_a_cluster_of_answers_changes_its_rows_alone(
    answers: xr.DataTree, answered: pd.DataFrame, joint: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    psis = ml.loo(answers, leave_out="g", data=answered, joint=joint)
    highest, second = psis["pareto_k"].drop_duplicates().nlargest(2)
    monkeypatch.setattr(comparison, "good_k", lambda _: second)
    settings: dict[str, Any] = {"leave_out": "g", "joint": joint, "target_accept": 0.95}
    monkeypatch.setattr(sampling, "fit", sampling.sample)  # convergence is not the question here
    table = ml.reloo(answers, build_answers, answered, seed=3, **settings)
    refitted = table["refitted"]
    assert refitted.equals((psis["pareto_k"] == highest).rename("refitted"))
    assert refitted.sum() == (1 if joint else 8)
    pd.testing.assert_frame_equal(table.loc[~refitted, psis.columns], psis[~refitted])
    distance = (table["elpd"] - psis["elpd"])[refitted].abs()
    error = np.hypot(table["mcse_elpd"], psis["mcse_elpd"])[refitted]
    assert ((distance > 0) & (distance < 4 * error)).all()


def test_a_cluster_of_one_row_has_the_density_of_that_row(
    levels: xr.DataTree, measured: pd.DataFrame
) -> None:
    data = measured.assign(single=range(len(measured)))
    tables = [ml.loo(levels, "single", data=data, joint=joint) for joint in (True, False)]
    together, alone = (table["elpd"].to_numpy() for table in tables)
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_the_errors_of_the_rows_of_a_new_cluster_add_up(
    levels: xr.DataTree, measured: pd.DataFrame
) -> None:
    table = ml.loo(levels, leave_out="g", data=measured, joint=False)
    exact = table.drop(columns="mcse_elpd").assign(elpd=table["elpd"] - 1)
    row = ml.compare({"drawn": table, "exact": exact}, by=measured["g"]).loc["drawn"]
    of_clusters = table["mcse_elpd"].groupby(measured["g"]).sum()
    assert row["mcse_elpd_loo"] == pytest.approx(np.linalg.norm(of_clusters))


# What is compared, and what is refused ------------------------------------------------------------


def test_tables_of_clusters_are_compared_over_clusters(
    levels: xr.DataTree, measured: pd.DataFrame
) -> None:
    table = ml.loo(levels, leave_out="g", data=measured)
    worse = table.assign(elpd=table["elpd"] - 1)
    compared = ml.compare({"one": table, "worse": worse})
    assert compared.loc["worse", "elpd_diff"] == pytest.approx(-12)
    assert "With 12 clusters, fewer than 100" in compared.attrs["note"]
    with pytest.raises(ValueError, match="leave out by="):
        ml.compare({"one": table, "worse": worse}, by=measured["g"])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, "one leaves out a cluster, the other a row"),
        ({"leave_out": "g", "joint": False}, "a cluster to predict each of its rows"),
        ({"leave_out": "half"}, "clusters of 'g', the other of 'half'"),
    ],
)
def test_tables_that_leave_out_something_else_are_refused(
    levels: xr.DataTree, measured: pd.DataFrame, other: dict[str, Any], words: str
) -> None:
    data = measured.assign(half=measured["g"] < "f")
    one = ml.loo(levels, leave_out="g", data=data)
    if other:
        other = {**other, "data": data}
    with pytest.raises(ValueError, match=words):
        ml.compare({"one": one, "two": ml.loo(levels, **other)})


def test_the_same_labels_for_other_clusters_are_refused(
    levels: xr.DataTree, measured: pd.DataFrame
) -> None:
    one = ml.loo(levels, leave_out="g", data=measured)
    swapped = measured.assign(other=measured["g"].map({"a": "b", "b": "a"}).fillna(measured["g"]))
    two = ml.loo(levels, leave_out="other", data=swapped)
    two.attrs["group"] = "g"
    with pytest.raises(ValueError, match="other values"):
        ml.compare({"one": one, "two": two})


REFUSED: dict[str, tuple[Callable[[xr.DataTree, pd.DataFrame], Any], str]] = {
    "neither": (lambda fit, _: ml.loo(fit, leave_out="g"), r"loo\(fit, leave_out='g', data=data\)"),
    "both": (lambda fit, d: ml.loo(fit, "g", d["g"], d), "give either"),
    "no leave_out": (lambda fit, d: ml.loo(fit, data=d), "State which clusters"),
    "column": (lambda fit, d: ml.loo(fit, "people", data=d), "no column 'people'"),
    "rows": (lambda fit, d: ml.loo(fit, "g", data=d[::-1]), "not the rows that the fit"),
    "short": (lambda fit, d: ml.loo(fit, "g", d["g"][:-1]), "groups must have one cluster"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_missing_to_leave_out_clusters_is_named(
    levels: xr.DataTree, measured: pd.DataFrame, case: str
) -> None:
    call, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        call(levels, measured)


def test_a_model_with_a_treatment_asks_for_its_data(
    answers: xr.DataTree, answered: pd.DataFrame
) -> None:
    with pytest.raises(ValueError, match=r"needs more .*: arm\. .*data=data"):
        ml.loo(answers, leave_out="g", groups=answered["g"])


def test_a_model_that_does_not_say_what_it_is_made_of_is_refused(
    levels: xr.DataTree, measured: pd.DataFrame
) -> None:
    silent = levels.copy()
    silent.attrs = {}
    with pytest.raises(ValueError, match="needs the structure of the model"):
        ml.loo(silent, leave_out="g", data=measured)


def test_without_pooling_there_is_no_new_cluster(
    levels: xr.DataTree, measured: pd.DataFrame
) -> None:
    fit = levels.copy()
    fit.attrs = {
        ATTRIBUTE: to_json(Structure("normal", "y", groups=("g",), pooled=False, means=True))
    }
    with pytest.raises(ValueError, match=r"cannot predict a new cluster of 'g'"):
        ml.loo(fit, leave_out="g", data=measured)


def test_leaving_out_clusters_needs_no_log_likelihood(
    levels: xr.DataTree, measured: pd.DataFrame
) -> None:
    without = levels.drop_nodes("log_likelihood")
    table = ml.loo(without, leave_out="g", data=measured)
    pd.testing.assert_frame_equal(table, ml.loo(levels, leave_out="g", data=measured))
