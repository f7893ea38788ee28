"""Prior distributions: given by name, compared with the data, and scaled to them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pymc as pm
from pytensor.compile.maker import function
from pytensor.compile.mode import Mode
from pytensor.graph.rewriting.db import RewriteDatabaseQuery
from pytensor.tensor.variable import TensorVariable

from multilevel.extras import ensure_compile_folder

type Tensor = TensorVariable[Any, Any]

PRIORS = "_priors"
"""Attribute of a model from a builder with its priors, by parameter."""

PYTHON = Mode("py", RewriteDatabaseQuery(include=()))
"""No compilation, because the graphs here are small."""


class Prior:
    """A prior distribution that is not yet attached to a parameter.

    Parameters
    ----------
    distribution
        A PyMC distribution, for example ``pm.Normal``.
    parameters, keywords
        Its parameters, by position or name: ``Prior(pm.Normal, 0, 1.5)``, ``Prior(pm.Gamma,
        alpha=2, beta=10)``. A parameter may be a list with one number for each element, such as
        each slope of ``beta``.

    Raises
    ------
    TypeError
        It is not a distribution of PyMC.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pymc as pm
    >>> ml.Prior(pm.Normal, 0, 1.5)
    Normal(0, 1.5)
    """

    def __init__(self, distribution: Callable[..., Any], *parameters: Any, **keywords: Any) -> None:
        if not hasattr(distribution, "dist"):
            raise TypeError(
                f"A prior needs a distribution of PyMC, such as ml.Prior(pm.Normal, 0, 1); this is "
                f"{distribution!r}. pm.CustomDist accepts any log density."
            )
        self.distribution = distribution
        self.parameters = parameters
        self.keywords = keywords

    def __call__(self, name: str, **settings: Any) -> Tensor:
        """Create the parameter ``name`` with this prior, in the model of the current context."""
        return self.distribution(name, *self.parameters, **self.keywords, **settings)

    def dist(self, **settings: Any) -> Tensor:
        """Return a random variable with this distribution that belongs to no model."""
        distribution: Any = self.distribution
        return distribution.dist(*self.parameters, **self.keywords, **settings)

    def of_absolute(self, name: str) -> Tensor:
        """Create the parameter ``name`` with this prior on its absolute value; its sign is free.

        Parameters
        ----------
        name
            Name of the parameter, a scalar.

        Returns
        -------
        TensorVariable
            The parameter, which may be negative; its log density is that of the prior at its
            absolute value, up to a constant.
        """

        def draw(size: Any) -> Tensor:
            return self.dist(size=size)

        return pm.CustomDist(name, dist=draw, logp=lambda value: pm.logp(self.dist(), abs(value)))

    @property
    def is_flat(self) -> bool:
        """Whether the distribution is improper: ``pm.Flat`` or ``pm.HalfFlat``."""
        return self.distribution in (pm.Flat, pm.HalfFlat)

    def logp(self, values: Any) -> np.ndarray:
        """Return the log density at some values."""
        ensure_compile_folder()
        return function([], pm.logp(self.dist(), np.asarray(values, float)), mode=PYTHON)()

    def draws(self, number: int = 4000) -> np.ndarray:
        """Return independent draws, always the same ones; NaN where it cannot be drawn from."""
        if self.is_flat:
            return np.full(number, np.nan)
        ensure_compile_folder()
        shape = np.broadcast_shapes(
            *(np.shape(p) for p in (*self.parameters, *self.keywords.values()))
        )
        drawn = pm.draw(self.dist(size=(number, *shape)), mode=PYTHON, random_seed=1)
        return np.asarray(drawn)

    def __repr__(self) -> str:
        """Return the prior as it is written in an equation: ``Normal(0, 1.5)``."""
        return f"{self.distribution.__name__}({', '.join(self._arguments())})"

    def code(self) -> str:
        """Return the code that makes this prior: ``ml.Prior(pm.Normal, 0, 1.5)``."""
        return f"ml.Prior({', '.join([f'pm.{self.distribution.__name__}', *self._arguments()])})"

    def _arguments(self) -> list[str]:
        named = [f"{key}={_number(number)}" for key, number in self.keywords.items()]
        return [*map(_number, self.parameters), *named]


def _number(value: Any) -> str:
    if not isinstance(value, int | float | np.number | np.ndarray | list | tuple):
        return getattr(value, "__name__", str(value))  # such as the distribution in pm.Truncated
    values = np.asarray(value).tolist()
    return f"[{', '.join(f'{v:g}' for v in values)}]" if isinstance(values, list) else f"{values:g}"


def choose_priors(default: Mapping[str, Prior], given: Mapping[str, Prior]) -> dict[str, Prior]:
    """Replace default priors by given ones.

    Parameters
    ----------
    default
        The default priors of the model, by parameter.
    given
        Those that take their place.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        The model has no such parameter, or a standard deviation or a correlation cannot have such
        a prior.
    TypeError
        A prior is not a :class:`Prior`.
    """
    for name, prior in given.items():
        if name not in default:
            raise ValueError(
                f"This model has no prior named '{name}'. Its priors are: {', '.join(default)}."
            )
        if not isinstance(prior, Prior):
            raise TypeError(
                f"The prior of '{name}' must be a Prior, for example "
                f"{name}=Prior(pm.Exponential, 1); it is {prior!r}."
            )
        if name.startswith("sigma"):
            _check_scale(name, prior)
        if name.startswith("rho"):
            _check_correlation(name, prior)
    return {**default, **given}


def _check_scale(name: str, prior: Prior) -> None:
    """Raise ValueError unless a prior is one of positive numbers."""
    if prior.is_flat:
        raise ValueError(
            f"The prior of '{name}' is flat, so that the posterior may not exist: the data never "
            f"rule out any large standard deviation. Choose a proper one, such as "
            f"{name}={Prior(pm.HalfNormal, 1).code()}."
        )
    if np.isfinite(prior.logp(-1.0)).any():
        raise ValueError(
            f"The prior of '{name}', {prior}, allows negative numbers, but a standard "
            f"deviation is positive. Choose a prior of positive numbers, such as "
            f"{name}={Prior(pm.HalfNormal, 1).code()}."
        )


def _check_correlation(name: str, prior: Prior) -> None:
    """Raise ValueError unless a prior is one of numbers from 0 to 1."""
    if prior.is_flat or np.isfinite(prior.logp([-0.5, 1.5])).any():
        raise ValueError(
            f"The prior of '{name}' is that of ({name} + 1) / 2, which is between 0 and 1; "
            f"{prior} allows other numbers. Choose, for example, "
            f"{name}={Prior(pm.Beta, 2, 2).code()}."
        )


def is_symmetric_beta(prior: Prior) -> bool:
    """Return whether a prior is a Beta distribution with two equal parameters."""
    numbers = [*prior.parameters, *(prior.keywords.get(name) for name in ("alpha", "beta"))]
    values = [number for number in numbers if number is not None]
    return prior.distribution is pm.Beta and len(values) == 2 and values[0] == values[1]


def can_have_sign(prior: Prior) -> bool:
    """Return whether a scale with this prior can be sampled with a sign, through zero.

    That helps where the scale may be near zero, and needs a density that is finite and positive at
    zero, and positive for all larger numbers: otherwise the sampler would meet an edge.
    """
    with np.errstate(all="ignore"):
        return bool(np.isfinite(prior.logp([0.0, 1e6])).all())


def can_be_any_positive(prior: Prior) -> bool:
    """Return whether a prior has a density for all positive numbers."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(prior.logp([1e-3, 1.0, 1e6])).all())
