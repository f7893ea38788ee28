"""What a page hands over to its panel: data, priors and posterior, and refusals in words."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

import multilevel as ml
from multilevel.estimates import MIME
from multilevel.panels import PANEL, SHARES, Panel

DATA = pd.DataFrame(
    {
        "person": ["bob", "bob", "ann", "ann", "eve", "eve"],
        "day": [0, 1, 0, 1, 0, 1],
        "y": [0.1, 0.2, 0.4, 0.5, 0.9, 0.7],
        "yes": [0, 1, 1, 1, 0, 0],
        "arm": pd.Categorical(["a", "b"] * 3, ["b", "a"]),
        "answer": pd.Categorical([1, 2, 3, 3, 2, 1], ordered=True),
    }
)
BUILT = {
    "no_pooling": ml.no_pooling(DATA, "y", "person"),
    "partial_pooling": ml.partial_pooling(DATA, "y", "person"),
    "varying_slopes": ml.varying_slopes(DATA, "y", ["day"], "person", "day"),
    "crossed_intercepts": ml.crossed_intercepts(DATA, "yes", ["person"], "arm"),
    "ordered_logit": ml.ordered_logit(DATA, "answer", ["day"]),
    "ordered_logit_varying": ml.ordered_logit(DATA, "answer", ["day"], "person"),
}


def draws_of(model: pm.Model) -> xr.DataTree:
    """Return draws of the reported variables from nowhere, in the shape of a fit."""
    rng = np.random.default_rng(1)
    structure = model.structure
    shapes = {
        name: [(dim, len(model.coords[dim])) for dim in model.named_vars_to_dims.get(name, ())]
        for name in structure.variables()
    }
    posterior = {
        name: (["chain", "draw", *dict(dims)], rng.normal(size=(4, 100, *dict(dims).values())))
        for name, dims in shapes.items()
    }
    coords = {dim: list(model.coords[dim]) for dims in shapes.values() for dim, _ in dims}
    return xr.DataTree.from_dict({"posterior": xr.Dataset(posterior, coords)})


def handed(panel: Panel) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(panel._repr_mimebundle_()[PANEL]["content"])
    return content


@pytest.mark.parametrize("name", BUILT)
def test_the_model_its_columns_and_its_priors_are_read_from_the_builder(name: str) -> None:
    model = BUILT[name]
    fit = draws_of(model)
    panel = ml.refit_panel(model, fit, DATA)
    content = handed(panel)
    assert content["model"] == name
    data = content["data"]
    structure = model.structure
    for column in [structure.outcome, *structure.groups, *structure.predictors]:
        values = data["columns"].get(column)
        if values is None:
            levels = data["levels"][column]
            values = [levels[code] for code in data["codes"][column]]
        assert values == DATA[column].tolist()
    assert set(content["priors"]) == {v for v in structure.variables() if v in model._priors}
    book = panel.book["book"]
    assert set(book.index.str.split("[").str[0]) == set(structure.variables())
    means = ml.summarise(fit)["mean"]
    assert (book["mean"] == means[book.index]).all()


def test_numbers_carry_their_errors_and_quantiles_are_those_of_the_draws() -> None:
    fit = draws_of(BUILT["crossed_intercepts"])
    panel = ml.refit_panel(BUILT["crossed_intercepts"], fit, DATA)
    book, quantiles = panel._repr_mimebundle_()[MIME]["tables"]
    assert [book["name"], quantiles["name"]] == ["book", "quantiles"]
    assert all(
        error is not None for table in (book, quantiles) for row in table["mcse"] for error in row
    )
    assert quantiles["index"] == ["alpha_bar", "beta[b]", "beta[a]", "sigma_person"]
    beta = fit["posterior"]["beta"].sel(arm="a")
    expected = beta.quantile(SHARES).to_numpy()
    assert np.allclose(panel.book["quantiles"].loc["beta[a]"].iloc[: len(SHARES)], expected)


def test_priors_are_written_with_their_numbers_by_name() -> None:
    model = ml.varying_slopes(
        DATA,
        "y",
        ["day"],
        "person",
        "day",
        sigma=ml.Prior(pm.HalfNormal, sigma=2),
        sigma_person=ml.Prior(pm.Exponential, lam=3),
        rho_person=ml.Prior(pm.Beta, 4, 4),
        alpha_bar=ml.Prior(pm.Normal, 1, sigma=0.5),
    )
    assert handed(ml.refit_panel(model, draws_of(model), DATA))["priors"] == {
        "beta": {"family": "Normal", "mu": 0, "sigma": 0.5},
        "alpha_bar": {"family": "Normal", "mu": 1, "sigma": 0.5},
        "sigma": {"family": "HalfNormal", "sigma": 2},
        "sigma_person": {"family": "Exponential", "rate": 3},
        "sigma_day_person": {"family": "Exponential", "rate": 1},
        "rho_person": {"family": "LKJ", "eta": 4},
    }


def test_changes_name_the_rows_that_are_left_out_and_other_columns() -> None:
    model = BUILT["partial_pooling"]
    changes: dict[str, Any] = {
        "all": {},
        "first days": {"rows": DATA["day"] == 0},
        "by arm": {"group": "arm"},
    }
    panel = ml.refit_panel(model, draws_of(model), DATA, leave_out="day", changes=changes)
    content = handed(panel)
    assert [change["runs"] for change in content["changes"]] == [[6], [1] * 6, [6]]
    assert content["changes"][2]["roles"] == {"group": "arm"}
    assert {"arm", "person"} == set(content["data"]["codes"])
    assert content["data"]["columns"]["day"] == DATA["day"].tolist()


def test_a_model_of_the_page_has_its_roles_and_priors_from_there() -> None:
    fit = draws_of(BUILT["partial_pooling"])
    panel = ml.refit_panel(
        "one_cluster",
        fit,
        DATA,
        roles={"outcome": "yes", "group": "person"},
        priors={"alpha_bar": ml.Prior(pm.Normal, 0, 1.5)},
        form=["centred", "non-centred"],
        funnel=True,
    )
    content = handed(panel)
    assert content["model"] == "one_cluster"
    assert content["population"] == ["alpha_bar"]
    assert content["form"] == {"choices": ["centred", "non-centred"]}
    assert repr(panel) == "for the panel in the page: 6 rows, 6 parameters"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": ml.linear(DATA, "y", ["day"])}, "The browser samples these models: no_pooling"),
        (
            {"model": ml.partial_pooling(DATA, "y", "person", sigma=ml.Prior(pm.Gamma, 2, 1))},
            r"prior of 'sigma', Gamma\(2, 1\), cannot be shown",
        ),
        ({"leave_out": "week"}, "'week'"),
        ({"data": DATA.assign(y=[0.1, np.nan, 1, 2, 3, 4])}, "'y'"),
        ({"changes": {"few": {"rows": [True, False]}}}, r"'few'.*each of the 6 rows"),
        ({"changes": {"few": {"rows": [0, 1, 2, 3, 4, 5]}}}, "True or False"),
        ({"changes": {"other": {"group": "nobody"}}}, "'nobody'"),
    ],
)
def test_wrong_input_is_refused_in_words(given: dict[str, Any], message: str) -> None:
    model = BUILT["partial_pooling"]
    arguments = {"model": model, "fit": draws_of(model), "data": DATA} | given
    with pytest.raises(ValueError, match=message):
        ml.refit_panel(**arguments)


def test_a_model_that_no_builder_made_needs_its_name() -> None:
    with pm.Model() as model:
        pm.Normal("x")
    with pytest.raises(ValueError, match="refit_panel"):
        ml.refit_panel(model, draws_of(BUILT["no_pooling"]), DATA)
    with pytest.raises(TypeError, match="fit"):
        ml.refit_panel(BUILT["no_pooling"], "fit", DATA)  # type: ignore[arg-type]
