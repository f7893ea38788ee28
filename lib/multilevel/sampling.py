"""Sample the posterior with a fixed seed; refuse fits that did not converge."""

import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, cast

import arviz_stats as azs
import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import xarray as xr
from pymc.distributions.continuous import FlatRV, HalfFlatRV
from pymc.model.transform.optimization import freeze_dims_and_data
from pytensor.compile.maker import function
from pytensor.graph.replace import vectorize_graph
from pytensor.graph.traversal import ancestors, apply_ancestors

from multilevel import storage
from multilevel.compilation import compile_with_jax, compile_with_numba
from multilevel.estimates import Estimates
from multilevel.extras import ensure_compile_folder
from multilevel.labels import one_dimensional
from multilevel.priors import PYTHON
from multilevel.structure import (
    ATTRIBUTE,
    Structure,
    correlations_once,
    structure_or_none,
    to_json,
)

LIMITS = {
    "divergences": 0,  # at most
    "r_hat": 1.01,  # below
    "ess_bulk": 100,  # above, per chain
    "ess_tail": 100,  # above, per chain
    "e_bfmi": 0.3,  # above
    "tree_depth": 0,  # at most
}
"""Limits of the worst value of each convergence diagnostic.

R-hat and effective sample size (ESS, at least 100 for each chain: 400 for four) as in Vehtari,
Gelman, Simpson, Carpenter & Bürkner (2021); E-BFMI (energy Bayesian fraction of missing
information), which is low if the sampler does not explore the tails of the energy distribution, as
in Betancourt (2016); no divergent transitions. Transitions that reached the maximal tree depth cost
time, but the draws are valid, so that they only cause a warning.
"""

REMEDIES = {
    "divergences": "raise target_accept, or {form}",
    "r_hat": "draw longer chains (tune, draws), or {form}",
    "ess_bulk": "draw longer chains (draws)",
    "ess_tail": "draw longer chains (draws)",
    "e_bfmi": "{form}",
}
"""What to do about each diagnostic; ``form`` is another form of the same model."""

LARGEST = 1_000_000_000
"""Bytes of the pointwise log likelihood, above which a fit keeps it only if asked to."""

BLOCK = 250  # draws: derived quantities are computed in blocks that fit into the processor's cache
LARGEST_BLOCK = 2_500_000  # numbers: with many rows, blocks have fewer draws

COMPILED: dict[tuple[Any, ...], Any] = {}
"""The last few models that were compiled, by all that their density depends on."""
KEPT = 8

# sample statistics: names in nutpie, and names in ArviZ
STATS = {
    "diverging": "diverging",
    "energy": "energy",
    "logp": "lp",
    "depth": "tree_depth",
    "maxdepth_reached": "reached_max_treedepth",
    "n_steps": "n_steps",
    "step_size": "step_size",
    "mean_tree_accept": "acceptance_rate",
}


class ConvergenceError(RuntimeError):
    """Raised when a diagnostic is outside its limit, or inside although it was expected to fail.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import pandas as pd
    >>> person = np.repeat(["ann", "bob", "eve"], 4)
    >>> y = [1.1, 0.7, 1.3, 0.9, -0.2, 0.4, 0.1, 0.3, -0.9, -0.6, -1.2, -0.8]
    >>> model = ml.no_pooling(pd.DataFrame({"person": person, "y": y}), "y", "person")
    >>> try:
    ...     ml.fit(model, seed=1, draws=20, tune=20)
    ... except ml.ConvergenceError as error:
    ...     print(str(error).splitlines()[0])
    These draws cannot be trusted.
    """


def fit(
    model: pm.Model,
    seed: int,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    adapt_correlations: bool = False,
    cores: int | None = None,
    file: str | Path | None = None,
    expect_failure: Collection[str] = (),
    backend: Literal["numba", "jax"] = "numba",
    keep_log_likelihood: bool | None = None,
) -> xr.DataTree:
    """Sample the posterior of a model with NUTS, and refuse draws that did not converge.

    Parameters
    ----------
    model
        A model from one of the builders in :mod:`multilevel.models`, or any other PyMC model with a
        single observed variable, whatever its name, which has a single dim with labels. For a Bambi
        model, call ``model.build()`` and pass ``model.backend.model``.
    seed
        Seed of the sampler, an integer from 0: the same seed gives the same draws on the same
        machine.
    draws, tune, chains
        Number of draws kept and of tuning steps, per chain, and number of chains; at least two,
        because R-hat compares chains.
    target_accept
        Acceptance rate that the adaptation of the step size aims at, between 0 and 1. Higher means
        smaller steps.
    adapt_correlations
        Adapt to correlations between parameters as well as to their scales (nutpie's low-rank mass
        matrix). This helps if a few parameters are strongly correlated, and is slow with many
        parameters.
    cores
        Number of chains that run in parallel; by default the number of cores of the machine.
    file
        File in which to cache the fit, such as ``"fits/partial-pooling"`` (``.nc`` is added). If it
        contains a fit of the same model, data, priors, settings and package versions, that fit is
        loaded instead of sampled again. If any of these changed, or the file is damaged, the model
        is sampled and the file replaced, atomically. This resembles ``file`` with
        ``file_refit = "on_change"`` in brms, which compares the model, the data and the
        algorithm, but neither the seed nor the number of draws. A fit is stored after its draws
        have been checked, and not checked again when it is loaded.
    expect_failure
        Names of diagnostics (or one name) that are expected to fail, to show a bad fit on purpose.
        Each of them must fail, and no other may.
    backend
        Compiler of the log density: ``"numba"``, for the CPU, or ``"jax"``, which uses a GPU where
        JAX finds one (JAX has to be installed). Rounding may differ between them, and then the
        draws differ as well, but they come from the same posterior.
    keep_log_likelihood
        Whether to compute and keep the log likelihood of every row at every draw, which
        :func:`multilevel.loo` needs. None keeps it unless it would take more than 1 GB of memory
        (8 bytes per row and draw), with a warning where it is left out.

    Returns
    -------
    DataTree
        ``posterior`` and ``sample_stats`` (dims: chain, draw, and those of the model);
        ``log_likelihood`` (chain, draw, row), the pointwise log likelihood, and ``observed_data``
        (row), in the order of the rows of the data; the dim of the observed variable is always
        called ``row`` here. Variables that Bambi computes for every row, such as ``mu``, are left
        out, as in Bambi.

        Where equal rows are evaluated once, ``constant_data`` has
        ``cell_of_row``, which is the same for equal rows. Where rows were counted before, it also
        has their counts, ``count_of_row``, and there is no ``log_likelihood``, which needs single
        rows.

        ``log_prior`` (chain, draw) has the log density of the priors that do not depend on
        other parameters, for ``arviz.psense_summary``; see :func:`sample`. The attributes record
        the settings, and the structure of a builder's model.

    Raises
    ------
    ConvergenceError
        The draws cannot be trusted; the message gives the reason and advice.
    ValueError
        The model does not have exactly one observed variable; this does not have exactly one dim
        with labels; the labels are tuples; or a setting is outside its range.
    TypeError
        The model is not a PyMC model, or ``file`` is not the name of a file.

    Warns
    -----
    UserWarning
        Transitions reached the maximal tree depth; the log likelihood was left out; or the fit
        could not be stored.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import pandas as pd
    >>> person = np.repeat(["ann", "bob", "eve"], 4)
    >>> y = [1.1, 0.7, 1.3, 0.9, -0.2, 0.4, 0.1, 0.3, -0.9, -0.6, -1.2, -0.8]
    >>> model = ml.no_pooling(pd.DataFrame({"person": person, "y": y}), "y", "person")
    >>> fit = ml.fit(model, seed=1)
    >>> dict(fit["posterior"]["alpha"].sizes)
    {'chain': 4, 'draw': 1000, 'person': 3}
    """
    settings = _check_settings(
        seed=seed,
        draws=draws,
        tune=tune,
        chains=chains,
        target_accept=target_accept,
        adapt_correlations=adapt_correlations,
        backend=backend,
    )
    cores = _check_cores(cores)
    if settings["chains"] < 2:
        raise ValueError(
            "R-hat compares chains: use chains=2 or more. sample(), which does not check "
            "convergence, draws a single chain too."
        )
    failures = _check_diagnostics(expect_failure)
    _check_model(model)
    settings["keep_log_likelihood"] = _keeps_log_likelihood(
        model, keep_log_likelihood, settings["draws"] * settings["chains"]
    )
    if not isinstance(file, str | Path | None):
        raise TypeError(f"file must be the name of a file, such as 'fits/mine'; it is {file!r}.")
    ensure_compile_folder()
    if file is None:
        result = sample(model, **settings, cores=cores)
        check_convergence(result, failures)
        return result
    path = Path(file) if Path(file).suffix == ".nc" else Path(f"{file}.nc")
    gate = {"limits": LIMITS, "expect_failure": sorted(failures)}
    key = storage.fingerprint(model, settings | gate)
    stored = storage.load(path, key)
    if stored is not None:  # it was checked before it was stored
        _warn_of_tree_depth(stored, failures)
        return stored
    result = sample(model, **settings, cores=cores)
    check_convergence(result, failures)
    storage.store(result, path, key)
    return result


def sample(
    model: pm.Model,
    seed: int,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    adapt_correlations: bool = False,
    cores: int | None = None,
    backend: Literal["numba", "jax"] = "numba",
    keep_log_likelihood: bool | None = None,
) -> xr.DataTree:
    """Sample the posterior with nutpie's NUTS, without checking convergence.

    Use it to look at bad draws, and :func:`fit` for everything else.

    Parameters
    ----------
    model, seed, draws, tune, target_accept, adapt_correlations, cores, backend
        As for :func:`fit`, which calls this function and :func:`check_convergence`.
    chains
        Number of chains, at least one.
    keep_log_likelihood
        As for :func:`fit`.

    Returns
    -------
    DataTree
        As for :func:`fit`.

    Raises
    ------
    ValueError
        As for :func:`fit`.

    Notes
    -----
    ``log_prior`` serves power-scaling, which shows how the posterior would change if priors were
    stronger or weaker (Kallioinen, Paananen, Bürkner & Vehtari 2024). Only the priors at the top
    are to be scaled, those whose parameters are constants: of population-level parameters, standard
    deviations and correlations, and of the clusters' means where they are not pooled. The
    distribution of group-level effects, given their standard deviation, is a part of the model. It
    is left out in either form: the centred effects depend on parameters, and standardised ones,
    which do not, are recognised by the groups of a builder's structure. (In other PyMC models they
    are not: choose with ``prior_var_names``.) Each variable is the sum over the elements
    of the parameter of its name, or of the quantity that stands for it in the sampler. Flat priors
    have none.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import pandas as pd
    >>> person = np.repeat(["ann", "bob", "eve"], 4)
    >>> y = [1.1, 0.7, 1.3, 0.9, -0.2, 0.4, 0.1, 0.3, -0.9, -0.6, -1.2, -0.8]
    >>> model = ml.no_pooling(pd.DataFrame({"person": person, "y": y}), "y", "person")
    >>> few = ml.sample(model, seed=1, draws=20, tune=20)
    >>> dict(few["posterior"].sizes)
    {'chain': 4, 'draw': 20, 'person': 3}
    """
    settings = _check_settings(
        seed=seed,
        draws=draws,
        tune=tune,
        chains=chains,
        target_accept=target_accept,
        adapt_correlations=adapt_correlations,
        backend=backend,
    )
    cores = _check_cores(cores)
    _check_model(model)
    keep = _keeps_log_likelihood(model, keep_log_likelihood, settings["draws"] * settings["chains"])
    ensure_compile_folder()
    frozen = freeze_dims_and_data(model)  # constants compile much faster than shared data
    compiled = _compiled(frozen, backend)
    raw = _run_sampler(compiled, settings, cores)
    unconstrained = raw["posterior"].dataset
    if "unconstrained_posterior" in raw.children:
        unconstrained = unconstrained.merge(raw["unconstrained_posterior"].dataset)
    structure = structure_or_none(model)
    variables, log_prior = _derive(frozen, unconstrained, structure, keep)
    log_likelihood = variables.pop("_log_likelihood", None)
    chain_and_draw = {name: unconstrained[name] for name in ("chain", "draw")}
    posterior = xr.Dataset(variables, chain_and_draw)
    is_ordered = structure is not None and structure.family == "ordered"
    labels = [*map(str, posterior.dims), *(["category"] if is_ordered else [])]
    posterior = posterior.assign_coords(
        {
            name: _labels(model, name)
            for name in labels
            if name == "row" or model.coords.get(name) is not None
        }
    )
    observed = _observed_data(frozen, is_ordered)
    groups = {
        "posterior": posterior,
        "sample_stats": raw["sample_stats"].dataset[list(STATS)].rename(STATS).drop_attrs(),
    }
    if log_likelihood is not None:
        if _evaluates_cells(frozen):
            log_likelihood = log_likelihood.isel(cell=_of_rows(frozen, "cell_of_row").variable)
        groups["log_likelihood"] = xr.Dataset(
            dict.fromkeys(observed, log_likelihood), posterior[["chain", "draw"]].coords
        ).assign_coords(observed.coords)
    if log_prior:
        groups["log_prior"] = xr.Dataset(log_prior, chain_and_draw)
    groups["observed_data"] = observed
    if names := [name for name in ("cell_of_row", "count_of_row") if name in frozen.named_vars]:
        rows = {name: _of_rows(frozen, name).astype(int) for name in names}
        groups["constant_data"] = xr.Dataset(rows)
    result = xr.DataTree.from_dict(groups)
    result.attrs = {
        "sampler": f"nutpie {nutpie.__version__}",
        **settings,
        "adapt_correlations": int(settings["adapt_correlations"]),  # NetCDF has no booleans
    }
    if structure is not None:
        result.attrs[ATTRIBUTE] = to_json(structure)
    return result


def _compiled(model: pm.Model, backend: str) -> Any:
    """Compile a model, unless it is one of the last few, drawn again with other settings."""
    # Operations of a reader's own may differ although they are printed alike.
    operations = tuple(node.op for node in apply_ancestors([model.logp()]))
    key = (storage.fingerprint(model, {"backend": backend}), operations)
    if key not in COMPILED:
        while len(COMPILED) >= KEPT:
            del COMPILED[next(iter(COMPILED))]
        COMPILED[key] = BACKENDS[backend](model)
    return COMPILED[key]


def _run_sampler(compiled: Any, settings: dict[str, Any], cores: int | None) -> xr.DataTree:
    """Run nutpie; raise a clear error if it finds no initial point."""
    try:
        return nutpie.sample(
            compiled,
            draws=settings["draws"],
            tune=settings["tune"],
            chains=settings["chains"],
            cores=cores,
            seed=settings["seed"],
            target_accept=settings["target_accept"],
            adaptation="low_rank" if settings["adapt_correlations"] else "diag",
            save_warmup=False,
            progress_bar=False,
            # With JAX the posterior lacks transformed variables.
            store_unconstrained=settings["backend"] == "jax",
        )
    except RuntimeError as error:
        if "initialization points failed" not in str(error):
            raise
        raise ConvergenceError(
            "The sampler found no initial point: the log density or its gradient was never a "
            "number. The usual causes are predictors with very large values, "
            "data[x] = (data[x] - data[x].mean()) / data[x].std() makes them small, and outcomes "
            "that are impossible under the model."
        ) from error


type Variables = dict[str, xr.Variable]


def _derive(
    model: pm.Model, draws: xr.Dataset, structure: Structure | None, keep_log_likelihood: bool
) -> tuple[Variables, Variables]:
    """Compute reported variables, the log likelihood and the log prior from unconstrained draws.

    NumPy evaluates the vectorised graph of the model for a block of draws at a time, which needs no
    compilation.
    """
    reported = [
        v
        for v in [*model.free_RVs, *model.deterministics]
        if v.name[0] != "_" and BAMBI_ROW not in _dims(model, v)
    ]
    dims = {v.name: _dims(model, v) for v in reported}
    outputs = model.replace_rvs_by_values(reported)
    if keep_log_likelihood:
        outputs.append(_log_likelihood(model))
        dims["_log_likelihood"] = ("cell" if _evaluates_cells(model) else "row",)
    tops = _top_level(model, structure)
    if tops:
        terms = model.logp(vars=tops, sum=False, jacobian=False)
        outputs += [term.sum() for term in terms]
    parts = _evaluate(model, draws, outputs)
    shape = draws.sizes["chain"], draws.sizes["draw"]
    whole = [values.reshape(*shape, *values.shape[1:]) for values in parts]
    row = _row(model)
    variables = {
        name: xr.Variable(("chain", "draw", *("row" if dim == row else dim for dim in its)), values)
        for (name, its), values in zip(dims.items(), whole[: len(dims)], strict=True)
    }
    taken = {v.name for v in model.free_RVs}
    names = [v.name if v.name[1:] in taken else v.name.removeprefix("_") for v in tops]
    priors = {
        name: xr.Variable(("chain", "draw"), values)
        for name, values in zip(names, whole[len(dims) :], strict=True)
    }
    return variables, priors


def _evaluate(model: pm.Model, draws: xr.Dataset, outputs: list[Any]) -> list[np.ndarray]:
    """Evaluate quantities for all draws, chain after chain, in blocks."""
    many = {v: v.type.clone(shape=(None, *v.type.shape))(v.name) for v in model.value_vars}
    evaluate = function(
        list(many.values()),
        vectorize_graph(outputs, many),
        mode=PYTHON,
        on_unused_input="ignore",
    )
    total = draws.sizes["chain"] * draws.sizes["draw"]
    inputs = [draws[v.name].to_numpy().reshape(total, *draws[v.name].shape[2:]) for v in many]
    rows = len(model.coords["cell" if _evaluates_cells(model) else _row(model)])
    size = max(1, min(BLOCK, LARGEST_BLOCK // max(rows, 1)))
    result: list[np.ndarray] = []
    for start in range(0, total, size):
        block = slice(start, start + size)
        parts = evaluate(*(values[block] for values in inputs))
        result = result or [np.empty((total, *part.shape[1:])) for part in parts]
        for whole, part in zip(result, parts, strict=True):
            whole[block] = part
    return result


def _log_likelihood(model: pm.Model) -> Any:
    """Return the log likelihood of each row or cell, in terms of the unconstrained variables."""
    if "_log_likelihood" in model.named_vars:  # builders define it
        return model.replace_rvs_by_values([model["_log_likelihood"]])[0]
    return model.logp(vars=model.observed_RVs, sum=False)[0]


def _top_level(model: pm.Model, structure: Structure | None) -> list[Any]:
    """Return the parameters whose priors have constant parameters, but for group-level effects."""
    variables = set(model.basic_RVs)
    pooled = set(structure.groups) if structure is not None and structure.pooled else set()
    return [
        v
        for v in model.free_RVs
        if not isinstance(v.owner.op, FlatRV | HalfFlatRV)
        and not pooled.intersection(model.named_vars_to_dims.get(v.name, ()))
        and variables.isdisjoint(ancestors(v.owner.inputs))
    ]


def _dims(model: pm.Model, variable: Any) -> tuple[str, ...]:
    """Return the dims of a variable; unnamed ones get the names that PyMC gives them."""
    made_up = tuple(f"{variable.name}_dim_{axis}" for axis in range(variable.ndim))
    return tuple(model.named_vars_to_dims.get(variable.name, made_up))


BAMBI_ROW = "__obs__"
"""The dim of the rows of the data in Bambi's models."""


def _row(model: pm.Model) -> str:
    """Return the dim of the rows of the data: ``row`` in builders' models."""
    (outcome,) = model.observed_RVs
    (dim,) = _dims(model, outcome)
    return "row" if _evaluates_cells(model) else dim


def _evaluates_cells(model: pm.Model) -> bool:
    """Say whether a builder's model evaluates distinct rows (cells) instead of rows."""
    (outcome,) = model.observed_RVs
    return _dims(model, outcome) == ("cell",) and "cell_of_row" in model.named_vars


# Checks before sampling --------------------------------------------------------------------------

BACKENDS = {"numba": compile_with_numba, "jax": compile_with_jax}


def _check_settings(**settings: Any) -> dict[str, Any]:
    """Return settings as plain numbers, or raise ValueError if one is outside its range."""
    seed = _whole_number("seed", settings["seed"], 0, "such as seed=1")
    if seed >= 2**64:
        raise ValueError(f"seed must be below 2**64; it is {seed}.")
    hints = {
        "draws": "the default is 1000",
        "tune": "the default is 1000, and fewer than 200 seldom suffice",
        "chains": "the default is 4",
    }
    numbers = {name: _whole_number(name, settings[name], 1, hint) for name, hint in hints.items()}
    accept = settings["target_accept"]
    if not isinstance(accept, float | np.floating) or not 0 < accept < 1:
        raise ValueError(
            f"target_accept must be a number between 0 and 1, such as 0.9 or 0.99; it is "
            f"{accept!r}."
        )
    adapt = settings["adapt_correlations"]
    if not isinstance(adapt, bool | np.bool_):
        raise ValueError(f"adapt_correlations must be True or False; it is {adapt!r}.")
    backend = settings["backend"]
    if not isinstance(backend, str) or backend not in BACKENDS:
        raise ValueError(f"backend must be 'numba' or 'jax'; it is {backend!r}.")
    return {
        "seed": seed,
        **numbers,
        "target_accept": float(accept),
        "adapt_correlations": bool(adapt),
        "backend": backend,
    }


def _check_cores(cores: Any) -> int | None:
    hint = "or None for all cores of the machine"
    return None if cores is None else _whole_number("cores", cores, 1, hint)


def _whole_number(name: str, value: Any, least: int, hint: str) -> int:
    """Return a setting as an int, or raise ValueError unless it is one, and large enough."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(
            f"{name} must be a whole number (an int) of at least {least}, {hint}; it is {value!r}."
        )
    return int(value)


def _check_diagnostics(names: Any) -> tuple[str, ...]:
    """Return the names of diagnostics; raise ValueError if there is no such diagnostic."""
    if isinstance(names, str):
        names = (names,)
    if not isinstance(names, Collection):
        raise ValueError(
            f"expect_failure must be a list of diagnostics, such as ['divergences']; it is "
            f"{names!r}."
        )
    unknown = [name for name in names if not isinstance(name, str) or name not in LIMITS]
    if unknown:
        raise ValueError(
            f"There is no diagnostic {', '.join(map(repr, unknown))}. They are: "
            f"{', '.join(LIMITS)}."
        )
    return tuple(names)


def _check_model(model: pm.Model) -> None:
    """Raise ValueError unless a model has one observed variable, and labels that draws can carry.

    The observed variable has one value per row or cell.
    """
    if not isinstance(model, pm.Model):
        raise TypeError(
            f"model must be a PyMC model, such as ml.no_pooling(data, 'y', 'person'); it is of the "
            f"type {type(model).__name__}. (That of a Bambi model, once built, is "
            f"model.backend.model.)"
        )
    observed = model.observed_RVs
    if len(observed) != 1:
        raise ValueError(f"The model must have one observed variable; it has {len(observed)}.")
    dims = tuple(model.named_vars_to_dims.get(observed[0].name, ()))
    if len(dims) != 1 or model.coords.get(_row(model)) is None:
        raise ValueError(
            f"The observed variable '{observed[0].name}' must have a single dim, with the labels "
            f"of the rows as its coordinate; its dims are {dims}. Add them, for example: "
            f"pm.Model(coords={{'row': data.index}}), and dims='row' to the variable."
        )
    row = _row(model)
    if row != "row" and "row" in model.coords:
        raise ValueError(
            f"The dim of the observed variable, '{row}', is called 'row' in a fit, and another dim "
            f"of this model has that name. Rename one of them."
        )
    for dim, labels in model.coords.items():
        pair = next((label for label in labels or () if isinstance(label, tuple)), None)
        if pair is not None:
            raise ValueError(_of_tuples("row" if dim == row else dim, pair, observed[0].name))


def _of_tuples(dim: str, label: tuple[Any, ...], outcome: str) -> str:
    """Return the error that draws cannot be labelled by tuples, with advice."""
    if dim == "row":
        return (
            f"The rows of the data have an index of {len(label)} columns, with labels such as "
            f"{label!r}; rows need a single label each. Build the model with data.reset_index()."
        )
    column = outcome if dim == "category" else dim
    new = f"data['{column}'].map(str)"
    if dim == "category":
        categories = f"[str(label) for label in data['{column}'].cat.categories]"
        new = f"data['{column}'].cat.rename_categories({categories})"
    return (
        f"The labels of column '{column}' are tuples, such as {label!r}, which cannot label draws. "
        f"Make text of them before you build the model: data['{column}'] = {new}."
    )


def _keeps_log_likelihood(model: pm.Model, wish: Any, draws: int) -> bool:
    """Return whether a fit keeps its log likelihood; warn if it is left out for its size."""
    if wish is not None and not isinstance(wish, bool | np.bool_):
        raise ValueError(f"keep_log_likelihood must be True, False or None; it is {wish!r}.")
    if "count_of_row" in model.named_vars:  # LOO needs single rows
        if wish:
            raise ValueError(
                "The rows of this model were counted before, and a log likelihood of single rows "
                "cannot be kept. Leave keep_log_likelihood out, or build the model from the rows "
                "themselves, without count."
            )
        return False
    if wish is not None:
        return bool(wish)
    rows = len(model.coords[_row(model)])
    size = 8 * rows * draws
    if size > LARGEST:
        _warn(
            f"The log likelihood of {rows} rows at {draws} draws would take {size / 1e9:.1f} GB of "
            f"memory, so the fit does not keep it; only loo and compare need it. "
            f"keep_log_likelihood=True keeps it all the same, keep_log_likelihood=False leaves it "
            f"out without this warning."
        )
    return size <= LARGEST


def _warn(message: str) -> None:
    """Issue a warning that points at the reader's line, not into this library."""
    warnings.warn(message, stacklevel=2, skip_file_prefixes=(str(Path(__file__).parent),))


# Checks after sampling ---------------------------------------------------------------------------


def check_convergence(fit: xr.DataTree, expect_failure: Collection[str] = ()) -> None:
    """Raise an error if the convergence diagnostics of a fit are outside their limits.

    Parameters
    ----------
    fit
        A fit, as returned by :func:`fit` or :func:`sample`.
    expect_failure
        Names of the diagnostics (see :func:`diagnose`) that are expected to fail.

    Raises
    ------
    ConvergenceError
        A diagnostic other than ``tree_depth`` is outside its limit (``LIMITS``), or one that is
        listed in ``expect_failure`` is inside. The message names the parameters and a remedy.
    ValueError
        ``expect_failure`` has a name that is not one of a diagnostic.

    Warns
    -----
    UserWarning
        Transitions reached the maximal tree depth, and ``expect_failure`` does not list it. This is
        a matter of efficiency, not of validity.

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import pandas as pd
    >>> person = np.repeat(["ann", "bob", "eve"], 4)
    >>> y = [1.1, 0.7, 1.3, 0.9, -0.2, 0.4, 0.1, 0.3, -0.9, -0.6, -1.2, -0.8]
    >>> model = ml.no_pooling(pd.DataFrame({"person": person, "y": y}), "y", "person")
    >>> ml.check_convergence(ml.sample(model, seed=1))

    Draws that are too few to be trusted:

    >>> few = ml.sample(model, seed=1, draws=20, tune=20)
    >>> ml.check_convergence(few, expect_failure=["r_hat", "ess_bulk", "ess_tail"])
    """
    expected = _check_diagnostics(expect_failure)
    _check_fit(fit)
    found = _failures(fit)
    form = _another_form(fit)
    complaints = [
        f"{name}: {words}; {_remedy(fit, name, form)}"
        for name, words in found.items()
        if name not in expected and name != "tree_depth"
    ]
    if complaints:
        raise ConvergenceError(
            "These draws cannot be trusted.\n" + "\n".join(f"- {line}." for line in complaints)
        )
    passed = [name for name in expected if name not in found]
    if passed:
        raise ConvergenceError(
            f"This fit was expected to fail by {', '.join(passed)}, but it did not. "
            f"Take {', '.join(passed)} out of expect_failure."
        )
    _warn_of_tree_depth(fit, expected)


def _warn_of_tree_depth(fit: xr.DataTree, expected: Collection[str]) -> None:
    """Warn of transitions that reached the maximal tree depth, unless this is expected."""
    if (deep := _cut_short(fit)) and "tree_depth" not in expected:
        _warn(
            f"tree_depth: {deep}. The draws are valid, but cost more time than they "
            f"need to: a matter of efficiency. Predictors on similar scales may help, or "
            f"adapt_correlations=True."
        )


def _cut_short(fit: xr.DataTree) -> str:
    """Return how many transitions reached the maximal tree depth, in words, if any did."""
    deep = int(fit["sample_stats"]["reached_max_treedepth"].sum())
    return f"{deep} transitions were cut short at the maximal tree depth" if deep else ""


def _check_fit(fit: Any) -> None:
    """Raise TypeError unless something is a fit, with the statistics of the sampler."""
    groups = set(fit.children) if isinstance(fit, xr.DataTree) else set()
    if not {"posterior", "sample_stats"} <= groups:
        raise TypeError(
            f"Diagnostics need a complete fit, with its groups posterior and sample_stats; this is "
            f"of the type {type(fit).__name__}."
        )


def _remedy(fit: xr.DataTree, name: str, form: str) -> str:
    """Return advice about a diagnostic."""
    if name == "r_hat" and fit["posterior"].sizes["chain"] < 2:
        return "R-hat compares chains, and this fit has one: draw two or more (chains=4)"
    return REMEDIES[name].format(form=form)


def _another_form(fit: xr.DataTree) -> str:
    """Return advice on another form of the model of a fit, by the keyword of its builder."""
    structure = structure_or_none(fit)
    if structure is None:
        return "write the model in another form, for example non-centred"
    if not structure.groups or not structure.pooled:
        return "check whether the data and the priors determine every parameter"
    present = ", ".join(
        f"'{group}' is {structure.forms[group]}, and form={{'{group}': '{other}'}} another form"
        for group in structure.groups
        for other in [OTHER_FORM[structure.forms[group]]]
    )
    return f"build the model with its group-level effects in another form: {present}"


OTHER_FORM = {"adapted": "centred", "centred": "adapted", "non-centred": "adapted"}
"""Form of group-level effects to try where one did not work."""


def diagnose(fit: xr.DataTree) -> Estimates:
    """Return the worst value of each convergence diagnostic of a fit, and its limit.

    Parameters
    ----------
    fit
        A fit, as returned by :func:`fit` or :func:`sample`.

    Returns
    -------
    Estimates
        Rows ``worst`` (over all parameters or chains) and ``limit``; columns ``divergences``
        (number of divergent transitions), ``r_hat``, ``ess_bulk``, ``ess_tail``, ``e_bfmi`` and
        ``tree_depth`` (number of transitions that reached the maximal tree depth).

    Examples
    --------
    >>> import multilevel as ml
    >>> import numpy as np
    >>> import pandas as pd
    >>> person = np.repeat(["ann", "bob", "eve"], 4)
    >>> y = [1.1, 0.7, 1.3, 0.9, -0.2, 0.4, 0.1, 0.3, -0.9, -0.6, -1.2, -0.8]
    >>> model = ml.no_pooling(pd.DataFrame({"person": person, "y": y}), "y", "person")
    >>> table = ml.diagnose(ml.sample(model, seed=1))
    >>> table.columns.tolist()
    ['divergences', 'r_hat', 'ess_bulk', 'ess_tail', 'e_bfmi', 'tree_depth']
    >>> table.loc["limit", ["r_hat", "ess_bulk"]].tolist()
    [1.01, 400.0]
    """
    _check_fit(fit)
    table = _by_parameter(fit)
    stats = fit["sample_stats"].dataset
    worst = {
        "divergences": int(stats["diverging"].sum()),
        "r_hat": float(table["r_hat"].max(skipna=False)),
        "ess_bulk": _whole_or_nan(table["ess_bulk"].min(skipna=False)),
        "ess_tail": _whole_or_nan(table["ess_tail"].min(skipna=False)),
        "e_bfmi": float(_e_bfmi(fit).min(skipna=False)),
        "tree_depth": int(stats["reached_max_treedepth"].sum()),
    }
    result = Estimates([worst, _limits(fit)], index=["worst", "limit"])
    result.attrs["apart"] = ["r_hat", "e_bfmi"]  # no value is displayed as its limit
    return result


def _limits(fit: xr.DataTree) -> dict[str, float]:
    """Return the limits of a fit's diagnostics, which for ESS depend on the number of chains."""
    chains = fit["posterior"].sizes["chain"]
    return {n: v * chains if n.startswith("ess") else v for n, v in LIMITS.items()}


def _whole_or_nan(value: float) -> float:
    return value if np.isnan(value) else int(value)


def _failures(fit: xr.DataTree) -> dict[str, str]:
    """Describe each diagnostic that is outside its limit: the values, and for which parameters."""
    stats, table, limits = fit["sample_stats"].dataset, _by_parameter(fit), _limits(fit)
    found = {}
    if divergences := int(stats["diverging"].sum()):
        accept = fit.attrs.get("target_accept")
        was = "" if accept is None else f" (target_accept was {accept})"
        found["divergences"] = f"{divergences} divergent transitions{was}"
    for name, bad, side in [
        ("r_hat", ~(table["r_hat"] < limits["r_hat"]), "below"),
        ("ess_bulk", ~(table["ess_bulk"] > limits["ess_bulk"]), "above"),
        ("ess_tail", ~(table["ess_tail"] > limits["ess_tail"]), "above"),
    ]:
        if bad.any():
            worst = table.loc[bad, name].sort_values(ascending=name != "r_hat")
            listed = ", ".join(
                f"{label} ({_apart(value, limits[name], '.4g')})"
                for label, value in worst.head(5).items()
            )
            more = f" and {len(worst) - 5} more" if len(worst) > 5 else ""
            found[name] = f"not {side} {limits[name]} for {listed}{more}"
    energy, limit = _e_bfmi(fit), limits["e_bfmi"]
    if not (energy > limit).all():
        chains = ", ".join(f"{k} ({_apart(value, limit, '.2f')})" for k, value in energy.items())
        found["e_bfmi"] = f"not above {limit} in every chain: {chains}"
    if deep := _cut_short(fit):
        found["tree_depth"] = deep
    return found


def _apart(value: float, limit: float, style: str) -> str:
    """Format a value, with all its digits if it would look like its limit without being it."""
    text = format(value, style)
    return text if value == limit or float(text) != limit else repr(float(value))


def _by_parameter(fit: xr.DataTree) -> pd.DataFrame:
    """Return R-hat and ESS of every parameter, unrounded."""
    draws = correlations_once(fit["posterior"].dataset, structure_or_none(fit))
    whole = xr.DataTree.from_dict({"posterior": draws})
    return azs.summary(whole, kind="diagnostics", round_to="none")


def _e_bfmi(fit: xr.DataTree) -> pd.Series:
    """Return the energy Bayesian fraction of missing information (E-BFMI) of each chain."""
    return azs.bfmi(fit)["energy"].to_series()


def _observed_data(model: pm.Model, is_ordered: bool) -> xr.Dataset:
    """Return the observed outcome of a frozen model, per row, with the labels of the data."""
    (outcome,) = model.observed_RVs
    values = model.rvs_to_values[outcome].data
    if _evaluates_cells(model):
        values = values[_of_rows(model, "cell_of_row")]
    if is_ordered:
        values = one_dimensional(model.coords["category"])[values.astype(int)]
    return xr.Dataset({outcome.name: ("row", values)}, {"row": _labels(model, "row")})


def _of_rows(model: pm.Model, name: str) -> xr.DataArray:
    """Return a data variable of a frozen model, such as ``cell_of_row``, with the dim ``row``."""
    return xr.DataArray(cast(Any, model[name]).data, {"row": _labels(model, "row")}, "row")


def _labels(model: pm.Model, dim: str) -> np.ndarray:
    """Return the labels of a dim, as they are in the data."""
    return one_dimensional(model.coords[_row(model) if dim == "row" else dim])
