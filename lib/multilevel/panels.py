"""Hand a model, its data and its posterior over to the built page, whose reader samples it again.

The panel "Refit it yourself" samples a model in the browser, without Python. What it needs is the
output of a cell: the data that the page loaded, the priors of its model, and the posterior of its
fit, with Monte Carlo standard errors.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr

from multilevel.columns import complete_column, factorise
from multilevel.estimates import MIME, Estimates, mcse
from multilevel.frames import as_frame
from multilevel.priors import PRIORS, Prior, is_symmetric_beta
from multilevel.structure import Structure, structure_of
from multilevel.tables import flatten_variables, summarise

PANEL = "application/vnd.multilevel.panel+json"
"""MIME type of the representation from which the build makes the panel."""

SHARES = (np.arange(40) + 0.5) / 40  # of the quantiles by which a posterior is drawn
NUMBERS: Mapping[Any, tuple[str, ...]] = {
    pm.Normal: ("mu", "sigma"),
    pm.HalfNormal: ("sigma",),
    pm.Exponential: ("lam",),
    pm.Flat: (),
}


class Panel:
    """Data, priors and posterior of a model, made by :func:`refit_panel`.

    Parameters
    ----------
    content
        What the browser samples, as JSON values.
    book
        Mean and sd of all parameters (``book``), and quantiles of the population's (``quantiles``).
    """

    def __init__(self, content: Mapping[str, Any], book: Mapping[str, Estimates]) -> None:
        self.content, self.book = content, book

    def __repr__(self) -> str:
        """Return in words what the panel holds."""
        data = self.content["data"]
        rows = len(next(iter({**data["columns"], **data["codes"]}.values())))
        return f"for the panel in the page: {rows:,} rows, {len(self.book['book'])} parameters"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        written = json.dumps(self.content, ensure_ascii=False, separators=(",", ":"))
        tables = [{"name": name, **table.numbers()} for name, table in self.book.items()]
        carried = {"model": self.content["model"], "content": written}
        return {PANEL: carried, MIME: {"tables": tables}}


def refit_panel(
    model: pm.Model | str,
    fit: xr.DataTree,
    data: pd.DataFrame,
    title: str = "Refit it yourself",
    leave_out: str | None = None,
    changes: Mapping[str, Mapping[str, Any]] | None = None,
    roles: Mapping[str, Any] | None = None,
    priors: Mapping[str, Prior] | None = None,
    form: Sequence[str] = (),
    target_accept: float | None = None,
    funnel: bool = False,
) -> Panel:
    """Return what the panel of a built page needs to sample a model in the reader's browser.

    The page holds ``<div data-refit="NAME">``, with the name of the builder and with words that
    stand in where there is no JavaScript; the build puts the panel into it.

    Parameters
    ----------
    model
        A model from one of the builders; or the name of a model that is written on the page, with
        ``roles`` and ``priors``: ``"one_cluster"``.
    fit
        Its fit, which the reader's draws are compared with.
    data
        The data of the model, one row per observation.
    title
        Heading of the panel.
    leave_out
        Name of a column: the reader may leave out the rows of one of its levels.
    changes
        Data to choose from, by what they are called, the data as they are first: ``"rows"`` marks
        those that are kept (a mask); further entries replace ``roles``, as ``"group"`` does.
    roles
        Names of columns by role, where ``model`` is a name: ``outcome`` and ``group``.
    priors
        Priors by parameter, where ``model`` is a name.
    form
        Forms to choose from, the one at the beginning first; none: the model's usual form.
    target_accept
        Acceptance rate to begin with, if the reader may change it.
    funnel
        Whether draws are shown in the funnel while they are made.

    Returns
    -------
    Panel
        To be displayed by a cell of the page.

    Raises
    ------
    ValueError
        The browser has no such model or family of priors; a column is missing or incomplete; or a
        mask has another number of rows than the data.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> people = ["ann", "ann", "bob", "bob"]
    >>> data = pd.DataFrame({"person": people, "y": [0.3, 0.5, -0.1, 0.2]})
    >>> model = ml.no_pooling(data, outcome="y", group="person")
    >>> fit = ml.sample(model, seed=1, draws=100, tune=100)
    >>> ml.refit_panel(model, fit, data, leave_out="person")
    for the panel in the page: 4 rows, 3 parameters
    """
    data = as_frame(data)
    if not isinstance(model, str):
        structure = structure_of(model, "refit_panel")
        chosen_priors: dict[str, Prior] = getattr(model, PRIORS)
        priors = {x: chosen_priors[x] for x in structure.variables() if x in chosen_priors}
        model, roles = _name(structure), _roles(structure)
    roles, listed = roles or {}, [change(name, data, **c) for name, c in (changes or {}).items()]
    chosen = [roles, *(other["roles"] or {} for other in listed), {"leave_out": leave_out}]
    book = summarise(fit)[["mean", "sd", "mcse_mean", "mcse_sd"]]
    groups = {roles.get("group"), *roles.get("groups", ())}
    draws = _posterior(fit)
    population = [name for name in priors or {} if not groups & set(draws[name].dims)]
    content = {
        "model": model,
        "title": title,
        "data": _columns(data, chosen) | dict(roles),
        "priors": {name: _prior(name, prior) for name, prior in (priors or {}).items()},
        "population": population,
        "changes": listed,
        "leave_out": leave_out,
        "form": {"choices": list(form)} if form else None,
        "target_accept": target_accept,
        "funnel": funnel,
    }
    return Panel(content, {"book": book, "quantiles": _quantiles(fit, population)})


def _name(structure: Structure) -> str:
    """Return the browser's name of a model, which is that of its builder."""
    groups, slopes = len(structure.groups), [len(names) for names in structure.slopes.values()]
    plain = not structure.predictors and not slopes
    names = {
        "no_pooling": structure.family == "normal" and not structure.pooled and plain,
        "partial_pooling": structure.family == "normal" and structure.means and plain,
        "varying_slopes": structure.family == "normal" and groups == 1 and slopes == [1],
        "crossed_intercepts": structure.family == "bernoulli" and structure.treatment and plain,
        "ordered_logit": structure.family == "ordered" and groups == 0,
        "ordered_logit_varying": structure.family == "ordered" and groups == 1 and not slopes,
    }
    for name, holds in names.items():
        if holds:
            return name
    raise ValueError(f"The browser samples these models: {', '.join(names)}; this is none of them.")


def _roles(structure: Structure) -> dict[str, Any]:
    """Return the columns of a model by the role that they have in the browser."""
    roles: dict[str, Any] = {"predictors": list(structure.predictors)}
    roles["response" if structure.family == "ordered" else "outcome"] = structure.outcome
    if structure.family == "bernoulli":
        return roles | {"groups": list(structure.groups), "treatment": structure.treatment}
    if structure.groups:
        (group,) = structure.groups
        roles |= {"group": group, "slope": next(iter(structure.slopes.get(group, ())), None)}
    return roles


def change(label: str, data: pd.DataFrame, rows: Any = None, **roles: Any) -> dict[str, Any]:
    """Return other data: how many rows are kept, left out, kept ... in turn; columns by role.

    Examples
    --------
    >>> import pandas as pd
    >>> change("others", pd.DataFrame({"x": [1, 2, 3, 4]}), rows=[True, False, False, True])["runs"]
    [1, 2, 1]
    """
    kept = np.ones(len(data), bool) if rows is None else np.asarray(rows)
    if kept.dtype != bool or kept.shape != (len(data),):
        raise ValueError(
            f"changes['{label}']['rows'] marks rows that are kept: True or False for each of the "
            f"{len(data)} rows of the data."
        )
    ends = np.flatnonzero(np.diff(kept, prepend=True, append=not kept[-1]))
    return {"label": label, "runs": np.diff(ends, prepend=0).tolist(), "roles": roles or None}


def _columns(data: pd.DataFrame, chosen: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the columns that have a role: numbers, or positions among labels."""
    named = [np.atleast_1d(names) for roles in chosen for names in roles.values() if names]
    result: dict[str, Any] = {"columns": {}, "codes": {}, "levels": {}}
    for name in dict.fromkeys(str(name) for names in named for name in names):
        values = complete_column(data, name)
        if pd.api.types.is_numeric_dtype(values.dtype):
            result["columns"][name] = values.tolist()
            continue
        if not isinstance(values.dtype, pd.CategoricalDtype):
            values = pd.Series(pd.Categorical(values, factorise(data, name).labels))
        result["codes"][name] = values.cat.codes.tolist()
        result["levels"][name] = values.cat.categories.tolist()
    return result


def _prior(name: str, prior: Prior) -> dict[str, Any]:
    """Return a prior as the browser takes it: its family, and its numbers by name."""
    given = dict(zip(NUMBERS.get(prior.distribution, ()), prior.parameters, strict=False))
    given |= prior.keywords
    if name.startswith("rho") and is_symmetric_beta(prior):
        return {"family": "LKJ", "eta": [*prior.parameters, *prior.keywords.values()][0]}
    numbers = NUMBERS.get(prior.distribution)
    if numbers is None or set(given) != set(numbers) or any(map(np.ndim, given.values())):
        families = ", ".join(family.__name__ for family in NUMBERS)
        raise ValueError(
            f"The prior of '{name}', {prior}, cannot be shown in the page, which has {families} "
            f"and, for a correlation, Beta with two equal parameters."
        )
    family = prior.distribution.__name__
    return {"family": family, **{"rate" if k == "lam" else k: v for k, v in given.items()}}


def _posterior(fit: xr.DataTree) -> xr.Dataset:
    return fit["posterior"].to_dataset()


def _quantiles(fit: xr.DataTree, names: list[str]) -> Estimates:
    """Return quantiles of parameters, from which their posterior can be drawn."""
    draws, index = _posterior(fit)[names], summarise(fit, names).index
    labels = [f"{share:.4f}" for share in SHARES]
    shares = dict(zip(labels, SHARES, strict=True))
    values = {x: flatten_variables(draws.quantile(q, ("chain", "draw"))) for x, q in shares.items()}
    errors = {x: flatten_variables(mcse(draws, "quantile", q)) for x, q in shares.items()}
    return Estimates.of(pd.DataFrame(values, index), errors)
