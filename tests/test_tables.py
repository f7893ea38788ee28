"""Summaries agree with the lecture's printed ones and with NumPy."""

import json
from typing import Any

import arviz_stats as azs
import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pytest
import xarray as xr

import multilevel as ml
from multilevel.structure import Structure, to_json
from multilevel.tables import BARS, text_histogram

RNG = np.random.default_rng(50)
ALPHA = xr.DataArray(
    RNG.normal([-1.0, 0.0, 5.0], 1.0, (4, 250, 3)),
    {"person": ["zoe", "ann", "mia"]},
    ("chain", "draw", "person"),
    name="alpha",
)
SIGMA = xr.DataArray(RNG.gamma(2, size=(4, 250)), dims=("chain", "draw"), name="sigma")
FIT = xr.DataTree.from_dict({"posterior": xr.Dataset({"alpha": ALPHA, "sigma": SIGMA})})


# Describe -----------------------------------------------------------------------------------------

# What the lecture prints of rethinking::precis, digit by digit.
PRECIS_MLM = {
    "id": ("119.1200000", "50.69207461", "48.000000", "209.00000"),
    "time": ("1.8133333", "1.75020407", "0.000000", "6.00000"),
    "wave": ("1.8133333", "0.80222904", "1.000000", "3.00000"),
    "con": ("0.1910387", "0.07341358", "0.085244", "0.30958"),
    "dan": ("0.1942627", "0.06363019", "0.098012", "0.29588"),
}
PRECIS_CHIMPANZEES = {
    "actor": ("4.0000000", "2.0019871", "1.000", "7.000"),
    "recipient": ("5.0000000", "2.0039801", "2.000", "8.000"),
    "condition": ("0.5000000", "0.5004968", "0.000", "1.000"),
    "block": ("3.5000000", "1.7095219", "1.000", "6.000"),
    "trial": ("36.5000000", "20.8032533", "4.665", "68.335"),
    "prosoc_left": ("0.5000000", "0.5004968", "0.000", "1.000"),
    "chose_prosoc": ("0.5674603", "0.4959204", "0.000", "1.000"),
    "pulled_left": ("0.5793651", "0.4941515", "0.000", "1.000"),
}


@pytest.mark.parametrize(
    ("data", "printed"),
    [(ml.load_mlm(), PRECIS_MLM), (ml.load_chimpanzees(), PRECIS_CHIMPANZEES)],
    ids=["mlm", "chimpanzees"],
)
def test_describe_agrees_with_the_lecture(
    data: pd.DataFrame, printed: dict[str, tuple[str, ...]]
) -> None:
    table = ml.describe(data)
    assert list(table) == ["mean", "sd", "5.5%", "94.5%", "missing", "histogram"]
    assert table.index.tolist() == list(data)
    for column, figures in printed.items():
        for statistic, figure in zip(["mean", "sd", "5.5%", "94.5%"], figures, strict=True):
            half_a_unit = 0.5 * 10.0 ** -len(figure.split(".")[1])
            found = table.loc[column, statistic]
            assert found == pytest.approx(float(figure), rel=0, abs=half_a_unit + 1e-12)


def test_describe_leaves_columns_of_words_empty() -> None:
    for data, column in [(ml.load_mlm(), "group"), (ml.load_chimpanzees(), "treatment")]:
        row = ml.describe(data).loc[column]
        assert row[["mean", "sd", "5.5%", "94.5%"]].isna().all()
        assert row["histogram"] == ""
        assert row["missing"] == 0


def test_describe_counts_missing_values_and_leaves_them_out() -> None:
    pulls = ml.load_chimpanzees()
    row = ml.describe(pulls).loc["recipient"]
    assert row["missing"] == 252
    assert row["mean"] == pulls["recipient"].dropna().astype(float).mean()


def test_histogram_in_text() -> None:
    assert text_histogram(np.array([0, 0, 0, 0, 0, 0, 0, 1]), bins=2) == BARS[6] + BARS[0]
    assert text_histogram(np.array([0.0, 0.0, 2.0]), bins=4) == f"{BARS[6]}  {BARS[3]}"
    assert ml.describe(pd.DataFrame({"x": range(10)}), bins=5).loc["x", "histogram"] == BARS[6] * 5


# Summarise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("prob", [0.95, 0.5])
def test_summarise_agrees_with_numpy(prob: float) -> None:
    table = ml.summarise(FIT, prob=prob)
    assert table.index.tolist() == ["alpha[zoe]", "alpha[ann]", "alpha[mia]", "sigma"]
    columns = ["mean", "sd", "lower", "upper", "mcse", "r_hat", "ess_bulk", "ess_tail"]
    assert list(table.shown()) == columns
    draws = np.concatenate([ALPHA.to_numpy(), SIGMA.to_numpy()[..., None]], axis=-1)
    over = (0, 1)
    np.testing.assert_allclose(table["mean"], draws.mean(over))
    np.testing.assert_allclose(table["sd"], draws.std(over, ddof=1))
    low, high = np.quantile(draws, [(1 - prob) / 2, (1 + prob) / 2], axis=over)
    np.testing.assert_allclose(table["lower"], low)
    np.testing.assert_allclose(table["upper"], high)


def test_summarise_knows_the_monte_carlo_error_of_the_mean() -> None:
    table = ml.summarise(FIT)
    # Independent draws: the error is near the sd over the root of their number, 1000.
    np.testing.assert_allclose(table["mcse"], table["sd"] / np.sqrt(1000), rtol=0.15)
    assert table["ess_bulk"].between(700, 1300).all()
    assert table["ess_tail"].between(600, 1300).all()
    assert table["ess_bulk"].dtype == int
    assert table["r_hat"].between(0.99, 1.01).all()


def test_summarise_takes_a_fit_a_dataset_or_a_variable() -> None:
    table = ml.summarise(FIT)
    pd.testing.assert_frame_equal(ml.summarise(FIT["posterior"].dataset), table)
    pd.testing.assert_frame_equal(ml.summarise(ALPHA), table.iloc[:3])
    pd.testing.assert_frame_equal(ml.summarise(FIT, ["sigma"]), table.iloc[3:])
    unnamed = ml.summarise(ALPHA.rename(None))
    assert unnamed.index.tolist() == ["value[zoe]", "value[ann]", "value[mia]"]


# Interval -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("prob", [0.95, 0.8])
def test_interval_agrees_with_numpy(prob: float) -> None:
    table = ml.interval(ALPHA, prob=prob)
    assert list(table.shown()) == ["person", "mean", "lower", "upper"]
    assert table["person"].tolist() == ["zoe", "ann", "mia"]
    draws = ALPHA.to_numpy()
    np.testing.assert_allclose(table["mean"], draws.mean((0, 1)))
    ends = np.quantile(draws, [(1 - prob) / 2, (1 + prob) / 2], axis=(0, 1))
    np.testing.assert_allclose(table[["lower", "upper"]].to_numpy().T, ends)


def test_interval_of_a_single_number_has_one_row() -> None:
    table = ml.interval(SIGMA)
    assert list(table.shown()) == ["mean", "lower", "upper"]
    ends = np.quantile(SIGMA, [0.025, 0.975])
    np.testing.assert_allclose(table.shown().to_numpy(), [[SIGMA.mean().item(), *ends]])


NEWDATA = pd.DataFrame({"person": ["q", "r"], "dose": [3, 1]}, index=[7, 4])


def test_interval_of_predictions_brings_their_rows_along() -> None:
    draws = xr.DataArray(RNG.random((2, 50, 2)), {"row": [7, 4]}, ("chain", "draw", "row"))
    table = ml.interval(draws, NEWDATA)
    assert list(table.shown()) == ["row", "person", "dose", "mean", "lower", "upper"]
    assert table["row"].tolist() == [7, 4]
    assert table["person"].tolist() == ["q", "r"]
    np.testing.assert_allclose(table["mean"], draws.mean(("chain", "draw")))


def test_interval_of_category_probabilities_has_a_row_for_each_category() -> None:
    categories = ["never", "often", "always"]
    coords = {"row": [7, 4], "category": categories}
    draws = xr.DataArray(RNG.random((2, 50, 2, 3)), coords, ("chain", "draw", "row", "category"))
    table = ml.interval(draws, NEWDATA)
    assert len(table) == 6
    for row, dose in [(7, 3), (4, 1)]:
        for category in categories:
            values = draws.sel(row=row, category=category).to_numpy()
            found = table[(table["row"] == row) & (table["category"] == category)]
            assert found["dose"].item() == dose
            expected = [values.mean(), *np.quantile(values, [0.025, 0.975])]
            np.testing.assert_allclose(found[["mean", "lower", "upper"]].to_numpy()[0], expected)


def test_interval_of_a_prediction_is_that_of_its_draws() -> None:
    draws = FIT["posterior"].dataset.assign_coords(chain=range(4), draw=range(250))
    fit = xr.DataTree.from_dict({"posterior": draws})
    structure = Structure("normal", "y", groups=("person",), pooled=False, means=True)
    fit.attrs["structure"] = to_json(structure)
    rows = pd.DataFrame({"person": ["mia", "zoe"]}, index=[9, 2])
    table = ml.interval(ml.predict(fit, rows), rows)
    by_person = ml.interval(ALPHA).set_index("person").loc[["mia", "zoe"]].shown()
    assert table["row"].tolist() == [9, 2]
    np.testing.assert_allclose(table[["mean", "lower", "upper"]], by_person)


# Tidy ---------------------------------------------------------------------------------------------


def test_tidy_has_a_row_for_every_draw_and_label() -> None:
    table = ml.tidy(ALPHA.assign_coords(chain=range(4), draw=range(250)))
    assert list(table) == ["person", "chain", "draw", "alpha"]
    assert len(table) == 4 * 250 * 3
    at = table.set_index(["chain", "draw", "person"])["alpha"]
    for chain, draw, k, person in [(0, 0, 0, "zoe"), (3, 249, 2, "mia"), (1, 17, 1, "ann")]:
        assert at.loc[(chain, draw, person)] == ALPHA.to_numpy()[chain, draw, k]


def test_tidy_of_a_single_number() -> None:
    table = ml.tidy(SIGMA.assign_coords(chain=range(4), draw=range(250)))
    assert list(table) == ["chain", "draw", "sigma"]
    assert table["sigma"].tolist() == SIGMA.to_numpy().ravel().tolist()


def test_tidy_means_by_label_are_those_of_the_draws() -> None:
    means = ml.tidy(ALPHA).groupby("person")["alpha"].mean()
    for person in ["zoe", "ann", "mia"]:
        assert means[person] == pytest.approx(ALPHA.sel(person=person).mean().item())


def test_a_table_without_numbers_is_described_all_the_same() -> None:
    table = ml.describe(pd.DataFrame({"word": ["a", "b"], "empty": [np.nan, np.nan]}))
    assert table["missing"].tolist() == [0, 2]
    assert table["mean"].isna().all()


# Monte Carlo errors -------------------------------------------------------------------------------


def test_errors_are_those_of_independent_draws() -> None:
    many = xr.DataArray(np.random.default_rng(3).normal(size=(4, 5000)), dims=("chain", "draw"))
    n = many.size
    density = np.exp(-(1.96**2) / 2) / np.sqrt(2 * np.pi)
    for method, prob, expected in [
        ("mean", None, 1 / np.sqrt(n)),
        ("sd", None, 1 / np.sqrt(2 * n)),
        ("quantile", 0.025, np.sqrt(0.025 * 0.975 / n) / density),
    ]:
        assert float(ml.mcse(many, method, prob)) == pytest.approx(expected, rel=0.15)


def test_draws_that_do_not_vary_have_no_error() -> None:
    constant = xr.DataArray(np.ones((4, 100)), dims=("chain", "draw"))
    assert float(ml.mcse(constant)) == 0
    assert float(ml.mcse(constant, "quantile", 0.5)) == 0


def test_every_error_of_a_summary_belongs_to_its_row() -> None:
    table = ml.summarise(FIT)
    for name, draws in [("alpha[ann]", ALPHA.sel(person="ann")), ("sigma", SIGMA)]:
        row = table.loc[name]
        assert row["mcse_mean"] == pytest.approx(float(ml.mcse(draws)))
        assert row["mcse_sd"] == pytest.approx(float(ml.mcse(draws, "sd")))
        for end, prob in [("lower", 0.025), ("upper", 0.975)]:
            assert row[f"mcse_{end}"] == pytest.approx(float(ml.mcse(draws, "quantile", prob)))


def test_every_error_of_an_interval_belongs_to_its_row() -> None:
    table = ml.interval(ALPHA, prob=0.8).set_index("person")
    draws = ALPHA.sel(person="mia")
    assert table.loc["mia", "mcse_mean"] == pytest.approx(float(ml.mcse(draws)))
    expected = float(ml.mcse(draws, "quantile", 0.9))
    assert table.loc["mia", "mcse_upper"] == pytest.approx(expected)


def test_means_have_a_column_for_each_quantity_and_a_row_for_each_label() -> None:
    table = ml.means({"level": ALPHA, "is positive": ALPHA > 0})
    assert list(table.shown()) == ["level", "is positive"]
    assert table.index.tolist() == ["zoe", "ann", "mia"]
    np.testing.assert_allclose(table["level"], ALPHA.mean(("chain", "draw")))
    np.testing.assert_allclose(table["mcse_is positive"], ml.mcse(ALPHA > 0))
    single = ml.means({"sigma": SIGMA})
    assert single.index.tolist() == ["mean"]
    assert single.loc["mean", "sigma"] == pytest.approx(SIGMA.mean().item())


def test_a_glimpse_of_draws_has_the_sd_of_the_whole_column_as_error() -> None:
    draws = ml.tidy(ALPHA.assign_coords(chain=range(4), draw=range(250)))
    table = ml.peek(draws, rows=3)
    pd.testing.assert_frame_equal(table.shown(), draws.head(3))
    assert (table["mcse_alpha"] == draws["alpha"].std()).all()
    assert "mcse_draw" not in table


# Estimates ----------------------------------------------------------------------------------------

TABLE = ml.Estimates.of(
    pd.DataFrame({"mean": [1.25, np.nan], "n": [3, 4]}, index=["a", "b"]), {"mean": [0.01, 0.02]}
)


def test_errors_are_not_shown_but_stay_with_the_table() -> None:
    assert "mcse" not in repr(TABLE)
    assert "mcse" not in str(TABLE._repr_html_())
    for part in [TABLE.head(1), TABLE[TABLE["n"] == 3], TABLE.assign(x=1).iloc[:1]]:
        assert isinstance(part, ml.Estimates)
        assert part["mcse_mean"].tolist() == [0.01]
    assert isinstance(pd.concat([TABLE, TABLE]), ml.Estimates)


def test_a_table_carries_its_numbers_and_their_errors() -> None:
    (carried,) = TABLE._repr_mimebundle_()["application/vnd.multilevel.estimates+json"]["tables"]
    assert carried == {
        "index": ["a", "b"],
        "index_names": ["None"],
        "columns": ["mean", "n"],
        "values": [[1.25, 3], [None, 4]],
        "mcse": [[0.01, None], [0.02, None]],
    }
    assert json.loads(json.dumps(carried)) == carried


def test_a_note_is_shown_below_the_table() -> None:
    table = TABLE.copy()
    table.attrs["note"] = "k < 0.7 & more"
    assert repr(table).endswith("\n\nk < 0.7 & more")
    assert str(table._repr_html_()).endswith("<p>k &lt; 0.7 &amp; more</p>")


def test_a_number_is_quoted_with_its_error() -> None:
    number = TABLE.quote("a", "mean", ".1f", scale=-100)
    assert str(number) == "-125.0"
    assert (number.value, number.mcse) == (-125.0, 1.0)
    assert number._repr_mimebundle_()["text/plain"] == "'-125.0'"
    assert TABLE.quote("b", "n", ".0f").mcse == 0


# Digits -------------------------------------------------------------------------------------------


def cells(table: ml.Estimates, column: str) -> list[str]:
    """Return the texts of a column as it is displayed."""
    return table._displayed()[column].tolist()


def estimates(**columns: list[float]) -> ml.Estimates:
    """Make a table of the columns and, for ``x``, of the errors ``mcse_x``."""
    return ml.Estimates(columns)


@pytest.mark.parametrize(
    ("values", "errors", "texts"),
    [
        ([0.6045, -0.1347], [0.012, 0.006], ["0.60", "-0.13"]),
        ([0.18842, 0.03204], [0.00005, 0.00008], ["0.1884", "0.0320"]),
        ([0.1058, 0.1077], [0.002, 0.002], ["0.106", "0.108"]),  # one more digit: 0.11, 0.11
        ([0.724], [0.2], ["0.7"]),  # no more than one more
        ([1234.5678], [0.0001], ["1234.6"]),  # at most five digits
        ([13.894, 31.0], [0.5, 0.5], ["13.9", "31.0"]),
        ([0.0004, 0.0], [0.01, 0.01], ["0.0004", "0.0000"]),  # never zero throughout
        ([-0.001, 20.0], [0.3, 0.3], ["0.0", "20.0"]),  # no minus sign before zero
        ([0.5, np.nan], [0.01, np.nan], ["0.50", "NaN"]),
        ([0.0, 0.0], [0.0, 0.0], ["0", "0"]),
    ],
)
def test_errors_determine_the_digits_of_a_column(
    values: list[float], errors: list[float], texts: list[str]
) -> None:
    assert cells(estimates(x=values, mcse_x=errors), "x") == texts


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([4000.0, 500.0, np.nan], ["4000", "500", "NaN"]),
        ([0.33617, 0.09342, 0.42142], ["0.336", "0.093", "0.421"]),
        ([3.0, 9.6, 2.3], ["3.0", "9.6", "2.3"]),
        ([310.6, 325.1, -14.5, 5.8], ["310.6", "325.1", "-14.5", "5.8"]),
        ([0.00002, 12.3], ["0.000", "12.300"]),
        ([np.inf, 1.25], ["inf", "1.25"]),
    ],
)
def test_without_errors_a_typical_number_has_three_digits(
    values: list[float], texts: list[str]
) -> None:
    assert cells(estimates(x=values), "x") == texts


def test_a_summary_has_one_number_of_decimals_and_no_column_of_zeros() -> None:
    rng = np.random.default_rng(8)
    draws = {"slope": rng.normal(-0.003, 0.002, (4, 1000)), "rho": rng.normal(0, 0.4, (4, 1000))}
    posterior = xr.Dataset({name: (("chain", "draw"), value) for name, value in draws.items()})
    table = ml.summarise(posterior)
    same = [cells(table, column) for column in ("mean", "sd", "lower", "upper")]
    assert len({len(text.partition(".")[2]) for column in same for text in column}) == 1
    for column in [*same, cells(table, "mcse")]:
        assert any(float(text) for text in column)
    assert all(float(text) for text in cells(table, "mcse"))
    assert [len(text) for text in cells(table, "r_hat")] == [5, 5]
    assert "." not in "".join(map(str, cells(table, "ess_bulk")))


def test_options_of_pandas_for_digits_have_no_effect() -> None:
    table = estimates(x=[0.6045], mcse_x=[0.01])
    with pd.option_context("display.float_format", "{:.5f}".format, "display.precision", 1):
        assert repr(table).split() == ["x", "0", "0.60"]
        assert "0.60450" in repr(table.shown())


def test_a_table_may_state_its_decimals() -> None:
    table = estimates(x=[310.6, 5.83], mcse_x=[3.0, 3.0])
    table.attrs["decimals"] = {"x": 2}
    assert cells(table, "x") == ["310.60", "5.83"]
    assert cells(table.head(1), "x") == ["310.60"]


def test_columns_that_are_not_numbers_stay_as_they_are() -> None:
    table = ml.Estimates(
        {"id": [7, 1200], "word": ["a", "b"], 3: [0.25, 0.5], "yes": [True, False]}
    )
    displayed = table._displayed()
    assert displayed["id"].tolist() == [7, 1200]
    assert displayed["word"].tolist() == ["a", "b"]
    assert displayed[3].tolist() == ["0.25", "0.50"]
    assert displayed["yes"].tolist() == [True, False]


def test_a_description_has_the_digits_of_each_variable() -> None:
    lines = repr(ml.describe(ml.load_mlm())).splitlines()
    assert lines[1].split()[:5] == ["id", "119.1", "50.7", "48.0", "209.0"]
    assert lines[5].split()[:5] == ["con", "0.191", "0.073", "0.085", "0.310"]
    assert lines[2].split()[:5] == ["group", *4 * ["NaN"]]


def test_a_glimpse_of_draws_shows_their_digits() -> None:
    draws = pd.DataFrame({"draw": [0, 1], "alpha": [0.19611, 0.18299]})
    assert cells(ml.peek(draws), "alpha") == ["0.196", "0.183"]


# Agreement ----------------------------------------------------------------------------------------

OURS = ml.Estimates.of(
    pd.DataFrame({"mean": [0.5, 2.0], "ess_bulk": [4000, 500]}, index=["a", "b"]),
    {"mean": [0.01, 0.02]},
)


def printed(parameter: str, value: float, digits: int) -> pd.DataFrame:
    row = {"parameter": parameter, "statistic": "mean", "value": value, "digits": digits}
    return pd.DataFrame([row])


@pytest.mark.parametrize(
    ("value", "digits", "distance"),
    [
        (0.5, 2, 0),
        (0.505, 2, 0),  # explained by rounding
        (0.4, 1, (0.1 - 0.05) / (0.01 * np.sqrt(1 + 4))),
        (0.7, 3, -(0.2 - 0.0005) / (0.01 * np.sqrt(1 + 4))),
    ],
)
def test_a_distance_is_measured_beyond_rounding_in_both_errors(
    value: float, digits: int, distance: float
) -> None:
    row = ml.agreement(OURS, printed("a", value, digits), their_ess=1000).iloc[0]
    assert row["ours"] == 0.5
    assert row["mcse"] == 0.01
    assert row["standard_errors"] == pytest.approx(distance)
    assert row["agrees"] == (abs(distance) <= 5)


def test_their_error_is_ours_where_our_ess_is_smaller_or_theirs_unknown() -> None:
    expected = (0.1 - 0.0005) / (0.02 * np.sqrt(2))
    for ess in (1000, None):
        row = ml.agreement(OURS, printed("b", 1.9, 3), their_ess=ess).iloc[0]
        assert row["standard_errors"] == pytest.approx(expected)


def test_a_figure_without_monte_carlo_error_agrees_only_within_rounding() -> None:
    exact = OURS.assign(mcse_mean=0.0)
    assert ml.agreement(exact, printed("a", 0.5, 1))["agrees"].all()
    assert not ml.agreement(exact, printed("a", 0.6, 1))["agrees"].any()


# Sensitivity --------------------------------------------------------------------------------------


def scaled_fit() -> xr.DataTree:
    """Return a fit whose prior pulls at zoe and at no one else, as sigma's likelihood does."""
    log_prior = xr.Dataset({"alpha": -0.5 * ALPHA.sel(person="zoe", drop=True) ** 2})
    log_likelihood = xr.Dataset({"y": -SIGMA.expand_dims(row=3, axis=-1)})
    groups = {"log_prior": log_prior, "log_likelihood": log_likelihood}
    return xr.DataTree.from_dict({"posterior": FIT["posterior"].to_dataset(), **groups})


def test_sensitivity_finds_what_depends_on_the_prior_and_on_the_likelihood() -> None:
    table = ml.sensitivity(scaled_fit())
    assert list(table.index) == list(ml.summarise(FIT).index)
    assert table["prior"].idxmax() == "alpha[zoe]"
    assert table["likelihood"].idxmax() == "sigma"
    assert table.loc["alpha[zoe]", "prior"] > 5 * table["prior"].drop("alpha[zoe]").max()
    assert table.loc["sigma", "prior"] == azs.psense(scaled_fit())["sigma"].item()
    assert (table[["mcse_prior", "mcse_likelihood"]] > 0).all(axis=None)


def test_sensitivity_of_a_quantity_computed_from_the_draws() -> None:
    gap = ALPHA.sel(person="zoe", drop=True) - ALPHA.sel(person="ann", drop=True)
    table = ml.sensitivity(scaled_fit(), xr.Dataset({"zoe minus ann": gap}))
    assert list(table.index) == ["zoe minus ann"]
    alone = ml.sensitivity(scaled_fit(), "alpha")["prior"]
    assert alone["alpha[ann]"] < table["prior"].item() < alone["alpha[zoe]"]


def test_names_with_a_slash_are_names_like_others() -> None:
    speed = xr.Dataset({"km/h": 2 * SIGMA, "per/person": ALPHA.rename(person="a/b")})
    labels = ["km/h", "per/person[zoe]", "per/person[ann]", "per/person[mia]"]
    assert list(ml.summarise(speed).index) == labels
    assert list(ml.sensitivity(scaled_fit(), speed).index) == labels


def test_sensitivity_refuses_what_it_cannot_use() -> None:
    with pytest.raises(ValueError, match="not contain log_prior and log_likelihood"):
        ml.sensitivity(FIT)
    with pytest.raises(ValueError, match="There is no variable 'tau'"):
        ml.sensitivity(scaled_fit(), ["tau"])
    single = scaled_fit().isel(chain=[0])
    with pytest.raises(ValueError, match="computed from several chains, and this fit has one"):
        ml.sensitivity(single)


# What readers' own tables and draws are like ------------------------------------------------------


def test_describe_takes_every_kind_of_column() -> None:
    data = pd.DataFrame(
        {
            "infinite": [1.0, np.inf, 2.0],
            "both": [-np.inf, np.inf, 0.0],
            "only": [np.inf] * 3,
            "truth": [True, False, True],
            "missing": [np.nan] * 3,
            "nothing": [None] * 3,
            "lists": [[1], [2, 3], None],
            "complex": [1j, 2j, 3j],
            "days": pd.date_range("2024-01-01", periods=3),
            "constant": [5, 5, 5],
            "huge": [-1.7e308, 0.0, 1.7e308],
            "near": [1.0, 1.0, np.nextafter(1, 2)],
        }
    )
    data["arrow"] = data["truth"].astype("bool[pyarrow]")
    data["nullable"] = pd.array([True, None, False], "boolean")
    data["decimal"] = pd.array([1, 2, None], "int64[pyarrow]")
    table = ml.describe(data)
    assert table.index.tolist() == list(data)
    mean, sd, bars, missing = (table[name] for name in ("mean", "sd", "histogram", "missing"))
    for name in ("truth", "arrow"):
        assert mean[name] == pytest.approx(2 / 3)
        assert bars[name]
    assert mean["nullable"] == 0.5
    assert missing["nullable"] == missing["decimal"] == 1
    assert mean["decimal"] == 1.5
    assert mean["infinite"] == np.inf
    assert np.isnan(sd["infinite"])
    assert bars["infinite"] == text_histogram(np.array([1.0, 2.0]))
    assert np.isnan(mean["both"])
    for name in ("missing", "nothing", "lists", "complex", "days"):
        assert np.isnan(mean[name])
        assert bars[name] == ""
    assert bars["only"] == ""
    assert missing.loc[["missing", "nothing", "lists", "days"]].tolist() == [3, 3, 1, 0]
    assert bars["near"] == BARS[-1] + " " * 8 + BARS[3]
    assert len(bars["huge"]) == 10


@pytest.mark.parametrize(
    "data", [pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame({"a": [1]}), {"a": [1]}, None]
)
def test_describe_takes_few_rows_and_refuses_what_is_no_frame(data: Any) -> None:
    if not isinstance(data, pd.DataFrame):
        with pytest.raises(TypeError, match="data must be a data frame"):
            ml.describe(data)
        return
    table = ml.describe(data)
    assert list(table) == ["mean", "sd", "5.5%", "94.5%", "missing", "histogram"]
    assert table.index.tolist() == list(data)


def test_describe_takes_the_table_of_another_library() -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    assert ml.describe(pa.Table.from_pandas(frame)).equals(ml.describe(frame))


@pytest.mark.parametrize("bins", [0, -1, 2.5, True])
def test_a_number_of_bars_is_a_whole_number(bins: Any) -> None:
    with pytest.raises(ValueError, match="bins must be a whole number of at least 1"):
        ml.describe(pd.DataFrame({"a": [1, 2]}), bins)


def test_summarise_takes_one_name_alone() -> None:
    assert ml.summarise(FIT, "sigma").equals(ml.summarise(FIT, ["sigma"]))
    assert ml.summarise(FIT, ("sigma", "alpha")).index[0] == "sigma"


@pytest.mark.parametrize("names", ["beta", ["alpha", "beta"], "person", "chain"])
def test_summarise_names_what_is_not_there_and_what_is(names: Any) -> None:
    unknown = names if isinstance(names, str) else names[1]
    words = f"no variable '{unknown}'.* The variables are: alpha, sigma"
    with pytest.raises(ValueError, match=words):
        ml.summarise(FIT, names)


def test_summarise_refuses_no_names() -> None:
    with pytest.raises(ValueError, match=r"var_names is empty\. The variables are: alpha, sigma"):
        ml.summarise(FIT, [])


def test_summarise_takes_truth_values_and_few_draws() -> None:
    assert ml.summarise((SIGMA > 1).rename("far"))["mean"].item() == (SIGMA > 1).mean()
    few = ml.summarise(SIGMA[:, :3])
    assert np.isnan(few["ess_bulk"].item())


NO_DRAWS: list[tuple[Any, type[Exception], str]] = [
    (pd.DataFrame({"a": [1]}), TypeError, "type DataFrame"),
    (np.ones((4, 10)), TypeError, "type ndarray"),
    (SIGMA.mean(("chain", "draw")), ValueError, "lack chain and draw"),
    (SIGMA.mean("chain"), ValueError, "lack chain; their dims are: draw"),
    (SIGMA.astype(str), TypeError, "numbers or truth values"),
]


@pytest.mark.parametrize(("thing", "error", "words"), NO_DRAWS)
def test_what_are_no_draws_is_refused(thing: Any, error: type[Exception], words: str) -> None:
    for function in (ml.summarise, ml.interval, lambda draws: ml.means({"a": draws})):
        with pytest.raises(error, match=words):
            function(thing)


def test_a_tree_without_draws_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no group 'posterior' .*It has: observed_data"):
        ml.summarise(xr.DataTree.from_dict({"observed_data": xr.Dataset()}))


@pytest.mark.parametrize("prob", [0, 1, 95, -0.1, np.nan, "0.95"])
def test_a_probability_is_between_0_and_1(prob: Any) -> None:
    for function in (ml.summarise, ml.interval):
        with pytest.raises(ValueError, match=r"prob must be between 0 and 1"):
            function(SIGMA, prob=prob)


def test_means_refuses_quantities_of_different_things() -> None:
    with pytest.raises(ValueError, match=r"'a' and 's' are not quantities of the same things"):
        ml.means({"a": ALPHA, "s": SIGMA})
    other = ALPHA.assign_coords(person=["mia", "ann", "zoe"])
    with pytest.raises(ValueError, match="or other labels"):
        ml.means({"a": ALPHA, "b": other})
    ml.means({"a": ALPHA.assign_coords(kind=1), "b": ALPHA.assign_coords(kind=2)})
    ml.means({"a": ALPHA, "b": ALPHA.drop_vars("person")})
    with pytest.raises(ValueError, match=r"'a' has several dims .*: person, more"):
        ml.means({"a": ALPHA.expand_dims(more=2, axis=-1)})
    nothing: list[Any] = [{}, ALPHA, FIT["posterior"].dataset]
    for thing in nothing:
        with pytest.raises(TypeError, match="means takes names and draws"):
            ml.means(thing)


def test_tidy_asks_for_a_name_and_for_draws() -> None:
    with pytest.raises(ValueError, match=r"this is None\. Name it: .*rename\('value'\)"):
        ml.tidy(ALPHA.rename(None))
    with pytest.raises(ValueError, match="this is 'person'"):
        ml.tidy(ALPHA.drop_vars("person").rename("person"))
    with pytest.raises(TypeError, match=r"single variable.*type Dataset"):
        ml.tidy(FIT["posterior"].dataset)  # type: ignore[arg-type]


def test_peek_takes_frames_only() -> None:
    frame = ml.tidy(SIGMA)
    assert ml.peek(pa.Table.from_pandas(frame), 2).shape == (2, 4)
    with pytest.raises(TypeError, match=r"draws must be a data frame, and is a DataArray"):
        ml.peek(SIGMA)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="rows must be a whole number"):
        ml.peek(frame, 0)


PREDICTED = ALPHA.rename(person="row").assign_coords(row=[30, 10, 20])
ROWS = pd.DataFrame({"dose": [1, 2, 3]}, index=[30, 10, 20])


def test_interval_takes_truth_values() -> None:
    table = ml.interval(ALPHA > 0)
    assert table["mean"].tolist() == (ALPHA > 0).mean(("chain", "draw")).to_numpy().tolist()
    assert set(table["lower"]) | set(table["upper"]) <= {0.0, 1.0}


def test_interval_joins_rows_by_their_labels_in_any_order() -> None:
    table = ml.interval(PREDICTED, ROWS)
    assert table["row"].tolist() == [30, 10, 20]
    assert table["dose"].tolist() == [1, 2, 3]
    turned = ml.interval(PREDICTED, ROWS.loc[[10, 20, 30]])
    assert turned["dose"].tolist() == [2, 3, 1]
    by_label = table.set_index("row")["mean"]
    assert turned.set_index("row")["mean"].to_dict() == pytest.approx(by_label.to_dict())


def test_interval_joins_rows_whose_labels_repeat_by_their_order() -> None:
    twice = PREDICTED.assign_coords(row=[0, 0, 1])
    table = ml.interval(twice, ROWS.set_axis([0, 0, 1]))
    assert table["row"].tolist() == [0, 0, 1]
    assert table["dose"].tolist() == [1, 2, 3]
    assert table["mean"].tolist() == ml.interval(PREDICTED)["mean"].tolist()


@pytest.mark.parametrize(
    "rows",
    [
        ROWS.reset_index(drop=True),
        ROWS[:2],
        pd.concat([ROWS, ROWS]),
        ROWS.set_axis([30, 10, 10]),
        ROWS.set_axis(["30", "10", "20"]),
    ],
)
def test_interval_refuses_rows_that_are_not_those_of_the_draws(rows: pd.DataFrame) -> None:
    words = r"not the frame that was predicted for: it has \d rows .* draws have 3 rows .*30, 10"
    with pytest.raises(ValueError, match=words):
        ml.interval(PREDICTED, rows)


def test_interval_refuses_rows_of_draws_that_have_none_and_rows_of_two_columns() -> None:
    with pytest.raises(ValueError, match=r"no dim 'row'; .* Leave newdata out"):
        ml.interval(ALPHA, ROWS)
    pairs = ROWS.set_index(pd.MultiIndex.from_tuples([(1, 1), (1, 2), (2, 1)]))
    with pytest.raises(ValueError, match=r"index of newdata has 2 columns.*reset_index\(\)"):
        ml.interval(PREDICTED, pairs)


@pytest.mark.parametrize("name", ["row", "mean", "lower", "upper", "category", "mcse_mean"])
def test_interval_names_the_columns_of_newdata_that_it_adds_itself(name: str) -> None:
    draws = PREDICTED.expand_dims(category=["no", "yes"], axis=-1)
    words = rf"other columns: {name}\. Drop them, newdata\.drop\(columns=\['{name}'\]\), or rename"
    with pytest.raises(ValueError, match=words):
        ml.interval(draws, ROWS.assign(**{name: 1}))


def test_interval_takes_its_own_table_again_without_what_it_added() -> None:
    table = ml.interval(PREDICTED, ROWS).set_index("row")
    with pytest.raises(
        ValueError, match=r"other columns: mean, lower, upper\. Drop them"
    ) as refused:
        ml.interval(PREDICTED, table)
    columns = eval(str(refused.value).split("columns=")[1].split(")")[0])
    again = ml.interval(PREDICTED, table.drop(columns=columns))
    pd.testing.assert_frame_equal(again, ml.interval(PREDICTED, ROWS))
