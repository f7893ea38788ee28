"""Predict outcomes for clusters in the data, an average cluster or new clusters.

:func:`predict` returns expected outcomes, given draws from the posterior or the prior (what brms
calls ``posterior_epred``); :func:`replicate` draws from the posterior predictive distribution.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from scipy.special import expit

from multilevel.extras import ensure_compile_folder
from multilevel.models import complete_column

Clusters = Literal["same", "average", "new"]


def predict(
    fit_or_model: xr.DataTree | pm.Model,
    newdata: pd.DataFrame,
    clusters: Clusters | Mapping[str, Clusters] = "same",
    *,
    new: Literal["population", "existing"] = "population",
    seed: int | None = None,
) -> xr.DataArray:
    """Return draws of the expected outcome for each row of new data.

    Parameters
    ----------
    fit_or_model
        A fit, for draws from the posterior; or a model, which has seen no data, for 1000 draws from
        the prior (prior predictive expectations).
    newdata
        The rows to predict for: a column for each predictor or treatment and, unless its clusters
        are ``"average"``, for each group.
    clusters
        Which clusters to predict for. ``"same"``: clusters in the data that the model was fitted
        to. ``"average"``: a cluster whose group-level effects are zero. ``"new"``: clusters that
        are not in the data. Rows with the same label in the group's column belong to the same new
        cluster; without that column, all rows do. A dict such as ``{"actor": "new", "block":
        "average"}`` chooses for each group.
    new
        Distribution of the group-level effects of new clusters. ``"population"``: the normal
        distribution with the group's standard deviation. ``"existing"``: in each draw, the effects
        of a cluster in the data, chosen at random (the default of brms).
    seed
        Seed of the random draws; needed for new clusters and for draws from the prior.

    Returns
    -------
    DataArray, dims (chain, draw, row) or, for an ordered response, (chain, draw, row, category)
        The expected outcome: a mean in units of the outcome, a probability, or the probabilities of
        the categories. The labels of the rows are the index of ``newdata``.

    Raises
    ------
    ValueError
        A column is missing or has missing values; the index of ``newdata`` has duplicates; a
        cluster or a level of the treatment is not in the data; the model has no population
        distribution of clusters (no pooling); no seed was given where one is needed; or a prior is
        flat.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import pandas as pd
    >>> y = np.random.default_rng(1).normal(np.repeat([-2, -1, 0, 1, 2], 4), 0.5)
    >>> data = pd.DataFrame({"person": np.repeat(list("abcde"), 4), "y": y})
    >>> model = ml.partial_pooling(data, "y", "person")
    >>> fit = ml.fit(model, seed=1)
    >>> ml.predict(fit, pd.DataFrame({"person": ["a", "e"]})).mean(("chain", "draw")).round().values
    array([-2.,  2.])

    For 10 new clusters, given the posterior, and given the prior alone:

    >>> newdata = pd.DataFrame({"person": range(10)})
    >>> dict(ml.predict(fit, newdata, clusters="new", seed=1).sizes)
    {'chain': 4, 'draw': 1000, 'row': 10}
    >>> dict(ml.predict(model, newdata, clusters="new", seed=1).sizes)
    {'chain': 1, 'draw': 1000, 'row': 10}
    """
    if not newdata.index.is_unique:
        raise ValueError("The index of newdata has duplicates: use newdata.reset_index(drop=True).")
    draws = _posterior_or_prior(fit_or_model, seed)
    return _expected_outcome(draws, newdata, clusters, new, seed)


def replicate(fit: xr.DataTree, newdata: pd.DataFrame, seed: int, draws: int = 5) -> xr.DataArray:
    """Simulate data sets from the posterior predictive distribution.

    Parameters
    ----------
    fit
        A fit, as returned by :func:`multilevel.fit`.
    newdata
        The rows to simulate an outcome for; their clusters must be in the data of the fit.
    seed
        Seed of the choice of posterior draws and of the simulated outcomes.
    draws
        Number of data sets, each simulated from another posterior draw.

    Returns
    -------
    DataArray, dims (draw, row)
        Simulated outcomes, with the labels of the response. The labels of the rows are the index of
        ``newdata``.

    Raises
    ------
    ValueError
        As for :func:`predict`; or the fit has fewer draws than data sets are asked for.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import pandas as pd
    >>> import xarray as xr
    >>> alpha = ("chain", "draw", "person"), np.zeros((4, 10, 2))
    >>> sigma = ("chain", "draw"), np.ones((4, 10))
    >>> coords = {"chain": range(4), "draw": range(10), "person": ["a", "b"]}
    >>> posterior = xr.Dataset({"alpha": alpha, "sigma": sigma}, coords)
    >>> fit = xr.DataTree.from_dict({"posterior": posterior})
    >>> dict(ml.replicate(fit, pd.DataFrame({"person": ["a", "a", "b"]}), seed=1, draws=2).sizes)
    {'draw': 2, 'row': 3}
    """
    rng = np.random.default_rng(seed)
    posterior = fit["posterior"].dataset
    available = posterior.sizes["chain"] * posterior.sizes["draw"]
    if draws > available:
        raise ValueError(f"The fit has {available} draws; {draws} data sets were asked for.")
    chosen = rng.choice(available, draws, replace=False)
    chain, draw = np.divmod(chosen, posterior.sizes["draw"])
    selected = posterior.isel(
        chain=xr.DataArray(chain, dims="draw"), draw=xr.DataArray(draw, dims="draw")
    )
    selected = selected.drop_vars(["chain", "draw"])
    expected = _expected_outcome(selected, newdata, "same", "population", seed)
    if "category" in expected.dims:
        cumulative = expected.cumsum("category").isel(category=slice(None, -1))
        uniform = xr.DataArray(rng.random(cumulative.isel(category=0).shape), dims=("draw", "row"))
        code = (uniform > cumulative).sum("category")
        return expected["category"].isel(category=code).drop_vars("category")
    if "sigma" in selected:
        return expected + selected["sigma"] * expected.copy(
            data=rng.standard_normal(expected.shape)
        )
    return (expected.copy(data=rng.random(expected.shape)) < expected).astype(int)


def _posterior_or_prior(fit_or_model: xr.DataTree | pm.Model, seed: int | None) -> xr.Dataset:
    """Return draws from the posterior of a fit, or 1000 draws from the prior of a model."""
    if isinstance(fit_or_model, xr.DataTree):
        return fit_or_model["posterior"].dataset
    model = fit_or_model
    flat_types = (pm.Flat.rv_type, pm.HalfFlat.rv_type)
    flat = [v.name.lstrip("_") for v in model.free_RVs if isinstance(v.owner.op, flat_types)]
    if flat:
        raise ValueError(
            f"The prior of {', '.join(flat)} is flat: it cannot be drawn from. Give it another, "
            f"for example {flat[0]}=Prior(pm.Normal, 0, 0.5)."
        )
    names = [v.name for v in [*model.free_RVs, *model.deterministics] if v.name[0] != "_"]
    ensure_compile_folder()
    drawn = pm.draw(
        [model[name] for name in names],
        draws=1000,
        mode="FAST_COMPILE",
        random_seed=_require_seed(seed, "draws from the prior"),
    )
    variables = {
        name: (("chain", "draw", *model.named_vars_to_dims.get(name, ())), values[None])
        for name, values in zip(names, drawn, strict=True)
    }
    labels = [*{dim for dims, _ in variables.values() for dim in dims[2:]}, "category"]
    coords = {name: list(model.coords[name]) for name in labels if name in model.coords}
    return xr.Dataset(variables, coords)


def _expected_outcome(
    draws: xr.Dataset,
    newdata: pd.DataFrame,
    clusters: Clusters | Mapping[str, Clusters],
    new: str,
    seed: int | None,
) -> xr.DataArray:
    """Return the expected outcome: the inverse link of the sum of all effects."""
    groups = group_names(draws)
    chosen = clusters if isinstance(clusters, Mapping) else dict.fromkeys(groups, clusters)
    _check_choices([clusters] if isinstance(clusters, str) else chosen.values(), new)
    if set(chosen) != set(groups):
        raise ValueError(f"clusters must name each group of the model once: {', '.join(groups)}.")
    rng = None
    if "new" in chosen.values():
        rng = np.random.default_rng(_require_seed(seed, "new clusters"))

    rows = xr.DataArray(np.zeros(len(newdata)), {"row": newdata.index.to_numpy()}, "row")
    eta = rows + draws.get("alpha_bar", 0)
    if "beta" in draws:
        eta = eta + _population_level_effect(draws["beta"], newdata)
    for group in groups:
        eta = eta + _group_level_effect(draws, group, newdata, chosen[group], new, rng)

    if "threshold" in draws:
        return _category_probabilities(draws, eta)
    if "sigma" not in draws:
        eta = xr.apply_ufunc(expit, eta)
    return eta.transpose(..., "row")


def group_names(draws: xr.Dataset) -> list[str]:
    """Return the names of the groups of a model: the dims of its varying intercepts.

    Parameters
    ----------
    draws
        Posterior or prior draws of a model from one of the builders.

    Returns
    -------
    list of str
        Names of columns, in the order in which the model was given them.
    """
    names = [name for name in draws.data_vars if str(name).startswith("alpha")]
    dims = [dim for name in names for dim in draws[name].dims if dim not in ("chain", "draw")]
    return [str(dim) for dim in dims]


def _group_level_effect(
    draws: xr.Dataset,
    group: str,
    newdata: pd.DataFrame,
    choice: str,
    new: str,
    rng: np.random.Generator | None,
) -> xr.DataArray | float:
    """Return the group-level effect of each row: its cluster's deviation from the population."""
    if "alpha" in draws:  # no or partial pooling: alpha is the cluster's mean, not its deviation
        if "alpha_bar" not in draws and choice != "same":
            raise ValueError(
                f"A model without pooling knows nothing about a population of clusters ('{group}'),"
                f" so it cannot predict for an average or a new one. Use partial_pooling."
            )
        deviation, spread = draws["alpha"] - draws.get("alpha_bar", 0), "sigma_alpha"
    else:
        deviation, spread = draws[f"alpha_{group}"], f"sigma_{group}"

    if choice == "average":
        return 0.0
    predictor = _varying_slope(draws, group)
    slope_dev = draws[f"{predictor}_{group}"] if predictor else xr.zeros_like(deviation)
    if choice == "same":
        effects = [_value_of_level(values, group, newdata) for values in (deviation, slope_dev)]
    else:
        assert rng is not None
        labels = complete_column(newdata, group) if group in newdata else np.zeros(len(newdata))
        codes, names = pd.factorize(labels)
        shape = (draws.sizes.get("chain", 1), draws.sizes["draw"], len(names))
        dims = ("chain", "draw", "new_cluster")
        if new == "population":
            u = xr.DataArray(rng.standard_normal(shape), dims=dims)
            effects = [draws[spread] * u]
            if predictor:
                v, rho = u.copy(data=rng.standard_normal(shape)), draws[f"rho_{group}"]
                slope_z = rho * u + (1 - rho**2) ** 0.5 * v
                effects.append(draws[f"sigma_{predictor}_{group}"] * slope_z)
        else:
            pick = xr.DataArray(rng.integers(draws.sizes[group], size=shape), dims=dims)
            effects = [v.isel({group: pick}).drop_vars(group) for v in (deviation, slope_dev)]
        cluster_of_row = xr.DataArray(codes, dims="row")
        effects = [effect.isel(new_cluster=cluster_of_row) for effect in effects]
    if predictor is None:
        return effects[0]
    x = complete_column(newdata, predictor).to_numpy(float)
    return effects[0] + effects[1] * xr.DataArray(x, dims="row")


def _varying_slope(draws: xr.Dataset, group: str) -> str | None:
    """Return the name of the predictor whose slope varies between clusters, or None."""
    names = draws["predictor"].to_numpy().tolist() if "predictor" in draws else []
    return next((name for name in names if f"sigma_{name}_{group}" in draws), None)


def _population_level_effect(beta: xr.DataArray, newdata: pd.DataFrame) -> xr.DataArray:
    """Return the population-level effect of each row, of its predictors or of its treatment."""
    (dim,) = set(beta.dims) - {"chain", "draw"}
    if dim != "predictor":
        return _value_of_level(beta, str(dim), newdata)
    names = beta["predictor"].to_numpy()
    x = np.column_stack([complete_column(newdata, name).to_numpy(float) for name in names])
    return (beta * xr.DataArray(x, {"predictor": names}, ("row", "predictor"))).sum("predictor")


def _value_of_level(values: xr.DataArray, dim: str, newdata: pd.DataFrame) -> xr.DataArray:
    """Look up the value of each row's level; raise ValueError for a level not in the data."""
    wanted = complete_column(newdata, dim)
    known = values[dim].to_index()
    unseen = [label for label in wanted.unique().tolist() if label not in known]
    if unseen:
        raise ValueError(
            f"The model never saw {dim} {', '.join(map(repr, unseen[:5]))}. Ask for a level that "
            f"was in the data; for a group, clusters='average' and 'new' need none."
        )
    position = xr.DataArray(known.get_indexer(pd.Index(wanted)), dims="row")
    return values.isel({dim: position}).drop_vars(dim)


def _category_probabilities(draws: xr.Dataset, eta: xr.DataArray) -> xr.DataArray:
    """Return the probabilities of the categories: differences of cumulative probabilities."""
    cumulative = xr.apply_ufunc(expit, draws["threshold"] - eta)
    cuts = cumulative.sizes["cut"]
    padded = cumulative.pad(cut=(1, 1), constant_values=0.0)
    padded[{"cut": -1}] = 1.0
    categories = draws["category"].to_numpy() if "category" in draws else np.arange(1, cuts + 2)
    probability = padded.diff("cut").rename(cut="category")
    return probability.assign_coords(category=categories).transpose(..., "row", "category")


def _check_choices(choices: Iterable[str], new: str) -> None:
    """Raise ValueError unless ``clusters`` and ``new`` have one of their allowed values."""
    for choice in choices:
        if choice not in ("same", "average", "new"):
            raise ValueError(f"clusters must be 'same', 'average' or 'new'; it is {choice!r}.")
    if new not in ("population", "existing"):
        raise ValueError(f"new must be 'population' or 'existing'; it is {new!r}.")


def _require_seed(seed: int | None, reason: str) -> int:
    """Return the seed, or raise ValueError if there is none."""
    if seed is None:
        raise ValueError(f"Give a seed: {reason} are random.")
    return seed
