"""For whom? Predictions for the same clusters, for the average cluster, for new clusters."""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from scipy.special import expit

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
    """Draw the expected outcome for each row of new data.

    Parameters
    ----------
    fit_or_model
        A fit gives draws from the posterior; a model, which has seen no data, from the prior.
    newdata
        The predictors of the rows to predict, and for each group that is not averaged over the
        column that names the cluster.
    clusters
        For whom? ``"same"``: clusters that were in the data. ``"average"``: a cluster whose
        group-level effect is zero. ``"new"``: clusters never seen; rows with the same name in the
        group's column are the same new cluster, and without that column all rows are. A dict
        such as ``{"actor": "new", "block": "average"}`` chooses for each group.
    new
        Where the effects of new clusters come from: ``"population"`` draws them from the normal
        distribution with the group's sd; ``"existing"`` takes over, in each draw, the effect of a
        cluster of the data picked at random (what brms does by default).
    seed
        Needed for new clusters and for draws from a prior.

    Returns
    -------
    DataArray of the expected outcome, dims (chain, draw, row) or, for an ordered response,
    (chain, draw, row, category)
        A mean in units of the outcome, a probability, or the probabilities of the categories. The
        rows carry the index of ``newdata``.

    Raises
    ------
    ValueError
        A column is missing or has missing values; a cluster or a treatment was never seen; the
        model has no population to draw from; a seed is needed; or the prior is flat.
    """
    if not newdata.index.is_unique:
        raise ValueError("The index of newdata has duplicates: use newdata.reset_index(drop=True).")
    draws = _draws(fit_or_model, seed)
    return _expect(draws, newdata, clusters, new, seed)


def replicate(fit: xr.DataTree, newdata: pd.DataFrame, seed: int, draws: int = 5) -> xr.DataArray:
    """Simulate what the fitted model would have observed: posterior predictive draws.

    Parameters
    ----------
    fit
        What :func:`multilevel.fit` returned.
    newdata
        The rows to simulate an outcome for; their clusters are those of the data.
    seed
        Chooses the draws and simulates the outcomes.
    draws
        How many data sets.

    Returns
    -------
    DataArray of outcomes, dims (draw, row), with the response's own labels

    Raises
    ------
    ValueError
        As for :func:`predict`.
    """
    rng = np.random.default_rng(seed)
    posterior = fit["posterior"].dataset
    available = posterior.sizes["chain"] * posterior.sizes["draw"]
    if draws > available:
        raise ValueError(f"The fit has {available} draws; {draws} data sets were asked for.")
    chosen = rng.choice(available, draws, replace=False)
    chain, draw = np.divmod(chosen, posterior.sizes["draw"])
    few = posterior.isel(
        chain=xr.DataArray(chain, dims="draw"), draw=xr.DataArray(draw, dims="draw")
    )
    few = few.drop_vars(["chain", "draw"])
    expected = _expect(few, newdata, "same", "population", seed)
    if "category" in expected.dims:
        at_most = expected.cumsum("category").isel(category=slice(None, -1))
        uniform = xr.DataArray(rng.random(at_most.isel(category=0).shape), dims=("draw", "row"))
        code = (uniform > at_most).sum("category")
        return expected["category"].isel(category=code).drop_vars("category")
    if "sigma" in few:
        return expected + few["sigma"] * expected.copy(data=rng.standard_normal(expected.shape))
    return (expected.copy(data=rng.random(expected.shape)) < expected).astype(int)


def _draws(fit_or_model: xr.DataTree | pm.Model, seed: int | None) -> xr.Dataset:
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
    drawn = pm.draw(
        [model[name] for name in names],
        draws=1000,
        mode="FAST_COMPILE",
        random_seed=_need(seed, "draws from the prior"),
    )
    variables = {
        name: (("chain", "draw", *model.named_vars_to_dims.get(name, ())), values[None])
        for name, values in zip(names, drawn, strict=True)
    }
    labels = [*{dim for dims, _ in variables.values() for dim in dims[2:]}, "category"]
    coords = {name: list(model.coords[name]) for name in labels if name in model.coords}
    return xr.Dataset(variables, coords)


def _expect(
    draws: xr.Dataset,
    newdata: pd.DataFrame,
    clusters: Clusters | Mapping[str, Clusters],
    new: str,
    seed: int | None,
) -> xr.DataArray:
    """Add up the linear predictor and turn it into the expected outcome."""
    groups = group_names(draws)
    chosen = clusters if isinstance(clusters, Mapping) else dict.fromkeys(groups, clusters)
    _check_words([clusters] if isinstance(clusters, str) else chosen.values(), new)
    if set(chosen) != set(groups):
        raise ValueError(f"clusters must name each group of the model once: {', '.join(groups)}.")
    rng = None
    if "new" in chosen.values():
        rng = np.random.default_rng(_need(seed, "new clusters"))

    rows = xr.DataArray(np.zeros(len(newdata)), {"row": newdata.index.to_numpy()}, "row")
    eta = rows + draws.get("alpha_bar", 0)
    if "beta" in draws:
        eta = eta + _slopes(draws["beta"], newdata)
    for group in groups:
        eta = eta + _effect(draws, group, newdata, chosen[group], new, rng)

    if "threshold" in draws:
        return _category_probabilities(draws, eta)
    if "sigma" not in draws:
        eta = xr.apply_ufunc(expit, eta)
    return eta.transpose(..., "row")


def group_names(draws: xr.Dataset) -> list[str]:
    """Name the groups of a model: the dims of its intercepts.

    Parameters
    ----------
    draws
        Of a model from one of the builders.

    Returns
    -------
    Names of columns, in the order in which the model was given them
    """
    names = [name for name in draws.data_vars if str(name).startswith("alpha")]
    dims = [dim for name in names for dim in draws[name].dims if dim not in ("chain", "draw")]
    return [str(dim) for dim in dims]


def _effect(
    draws: xr.Dataset,
    group: str,
    newdata: pd.DataFrame,
    choice: str,
    new: str,
    rng: np.random.Generator | None,
) -> xr.DataArray | float:
    """Give each row the deviation of its cluster from the population's mean, or its line's."""
    if "alpha" in draws:  # no pooling or partial pooling: alpha is the cluster's mean itself
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
    steeper = draws[f"{predictor}_{group}"] if predictor else xr.zeros_like(deviation)
    if choice == "same":
        effects = [_select(values, group, newdata) for values in (deviation, steeper)]
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
                together = rho * u + (1 - rho**2) ** 0.5 * v
                effects.append(draws[f"sigma_{predictor}_{group}"] * together)
        else:
            pick = xr.DataArray(rng.integers(draws.sizes[group], size=shape), dims=dims)
            effects = [v.isel({group: pick}).drop_vars(group) for v in (deviation, steeper)]
        each_row = xr.DataArray(codes, dims="row")
        effects = [effect.isel(new_cluster=each_row) for effect in effects]
    if predictor is None:
        return effects[0]
    x = complete_column(newdata, predictor).to_numpy(float)
    return effects[0] + effects[1] * xr.DataArray(x, dims="row")


def _varying_slope(draws: xr.Dataset, group: str) -> str | None:
    """Name the predictor whose slope differs between the clusters of a group, if there is one."""
    names = draws["predictor"].to_numpy().tolist() if "predictor" in draws else []
    return next((name for name in names if f"sigma_{name}_{group}" in draws), None)


def _slopes(beta: xr.DataArray, newdata: pd.DataFrame) -> xr.DataArray:
    (dim,) = set(beta.dims) - {"chain", "draw"}
    if dim != "predictor":
        return _select(beta, str(dim), newdata)
    names = beta["predictor"].to_numpy()
    x = np.column_stack([complete_column(newdata, name).to_numpy(float) for name in names])
    return (beta * xr.DataArray(x, {"predictor": names}, ("row", "predictor"))).sum("predictor")


def _select(values: xr.DataArray, dim: str, newdata: pd.DataFrame) -> xr.DataArray:
    """Look up the value of each row's own level."""
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
    """Differences between neighbouring cumulative probabilities."""
    at_most = xr.apply_ufunc(expit, draws["threshold"] - eta)
    cuts = at_most.sizes["cut"]
    padded = at_most.pad(cut=(1, 1), constant_values=0.0)
    padded[{"cut": -1}] = 1.0
    categories = draws["category"].to_numpy() if "category" in draws else np.arange(1, cuts + 2)
    probability = padded.diff("cut").rename(cut="category")
    return probability.assign_coords(category=categories).transpose(..., "row", "category")


def _check_words(choices: Iterable[str], new: str) -> None:
    for choice in choices:
        if choice not in ("same", "average", "new"):
            raise ValueError(f"clusters must be 'same', 'average' or 'new'; it is {choice!r}.")
    if new not in ("population", "existing"):
        raise ValueError(f"new must be 'population' or 'existing'; it is {new!r}.")


def _need(seed: int | None, reason: str) -> int:
    if seed is None:
        raise ValueError(f"Give a seed: {reason} are random.")
    return seed
