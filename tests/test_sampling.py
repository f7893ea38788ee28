"""The same seed gives the same draws, draws keep their labels, and bad draws are refused."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest
import xarray as xr
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from scipy import stats
from scipy.special import expit

import multilevel as ml
from multilevel import sampling
from multilevel.structure import Structure, declare, structure_or_none, to_json

RNG = np.random.default_rng(20)
CLUSTERS = RNG.permutation(np.repeat(["zoe", "ann", "mia", "bob", "lee", "kim"], 5))
LEVEL = pd.Series({"zoe": 0.0, "ann": 3.0, "mia": -2.0, "bob": 1.0, "lee": 6.0, "kim": -4.0})
DATA = pd.DataFrame(
    {
        "person": CLUSTERS,
        "y": LEVEL[CLUSTERS].to_numpy() + RNG.normal(0, 0.5, 30),
        "dose": RNG.integers(0, 3, 30),
        "answer": pd.Categorical(
            RNG.choice(["never", "often", "always"], 30), ["never", "often", "always"], ordered=True
        ),
    },
    index=range(100, 190, 3),
)


def draw(seed: int, cores: int = 1) -> xr.DataTree:
    model = ml.partial_pooling(DATA, "y", "person")
    return sampling.sample(model, seed, draws=50, tune=300, chains=2, cores=cores)


@pytest.fixture(scope="module")
def normal() -> xr.DataTree:
    return draw(seed=1)


@pytest.fixture(scope="module")
def ordered() -> xr.DataTree:
    model = ml.ordered_logit(DATA, "answer", ["dose"], "person")
    return sampling.sample(model, seed=1, draws=30, tune=300, chains=2)


# Reproducible -------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_draws_on_one_core_and_on_two(normal: xr.DataTree) -> None:
    again = draw(seed=1, cores=2)
    assert again["posterior"].dataset.equals(normal["posterior"].dataset)
    assert again["log_likelihood"].dataset.equals(normal["log_likelihood"].dataset)


DRAWS = """
import multilevel as ml
from multilevel.sampling import sample

model = ml.partial_pooling(ml.load_mlm(), "con", "id")
fit = sample(model, seed=1, draws=50, tune=50, chains=1)
found = fit["posterior"]["sigma_alpha"].to_numpy().tolist()
"""


@pytest.mark.slow
def test_neither_what_is_compiled_already_nor_the_processor_changes_the_draws(
    tmp_path: Path,
) -> None:
    # Nothing is compiled there, and without the instructions that newer processors add, fused
    # multiplication among them.
    other = {"PYTENSOR_FLAGS": f"base_compiledir={tmp_path}"}
    other |= {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    command = [sys.executable, "-c", f"{DRAWS}\nprint(found)"]
    elsewhere = subprocess.check_output(command, env=os.environ | other, text=True)
    here: dict[str, Any] = {}
    for _ in range(2):  # the second time, everything is compiled already
        exec(DRAWS, here)
        assert len(here["found"][0]) == 50
        assert str(here["found"]) == elsewhere.strip()


class Times(Op):
    """An operation as a reader may write it: printed alike, whatever it multiplies by."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def make_node(self, *inputs: Any) -> Apply[Any]:
        """Take a number, and return one."""
        return Apply(self, [*inputs], [pt.dscalar()])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """Multiply."""
        outputs[0][0] = np.asarray(inputs[0] * self.factor)


def times(factor: float) -> pm.Model:
    with pm.Model() as model:
        pm.Normal("y", Times(factor)(pm.Normal("x")), observed=1.0)
    return model


def test_a_model_that_is_drawn_again_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sampling.BACKENDS, "numba", lambda model: model)
    monkeypatch.setattr(sampling, "COMPILED", {})
    first, again = (ml.partial_pooling(DATA, "y", "person") for _ in "12")
    assert sampling._compiled(first, "numba") is first
    assert sampling._compiled(again, "numba") is first
    others = [ml.partial_pooling(DATA[:-1], "y", "person"), times(1.0), times(2.0)]
    for other in others:
        assert sampling._compiled(other, "numba") is other
    for number in range(sampling.KEPT):
        sampling._compiled(times(number), "numba")
    assert len(sampling.COMPILED) == sampling.KEPT
    assert sampling._compiled(again, "numba") is again


def test_another_seed_and_another_chain_give_other_draws(normal: xr.DataTree) -> None:
    posterior, other = normal["posterior"].dataset, draw(seed=2)["posterior"].dataset
    assert not (posterior["alpha_bar"] == other["alpha_bar"]).any()
    assert not (posterior["alpha_bar"][0] == posterior["alpha_bar"][1]).any()


def test_the_fit_states_its_settings(normal: xr.DataTree) -> None:
    stated: dict[str, float | str] = {
        "seed": 1,
        "draws": 50,
        "tune": 300,
        "chains": 2,
        "target_accept": 0.9,
    }
    stated |= {"adapt_correlations": 0, "backend": "numba"}
    assert {name: normal.attrs[name] for name in stated} == stated
    assert normal.attrs["sampler"].startswith("nutpie 0.")


def test_adapted_correlations_pay_where_parameters_are_correlated() -> None:
    with pm.Model(coords={"row": [0]}) as model:
        x = pm.Normal("x", 0, 1)
        pm.Normal("z", x, 0.01)  # a narrow ridge
        pm.Normal("y", x, 1, observed=[3.0], dims="row")
    steps = {
        adapted: sampling.sample(
            model, seed=1, draws=200, tune=500, chains=1, adapt_correlations=adapted
        )["sample_stats"]["n_steps"].mean()
        for adapted in (False, True)
    }
    assert steps[True] < steps[False] / 2


def by_hand(row: str = "row", **dims: str) -> pm.Model:
    with pm.Model(coords={row: DATA.index}) as model:
        mu = pm.Normal("mu", 0, 1.5)
        sigma = pm.Exponential("sigma", 1)
        pm.Normal("without_dims", 0, 1, shape=2)
        pm.Normal("y", mu, sigma, observed=DATA["y"], **dims)
    return model


def test_a_model_of_ones_own_gets_the_log_likelihood_of_each_row() -> None:
    fit = sampling.sample(by_hand(dims="row"), seed=1, draws=20, tune=200, chains=2)
    posterior = fit["posterior"].dataset
    y = xr.DataArray(DATA["y"].to_numpy(), {"row": DATA.index}, "row")
    z = (y - posterior["mu"]) / posterior["sigma"]
    expected = -(z**2) / 2 - np.log(posterior["sigma"]) - np.log(2 * np.pi) / 2
    found = fit["log_likelihood"]["y"]
    xr.testing.assert_allclose(found, expected.transpose(*found.dims))
    assert set(posterior) == {"mu", "sigma", "without_dims"}
    assert posterior["without_dims"].dims == ("chain", "draw", "without_dims_dim_0")


def test_the_dim_of_the_outcome_may_have_any_name_and_is_row_in_the_fit() -> None:
    settings: dict[str, Any] = {"seed": 1, "draws": 20, "tune": 200, "chains": 2}
    models = [by_hand(dims="row"), by_hand("respondent", dims="respondent")]
    for model, dim in zip(models, ["row", "respondent"], strict=True):
        with model:
            pm.Deterministic("twice", 2 * model["mu"] * np.ones(len(DATA)), dims=dim)
    expected, found = (sampling.sample(model, **settings) for model in models)
    assert found["posterior"]["twice"].dims == ("chain", "draw", "row")
    xr.testing.assert_identical(found, expected)
    other = by_hand("respondent", dims="respondent")
    other.add_coords({"row": [1, 2]})
    with pytest.raises(ValueError, match="'respondent', is called 'row' in a fit, and another dim"):
        sampling.sample(other, **settings)


def test_a_model_without_rows_or_with_two_outcomes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'y' must have a single dim.*its dims are \(\)"):
        sampling.sample(by_hand(), seed=1, draws=20, tune=200, chains=2)
    two = by_hand(dims="row")
    with two:
        pm.Normal("z", two["mu"], 1, observed=DATA["y"], dims="row")
    with pytest.raises(ValueError, match="one observed variable; it has 2"):
        sampling.sample(two, seed=1, draws=20, tune=200, chains=2)


# What a fit holds ---------------------------------------------------------------------------------


def test_a_fit_without_counting_has_five_groups(normal: xr.DataTree) -> None:
    groups = {"posterior", "sample_stats", "log_likelihood", "log_prior", "observed_data"}
    assert set(normal.children) == groups


def test_posterior_of_the_normal_model(normal: xr.DataTree) -> None:
    posterior = normal["posterior"].dataset
    assert {str(name): v.dims for name, v in posterior.data_vars.items()} == {
        "alpha_bar": ("chain", "draw"),
        "sigma_alpha": ("chain", "draw"),
        "alpha": ("chain", "draw", "person"),
        "sigma": ("chain", "draw"),
    }
    assert dict(posterior.sizes) == {"chain": 2, "draw": 50, "person": 6}
    assert posterior["person"].to_numpy().tolist() == ["ann", "bob", "kim", "lee", "mia", "zoe"]


def test_draws_carry_the_label_of_their_own_cluster(normal: xr.DataTree) -> None:
    # The clusters' levels are many standard errors apart, so a wrong label would show.
    means = normal["posterior"]["alpha"].mean(("chain", "draw")).to_series()
    observed = DATA.groupby("person")["y"].mean()
    assert (means - observed).abs().max() < 0.5


def test_sample_stats_have_one_value_a_draw(normal: xr.DataTree) -> None:
    diverging = normal["sample_stats"]["diverging"]
    assert diverging.dims == ("chain", "draw")
    assert diverging.shape == (2, 50)
    assert diverging.dtype == bool


def test_rows_are_those_of_the_data_in_their_order(
    normal: xr.DataTree, ordered: xr.DataTree
) -> None:
    for fit, outcome in [(normal, "y"), (ordered, "answer")]:
        observed, log_likelihood = fit["observed_data"][outcome], fit["log_likelihood"][outcome]
        assert observed.dims == ("row",)
        assert log_likelihood.dims == ("chain", "draw", "row")
        for values in [observed, log_likelihood]:
            assert values["row"].to_numpy().tolist() == DATA.index.tolist()
        assert observed.to_numpy().tolist() == DATA[outcome].tolist()
        assert set(fit["log_likelihood"].dataset.data_vars) == {outcome}


def test_log_likelihood_of_the_normal_model_is_that_of_its_draws(normal: xr.DataTree) -> None:
    posterior = normal["posterior"].dataset
    for chain, draw_ in [(0, 0), (1, 17), (1, 49)]:
        at = posterior.isel(chain=chain, draw=draw_)
        mean = at["alpha"].to_series()[DATA["person"]].to_numpy()
        expected = stats.norm.logpdf(DATA["y"], mean, at["sigma"].item())
        found = normal["log_likelihood"]["y"].isel(chain=chain, draw=draw_)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_posterior_of_the_ordered_model_keeps_categories_and_hides_helpers(
    ordered: xr.DataTree,
) -> None:
    posterior = ordered["posterior"].dataset
    assert {str(name): v.dims[2:] for name, v in posterior.data_vars.items()} == {
        "beta": ("predictor",),
        "sigma_person": (),
        "threshold": ("cut",),
        "alpha_person": ("person",),
    }
    assert posterior["category"].to_numpy().tolist() == ["never", "often", "always"]
    assert posterior["cut"].to_numpy().tolist() == [1, 2]
    assert posterior["predictor"].to_numpy().tolist() == ["dose"]
    assert set(posterior.coords) == {"chain", "draw", "predictor", "cut", "person", "category"}


def test_thresholds_increase_in_every_draw(ordered: xr.DataTree) -> None:
    assert (ordered["posterior"]["threshold"].diff("cut") > 0).all()


def test_log_likelihood_of_the_ordered_model_is_that_of_its_draws(ordered: xr.DataTree) -> None:
    posterior = ordered["posterior"].dataset
    code = DATA["answer"].cat.codes.to_numpy()
    for chain, draw_ in [(0, 0), (1, 17), (1, 29)]:
        at = posterior.isel(chain=chain, draw=draw_)
        alpha = at["alpha_person"].to_series()[DATA["person"]].to_numpy()
        eta = at["beta"].item() * DATA["dose"].to_numpy() + alpha
        edges = np.array([-np.inf, *at["threshold"].to_numpy(), np.inf])
        expected = np.log(expit(edges[code + 1] - eta) - expit(edges[code] - eta))
        found = ordered["log_likelihood"]["answer"].isel(chain=chain, draw=draw_)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_fit_that_counted_says_which_rows_are_equal(ordered: xr.DataTree) -> None:
    cell = ordered["constant_data"]["cell_of_row"].to_series()
    assert cell.index.tolist() == DATA.index.tolist()
    rows = list(DATA[["person", "dose", "answer"]].itertuples(index=False, name=None))
    pairs = set(zip(cell, rows, strict=True))
    assert len(pairs) == len(set(rows)) == cell.nunique()
    assert len(pairs) < len(rows)


# The gate -----------------------------------------------------------------------------------------


def good_draws(**changed: np.ndarray) -> xr.DataTree:
    """Make independent draws, which are as good as draws can be."""
    rng = np.random.default_rng(5)
    dims = ("chain", "draw")
    values = {
        "alpha": rng.normal(size=(4, 1000, 2)),
        "sigma": rng.normal(size=(4, 1000)),
        "diverging": np.zeros((4, 1000), bool),
        "energy": rng.normal(size=(4, 1000)),
        "reached_max_treedepth": np.zeros((4, 1000), bool),
    } | changed
    posterior = xr.Dataset(
        {"alpha": ((*dims, "person"), values.pop("alpha")), "sigma": (dims, values.pop("sigma"))},
        {"person": ["ann", "bob"]},
    )
    stats_ = xr.Dataset({name: (dims, value) for name, value in values.items()})
    fit = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats_})
    fit.attrs["target_accept"] = 0.9
    return fit


def one_true() -> np.ndarray:
    flags = np.zeros((4, 1000), bool)
    flags[2, 7] = True
    return flags


def creeping(correlation: float, seed: int = 7) -> np.ndarray:
    """Make draws that move little at a time."""
    steps = np.random.default_rng(seed).normal(size=(4, 1000))
    walk = np.zeros((4, 1000))
    for i in range(1, 1000):
        walk[:, i] = correlation * walk[:, i - 1] + steps[:, i]
    return walk


def disagreeing() -> np.ndarray:
    alpha = np.random.default_rng(6).normal(size=(4, 1000, 2))
    alpha[3, :, 1] += 0.5
    return alpha


def sticking() -> np.ndarray:
    """Make draws whose far values come in long runs, so that only the tails are known badly."""
    rng = np.random.default_rng(9)
    sigma = rng.normal(size=(4, 1000)).clip(-1.5, 1.5)
    far = np.repeat(rng.random((4, 10)) < 0.5, 100, axis=1)
    return np.where(far & (sigma > 0.8), sigma + 3, sigma)


BAD = {
    "divergences": {"diverging": one_true()},
    "r_hat": {"alpha": disagreeing()},
    "ess_bulk": {"sigma": creeping(0.85)},
    "ess_tail": {"sigma": sticking()},
    "e_bfmi": {"energy": creeping(0.99)},
    "tree_depth": {"reached_max_treedepth": one_true()},
}
WORDS = {
    "divergences": r"1 divergent .*target_accept was 0\.9.*raise target_accept",
    "r_hat": r"r_hat: not below 1\.01 for alpha\[bob\] \(1\.\d+\); draw longer chains",
    "ess_bulk": r"ess_bulk: not above 400 for sigma \(\d+\.?\d*\); draw longer chains",
    "ess_tail": r"ess_tail: not above 400 for sigma \(\d+\.?\d*\); draw longer chains",
    "e_bfmi": r"e_bfmi: not above 0\.3 in every chain: 0 \(0\.\d\d\).*non-centred",
    "tree_depth": r"1 transitions were cut short.*draws are valid.*a matter of efficiency",
}


def test_good_draws_pass() -> None:
    fit = good_draws()
    ml.check_convergence(fit)
    found = ml.diagnose(fit)
    assert list(found) == list(sampling.LIMITS)
    assert found.loc["limit"].to_dict() == sampling.LIMITS | {"ess_bulk": 400, "ess_tail": 400}
    worst = found.loc["worst"]
    assert worst["divergences"] == worst["tree_depth"] == 0
    assert worst["r_hat"] < 1.01
    assert worst["ess_bulk"] > 3000
    assert worst["ess_tail"] > 3000
    assert worst["e_bfmi"] > 0.8


@pytest.mark.parametrize("name", BAD)
def test_each_diagnostic_can_refuse_and_says_why_and_what_to_do(name: str) -> None:
    fit = good_draws(**BAD[name])
    found = ml.diagnose(fit)
    worst, limit = (float(found[name][row]) for row in ("worst", "limit"))
    assert worst < limit if name.startswith(("ess", "e_")) else worst > limit
    refused = pytest.raises(ml.ConvergenceError, match=WORDS[name])
    warned = pytest.warns(UserWarning, match=WORDS[name])
    with warned if name == "tree_depth" else refused:
        ml.check_convergence(fit)


def test_the_limit_of_ess_is_a_hundred_for_each_chain() -> None:
    for chains in (2, 3, 4):
        fit = good_draws(**{name: value[:chains] for name, value in short_chains().items()})
        found = ml.diagnose(fit)
        assert found["ess_bulk"]["limit"] == found["ess_tail"]["limit"] == 100 * chains


def test_an_ess_of_three_hundred_is_enough_for_two_chains() -> None:
    fit = good_draws(**{name: value[:2] for name, value in short_chains().items()})
    worst = ml.diagnose(fit).loc["worst"]
    assert 200 < min(worst["ess_bulk"], worst["ess_tail"]) < 400
    ml.check_convergence(fit)


def short_chains() -> dict[str, np.ndarray]:
    """Make draws whose ESS is about 150 for each chain."""
    rng = np.random.default_rng(5)
    return {
        "alpha": rng.normal(size=(4, 150, 2)),
        "sigma": rng.normal(size=(4, 150)),
        "diverging": np.zeros((4, 150), bool),
        "energy": rng.normal(size=(4, 150)),
        "reached_max_treedepth": np.zeros((4, 150), bool),
    }


@pytest.mark.parametrize("worst", [1.0099, 1.00999, 1.0100001, 1.01, 1.002])
def test_a_value_that_is_not_its_limit_is_not_displayed_as_it(worst: float) -> None:
    table = ml.diagnose(good_draws())
    table.loc["worst", "r_hat"] = worst
    value, limit = repr(table["r_hat"].to_frame().pipe(with_attrs, table)).split()[-3::2]
    assert (value == limit) == (worst == 1.01)
    assert float(limit) == 1.01
    assert float(value) == pytest.approx(worst, abs=0.005)


def with_attrs(table: pd.DataFrame, other: pd.DataFrame) -> ml.Estimates:
    result = ml.Estimates(table)
    result.attrs["apart"] = [name for name in other.attrs["apart"] if name in table]
    return result


def test_a_refusal_shows_a_value_near_its_limit_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    table = sampling._by_parameter(good_draws())
    table.loc["sigma", "r_hat"] = 1.010000001
    monkeypatch.setattr(sampling, "_by_parameter", lambda _: table)
    with pytest.raises(ml.ConvergenceError, match=r"for sigma \(1\.010000001\); draw"):
        ml.check_convergence(good_draws())


def test_a_fit_of_few_draws_is_diagnosed_and_refused() -> None:
    fit = sampling.sample(by_hand(dims="row"), seed=1, draws=3, tune=5, chains=2)
    assert ml.diagnose(fit)["ess_bulk"].isna()["worst"]
    with pytest.raises(ml.ConvergenceError, match="ess_bulk: not above 200"):
        ml.check_convergence(fit)


def test_a_single_chain_is_refused_by_name_before_sampling_and_after() -> None:
    with pytest.raises(ValueError, match=r"compares chains: use chains=2 or more"):
        ml.fit(by_hand(dims="row"), seed=1, chains=1)
    alone = sampling.sample(by_hand(dims="row"), seed=1, draws=300, tune=300, chains=1)
    with pytest.raises(ml.ConvergenceError, match=r"this fit has one: draw two or more"):
        ml.check_convergence(alone)


@pytest.mark.parametrize("name", BAD)
def test_what_is_expected_to_fail_must_fail_and_nothing_else_may(name: str) -> None:
    fit = good_draws(**BAD[name])
    failing = list(sampling._failures(fit))
    assert name in failing
    ml.check_convergence(fit, expect_failure=failing)
    with pytest.raises(ml.ConvergenceError, match="cannot be trusted"):
        ml.check_convergence(good_draws(**BAD[name], **EXTRA[name]), expect_failure=failing)
    with pytest.raises(ml.ConvergenceError, match=f"expected to fail by {name}, but it did not"):
        ml.check_convergence(good_draws(), expect_failure=[name])


EXTRA = {name: BAD["e_bfmi" if name == "divergences" else "divergences"] for name in BAD}


def test_an_expected_failure_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no diagnostic 'rhat'\. They are: divergences, r_hat"):
        ml.check_convergence(good_draws(), expect_failure=["rhat"])


def test_one_expected_failure_is_given_by_its_name_alone() -> None:
    fit = good_draws(**BAD["divergences"])
    ml.check_convergence(fit, expect_failure="divergences")
    with pytest.raises(ValueError, match=r"no diagnostic 'rhat'\. They are"):
        ml.fit(by_hand(dims="row"), seed=1, expect_failure="rhat")
    with pytest.raises(ValueError, match=r"must be a list of diagnostics.*it is 3"):
        ml.fit(by_hand(dims="row"), seed=1, expect_failure=3)  # type: ignore[arg-type]


def test_a_deep_tree_that_is_expected_gives_no_warning() -> None:
    ml.check_convergence(good_draws(**BAD["tree_depth"]), expect_failure=["tree_depth"])


def test_draws_of_another_sampler_are_checked_too() -> None:
    fit = good_draws(**BAD["divergences"])
    fit.attrs = {}
    with pytest.raises(ml.ConvergenceError, match=r"1 divergent transitions; raise target_accept"):
        ml.check_convergence(fit)


@pytest.mark.parametrize(
    ("present", "other"),
    [("adapted", "centred"), ("centred", "adapted"), ("non-centred", "adapted")],
)
def test_the_remedy_names_the_form_of_each_group_and_another(present: str, other: str) -> None:
    fit = good_draws(**BAD["divergences"])
    structure = Structure("normal", "y", groups=("person",), forms={"person": present})
    fit.attrs["structure"] = to_json(structure)
    words = f"'person' is {present}, and form={{'person': '{other}'}} another form"
    with pytest.raises(ml.ConvergenceError, match=re.escape(words)):
        ml.check_convergence(fit)


def test_a_builders_model_without_group_level_effects_has_no_other_form() -> None:
    fit = good_draws(**BAD["e_bfmi"])
    fit.attrs["structure"] = to_json(Structure("normal", "y", groups=("person",), pooled=False))
    with pytest.raises(ml.ConvergenceError, match=r"whether the data and the priors determine"):
        ml.check_convergence(fit)


# Settings and labels, before sampling -------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("seed", -1, "of at least 0"),
        ("seed", 1.5, "of at least 0.*it is 1.5"),
        ("seed", True, "it is True"),
        ("seed", "1", "it is '1'"),
        ("seed", None, "it is None"),
        ("seed", 2**64, "below 2"),
        ("draws", 0, "draws must be a whole number .* of at least 1"),
        ("draws", True, "draws .*it is True"),
        ("draws", 100.0, "draws .*it is 100.0"),
        ("tune", 0, "tune must be .* of at least 1, .*fewer than 200 seldom suffice"),
        ("chains", 0, "chains must be"),
        ("cores", 0, "cores must be .* of at least 1, or None for all cores"),
        ("cores", -1, "cores must be"),
        ("cores", "all", "cores must be"),
        ("target_accept", 95, "between 0 and 1, such as 0.9 or 0.99; it is 95"),
        ("target_accept", 0.0, "between 0 and 1"),
        ("target_accept", 1.0, "between 0 and 1"),
        ("target_accept", np.nan, "between 0 and 1"),
        ("target_accept", "high", "between 0 and 1"),
        ("target_accept", True, "between 0 and 1"),
        ("backend", "cpp", "'numba' or 'jax'; it is 'cpp'"),
        ("backend", ["numba"], "'numba' or 'jax'"),
        ("adapt_correlations", "yes", "True or False"),
        ("keep_log_likelihood", "no", "True, False or None; it is 'no'"),
    ],
)
def test_a_setting_outside_its_range_is_refused_by_name(
    setting: str, value: Any, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nutpie.sample", None)
    for function in (ml.fit, ml.sample):
        with pytest.raises(ValueError, match=words):
            function(by_hand(dims="row"), **({"seed": 1} | {setting: value}))


def test_a_model_without_a_place_to_start_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("All initialization points failed\n\nCaused by: ErrorCode(4)")

    monkeypatch.setattr("nutpie.sample", fail)
    with pytest.raises(ml.ConvergenceError, match=r"no initial point.*very large values"):
        ml.fit(by_hand(dims="row"), seed=1)


def test_settings_may_be_numbers_of_numpy() -> None:
    seed, few, accept = np.uint64(2**63), np.int16(20), np.float32(0.75)
    model = by_hand(dims="row")
    fit = ml.sample(model, seed=seed, draws=few, tune=few, chains=few // 10, target_accept=accept)  # type: ignore[arg-type]
    assert {type(value) for value in fit.attrs.values()} == {str, int, float}
    assert fit.attrs["seed"] == 2**63


def test_what_is_no_model_no_fit_and_no_file_is_refused_in_words() -> None:
    with pytest.raises(TypeError, match=r"model must be a PyMC model.*type DataFrame"):
        ml.fit(DATA, seed=1)
    with pytest.raises(TypeError, match=r"file must be the name of a file.*it is 3"):
        ml.fit(by_hand(dims="row"), seed=1, file=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"no diagnostic \['r_hat'\]"):
        ml.fit(by_hand(dims="row"), seed=1, expect_failure=[["r_hat"]])  # type: ignore[list-item]
    things: list[Any] = [DATA, good_draws()["posterior"].dataset, xr.DataTree()]
    for thing in things:
        for function in (ml.diagnose, ml.check_convergence):
            with pytest.raises(TypeError, match="Diagnostics need a complete fit"):
                function(thing)


def test_a_dim_without_labels_is_kept() -> None:
    model = by_hand(dims="row")
    model.add_coord("item", length=2)
    with model:
        pm.Normal("each", dims="item")
    fit = ml.sample(model, seed=1, draws=5, tune=5)
    assert fit["posterior"]["each"].dims == ("chain", "draw", "item")


def test_rows_with_an_index_of_two_columns_are_refused_before_sampling() -> None:
    data = DATA.set_index(["person", "dose"])
    with pytest.raises(ValueError, match=r"index of 2 columns.*data\.reset_index\(\)"):
        ml.fit(ml.no_pooling(data.assign(who=CLUSTERS), "y", "who"), seed=1)
    ml.sample(ml.no_pooling(data.reset_index(), "y", "person"), seed=1, draws=5, tune=5)


def test_clusters_and_categories_labelled_by_tuples_are_refused_with_the_remedy() -> None:
    pairs = pd.Series([(name, 1) for name in DATA["person"]], DATA.index)
    data = DATA.assign(pair=pairs)
    with pytest.raises(ValueError, match=r"data\['pair'\] = data\['pair'\]\.map\(str\)"):
        ml.fit(ml.no_pooling(data, "y", "pair"), seed=1)
    data["pair"] = data["pair"].map(str)
    ml.sample(ml.no_pooling(data, "y", "pair"), seed=1, draws=5, tune=5)
    data["pair"] = pd.Categorical(pairs).as_ordered()
    with pytest.raises(ValueError, match=r"rename_categories\(\[str\(label\) for label in"):
        ml.fit(ml.ordered_logit(data, "pair", ["dose"]), seed=1)


def test_numbers_beside_text_stay_numbers_as_labels() -> None:
    data = DATA.assign(who=DATA["person"].replace({"ann": 7, "bob": 8}).astype(object))
    fit = ml.sample(ml.no_pooling(data, "y", "who"), seed=1, draws=5, tune=5)
    labels = fit["posterior"]["who"].to_numpy().tolist()
    assert set(labels) == set(data["who"])
    assert {type(label) for label in labels} == {int, str}


# The log likelihood, where it fits ----------------------------------------------------------------


def test_the_log_likelihood_can_be_left_out() -> None:
    model = ml.partial_pooling(DATA, "y", "person")
    fit = ml.sample(model, seed=1, draws=5, tune=50, keep_log_likelihood=False)
    assert set(fit.children) == {"posterior", "sample_stats", "log_prior", "observed_data"}


def test_a_large_log_likelihood_is_kept_only_if_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "LARGEST", 8 * 30 * 20 - 1)
    model = ml.partial_pooling(DATA, "y", "person")
    with pytest.warns(
        UserWarning, match=r"30 rows at 20 draws .*keep_log_likelihood=True"
    ) as found:
        fit = ml.sample(model, seed=1, draws=5, tune=50)
    assert found[0].filename == __file__
    assert "log_likelihood" not in fit.children
    fit = ml.sample(model, seed=1, draws=5, tune=50, keep_log_likelihood=True)
    assert "log_likelihood" in fit.children


def test_the_size_of_the_blocks_does_not_change_what_is_derived(
    normal: xr.DataTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "LARGEST_BLOCK", 100)
    assert draw(seed=1).identical(normal)


def test_a_log_likelihood_of_counted_rows_cannot_be_asked_for() -> None:
    counted = DATA.groupby(["person", "dose"]).size().rename("n").reset_index()
    model = ml.no_pooling(counted.assign(y=1.0 * counted["dose"]), "y", "person", count="n")
    with pytest.raises(ValueError, match="rows of this model were counted before"):
        ml.fit(model, seed=1, keep_log_likelihood=True)


# The log prior ------------------------------------------------------------------------------------


def test_the_log_prior_is_the_density_of_the_priors_at_the_draws(normal: xr.DataTree) -> None:
    posterior, priors = normal["posterior"].dataset, normal["log_prior"].dataset
    assert set(priors) == {"alpha_bar", "sigma_alpha", "sigma"}
    expected = {
        "alpha_bar": stats.norm(0, 1.5),
        "sigma_alpha": stats.expon(),
        "sigma": stats.expon(),
    }
    for name, prior in expected.items():
        assert priors[name].dims == ("chain", "draw")
        np.testing.assert_allclose(priors[name], prior.logpdf(posterior[name]), rtol=1e-6)


def test_the_log_prior_of_several_values_is_their_sum_and_effects_have_none() -> None:
    data = DATA.assign(hit=(DATA["y"] > 0) * 1, item=np.arange(30) % 4)
    model = ml.crossed_intercepts(data, "hit", ["person", "item"], "dose")
    declare(model, Structure("bernoulli", "hit", treatment="dose", groups=("person", "item")))
    fit = ml.sample(model, seed=1, draws=50, tune=300)
    posterior, priors = fit["posterior"].dataset, fit["log_prior"].dataset
    assert set(priors) == {"alpha_bar", "beta", "sigma_person", "sigma_item"}
    beta = stats.norm(0, 0.5).logpdf(posterior["beta"]).sum(axis=-1)
    np.testing.assert_allclose(priors["beta"], beta, rtol=1e-6)
    for name in ("sigma_person", "sigma_item"):  # one of them is sampled with a sign
        np.testing.assert_allclose(priors[name], stats.expon().logpdf(posterior[name]), rtol=1e-6)
    assert structure_or_none(fit) == structure_or_none(model)
    table = az.psense_summary(fit)
    assert {"alpha_bar", "sigma_item", "beta[0]"} <= set(table.index)


def test_the_sensitivity_to_priors_can_be_asked_of_a_fit(normal: xr.DataTree) -> None:
    table = az.psense_summary(normal)
    assert {"alpha_bar", "sigma_alpha", "sigma", "alpha[ann]"} <= set(table.index)


def test_clusters_that_are_not_pooled_have_a_prior_of_their_own_and_flat_ones_none() -> None:
    fit = ml.sample(ml.no_pooling(DATA, "y", "person"), seed=1, draws=5, tune=50)
    assert set(fit["log_prior"].dataset) == {"alpha", "sigma"}
    flat = ml.sample(ml.ordered_logit(DATA, "answer", ["dose"]), seed=1, draws=5, tune=50)
    assert set(flat["log_prior"].dataset) == {"threshold"}
    with pm.Model(coords={"row": DATA.index}) as model:
        mu = pm.Flat("mu")
        pm.Normal("y", mu, 1, observed=DATA["y"], dims="row")
    assert "log_prior" not in ml.sample(model, seed=1, draws=5, tune=50).children


# R-hat of draws that never move is 0 / 0, which is what this test is about.
@pytest.mark.filterwarnings("ignore:invalid value encountered in scalar divide")
def test_draws_that_never_move_are_refused() -> None:
    fit = good_draws(sigma=np.ones((4, 1000)))
    assert np.isnan(ml.diagnose(fit)["r_hat"]["worst"])
    with pytest.raises(ml.ConvergenceError, match=r"r_hat: not below 1\.01 for sigma \(nan\)"):
        ml.check_convergence(fit)


def test_a_long_list_of_bad_parameters_is_cut_after_five(normal: xr.DataTree) -> None:
    # 2 x 50 draws cannot have an ESS of 200: all 9 parameters are bad, the worst are named.
    with pytest.raises(ml.ConvergenceError, match=r"ess_tail: not above 200 for .* and 4 more"):
        ml.check_convergence(normal)


def test_fit_refuses_its_own_draws_when_they_are_too_few() -> None:
    model = ml.partial_pooling(DATA, "y", "person")
    with pytest.raises(ml.ConvergenceError, match=r"ess_bulk: not above 200 for .*alpha"):
        ml.fit(model, seed=3, draws=25, tune=200, chains=2)


def test_a_funnel_is_refused_and_can_be_shown_on_purpose() -> None:
    with pm.Model(coords={"row": [0], "k": range(9)}) as funnel:
        spread = pm.Normal("spread", 0, 3)
        pm.Normal("x", 0, pm.math.exp(spread / 2), dims="k")
        pm.Normal("y", spread, 1000, observed=[0.0], dims="row")
    with pytest.raises(ml.ConvergenceError, match="divergent") as refused:
        ml.fit(funnel, seed=1, target_accept=0.5)
    failing = [line[2:].split(":")[0] for line in str(refused.value).splitlines()[1:]]
    assert {"divergences", "ess_bulk"} <= set(failing)
    fit = ml.fit(funnel, seed=1, target_accept=0.5, expect_failure=failing)
    assert fit["sample_stats"]["diverging"].any()
