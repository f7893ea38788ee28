"""Sample the posterior with a fixed seed; refuse fits that did not converge."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal

import arviz_stats as azs
import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import xarray as xr
from pymc.model.transform.optimization import freeze_dims_and_data
from pytensor.compile.maker import function
from pytensor.compile.mode import Mode
from pytensor.graph.replace import vectorize_graph
from pytensor.graph.rewriting.db import RewriteDatabaseQuery

from multilevel import storage
from multilevel.compilation import compile_with_jax, compile_with_numba
from multilevel.estimates import Estimates
from multilevel.extras import ensure_compile_folder
from multilevel.structure import ATTRIBUTE, structure_or_none, to_json

LIMITS = {
    "divergences": 0,  # at most
    "r_hat": 1.01,  # below
    "ess_bulk": 400,  # above
    "ess_tail": 400,  # above
    "e_bfmi": 0.3,  # above
    "tree_depth": 0,  # at most
}
"""Limits of the worst value of each convergence diagnostic.

R-hat and effective sample size (ESS) as in Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021);
E-BFMI (energy Bayesian fraction of missing information), which is low if the sampler does not
explore the tails of the energy distribution, as in Betancourt (2016); no divergent transitions, and
none that reached the maximal tree depth.
"""

REMEDIES = {
    "divergences": "raise target_accept, or write the model in another form",
    "r_hat": "draw longer chains (tune, draws), or write the model in another form",
    "ess_bulk": "draw longer chains",
    "ess_tail": "draw longer chains",
    "e_bfmi": "write the model in another form, for example non-centred",
    "tree_depth": "write the model in another form, with parameters on similar scales",
}

BLOCK = 250  # draws: derived quantities are computed in blocks that fit into the processor's cache

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
    """A diagnostic is outside its limit, or inside although listed in ``expect_failure``."""


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
) -> xr.DataTree:
    """Sample the posterior of a model with NUTS, and refuse draws that did not converge.

    Parameters
    ----------
    model
        A model from one of the builders in :mod:`multilevel.models`, or any other PyMC model with a
        single observed variable, whose dim is ``row``.
    seed
        Seed of the sampler: the same seed gives the same draws on the same machine.
    draws, tune, chains
        Number of draws kept and of tuning steps, per chain, and number of chains.
    target_accept
        Acceptance rate that the adaptation of the step size aims at. Higher means smaller steps.
    adapt_correlations
        Adapt to correlations between parameters as well as to their scales (nutpie's low-rank mass
        matrix). Pays off where a few parameters are strongly correlated; slow where there are many.
    cores
        Number of chains that run in parallel; by default the number of cores of the machine.
    file
        File in which to cache the fit, such as ``"fits/partial-pooling"`` (``.nc`` is added). If it
        holds a fit of the same model, data, priors, settings and versions, that fit is loaded
        instead of sampled again. If anything changed, or the file is damaged, the model is sampled
        and the file replaced, atomically. Like ``file`` with ``file_refit = "on_change"`` in brms.
    expect_failure
        Names of the diagnostics that are expected to fail, to show a bad fit on purpose. Each of
        them must fail, and no other may.
    backend
        Compiler of the log density: ``"numba"``, for the CPU, or ``"jax"``, which uses a GPU where
        JAX finds one (JAX has to be installed). Rounding may differ between them, and then so do
        the draws, which come from the same posterior.

    Returns
    -------
    DataTree
        ``posterior`` and ``sample_stats`` (dims: chain, draw, and those of the model);
        ``log_likelihood`` (chain, draw, row), the pointwise log likelihood, and ``observed_data``
        (row), in the order of the rows of the data. Where equal rows are evaluated once,
        ``constant_data`` has ``cell_of_row``, which is the same for equal rows. Where rows were
        counted before, it also has their counts, ``count_of_row``, and there is no
        ``log_likelihood``, which needs single rows. The attributes record the settings.

    Raises
    ------
    ConvergenceError
        The draws cannot be trusted; the message says why and what to do.
    ValueError
        The model does not have exactly one observed variable, or its dim is not ``row``.

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
    settings: dict[str, Any] = {
        "seed": seed,
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "target_accept": target_accept,
        "adapt_correlations": adapt_correlations,
        "backend": backend,
    }
    ensure_compile_folder()
    if file is None:
        result = sample(model, **settings, cores=cores)
        check_convergence(result, expect_failure)
        return result
    path = Path(file) if Path(file).suffix == ".nc" else Path(f"{file}.nc")
    key = storage.fingerprint(model, settings)
    stored = storage.load(path, key)
    result = sample(model, **settings, cores=cores) if stored is None else stored
    check_convergence(result, expect_failure)
    if stored is None:
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
) -> xr.DataTree:
    """Sample the posterior with nutpie's NUTS, without checking convergence.

    Use it to look at bad draws, and :func:`fit` for everything else.

    Parameters
    ----------
    model, seed, draws, tune, chains, target_accept, adapt_correlations, cores, backend
        As for :func:`fit`, which calls this function and :func:`check_convergence`.

    Returns
    -------
    DataTree
        As for :func:`fit`.

    Raises
    ------
    ValueError
        The model does not have exactly one observed variable, or its dim is not ``row``.
    """
    _check_outcome(model)
    ensure_compile_folder()
    frozen = freeze_dims_and_data(model)  # constants compile much faster than shared data
    compiled = {"numba": compile_with_numba, "jax": compile_with_jax}[backend](frozen)
    raw = nutpie.sample(
        compiled,
        draws=draws,
        tune=tune,
        chains=chains,
        cores=cores,
        seed=seed,
        target_accept=target_accept,
        adaptation="low_rank" if adapt_correlations else "diag",
        save_warmup=False,
        progress_bar=False,
        store_unconstrained=backend == "jax",  # there the posterior lacks transformed variables
    )
    unconstrained = raw["posterior"].dataset
    if "unconstrained_posterior" in raw.children:
        unconstrained = unconstrained.merge(raw["unconstrained_posterior"].dataset)
    variables = _derive(frozen, unconstrained)
    log_likelihood = variables.pop("_log_likelihood", None)
    posterior = xr.Dataset(variables, {name: unconstrained[name] for name in ("chain", "draw")})
    labels = [*posterior.dims, "category"]
    posterior = posterior.assign_coords(
        {name: list(model.coords[name]) for name in labels if name in model.coords}
    )
    observed = _observed_data(frozen)
    groups = {
        "posterior": posterior,
        "sample_stats": raw["sample_stats"].dataset[list(STATS)].rename(STATS).drop_attrs(),
    }
    if log_likelihood is not None:
        if "cell" in model.coords:
            log_likelihood = log_likelihood.isel(cell=_of_rows(frozen, "cell_of_row").variable)
        groups["log_likelihood"] = xr.Dataset(
            dict.fromkeys(observed, log_likelihood), posterior[["chain", "draw"]].coords
        ).assign_coords(observed.coords)
    groups["observed_data"] = observed
    if names := [name for name in ("cell_of_row", "count_of_row") if name in frozen.named_vars]:
        rows = {name: _of_rows(frozen, name).astype(int) for name in names}
        groups["constant_data"] = xr.Dataset(rows)
    result = xr.DataTree.from_dict(groups)
    structure = structure_or_none(model)
    result.attrs = ({} if structure is None else {ATTRIBUTE: to_json(structure)}) | {
        "sampler": f"nutpie {nutpie.__version__}",
        "seed": seed,
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "target_accept": target_accept,
        "adapt_correlations": int(adapt_correlations),  # NetCDF has no booleans
        "backend": backend,
    }
    return result


def _derive(model: pm.Model, draws: xr.Dataset) -> dict[str, xr.Variable]:
    """Compute reported variables and pointwise log likelihood from unconstrained draws.

    NumPy evaluates the vectorised graph of the model for a block of draws at a time, which needs no
    compilation.
    """
    variables = [v for v in [*model.free_RVs, *model.deterministics] if v.name[0] != "_"]
    # Builders define `_log_likelihood`, per row or per cell. With `count=` it is not reported: LOO
    # needs single rows.
    if "_log_likelihood" in model.named_vars and "count_of_row" not in model.named_vars:
        variables.append(model["_log_likelihood"])
    dims = {v.name: _dims(model, v) for v in variables}
    outputs = model.replace_rvs_by_values(variables)
    if "_log_likelihood" not in model.named_vars:
        outputs += model.logp(vars=model.observed_RVs, sum=False)
        dims["_log_likelihood"] = ("row",)
    many = {v: v.type.clone(shape=(None, *v.type.shape))(v.name) for v in model.value_vars}
    derive = function(
        list(many.values()),
        vectorize_graph(outputs, many),
        mode=Mode("py", RewriteDatabaseQuery(include=())),
        on_unused_input="ignore",
    )
    shape = draws.sizes["chain"], draws.sizes["draw"]
    inputs = [draws[v.name].to_numpy().reshape(-1, *draws[v.name].shape[2:]) for v in many]
    result: list[np.ndarray] = []
    for start in range(0, shape[0] * shape[1], BLOCK):
        block = slice(start, start + BLOCK)
        parts = derive(*(values[block] for values in inputs))
        result = result or [np.empty((shape[0] * shape[1], *part.shape[1:])) for part in parts]
        for whole, part in zip(result, parts, strict=True):
            whole[block] = part
    return {
        name: xr.Variable(("chain", "draw", *its), values.reshape(*shape, *values.shape[1:]))
        for (name, its), values in zip(dims.items(), result, strict=True)
    }


def _dims(model: pm.Model, variable: Any) -> tuple[str, ...]:
    """Return the dims of a variable; unnamed ones get the names that PyMC gives them."""
    made_up = tuple(f"{variable.name}_dim_{axis}" for axis in range(variable.ndim))
    return model.named_vars_to_dims.get(variable.name, made_up)


def _check_outcome(model: pm.Model) -> None:
    """Raise ValueError unless a model has one observed variable, with one value per row or cell."""
    observed = model.observed_RVs
    if len(observed) != 1:
        raise ValueError(f"The model must have one observed variable; it has {len(observed)}.")
    dims = model.named_vars_to_dims.get(observed[0].name, ())
    if dims not in (("row",), ("cell",)):
        raise ValueError(
            f"The observed variable '{observed[0].name}' must have the single dim 'row', with the "
            f"labels of the rows as its coordinate; its dims are {dims}."
        )


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
        A diagnostic is outside its limit (``LIMITS``), or inside although listed in
        ``expect_failure``. The message names the parameters and a remedy.
    ValueError
        ``expect_failure`` has a name that is not one of a diagnostic.
    """
    unknown = set(expect_failure) - set(LIMITS)
    if unknown:
        raise ValueError(
            f"There is no diagnostic {', '.join(map(repr, sorted(unknown)))}. They are: "
            f"{', '.join(LIMITS)}."
        )
    found = _failures(fit)
    complaints = [
        f"{name}: {words}; {REMEDIES[name]}"
        for name, words in found.items()
        if name not in expect_failure
    ]
    if complaints:
        raise ConvergenceError(
            "These draws cannot be trusted.\n" + "\n".join(f"- {line}." for line in complaints)
        )
    passed = [name for name in expect_failure if name not in found]
    if passed:
        raise ConvergenceError(
            f"This fit was expected to fail by {', '.join(passed)}, but it did not. "
            f"Take {', '.join(passed)} out of expect_failure."
        )


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
    """
    table = _by_parameter(fit)
    stats = fit["sample_stats"].dataset
    worst = {
        "divergences": int(stats["diverging"].sum()),
        "r_hat": float(table["r_hat"].max(skipna=False)),
        "ess_bulk": int(table["ess_bulk"].min()),
        "ess_tail": int(table["ess_tail"].min()),
        "e_bfmi": float(_e_bfmi(fit).min(skipna=False)),
        "tree_depth": int(stats["reached_max_treedepth"].sum()),
    }
    return Estimates([worst, LIMITS], index=["worst", "limit"])


def _failures(fit: xr.DataTree) -> dict[str, str]:
    """Describe each diagnostic that is outside its limit: the values, and for which parameters."""
    stats, table = fit["sample_stats"].dataset, _by_parameter(fit)
    found = {}
    if divergences := int(stats["diverging"].sum()):
        found["divergences"] = (
            f"{divergences} divergent transitions (target_accept was {fit.attrs['target_accept']})"
        )
    for name, bad, side in [
        ("r_hat", ~(table["r_hat"] < LIMITS["r_hat"]), "below"),
        ("ess_bulk", ~(table["ess_bulk"] > LIMITS["ess_bulk"]), "above"),
        ("ess_tail", ~(table["ess_tail"] > LIMITS["ess_tail"]), "above"),
    ]:
        if bad.any():
            worst = table.loc[bad, name].sort_values(ascending=name != "r_hat")
            listed = ", ".join(f"{label} ({value:.4g})" for label, value in worst.head(5).items())
            more = f" and {len(worst) - 5} more" if len(worst) > 5 else ""
            found[name] = f"not {side} {LIMITS[name]} for {listed}{more}"
    energy = _e_bfmi(fit)
    if not (energy > LIMITS["e_bfmi"]).all():
        chains = ", ".join(f"{k} ({value:.2f})" for k, value in energy.items())
        found["e_bfmi"] = f"not above {LIMITS['e_bfmi']} in every chain: {chains}"
    if deep := int(stats["reached_max_treedepth"].sum()):
        found["tree_depth"] = f"{deep} transitions were cut short at the maximal tree depth"
    return found


def _by_parameter(fit: xr.DataTree) -> pd.DataFrame:
    """Return R-hat and ESS of every parameter, unrounded."""
    return azs.summary(fit, kind="diagnostics", round_to="none")


def _e_bfmi(fit: xr.DataTree) -> pd.Series:
    """Return the energy Bayesian fraction of missing information (E-BFMI) of each chain."""
    return azs.bfmi(fit)["energy"].to_series()


def _observed_data(model: pm.Model) -> xr.Dataset:
    """Return the observed outcome of a frozen model, per row, with the labels of the data."""
    (outcome,) = model.observed_RVs
    values = model.rvs_to_values[outcome].data
    if "cell" in model.coords:
        values = values[_of_rows(model, "cell_of_row")]
    if "category" in model.coords:
        values = np.asarray(model.coords["category"])[values.astype(int)]
    return xr.Dataset({outcome.name: ("row", values)}, {"row": list(model.coords["row"])})


def _of_rows(model: pm.Model, name: str) -> xr.DataArray:
    """Return a data variable of a frozen model, such as ``cell_of_row``, with the dim ``row``."""
    rows: Sequence[Any] = list(model.coords["row"])
    return xr.DataArray(model[name].data, {"row": rows}, "row")
