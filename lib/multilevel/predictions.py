"""Predict outcomes for clusters in the data, an average cluster or new clusters.

:func:`predict` returns expected outcomes, given draws from the posterior or the prior (what brms
calls ``posterior_epred``); :func:`replicate` draws from the posterior predictive distribution.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from scipy.special import expit

from multilevel.columns import complete_column, has_columns, matrix, numeric
from multilevel.extras import ensure_compile_folder
from multilevel.frames import as_frame
from multilevel.priors import PYTHON
from multilevel.structure import Structure, structure_of

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
        A fit, for draws from the posterior; or a model, not yet fitted, for 1000 draws from the
        prior (prior predictive expectations).
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
    >>> levels = ml.predict(fit, pd.DataFrame({"person": ["a", "e"]}))
    >>> levels.mean(("chain", "draw")).round().values
    array([-2.,  2.])

    For 10 new clusters, given the posterior, and given the prior alone:

    >>> newdata = pd.DataFrame({"person": range(10)})
    >>> dict(ml.predict(fit, newdata, clusters="new", seed=1).sizes)
    {'chain': 4, 'draw': 1000, 'row': 10}
    >>> dict(ml.predict(model, newdata, clusters="new", seed=1).sizes)
    {'chain': 1, 'draw': 1000, 'row': 10}
    """
    structure = structure_of(fit_or_model, "predict()")
    newdata = _check_rows(newdata)
    draws = _posterior_or_prior(fit_or_model, seed)
    return _expected_outcome(structure, draws, newdata, clusters, new, seed)


def replicate(
    fit_or_model: xr.DataTree | pm.Model,
    newdata: pd.DataFrame,
    seed: int,
    draws: int | None = 5,
    clusters: Clusters | Mapping[str, Clusters] = "same",
    *,
    new: Literal["population", "existing"] = "population",
) -> xr.DataArray:
    """Return data sets simulated from the posterior or the prior predictive distribution.

    Parameters
    ----------
    fit_or_model
        A fit, as returned by :func:`multilevel.fit`: posterior predictive. Or a model of one of the
        builders, which needs no sampling: prior predictive, from 1000 draws of the prior.
    newdata
        The rows to simulate an outcome for.
    seed
        Seed of the choice of posterior draws and of the simulated outcomes.
    draws
        Number of data sets, each simulated from another draw of the parameters. None: one data
        set for every draw.
    clusters, new
        Which clusters to simulate for, as for :func:`predict`.

    Returns
    -------
    DataArray, dims (draw, row) or, for every draw, (chain, draw, row)
        Simulated outcomes, with the labels of the response. The labels of the rows are the index of
        ``newdata``; the name is that of the outcome.

    Raises
    ------
    ValueError
        As for :func:`predict`; or there are fewer draws than data sets are asked for.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import pandas as pd
    >>> y = np.random.default_rng(1).normal(np.repeat([-2, -1, 0, 1, 2], 4), 0.5)
    >>> data = pd.DataFrame({"person": np.repeat(list("abcde"), 4), "y": y})
    >>> fit = ml.fit(ml.no_pooling(data, "y", "person"), seed=1)
    >>> dict(ml.replicate(fit, data, seed=1, draws=2).sizes)
    {'draw': 2, 'row': 20}

    Before the fit, the same from the prior:

    >>> dict(ml.replicate(ml.no_pooling(data, "y", "person"), data, seed=1, draws=3).sizes)
    {'draw': 3, 'row': 20}

    With a data set for every draw, ArviZ checks the calibration of leave-one-out predictions:

    >>> import arviz as az
    >>> import xarray as xr
    >>> simulated = ml.replicate(fit, data, seed=1, draws=None)
    >>> fit["posterior_predictive"] = xr.DataTree(simulated.to_dataset())
    >>> dict(az.loo_pit(fit).sizes)
    {'row': 20}
    """
    structure = structure_of(fit_or_model, "replicate()")
    newdata = _check_rows(newdata)
    rng = np.random.default_rng(seed)
    selected = _choose_draws(_posterior_or_prior(fit_or_model, seed), draws, rng)
    expected = _expected_outcome(structure, selected, newdata, clusters, new, seed)
    if structure.family == "ordered":
        cumulative = expected.cumsum("category").isel(category=slice(None, -1))
        uniform = _random(rng.random, cumulative.isel(category=0))
        code = (uniform > cumulative).sum("category")
        result = expected["category"].isel(category=code).drop_vars("category")
    elif structure.family == "bernoulli":
        result = (_random(rng.random, expected) < expected).astype(int)
    else:
        result = expected + selected["sigma"] * _random(rng.standard_normal, expected)
    return result.rename(structure.outcome)


def _choose_draws(
    posterior: xr.Dataset, number: int | None, rng: np.random.Generator
) -> xr.Dataset:
    """Return some draws of a posterior, at random and without their chains; or all."""
    if number is None:
        return posterior
    available = posterior.sizes["chain"] * posterior.sizes["draw"]
    if number > available:
        raise ValueError(f"There are {available} draws; {number} data sets were asked for.")
    chosen = rng.choice(available, number, replace=False)
    chain, draw = np.divmod(chosen, posterior.sizes["draw"])
    selected = posterior.isel(
        chain=xr.DataArray(chain, dims="draw"), draw=xr.DataArray(draw, dims="draw")
    )
    return selected.drop_vars(["chain", "draw"], errors="ignore")


def _random(generate: Callable[..., np.ndarray], like: xr.DataArray) -> xr.DataArray:
    """Return random numbers with the dims and labels of an array."""
    return like.copy(data=generate(like.shape))


def _check_rows(newdata: pd.DataFrame) -> pd.DataFrame:
    """Return new rows as a frame; raise ValueError unless they can be told apart."""
    newdata = as_frame(newdata, "newdata")
    if not newdata.index.is_unique:
        raise ValueError("The index of newdata has duplicates: use newdata.reset_index(drop=True).")
    if isinstance(newdata.index, pd.MultiIndex):
        raise ValueError("The index of newdata has several levels: use newdata.reset_index().")
    return newdata


def _posterior_or_prior(fit_or_model: xr.DataTree | pm.Model, seed: int | None) -> xr.Dataset:
    """Return draws from the posterior of a fit, or 1000 draws from the prior of a model."""
    if isinstance(fit_or_model, xr.DataTree):
        return fit_or_model["posterior"].dataset
    model = fit_or_model
    flat_types = (pm.Flat.rv_type, pm.HalfFlat.rv_type)
    flat = [v.name.lstrip("_") for v in model.free_RVs if isinstance(v.owner.op, flat_types)]
    if flat:
        raise ValueError(
            f"The prior of {', '.join(flat)} is flat: it cannot be drawn from. Choose another, "
            f"for example {flat[0]}=Prior(pm.Normal, 0, 0.5)."
        )
    names = [v.name for v in [*model.free_RVs, *model.deterministics] if v.name[0] != "_"]
    ensure_compile_folder()
    drawn = pm.draw(
        [model[name] for name in names],
        draws=1000,
        mode=PYTHON,
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
    structure: Structure,
    draws: xr.Dataset,
    newdata: pd.DataFrame,
    clusters: Clusters | Mapping[str, Clusters],
    new: str,
    seed: int | None,
) -> xr.DataArray:
    """Return the expected outcome: the inverse link of the sum of all effects."""
    chosen = _choose_clusters(structure, clusters, new)
    rng = None
    if "new" in chosen.values():
        rng = np.random.default_rng(_require_seed(seed, "new clusters"))
    eta = linear_predictor(structure, draws, newdata)
    for group in structure.groups:
        eta = eta + _group_level_effect(structure, draws, group, newdata, chosen[group], new, rng)
    if structure.family == "ordered":
        return _category_probabilities(draws, eta)
    if structure.family == "bernoulli":
        eta = xr.apply_ufunc(expit, eta)
    return eta.transpose(..., "row")


def linear_predictor(
    structure: Structure, draws: xr.Dataset, newdata: pd.DataFrame
) -> xr.DataArray:
    """Return the linear predictor of each row of new data, without group-level effects.

    Parameters
    ----------
    structure
        The structure of the model.
    draws
        Posterior or prior draws.
    newdata
        A column for each predictor, or for the treatment.

    Returns
    -------
    DataArray, dims (chain, draw, row), or (row) if nothing is added to zero
        Intercept, unless it is that of thresholds or of clusters without a population, and the
        effects of the predictors or of the treatment.
    """
    eta = xr.DataArray(np.zeros(len(newdata)), {"row": newdata.index.to_numpy()}, "row")
    if structure.family != "ordered" and structure.pooled:
        eta = eta + draws["alpha_bar"]
    if structure.treatment:
        return eta + _value_of_level(draws["beta"], structure.treatment, newdata)
    if not structure.predictors:
        return eta
    names = list(structure.predictors)
    x = xr.DataArray(matrix(newdata, names), {"predictor": names}, ("row", "predictor"))
    return eta + (draws["beta"] * x).sum("predictor")


def _choose_clusters(
    structure: Structure, clusters: Clusters | Mapping[str, Clusters], new: str
) -> Mapping[str, Clusters]:
    """Return the choice for each group; raise ValueError for other words and other groups."""
    groups = structure.groups
    chosen = clusters if isinstance(clusters, Mapping) else dict.fromkeys(groups, clusters)
    for choice in [clusters] if isinstance(clusters, str) else chosen.values():
        if choice not in ("same", "average", "new"):
            raise ValueError(f"clusters must be 'same', 'average' or 'new'; it is {choice!r}.")
    if new not in ("population", "existing"):
        raise ValueError(f"new must be 'population' or 'existing'; it is {new!r}.")
    if set(chosen) != set(groups):
        raise ValueError(f"clusters must name each group of the model once: {', '.join(groups)}.")
    if not structure.pooled and set(chosen.values()) != {"same"}:
        raise ValueError(
            f"A model without pooling has no population of clusters ('{groups[0]}'),"
            f" so it cannot predict for an average or a new one. Use partial_pooling."
        )
    return chosen


def _group_level_effect(
    structure: Structure,
    draws: xr.Dataset,
    group: str,
    newdata: pd.DataFrame,
    choice: str,
    new: str,
    rng: np.random.Generator | None,
) -> xr.DataArray | float:
    """Return the group-level effect of each row: its cluster's deviation from the population."""
    if choice == "average":
        return 0.0
    effects = _deviations(structure, draws, group)
    if choice == "same":
        effects = [_value_of_level(values, group, newdata) for values in effects]
    else:
        assert rng is not None
        named = has_columns(newdata, group)
        labels = complete_column(newdata, group) if named else np.zeros(len(newdata))
        codes, names = pd.factorize(labels)
        over = [dim for dim in ("chain", "draw") if dim in draws.sizes]
        shape = (*(draws.sizes[dim] for dim in over), len(names))
        dims = (*over, "new_cluster")
        if new == "population":
            z = [
                xr.DataArray(rng.standard_normal(shape), dims=dims) for _ in structure.terms(group)
            ]
            effects = _correlated(structure, draws, group, z)
        else:
            pick = xr.DataArray(rng.integers(draws.sizes[group], size=shape), dims=dims)
            effects = [values.isel({group: pick}).drop_vars(group) for values in effects]
        effects = [e.isel(new_cluster=xr.DataArray(codes, dims="row")) for e in effects]
    intercept, *slopes = effects
    for name, slope in zip(structure.slopes.get(group, ()), slopes, strict=True):
        intercept = intercept + slope * xr.DataArray(numeric(newdata, name), dims="row")
    return intercept


def _deviations(structure: Structure, draws: xr.Dataset, group: str) -> list[xr.DataArray]:
    """Return the effects of the clusters in the data, as deviations from ``alpha_bar``."""
    effects = [draws[structure.effect(group, term)] for term in structure.terms(group)]
    if structure.means and structure.pooled:
        effects[0] = effects[0] - draws["alpha_bar"]
    return effects


def _correlated(
    structure: Structure, draws: xr.Dataset, group: str, z: Sequence[xr.DataArray]
) -> list[xr.DataArray]:
    """Return effects with the standard deviations and correlations of a group, from normals."""
    sds = [draws[structure.sd(group, term)] for term in structure.terms(group)]
    if len(z) == 1:
        return [sds[0] * z[0]]
    rho = draws[structure.correlation(group)]
    if len(z) == 2:
        return [sds[0] * z[0], sds[1] * (rho * z[0] + (1 - rho**2) ** 0.5 * z[1])]
    dims = structure.correlation_dims(group)
    factor = xr.apply_ufunc(
        np.linalg.cholesky, rho, input_core_dims=[dims], output_core_dims=[dims]
    )
    return [
        sd
        * sum(
            factor.isel(dict(zip(dims, (k, m), strict=True)), drop=True) * z[m]
            for m in range(k + 1)
        )
        for k, sd in enumerate(sds)
    ]


def _value_of_level(values: xr.DataArray, dim: str, newdata: pd.DataFrame) -> xr.DataArray:
    """Look up the value of each row's level; raise ValueError for a level not in the data."""
    wanted = complete_column(newdata, dim)
    known = values[dim].to_index().astype(object)  # an index of dates would take parts of dates
    position = known.get_indexer(pd.Index(wanted.tolist(), dtype=object))
    if (position < 0).any():
        unseen = wanted[position < 0].unique().tolist()
        kinds = type(known.tolist()[0]).__name__, type(unseen[0]).__name__
        types = f" The labels of the fit are of type {kinds[0]}, these of type {kinds[1]}."
        types *= kinds[0] != kinds[1]
        raise ValueError(
            f"The data of the model have no {dim} {', '.join(map(repr, unseen[:5]))}."
            f"{types} Choose a level that was in the data; for a group, clusters='average' and "
            f"'new' need none."
        )
    return values.isel({dim: xr.DataArray(position, dims="row")}).drop_vars(dim)


def _category_probabilities(draws: xr.Dataset, eta: xr.DataArray) -> xr.DataArray:
    """Return the probabilities of the categories: differences of cumulative probabilities."""
    cumulative = xr.apply_ufunc(expit, draws["threshold"] - eta)
    cuts = cumulative.sizes["cut"]
    padded = cumulative.pad(cut=(1, 1), constant_values=0.0)
    padded[{"cut": -1}] = 1.0
    categories = draws["category"].to_numpy() if "category" in draws else np.arange(1, cuts + 2)
    probability = padded.diff("cut").rename(cut="category")
    return probability.assign_coords(category=categories).transpose(..., "row", "category")


def _require_seed(seed: int | None, reason: str) -> int:
    """Return the seed, or raise ValueError if there is none."""
    if seed is None:
        raise ValueError(f"A seed is needed: {reason} are random.")
    return seed
