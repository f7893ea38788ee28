"""A model of Bambi passes the same gate, and agrees with the same model of a builder."""

from pathlib import Path
from typing import Any

import bambi as bmb
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import multilevel as ml

# Bambi's own, with pandas 3
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"g": np.repeat(list("abcdefgh"), 6), "x": rng.normal(size=48)})
    level = np.repeat(rng.normal(0, 0.7, 8), 6)
    frame["y"] = 0.3 + 0.5 * frame["x"] + level + rng.normal(0, 0.6, 48)
    return frame


def prior(name: str, **parameters: Any) -> bmb.Prior:
    return bmb.Prior(name, **parameters)


@pytest.fixture(scope="module")
def bambi_model(data: pd.DataFrame) -> bmb.Model:
    """Build the model of ml.linear, with its priors."""
    priors = {
        "Intercept": prior("Normal", mu=0, sigma=1.5),
        "x": prior("Normal", mu=0, sigma=0.5),
        "1|g": prior("Normal", mu=0, sigma=prior("Exponential", lam=1)),
        "sigma": prior("Exponential", lam=1),
    }
    model = bmb.Model("y ~ 1 + x + (1|g)", data, priors=priors, center_predictors=False)
    model.build()
    return model


@pytest.fixture(scope="module")
def fits(
    data: pd.DataFrame, bambi_model: bmb.Model, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, xr.DataTree]:
    file = tmp_path_factory.mktemp("fits") / "bambi"
    drawn = ml.fit(bambi_model.backend.model, seed=1, draws=1500, file=file)
    assert file.with_suffix(".nc").exists()
    again = ml.fit(bambi_model.backend.model, seed=1, draws=1500, file=Path(file))
    xr.testing.assert_equal(again["posterior"].dataset, drawn["posterior"].dataset)
    return {"bambi": again, "ours": ml.fit(ml.linear(data, "y", ["x"], ["g"]), seed=2)}


def test_both_are_the_same_model(fits: dict[str, xr.DataTree]) -> None:
    theirs, ours = (pd.DataFrame(ml.summarise(fits[name])) for name in ["bambi", "ours"])
    names = {"Intercept": "alpha_bar", "x": "beta[x]", "1|g_sigma": "sigma_g", "sigma": "sigma"}
    names |= {f"1|g[{label}]": f"alpha_g[{label}]" for label in "abcdefgh"}
    one, other = theirs.loc[list(names)], ours.loc[list(names.values())]
    error = np.hypot(one["mcse"].to_numpy(), other["mcse"].to_numpy())
    z = (one["mean"].to_numpy() - other["mean"].to_numpy()) / error
    assert (abs(z) < 4).all()
    np.testing.assert_allclose(one["sd"], other["sd"], rtol=0.15)


def test_a_fit_of_bambi_has_the_rows_of_the_data(
    fits: dict[str, xr.DataTree], data: pd.DataFrame
) -> None:
    fit = fits["bambi"]
    assert fit["log_likelihood"]["y"].dims == ("chain", "draw", "row")
    assert fit["observed_data"]["row"].to_numpy().tolist() == data.index.tolist()
    np.testing.assert_allclose(fit["observed_data"]["y"], data["y"])
    assert "mu" not in fit["posterior"].data_vars  # a number for each row and draw
    assert float(ml.diagnose(fit)["r_hat"]["worst"]) < 1.01


def test_both_are_compared_by_loo_and_do_not_differ(fits: dict[str, xr.DataTree]) -> None:
    tables = {name: ml.loo(fit) for name, fit in fits.items()}
    np.testing.assert_allclose(tables["bambi"]["elpd"], tables["ours"]["elpd"], atol=0.05)
    table = ml.compare(fits)
    assert abs(table["elpd_diff"]).max() < 0.3


def test_predictions_are_left_to_bambi(
    fits: dict[str, xr.DataTree], data: pd.DataFrame, bambi_model: bmb.Model
) -> None:
    with pytest.raises(ValueError, match=r"use its method predict: model\.predict\(fit"):
        ml.predict(fits["bambi"], data)
    with pytest.raises(ValueError, match=r"replicate\(\) needs the structure of the model"):
        ml.replicate(fits["bambi"], data, seed=1)
    # As the message says; and for the same rows it agrees with the builder's model.
    theirs = bambi_model.predict(fits["bambi"], data=data.head(3), inplace=False)
    mu = theirs["posterior"]["mu"].mean(("chain", "draw")).to_numpy()
    expected = ml.predict(fits["ours"], data.head(3)).mean(("chain", "draw"))
    np.testing.assert_allclose(mu, expected, atol=0.03)
