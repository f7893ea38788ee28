"""LOO is that of ArviZ given its relative efficiency, and the table of models follows from it."""

import gc
import tracemalloc
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import multilevel as ml
from multilevel import sampling
from multilevel.comparison import _relative_efficiency

# Ten draws of Normal(theta, 1) and an outlier that PSIS cannot cope with where it is fitted.
Y = np.array([0.2, -1.1, 0.7, 1.9, -0.4, 0.3, -0.8, 1.2, 0.1, -1.5])


def invented_fit(
    y: np.ndarray,
    sd: float = 1.0,
    offset: float = 0.0,
    outcome: str = "y",
    seed: int = 1,
    draws: int = 500,
) -> xr.DataTree:
    """Draw from the exact posterior of theta, y ~ Normal(theta, sd), and shift it by an offset."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(y.mean() + offset, sd / np.sqrt(len(y)), (4, draws))
    pointwise = xr.DataArray(
        stats.norm.logpdf(y, theta[..., None], sd), dims=("chain", "draw", "row")
    )
    row = {"row": np.arange(len(y)) * 10}
    return xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"theta": (("chain", "draw"), theta)}),
            "log_likelihood": xr.Dataset({outcome: pointwise}, row),
            "observed_data": xr.Dataset({outcome: ("row", y)}, row),
        }
    )


@pytest.fixture(scope="module")
def counted() -> xr.DataTree:
    """Fit a model that counts equal rows."""
    rng = np.random.default_rng(40)
    data = pd.DataFrame({"person": rng.choice(list("abcd"), 60), "arm": rng.choice(["t", "c"], 60)})
    data["yes"] = rng.integers(0, 2, 60)
    data.index = pd.Index(rng.permutation(60))
    model = ml.crossed_intercepts(data, "yes", ["person"], "arm")
    return sampling.sample(model, seed=1, draws=200, tune=300, chains=2)


# One model ----------------------------------------------------------------------------------------


def test_loo_is_that_of_arviz_where_draws_are_independent() -> None:
    fit = invented_fit(Y)
    reference = az.loo(fit, pointwise=True)
    table = ml.loo(fit)
    assert list(table) == ["elpd", "p", "pareto_k", "mcse_elpd"]
    assert table.index.tolist() == (np.arange(10) * 10).tolist()
    np.testing.assert_allclose(table["elpd"], reference.elpd_i, rtol=1e-12)
    np.testing.assert_allclose(table["pareto_k"], reference.pareto_k, rtol=1e-12)
    assert table["elpd"].sum() == pytest.approx(reference.elpd, rel=1e-12)
    assert table["p"].sum() == pytest.approx(reference.p, rel=1e-9)


def test_loo_is_near_the_exact_leave_one_out_density() -> None:
    table = ml.loo(invented_fit(Y))
    exact = [
        stats.norm.logpdf(Y[i], np.delete(Y, i).mean(), np.sqrt(1 + 1 / 9)) for i in range(len(Y))
    ]
    np.testing.assert_allclose(table["elpd"], exact, atol=0.05)


def test_loo_of_counted_rows_is_that_of_the_same_rows_uncounted(counted: xr.DataTree) -> None:
    uncounted = counted.drop_nodes("constant_data")
    assert "constant_data" in counted.children
    pd.testing.assert_frame_equal(ml.loo(counted), ml.loo(uncounted), rtol=1e-12)


def test_loo_of_counted_rows_is_that_of_arviz(counted: xr.DataTree) -> None:
    efficiency = _relative_efficiency(counted["posterior"].dataset)
    reference = az.loo(counted.drop_nodes("constant_data"), pointwise=True, reff=efficiency)
    table = ml.loo(counted)
    np.testing.assert_allclose(table["elpd"], reference.elpd_i, rtol=1e-10)
    np.testing.assert_allclose(table["pareto_k"], reference.pareto_k, rtol=1e-10)
    assert table["elpd"].sum() == pytest.approx(reference.elpd)
    assert table["p"].sum() == pytest.approx(reference.p)


def test_loo_keeps_the_order_of_the_rows(counted: xr.DataTree) -> None:
    assert ml.loo(counted).index.tolist() == counted["observed_data"]["row"].to_numpy().tolist()
    # Rows of the same cell have the same figures.
    cell = counted["constant_data"]["cell_of_row"].to_series()
    spread = ml.loo(counted)["elpd"].groupby(cell).agg(np.ptp)
    assert (spread == 0).all()
    assert 4 < len(spread) < 17


def test_loo_of_correlated_draws_is_that_of_arviz_with_the_same_relative_efficiency() -> None:
    fit = invented_fit(Y)
    posterior = fit["posterior"].dataset
    slow = posterior.copy(data={k: v.cumsum("draw") / 50 for k, v in posterior.items()})
    fit["posterior"] = xr.DataTree(slow)
    efficiency = _relative_efficiency(slow)
    assert efficiency < 0.1
    reference, table = az.loo(fit, pointwise=True, reff=efficiency), ml.loo(fit)
    np.testing.assert_allclose(table["elpd"], reference.elpd_i, rtol=1e-12)
    np.testing.assert_allclose(table["pareto_k"], reference.pareto_k, rtol=1e-12)


def with_log_likelihood(fit: xr.DataTree, row: int, values: np.ndarray | float) -> xr.DataTree:
    """Replace the log likelihood of a row."""
    changed = fit["log_likelihood"].dataset["y"].copy()
    changed[{"row": row}] = values
    fit["log_likelihood"] = xr.DataTree(xr.Dataset({"y": changed}))
    return fit


def test_a_row_that_every_draw_predicts_equally_well_has_its_density_and_no_bad_k() -> None:
    table = ml.loo(with_log_likelihood(invented_fit(Y), 3, -1.5))
    assert table["elpd"].iloc[3] == pytest.approx(-1.5, abs=1e-12)
    assert table["pareto_k"].iloc[3] == 0
    assert table["mcse_elpd"].iloc[3] == pytest.approx(0, abs=1e-9)
    assert table["elpd"].notna().all()


def test_a_row_whose_pareto_k_cannot_be_fitted_counts_as_high() -> None:
    # The largest ratios are all equal: there is no tail, but the row is not predicted equally well.
    values = np.random.default_rng(2).choice([-9.0, -1.0], (4, 500), p=[0.3, 0.7])
    fit = with_log_likelihood(invented_fit(Y), 3, values)
    table = ml.loo(fit)
    assert table["pareto_k"].iloc[3] == np.inf
    assert np.isfinite(table["elpd"]).all()
    assert ml.compare({"it": fit, "other": ml.loo(invented_fit(Y))}).loc["it", "high_k"] == 1


def test_the_limit_of_pareto_k_depends_on_the_number_of_draws() -> None:
    few, many = invented_fit(Y), invented_fit(Y, draws=1000)
    limit = 1 - 1 / np.log10(2000)
    assert limit < 0.7
    assert ml.loo(few).attrs["good_k"] == limit
    assert ml.loo(many).attrs["good_k"] == 0.7
    between = ml.loo(few).assign(pareto_k=[0.698, *[0.1] * 9])
    table = ml.compare({"few": between, "many": between.assign(elpd=-9.0)})
    assert table["high_k"].tolist() == [1, 1]
    between.attrs["good_k"] = 0.7
    assert ml.compare({"few": between, "many": ml.loo(many)})["high_k"].tolist() == [0, 0]


def test_loo_of_a_fit_that_kept_no_log_likelihood_says_what_to_do() -> None:
    fit = invented_fit(Y).drop_nodes("log_likelihood")
    with pytest.raises(ValueError, match=r"no log likelihood.*without keep_log_likelihood=False"):
        ml.loo(fit)


@pytest.mark.slow
def test_loo_never_holds_a_second_matrix_of_draws_by_rows() -> None:
    fit = invented_fit(np.random.default_rng(7).normal(size=4000))
    matrix = fit["log_likelihood"]["y"].nbytes
    # Without what other tests left, garbage is collected as often as in a process of its own.
    gc.collect()
    gc.freeze()
    tracemalloc.start()
    ml.loo(fit)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gc.unfreeze()
    assert matrix > 60e6
    assert peak < 0.8 * matrix


# Several models -----------------------------------------------------------------------------------

COLUMNS = "elpd_diff se_diff high_k elpd_loo se_elpd_loo p_loo"
ALL = f"{COLUMNS} se_p_loo looic se_looic"


def test_models_are_ranked_with_the_best_first() -> None:
    right, wide, wrong = invented_fit(Y), invented_fit(Y, sd=3), invented_fit(Y, offset=2)
    for fits in [
        {"wrong": wrong, "right": right, "wide": wide},
        {"wide": wide, "wrong": wrong, "right": right},
    ]:
        table = ml.compare(fits)
        assert table.index.tolist() == ["right", "wide", "wrong"]
        assert table.index.name == "model"
        assert list(table.shown()) == COLUMNS.split()
        assert list(ml.compare(fits, columns="all").shown()) == ALL.split()
        assert (table["elpd_loo"].diff().dropna() < 0).all()


def test_the_table_follows_from_the_rows() -> None:
    fits = {"right": invented_fit(Y), "wide": invented_fit(Y, sd=3)}
    table = ml.compare(fits, columns="all")
    right, wide = (ml.loo(fit) for fit in fits.values())
    n = len(Y)
    assert (table.loc["right", ["elpd_diff", "se_diff"]] == 0).all()
    difference = (wide["elpd"] - right["elpd"]).to_numpy()
    row = table.loc["wide"]
    assert row["elpd_diff"] == pytest.approx(difference.sum())
    deviations = difference - difference.mean()
    assert row["se_diff"] == pytest.approx(np.sqrt(n * (deviations**2).sum() / (n - 1)))
    for name, one in [("right", right), ("wide", wide)]:
        row = table.loc[name]
        assert row["elpd_loo"] == pytest.approx(one["elpd"].sum())
        assert row["p_loo"] == pytest.approx(one["p"].sum())
        for column, statistic in [("se_elpd_loo", "elpd"), ("se_p_loo", "p")]:
            deviations = (one[statistic] - one[statistic].mean()).to_numpy()
            assert row[column] == pytest.approx(np.sqrt(n * (deviations**2).sum() / (n - 1)))
        assert row["looic"] == pytest.approx(-2 * row["elpd_loo"])
        assert row["se_looic"] == pytest.approx(2 * row["se_elpd_loo"])


def test_the_table_agrees_with_that_of_arviz() -> None:
    fits = {"right": invented_fit(Y), "wide": invented_fit(Y, sd=3)}
    table, reference = ml.compare(fits), az.compare(fits, round_to="none")
    for name in fits:
        assert table.loc[name, "elpd_loo"] == pytest.approx(reference.loc[name, "elpd"])
        assert table.loc[name, "p_loo"] == pytest.approx(reference.loc[name, "p"])
        assert table.loc[name, "se_elpd_loo"] == pytest.approx(reference.loc[name, "se"])
        # For this one, ArviZ divides the variance by n; R's loo, and we, by n - 1.
        dse = reference.loc[name, "dse"] * np.sqrt(10 / 9)
        assert table.loc[name, "se_diff"] == pytest.approx(dse)


def test_equal_rows_share_their_monte_carlo_error() -> None:
    error = np.array([0.1, 0.1, 0.1, 0.3])
    table = pd.DataFrame({"elpd": [-1.0, -1.0, -1.0, -2.0], "p": 0.5, "mcse_elpd": error})
    exact = table.assign(elpd=[-3.0, -4.0, -5.0, -6.0]).drop(columns="mcse_elpd")
    row = ml.compare({"drawn": table, "exact": exact}, columns="all").loc["drawn"]
    assert row["mcse_elpd_loo"] == pytest.approx(np.hypot(0.3, 0.3))
    assert row["mcse_looic"] == pytest.approx(2 * np.hypot(0.3, 0.3))
    # se = sqrt(4 var) = 1: its slopes are 4 / 3 times the deviations 0.25 (three times) and -0.75.
    assert row["se_elpd_loo"] == pytest.approx(1.0)
    expected = np.hypot(4 / 3 * 0.25 * 0.3, 4 / 3 * 0.75 * 0.3)
    assert row["mcse_se_elpd_loo"] == pytest.approx(expected)


def test_the_error_of_loo_is_as_large_as_its_spread_over_seeds() -> None:
    tables = [
        ml.compare({"a": invented_fit(Y, seed=s), "b": invented_fit(Y, sd=3, seed=s)})
        for s in range(30)
    ]
    for column in ("elpd_loo", "se_elpd_loo"):
        spread = np.std([table.loc["a", column] for table in tables])
        claimed = np.mean([table.loc["a", f"mcse_{column}"] for table in tables])
        assert 0.3 < claimed / spread < 3, column


def test_rows_with_a_high_pareto_k_are_counted() -> None:
    outlying = np.append(Y, 12.0)
    fits = {"narrow": invented_fit(outlying), "wide": invented_fit(outlying, sd=4)}
    k = ml.loo(fits["narrow"])["pareto_k"].to_numpy()
    assert k[-1] > 0.7
    assert (k[:-1] < 0.7).all()
    assert ml.compare(fits)["high_k"].to_dict() == {"wide": 0, "narrow": 1}


def test_equal_rows_with_a_high_pareto_k_are_each_counted() -> None:
    outlying = np.append(Y, [12.0, 12.0])
    fit = invented_fit(outlying)
    row = {"row": fit["log_likelihood"]["row"].to_numpy()}
    cell = xr.Dataset({"cell_of_row": ("row", [*range(10), 10, 10])}, row)
    counted = xr.DataTree.from_dict(
        {name: child.dataset for name, child in fit.children.items()} | {"constant_data": cell}
    )
    table = ml.compare({"uncounted": fit, "counted": counted})
    assert table["high_k"].tolist() == [2, 2]


def test_no_warning_is_printed_beside_the_count(recwarn: pytest.WarningsRecorder) -> None:
    ml.loo(invented_fit(np.append(Y, 12.0)))
    assert not [w for w in recwarn if "Pareto" in str(w.message)]


OTHERS = {
    "values": (invented_fit(Y + 0.1), "other values of 'y'"),
    "unit": (invented_fit(100 * Y, sd=100), "other values of 'y'"),
    "rows": (invented_fit(Y[:-1]), "different labels"),
    "order": (invented_fit(Y[::-1]), "other values of 'y'"),
    "outcome": (invented_fit(Y, outcome="z"), "the outcome of one is 'y', that of the other 'z'"),
}


@pytest.mark.parametrize("as_table", [False, True], ids=["fit", "table"])
@pytest.mark.parametrize("difference", OTHERS)
def test_results_for_other_observations_are_refused_by_name(
    difference: str, as_table: bool
) -> None:
    other, why = OTHERS[difference]
    given = ml.loo(other) if as_table else other
    words = f"'one' and 'other' are not of the same observations.*{why}"
    for one in (invented_fit(Y), ml.loo(invented_fit(Y))):
        with pytest.raises(ValueError, match=words):
            ml.compare({"one": one, "same": invented_fit(Y, seed=2), "other": given})


def test_exact_tables_know_their_observations() -> None:
    data = pd.DataFrame({"y": Y, "z": Y, "g": list("aabbccddee")})
    table = ml.exact_loo(ml.partial_pooling(data, "y", "g"))
    fit = sampling.sample(ml.no_pooling(data, "y", "g"), seed=1, draws=100, tune=100, chains=2)
    assert ml.compare({"exact": table, "drawn": fit}).shape[0] == 2
    for other, words in [
        (data.assign(y=2 * Y), "other values"),
        (data[::-1].reset_index(drop=True), "other values"),
        (data.rename(columns={"y": "old", "z": "y", "old": "z"}).assign(z=Y), "outcome of one is"),
    ]:
        outcome = "z" if "outcome" in words else "y"
        with pytest.raises(ValueError, match=words):
            ml.compare({"one": fit, "other": ml.exact_loo(ml.no_pooling(other, outcome, "g"))})


def test_tables_made_by_hand_are_compared_by_their_labels() -> None:
    table = pd.DataFrame({"elpd": [-1.0, -2.0], "p": 0.5}, ["a", "b"])
    assert ml.compare({"one": table, "two": table - 1})["elpd_diff"].tolist() == [0, -2]
    with pytest.raises(ValueError, match="different labels"):
        ml.compare({"one": table, "two": table.set_axis(["a", "c"])})


# Standard errors over clusters --------------------------------------------------------------------

PERSON = pd.Series(list("aaabbbbccd"), np.arange(10) * 10)


def test_standard_errors_over_clusters_are_those_of_sums_within_them() -> None:
    fits = {"right": invented_fit(Y), "wide": invented_fit(Y, sd=3)}
    right, wide = (ml.loo(fit) for fit in fits.values())
    table = ml.compare(fits, by=PERSON, columns="all")
    for column, values in {
        "se_diff": wide["elpd"] - right["elpd"],
        "se_elpd_loo": wide["elpd"],
        "se_p_loo": wide["p"],
        "se_looic": -2 * wide["elpd"],
    }.items():
        sums = (values - values.mean()).groupby(PERSON).sum()
        assert table.loc["wide", column] == pytest.approx(np.sqrt(4 * sums.var()))
    by_rows = ml.compare(fits, columns="all")
    same = ["elpd_diff", "elpd_loo", "p_loo", "looic", "high_k"]
    pd.testing.assert_frame_equal(table[same], by_rows[same])


def test_when_every_row_is_a_cluster_the_standard_errors_are_those_of_rows() -> None:
    fits = {"right": invented_fit(Y), "wide": invented_fit(Y, sd=3)}
    by_rows = ml.compare(fits, columns="all")
    table = ml.compare(fits, by=range(10), columns="all")
    pd.testing.assert_frame_equal(table, by_rows)


def test_the_monte_carlo_error_over_clusters_is_that_of_its_derivative() -> None:
    table = ml.loo(invented_fit(Y))
    other = table.assign(elpd=-2.0, mcse_elpd=0.0)
    error = ml.compare({"a": table, "b": other}, by=PERSON).loc["a", "mcse_se_elpd_loo"]
    parts = []
    for row in table.index:
        moved = table.copy()
        moved.loc[row, "elpd"] += 1e-6
        both = [
            float(ml.compare({"a": each, "b": other}, by=PERSON)["se_elpd_loo"]["a"])
            for each in (moved, table)
        ]
        parts.append((both[0] - both[1]) / 1e-6 * float(table["mcse_elpd"][row]))
    assert error == pytest.approx(np.linalg.norm(parts), rel=1e-4)


def test_clusters_in_another_order_are_aligned_by_their_labels() -> None:
    fits = {"right": invented_fit(Y), "wide": invented_fit(Y, sd=3)}
    expected = ml.compare(fits, by=PERSON)
    for by in (PERSON.sample(frac=1, random_state=1), PERSON.to_numpy(), PERSON.tolist()):
        pd.testing.assert_frame_equal(ml.compare(fits, by=by), expected)


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (PERSON.set_axis(range(10)), "it has none for row 10"),
        (PERSON.iloc[:-1], "it has 9, for 10 rows; it has none for row 90"),
        (PERSON.set_axis([0, *PERSON.index[:-1]]), "one cluster for each row"),
        (PERSON.where(PERSON != "d"), "missing values"),
        (PERSON.tolist()[:-1], "it has 9"),
        ("person", r"by=data\['person'\]"),
        (["a"] * 10, "at least two"),
    ],
    ids=["labels", "short", "twice", "missing", "length", "name", "single"],
)
def test_clusters_that_do_not_fit_the_rows_are_refused(by: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ml.compare({"right": invented_fit(Y), "wide": invented_fit(Y, sd=3)}, by=by)


def test_by_people_the_difference_that_the_book_states_has_a_smaller_error() -> None:
    mlm = ml.load_mlm()
    tables = {
        "partial": ml.exact_loo(ml.partial_pooling(mlm, "con", "id")),
        "none": ml.exact_loo(ml.no_pooling(mlm, "con", "id")),
    }
    for by, expected in [(None, "-17.60 (5.79)"), (mlm["id"], "-17.60 (3.21)")]:
        row = ml.compare(tables, by=by).loc["none"]
        assert f"{row['elpd_diff']:.2f} ({row['se_diff']:.2f})" == expected


def test_notes_say_when_standard_errors_are_rough_and_when_a_difference_is_small() -> None:
    rng = np.random.default_rng(3)
    elpd = pd.Series(rng.normal(-1, 0.2, 400))
    table = pd.DataFrame({"elpd": elpd, "p": 0.01})
    far, near = table.assign(elpd=elpd - 0.1), table.assign(elpd=elpd - 0.005)
    assert "note" not in ml.compare({"one": table, "far": far}).attrs
    note = ml.compare({"one": table, "far": far, "near": near}).attrs["note"]
    assert "below 4, such as that of 'near', is small" in note
    note = ml.compare({"one": table, "far": far}, by=np.arange(400) // 8).attrs["note"]
    assert "With 50 clusters, fewer than 100, the standard errors are rough" in note
    few = ml.compare({"one": table[:60], "far": far[:60]})
    assert "With 60 rows, fewer than 100" in repr(few)


def test_an_infinite_number_of_parameters_is_shown_as_such() -> None:
    data = pd.DataFrame({"y": Y, "g": range(10)})
    table = ml.compare(
        {
            "none": ml.exact_loo(ml.no_pooling(data, "y", "g")),
            "partial": ml.exact_loo(ml.partial_pooling(data, "y", "g")),
        },
        columns="all",
    )
    assert (table["p_loo"] == np.inf).all()
    assert table["se_p_loo"].isna().all()
    assert np.isfinite(table[["elpd_loo", "se_elpd_loo", "elpd_diff", "se_diff"]]).all(axis=None)


@pytest.mark.parametrize("fits", [{}, {"one": invented_fit(Y)}])
def test_a_single_fit_cannot_be_compared(fits: dict[str, xr.DataTree]) -> None:
    with pytest.raises(ValueError, match="at least two fits"):
        ml.compare(fits)
