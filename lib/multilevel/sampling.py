"""What does the data say? Seeded sampling, and the check that the sampler did its work."""

from collections.abc import Sequence
from typing import Any

import arviz as az
import numpy as np
import nutpie
import pymc as pm
import xarray as xr

MAX_RHAT = 1.01
MIN_ESS = 400
"""Thresholds of Vehtari et al. (2021): R-hat below 1.01, bulk and tail ESS above 400."""


class ConvergenceError(RuntimeError):
    """The draws of a fit cannot be trusted."""


def fit(
    model: pm.Model,
    seed: int,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    cores: int | None = None,
    check: bool = True,
) -> xr.DataTree:
    """Draw from the posterior of a model with NUTS, as nutpie implements it.

    Parameters
    ----------
    model
        A model from one of the builders in :mod:`multilevel.models`.
    seed
        The same seed gives the same draws on the same machine.
    draws, tune, chains
        Draws kept and steps of adaptation, per chain, and the number of chains.
    target_accept
        Acceptance rate that the adaptation of the step size aims at. Higher means smaller steps.
    cores
        How many chains run at once; by default as many as the machine has cores.
    check
        Whether to raise if :func:`check_convergence` is not satisfied.

    Returns
    -------
    DataTree
        ``posterior`` and ``sample_stats`` (dims: chain, draw, and those of the model);
        ``log_likelihood`` (chain, draw, row) and ``observed_data`` (row), in the order of the rows
        of the data; where equal rows were counted, ``constant_data`` says which rows are equal
        (``cell_of_row``). The attributes state the settings.

    Raises
    ------
    ConvergenceError
        The draws cannot be trusted; the message says why and what to do.
    """
    names = [v.name for v in [*model.free_RVs, *model.deterministics] if v.name[0] != "_"]
    compiled = nutpie.compile_pymc_model(model, var_names=[*names, "_log_likelihood"])
    raw = nutpie.sample(
        compiled,
        draws=draws,
        tune=tune,
        chains=chains,
        cores=cores,
        seed=seed,
        target_accept=target_accept,
        save_warmup=False,
        progress_bar=False,
    )
    posterior = raw["posterior"].dataset[names]
    posterior = posterior.drop_vars(_unused_coords(posterior))
    if "category" in model.coords:
        posterior = posterior.assign_coords(category=list(model.coords["category"]))
    observed = _observed_data(model)
    log_likelihood = raw["posterior"].dataset["_log_likelihood"]
    if "cell" in log_likelihood.dims:
        log_likelihood = log_likelihood.isel(cell=_row_index(model)).drop_vars("cell")
    groups = {
        "posterior": posterior,
        "sample_stats": raw["sample_stats"].dataset,
        "log_likelihood": log_likelihood.to_dataset(name=str(next(iter(observed)))),
        "observed_data": observed,
    }
    if "cell" in model.coords:
        groups["constant_data"] = _row_index(model).to_dataset(name="cell_of_row")
    result = xr.DataTree.from_dict(groups)
    result.attrs = {
        "sampler": f"nutpie {nutpie.__version__}",
        "seed": seed,
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "target_accept": target_accept,
    }
    if check:
        check_convergence(result)
    return result


def check_convergence(fit: xr.DataTree) -> None:
    """Check that the draws of a fit can be trusted.

    Parameters
    ----------
    fit
        What :func:`fit` returned.

    Raises
    ------
    ConvergenceError
        There are divergences, or some R-hat is not below 1.01, or some bulk or tail ESS is not
        above 400 (Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021). The message names the
        parameters and a remedy.
    """
    found = diagnose(fit)
    complaints = []
    if found["divergences"]:
        complaints.append(
            f"{found['divergences']} divergent transitions: raise target_accept (it was "
            f"{fit.attrs['target_accept']}), or write the model in another form"
        )
    table = az.summary(fit, kind="diagnostics", round_to="none")
    for column, bad, word in [
        ("r_hat", ~(table["r_hat"] < MAX_RHAT), f"R-hat is not below {MAX_RHAT}"),
        ("ess_bulk", ~(table["ess_bulk"] > MIN_ESS), f"bulk ESS is not above {MIN_ESS}"),
        ("ess_tail", ~(table["ess_tail"] > MIN_ESS), f"tail ESS is not above {MIN_ESS}"),
    ]:
        if bad.any():
            worst = table.loc[bad, column].sort_values(ascending=column != "r_hat")
            listed = ", ".join(f"{name} ({value:.4g})" for name, value in worst.head(5).items())
            more = f" and {len(worst) - 5} more" if len(worst) > 5 else ""
            complaints.append(f"{word} for {listed}{more}: draw longer chains")
    if complaints:
        raise ConvergenceError("These draws cannot be trusted. " + "; ".join(complaints) + ".")


def diagnose(fit: xr.DataTree) -> dict[str, float]:
    """Summarise the diagnostics of a fit by the worst value of each.

    Parameters
    ----------
    fit
        What :func:`fit` returned.

    Returns
    -------
    ``divergences``, ``max_rhat``, ``min_ess_bulk`` and ``min_ess_tail``, over all parameters
    """
    table = az.summary(fit, kind="diagnostics", round_to="none")
    return {
        "divergences": int(fit["sample_stats"]["diverging"].sum()),
        "max_rhat": round(float(table["r_hat"].max()), 4),
        "min_ess_bulk": int(table["ess_bulk"].min()),
        "min_ess_tail": int(table["ess_tail"].min()),
    }


def _observed_data(model: pm.Model) -> xr.Dataset:
    """Collect the observed outcome, one value a row, with the data's own labels."""
    (outcome,) = model.observed_RVs
    values = model.rvs_to_values[outcome].eval()
    if "cell" in model.coords:
        values = values[_row_index(model)]
    if "category" in model.coords:
        values = np.asarray(model.coords["category"])[values.astype(int)]
    return xr.Dataset({outcome.name: ("row", values)}, {"row": list(model.coords["row"])})


def _row_index(model: pm.Model) -> xr.DataArray:
    rows: Sequence[Any] = list(model.coords["row"])
    return xr.DataArray(model["cell_of_row"].get_value(), {"row": rows}, "row")


def _unused_coords(dataset: xr.Dataset) -> list[str]:
    used = {dim for variable in dataset.data_vars.values() for dim in variable.dims}
    return [str(name) for name in dataset.coords if name not in used]
