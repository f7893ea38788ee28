"""Every builder is calibrated: the parameters that made the data rank uniformly among the draws.

The rule: of N ranks, the number in the first k of K bins is binomial with probability k / K. Its
two-sided tail probability, times the number of places k and of quantities looked at, is the p-value
of a quantity (Bonferroni's bound; Säilynoja, Bürkner & Vehtari (2022) make the band for all places
at once, which is a little narrower). Nothing is right that has a p-value below ``ERRS``. So correct
code fails a set of quantities that is tested together at most once in a thousand seeds.

``make calibrate`` makes a long run, whose ranks are stored and tested, with a checksum of each
model's density and the versions of what compiles and samples it. While these are as they were, one
builder is enough here for a short run; those that changed are run as well.
"""

from collections.abc import Callable
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

import multilevel as ml
from bookmaking.studies import calibrate
from bookmaking.studies.calibration import (
    ALL,
    FORMS,
    KEPT,
    LIMIT,
    PERSON_OF_ROW,
    STUDIES,
    Draw,
    Study,
    Values,
    histogram,
    ranks,
    sampler,
)

ERRS = 1 / 1000
BINS, SEED = 20, 1

SIMULATIONS = {  # as many as a third of a minute allows, after the compilation
    "no_pooling": 200,
    "partial_pooling": 200,
    "varying_slopes": 150,
    "linear": 40,
    "crossed_intercepts": 80,
    "logistic": 80,
    "ordered_logit": 80,
    "ordered_logit_varying": 60,
    "ordered_logit_slopes": 60,
    **dict.fromkeys(FORMS, 30),
}


def p_values(counts: pd.DataFrame) -> pd.Series:
    """Return a p-value for each row of counts in bins, corrected for the number of looks."""
    total = counts.sum(axis=1).to_numpy()[:, None]
    so_far = counts.cumsum(axis=1).to_numpy()[:, :-1]
    share = np.arange(1, counts.shape[1]) / counts.shape[1]
    below = stats.binom.cdf(so_far, total, share)
    above = stats.binom.sf(so_far - 1, total, share)
    smallest = 2 * np.minimum(below, above).min(axis=1)
    return pd.Series(np.minimum(1, smallest * so_far.size), counts.index)


def caught(counts: pd.DataFrame) -> set[str]:
    """Name the quantities whose ranks cannot be uniform."""
    p = p_values(counts)
    return set(p.index[p < ERRS])


def caught_in(study: Study, draw: Draw, simulations: int) -> set[str]:
    return caught(histogram(ranks(study, draw, simulations, SEED), BINS))


# The builders -------------------------------------------------------------------------------------


@cache
def to_run() -> list[str]:
    """Return the builders that a short run is made for: the first, and all that have changed."""
    recorded = pd.read_csv(calibrate.TABLE).drop_duplicates("builder").set_index("builder")
    rows = recorded[["code_sha256", "versions"]].T.to_dict("list")
    changed = [
        name
        for name in SIMULATIONS
        if rows.get(name) != [calibrate.state(name), calibrate.versions()]
    ]
    return ["no_pooling", *(name for name in changed if name != "no_pooling")]


@pytest.mark.slow
@pytest.mark.parametrize("name", SIMULATIONS)
def test_true_values_rank_uniformly_among_the_draws(name: str) -> None:
    if name not in to_run():
        pytest.skip("the long run was made with the same model, code and versions")
    rank = ranks(ALL[name], sampler(name).draw, SIMULATIONS[name], SEED)
    p = p_values(histogram(rank, BINS))
    assert not (p < ERRS).any(), p.sort_values()
    # Some fits of so few observations have a divergent transition or two, and ml.fit would refuse
    # them. In the long run one in five of the logistic model's had, and fewer of the others'.
    assert (rank["divergent"] > 0).mean() < 0.35


def test_what_changed_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(builder: str) -> str:
        return "other" if builder == "logistic" else state(builder)

    state = calibrate.state
    monkeypatch.setattr(calibrate, "state", other)
    to_run.cache_clear()
    assert to_run() == ["no_pooling", "logistic"]
    monkeypatch.setattr(calibrate, "versions", lambda: "pymc==7")
    to_run.cache_clear()
    assert to_run() == list(SIMULATIONS)
    to_run.cache_clear()


@pytest.mark.parametrize("name", ALL)
def test_every_parameter_is_ranked(name: str) -> None:
    study, model = ALL[name], ALL[name].build()
    variables = [v.name for v in [*model.free_RVs, *model.deterministics] if v.name[0] != "_"]
    assert set(study.labels) == set(variables)
    for variable, labels in study.labels.items():
        places = [model.coords[dim] for dim in model.named_vars_to_dims.get(variable, ())]
        if len(places) == 2:  # a matrix of correlations: each pair once
            assert labels == list(combinations(places[0], 2))
        else:
            assert sorted(labels) == sorted(label for place in places for label in place)
    truth = study.prior(np.random.default_rng(1))
    assert {name: value.shape for name, value in truth.items()} == {
        name: (len(labels),) if labels else () for name, labels in study.labels.items()
    }


# Wrong code is caught -----------------------------------------------------------------------------
#
# What is wrong is wrong in the simulation: the compiled model is then in error about it, just as it
# would be if the simulation were right and the builder wrong, and need not be compiled again.


@pytest.mark.slow
def test_a_prior_that_is_five_times_too_narrow_is_caught() -> None:
    study = STUDIES["partial_pooling"]

    def wider(rng: np.random.Generator) -> Values:
        sigma_alpha = rng.exponential(5)  # its mean; that of the builder's prior is 1
        v = study.prior(rng) | {"sigma_alpha": np.array(sigma_alpha)}
        return v | {"alpha": rng.normal(v["alpha_bar"], sigma_alpha, 8)}

    found = caught_in(study._replace(prior=wider), sampler("partial_pooling").draw, 100)
    assert found == {"sigma_alpha"}


def otherwise(study: Study, change: Callable[[Values], Values]) -> Study:
    """Simulate outcomes from other parameters than those that are ranked."""
    return study._replace(outcome=lambda rng, v: study.outcome(rng, v | change(v)))


@pytest.mark.slow
def test_another_sd_of_the_outcome_is_caught() -> None:
    doubled = otherwise(STUDIES["no_pooling"], lambda v: {"sigma": 2 * v["sigma"]})
    found = caught_in(doubled, sampler("no_pooling").draw, 60)
    assert found == {"sigma", "log_likelihood"}


@pytest.mark.slow
def test_effects_under_the_next_clusters_name_are_caught() -> None:
    shifted = otherwise(STUDIES["no_pooling"], lambda v: {"alpha": np.roll(v["alpha"], 1)})
    found = caught_in(shifted, sampler("no_pooling").draw, 60)
    assert {"alpha[zoe]", "alpha[tom]"} <= found


@pytest.mark.slow
def test_treatments_in_each_others_place_are_caught() -> None:
    mixed = otherwise(STUDIES["crossed_intercepts"], lambda v: {"beta": np.roll(v["beta"], 1)})
    assert "log_likelihood" in caught_in(mixed, sampler("crossed_intercepts").draw, 60)


@pytest.mark.slow
def test_a_slope_with_the_wrong_sign_is_caught() -> None:
    turned = otherwise(STUDIES["ordered_logit"], lambda v: {"beta": -v["beta"]})
    assert "log_likelihood" in caught_in(turned, sampler("ordered_logit").draw, 40)


def test_draws_that_ignore_the_data_are_caught_by_the_log_likelihood_alone() -> None:
    study = STUDIES["no_pooling"]

    def ignore(outcome: np.ndarray, seed: int) -> tuple[Values, int]:
        rng = np.random.default_rng(seed)
        draws = [study.prior(rng) for _ in range(KEPT)]
        return {name: np.array([draw[name] for draw in draws]) for name in study.labels}, 0

    assert caught_in(study, ignore, 300) == {"log_likelihood"}


# The sampler --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_other_data_give_another_posterior_without_compiling_again() -> None:
    draw = sampler("no_pooling").draw
    noise = np.random.default_rng(3).normal(0, 0.1, len(PERSON_OF_ROW))
    for level in [np.linspace(-2, 2, 8), np.linspace(1, 0, 8)]:
        draws, _ = draw(level[PERSON_OF_ROW] + noise, 1)
        np.testing.assert_allclose(draws["alpha"].mean(axis=0), level, atol=0.2)


@pytest.mark.slow
def test_counts_reach_the_cells_that_they_are_the_counts_of() -> None:
    study, draw = STUDIES["ordered_logit"], sampler("ordered_logit").draw
    probability = np.array([0.7, 0.1, 0.1, 0.1])
    for code in [0, 3]:  # nearly everybody gives the lowest answer, or the highest
        counts = np.tile(1000 * np.roll(probability, code), 6)
        draws, _ = draw(counts, 1)
        at_means = draws["threshold"] - (draws["beta"] @ np.array([[1.0], [4.0]]))
        at_most = 1 / (1 + np.exp(-at_means.mean(axis=0)))
        np.testing.assert_allclose(np.diff(at_most), np.roll(probability, code)[1:3], atol=0.02)
    assert study.labels["threshold"] == [1, 2, 3]


@pytest.mark.slow
def test_the_same_seed_gives_the_same_ranks() -> None:
    study, draw = STUDIES["no_pooling"], sampler("no_pooling").draw
    few, more = ranks(study, draw, 3, seed=5), ranks(study, draw, 5, seed=5)
    pd.testing.assert_frame_equal(few, more.head(3))
    assert not few.equals(ranks(study, draw, 3, seed=6))


# The rule -----------------------------------------------------------------------------------------


def test_uniform_ranks_fail_at_most_as_often_as_the_rule_says() -> None:
    rng = np.random.default_rng(11)
    sets = [rng.multinomial(100, np.full(BINS, 1 / BINS), 8) for _ in range(2000)]
    smallest = np.array([p_values(pd.DataFrame(counts)).min() for counts in sets])
    assert (smallest < 0.05).mean() < 0.05
    assert (smallest < 0.2).mean() > 0.02  # it is not so strict that it never speaks


def lean(u: np.ndarray) -> np.ndarray:
    return np.asarray(u**1.5)


def crowd_at_the_ends(u: np.ndarray) -> np.ndarray:
    return np.asarray(stats.norm.cdf(1.4 * stats.norm.ppf(u)))


def crowd_in_the_middle(u: np.ndarray) -> np.ndarray:
    return np.asarray(stats.norm.cdf(stats.norm.ppf(u) / 1.4))


@pytest.mark.parametrize("bend", [lean, crowd_at_the_ends, crowd_in_the_middle])
def test_ranks_that_are_not_uniform_are_caught(bend: Callable[[np.ndarray], np.ndarray]) -> None:
    uniform = (np.arange(1000) + 0.5) / 1000
    table = {"even": uniform, "uneven": bend(uniform)}
    rank = pd.DataFrame({name: (100 * u).astype(int) for name, u in table.items()})
    counts = histogram(rank.assign(divergent=0), BINS)
    assert caught(counts) == {"uneven"}


def test_ranks_are_counted_in_bins_of_equal_width() -> None:
    rank = pd.DataFrame({"mu": [0, 4, 5, 99], "divergent": [0, 1, 2, 3]})
    counts = histogram(rank, BINS)
    assert counts.index.tolist() == ["mu"]
    assert list(counts) == list(range(1, 21))
    assert counts.to_numpy().tolist() == [[2, 1, *[0] * 17, 1]]


# The stored ranks ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.read_csv(calibrate.TABLE)


def counts_of(table: pd.DataFrame, builder: str) -> pd.DataFrame:
    part = table[table["builder"] == builder]
    return part.pivot_table("count", "quantity", "rank_bin", sort=False)


def test_the_stored_ranks_are_those_of_the_present_code(stored: pd.DataFrame) -> None:
    recorded = stored.groupby("builder")["code_sha256"].unique().map(list).to_dict()
    assert recorded == {name: [calibrate.state(name)] for name in ALL}, (
        "the models or their calibration have changed: run make calibrate"
    )


def test_the_stored_ranks_of_every_builder_are_uniform_in_every_form(stored: pd.DataFrame) -> None:
    counts = pd.concat({name: counts_of(stored, name) for name in SIMULATIONS})
    p = p_values(counts)
    assert not (p < ERRS).any(), p.sort_values()


def test_the_stored_ranks_are_complete(stored: pd.DataFrame) -> None:
    simulations = stored.groupby("builder", sort=False)["simulations"].unique().map(list)
    assert simulations.to_dict() == {name: [n] for name, n in calibrate.SIMULATIONS.items()}
    for name, study in ALL.items():
        counts = counts_of(stored, name)
        assert (counts.sum(axis=1) == calibrate.SIMULATIONS[name]).all()
        assert counts.shape[1] == calibrate.BINS
        named = {quantity.partition("[")[0] for quantity in counts.index}
        assert named == {*study.labels, "log_likelihood"}


def test_a_few_ranks_too_many_in_the_first_bin_of_the_store_are_caught(
    stored: pd.DataFrame,
) -> None:
    counts = pd.concat({name: counts_of(stored, name) for name in SIMULATIONS})
    tampered = counts.to_numpy(copy=True)
    tampered[0, 0] *= 4
    assert caught(pd.DataFrame(tampered, counts.index)) == {counts.index[0]}


def test_the_limit_of_centred_effects_is_on_record(stored: pd.DataFrame) -> None:
    fits = stored.drop_duplicates("builder").set_index("builder")
    divergent = fits["divergent_fits"] / fits["simulations"]
    assert divergent[LIMIT] > 0.2
    assert divergent["partial_pooling"] < divergent[LIMIT] / 10
    counts = counts_of(stored, LIMIT)
    assert counts.loc["sigma_alpha", 1] == counts.loc["sigma_alpha"].max()


def test_only_what_a_model_states_changes_its_checksum() -> None:
    data = pd.DataFrame({"id": list("aabbcc"), "y": [0.1, 0.3, -0.2, 0.4, 0.9, 0.8]})
    before, again = (calibrate.density_state(ml.partial_pooling(data, "y", "id")) for _ in "12")
    assert before == again
    for other in (
        ml.partial_pooling(data, "y", "id", sigma_alpha=ml.Prior(pm.Exponential, 2)),
        ml.partial_pooling(data, "y", "id", form="centred"),
        ml.partial_pooling(data.assign(y=data["y"] + 0.01), "y", "id"),
    ):
        assert calibrate.density_state(other) != before
