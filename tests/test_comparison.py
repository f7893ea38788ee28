"""LOO is that of ArviZ, row by row, and the table of models follows from it."""

import tracemalloc

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
    y: np.ndarray, sd: float = 1.0, offset: float = 0.0, outcome: str = "y", seed: int = 1
) -> xr.DataTree:
    """Draw from the exact posterior of theta, y ~ Normal(theta, sd), and shift it by an offset."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(y.mean() + offset, sd / np.sqrt(len(y)), (4, 500))
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


def test_loo_is_that_of_arviz() -> None:
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
    reference = az.loo(counted.drop_nodes("constant_data"), pointwise=True)
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


def test_a_row_that_every_draw_predicts_equally_well_has_its_density_and_no_bad_k() -> None:
    fit = invented_fit(Y)
    values = fit["log_likelihood"].dataset["y"].copy()
    values[{"row": 3}] = -1.5
    fit["log_likelihood"] = xr.DataTree(xr.Dataset({"y": values}))
    table = ml.loo(fit)
    assert table["elpd"].iloc[3] == pytest.approx(-1.5, abs=1e-12)
    assert not table["pareto_k"].iloc[3] > 0.7
    assert table["elpd"].notna().all()


def test_loo_never_holds_a_second_matrix_of_draws_by_rows() -> None:
    fit = invented_fit(np.random.default_rng(7).normal(size=4000))
    matrix = fit["log_likelihood"]["y"].nbytes
    tracemalloc.start()
    ml.loo(fit)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert matrix > 60e6
    assert peak < 0.8 * matrix


# Several models -----------------------------------------------------------------------------------

COLUMNS = "elpd_diff se_diff high_k elpd_loo se_elpd_loo p_loo se_p_loo looic se_looic"


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
        assert (table["elpd_loo"].diff().dropna() < 0).all()


def test_the_table_follows_from_the_rows() -> None:
    fits = {"right": invented_fit(Y), "wide": invented_fit(Y, sd=3)}
    table = ml.compare(fits)
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
    row = ml.compare({"drawn": table, "exact": exact}).loc["drawn"]
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


@pytest.mark.parametrize(
    "other",
    [
        invented_fit(Y + 0.1),
        invented_fit(Y[:-1]),
        invented_fit(Y[::-1]),
        invented_fit(Y, outcome="z"),
    ],
    ids=["values", "rows", "order", "outcome"],
)
def test_fits_of_other_observations_are_refused_by_name(other: xr.DataTree) -> None:
    with pytest.raises(ValueError, match="'one' and 'other' are not of the same observations"):
        ml.compare({"one": invented_fit(Y), "same": invented_fit(Y, seed=2), "other": other})


@pytest.mark.parametrize("fits", [{}, {"one": invented_fit(Y)}])
def test_a_single_fit_cannot_be_compared(fits: dict[str, xr.DataTree]) -> None:
    with pytest.raises(ValueError, match="at least two fits"):
        ml.compare(fits)
