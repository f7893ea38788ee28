"""Declare the structure of a model once, for all functions that need it.

A builder attaches its :class:`Structure` to the model that it returns, and :func:`multilevel.fit`
keeps it with the draws. No function infers the structure from the names of variables.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pymc as pm
import xarray as xr

ATTRIBUTE = "structure"
"""Attribute of models and fits with the structure; in a fit, as JSON."""

RESERVED = {
    "row": "a dim of the data",
    "cell": "a dim of the data",
    "cut": "a dim of thresholds",
    "category": "a dim of responses",
    "predictor": "a dim of slopes",
    "chain": "a dim of draws",
    "draw": "a dim of draws",
    "new_cluster": "a dim of predictions",
    "variable": "a column of summaries",
    "mean": "a column of summaries",
    "lower": "a column of summaries",
    "upper": "a column of summaries",
    "cell_of_row": "a part of the data of a model",
    "cluster_of_row": "a part of the data of a model",
    "count_of_row": "a part of the data of a model",
    "count_of_cell": "a part of the data of a model",
    "outcome_of_row": "a part of the data of a model",
}
"""Names that the library uses; no outcome, group or treatment may have one of them."""


@dataclass(frozen=True)
class Structure:
    """The structure of a model.

    Parameters
    ----------
    family
        Family of the outcome: ``"normal"``, ``"bernoulli"`` (zeros and ones, with a logit link) or
        ``"ordered"`` (cumulative logit).
    outcome
        Name of the outcome, or of the response.
    predictors
        Names of numeric columns, whose slopes are ``beta``.
    treatment
        Name of a column whose levels have the effects ``beta``; or None.
    groups
        Names of the columns that identify clusters.
    slopes
        By group, the names of the predictors whose slopes vary between its clusters.
    pooled
        Whether the clusters have a population distribution. False: no pooling.
    means
        Whether the variable ``alpha`` is the mean of each cluster of the only group, rather than
        its deviation from the population mean ``alpha_bar``.
    forms
        By group, how its effects are sampled: ``"centred"``, ``"non-centred"`` or ``"adapted"``.
    """

    family: Literal["normal", "bernoulli", "ordered"]
    outcome: str
    predictors: tuple[str, ...] = ()
    treatment: str | None = None
    groups: tuple[str, ...] = ()
    slopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pooled: bool = True
    means: bool = False
    forms: Mapping[str, str] = field(default_factory=dict)

    def terms(self, group: str) -> tuple[str | None, ...]:
        """Return the terms that vary in a group: None (the intercept), then slopes."""
        return (None, *self.slopes.get(group, ()))

    def effect(self, group: str, slope: str | None = None) -> str:
        """Return the variable of a group-level effect: ``alpha_g`` or, for a slope, ``x_g``."""
        return "alpha" if self.means and slope is None else f"{slope or 'alpha'}_{group}"

    def sd(self, group: str, slope: str | None = None) -> str:
        """Return the variable of the sd of a group-level effect: ``sigma_g`` or ``sigma_x_g``."""
        if slope is None:
            return "sigma_alpha" if self.means else f"sigma_{group}"
        return f"sigma_{slope}_{group}"

    def correlation(self, group: str) -> str:
        """Return the variable of the correlations of a group's effects: ``rho_g``."""
        return f"rho_{group}"

    def correlation_dims(self, group: str) -> tuple[str, str]:
        """Return the dims of a matrix of correlations, whose labels are :meth:`labels`."""
        return f"{group}_effect", f"{group}_effect_2"

    def labels(self, group: str) -> list[str]:
        """Return the labels of the effects of a group: ``intercept``, then the slopes."""
        return [term or "intercept" for term in self.terms(group)]

    def variables(self) -> list[str]:
        """Return the names of all reported variables."""
        names = ["threshold"] if self.family == "ordered" else []
        if self.family != "ordered" and self.pooled:
            names.append("alpha_bar")
        if self.predictors or self.treatment:
            names.append("beta")
        for group in self.groups:
            for term in self.terms(group):
                names += [self.sd(group, term)] * self.pooled + [self.effect(group, term)]
            names += [self.correlation(group)] * (len(self.terms(group)) > 1)
        return [*names, *(["sigma"] if self.family == "normal" else [])]

    def check_names(self) -> None:
        """Raise ValueError if two parts of the model would have the same name."""
        dims = [*self.groups, *([self.treatment] if self.treatment else [])]
        for column in [*dims, self.outcome, *(x for names in self.slopes.values() for x in names)]:
            if not isinstance(column, str):
                raise ValueError(f"A column is named by text, such as 'person'; it is {column!r}.")
            if column.startswith("_"):
                raise ValueError(
                    f"The name of column '{column}' begins with an underscore, which marks "
                    f"auxiliary variables of a model. {_rename(column)}"
                )
            if "/" in column:
                raise ValueError(
                    f"The name of column '{column}' contains a slash, which the names of a fit "
                    f"cannot have. {_rename(column)}"
                )
        for column in [*dims, self.outcome]:
            if column in RESERVED:
                raise ValueError(
                    f"An outcome, group or treatment cannot be called '{column}', which has "
                    f"another meaning here ({RESERVED[column]}). {_rename(column)}"
                )
        for column in dims:
            others = [*dims, self.outcome]
            if others.count(column) > 1:
                raise ValueError(
                    f"Column '{column}' has two roles in this model. Outcome, groups and treatment "
                    f"must be different columns."
                )
        if self.outcome in self.predictors:
            raise ValueError(f"The outcome '{self.outcome}' cannot be a predictor of itself.")
        variables = self.variables()
        taken = set(variables) | {f"_{name}" for name in variables}
        for column in [*dims, self.outcome]:
            if column in taken:
                raise ValueError(
                    f"A column cannot be called '{column}' here: a parameter of this model has "
                    f"that name. {_rename(column)}"
                )
        twice = sorted({name for name in variables if variables.count(name) > 1})
        if twice:
            slopes = [slope for names in self.slopes.values() for slope in names]
            clash = [name for name in slopes if name in ("alpha", "sigma", "rho")]
            column = (clash or slopes or list(self.groups))[0]
            raise ValueError(
                f"Two parameters of this model would be called '{twice[0]}', from the names of its "
                f"columns. {_rename(column)}"
            )


def _rename(column: str) -> str:
    other = f"my_{column.lstrip('_').replace('/', '_')}"
    return f"Rename it: data.rename(columns={{'{column}': '{other}'}})."


def declare(model: pm.Model, structure: Structure) -> None:
    """Attach a structure to a model."""
    setattr(model, ATTRIBUTE, structure)


def to_json(structure: Structure) -> str:
    """Return a structure as JSON, which a fit keeps."""
    return json.dumps(asdict(structure))


def structure_of(fit_or_model: xr.DataTree | pm.Model, purpose: str) -> Structure:
    """Return the structure of a model, or of the model that a fit was made of.

    Parameters
    ----------
    fit_or_model
        A model from one of the builders, or a fit of it.
    purpose
        Function or argument that needs it, for the message.

    Returns
    -------
    Structure

    Raises
    ------
    ValueError
        The model is not from one of the builders.
    TypeError
        The object is neither a model nor a fit.
    """
    found = structure_or_none(fit_or_model)
    if found is None:
        raise ValueError(
            f"{purpose} needs the structure of the model, which only the models of the builders "
            f"in multilevel have. For a Bambi model use its method predict: "
            f"model.predict(fit, data=newdata). For a PyMC model of your own compute what you need "
            f"from fit['posterior'], or with pm.sample_posterior_predictive."
        )
    return found


def structure_or_none(fit_or_model: xr.DataTree | pm.Model) -> Structure | None:
    """Return the structure of a model or a fit; None if the model is not from a builder."""
    if isinstance(fit_or_model, pm.Model):
        return getattr(fit_or_model, ATTRIBUTE, None)
    if not isinstance(fit_or_model, xr.DataTree):
        raise TypeError(
            f"This needs a fit, such as ml.fit(model, seed=1), or a model; it was given an object "
            f"of the type {type(fit_or_model).__name__}."
        )
    text = fit_or_model.attrs.get(ATTRIBUTE)
    return None if text is None else _from_json(text)


def correlations_once(draws: xr.Dataset, structure: Structure | None) -> xr.Dataset:
    """Return draws in which a matrix of correlations is a vector of those below its diagonal.

    The diagonal is constant, so that it has no diagnostics, and the other half is the same.

    Parameters
    ----------
    draws
        Posterior draws.
    structure
        The structure of the model; None leaves the draws as they are.

    Returns
    -------
    Dataset
        The draws; a matrix ``rho_g`` has the dim ``g_pair``; labels such as ``"intercept, x"``.
    """
    if structure is None:
        return draws
    for group in structure.groups:
        name, dims = structure.correlation(group), structure.correlation_dims(group)
        if name not in draws or not set(dims) <= set(draws[name].dims):
            continue
        labels = structure.labels(group)
        pairs = [(m, k) for k in range(len(labels)) for m in range(k)]
        each = [draws[name].isel(dict(zip(dims, pair, strict=True)), drop=True) for pair in pairs]
        names = [f"{labels[m]}, {labels[k]}" for m, k in pairs]
        vector = xr.concat(each, f"{group}_pair").assign_coords({f"{group}_pair": names})
        draws = draws.drop_vars([name, *dims], errors="ignore").assign({name: vector})
    return draws


def _from_json(text: str) -> Structure:
    values: dict[str, Any] = json.loads(text)
    for name in ("predictors", "groups"):
        values[name] = tuple(values[name])
    values["slopes"] = {group: tuple(names) for group, names in values["slopes"].items()}
    return Structure(**values)
