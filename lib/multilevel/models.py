"""Build the book's multilevel models, one function each, as :class:`pymc.Model` with named dims.

Every builder takes a tidy data frame and column names. It derives the index and the labels of each
group from the same factorisation, and accepts another prior for any parameter by keyword, for
example ``partial_pooling(data, "con", "id", sigma_alpha=Prior(pm.Exponential, 10))``.

Three details make sampling faster and leave the posterior unchanged; the page "Exercise: moral
judgement, by person" explains the first two:

- Models of categorical outcomes evaluate the log likelihood of equal rows once and multiply it by
  their count. The ordered logit computes its linear predictor as a product of odds, which needs
  one exponential per design and cluster rather than one per distinct row.
- Most group-level standard deviations that may be near zero are sampled with a sign, together with
  non-centred group-level effects (see ``_non_centred``).
- Variables whose name begins with an underscore are auxiliary; :func:`multilevel.fit` drops them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.transforms import ordered
from pytensor.tensor.sort import sort
from pytensor.tensor.variable import TensorVariable

type Tensor = TensorVariable[Any, Any]


class Prior:
    """A prior distribution that is not yet attached to a parameter.

    Parameters
    ----------
    distribution
        A PyMC distribution, for example ``pm.Normal``.
    parameters, keywords
        Its parameters, by position or name: ``Prior(pm.Normal, 0, 1.5)``, ``Prior(pm.Gamma,
        alpha=2, beta=10)``.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pymc as pm
    >>> ml.Prior(pm.Normal, 0, 1.5)
    Normal(0, 1.5)
    """

    def __init__(
        self, distribution: Callable[..., Any], *parameters: float, **keywords: float
    ) -> None:
        self.distribution = distribution
        self.parameters = parameters
        self.keywords = keywords

    def __call__(self, name: str, **settings: Any) -> Tensor:
        """Create the parameter ``name`` with this prior, in the model of the current context."""
        return self.distribution(name, *self.parameters, **self.keywords, **settings)

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
        prior: Any = self.distribution

        def draw(size: Any) -> Tensor:
            return prior.dist(*self.parameters, **self.keywords, size=size)

        return pm.CustomDist(name, dist=draw, logp=lambda value: pm.logp(draw(None), abs(value)))

    def __repr__(self) -> str:
        """Return the prior as it is written in an equation: ``Normal(0, 1.5)``."""
        numbers = [f"{number:g}" for number in self.parameters]
        numbers += [f"{key}={number:g}" for key, number in self.keywords.items()]
        return f"{self.distribution.__name__}({', '.join(numbers)})"


class Factor(NamedTuple):
    """A column as integer codes from 0, and the label that each code stands for."""

    codes: np.ndarray
    labels: list[Any]


def no_pooling(
    data: pd.DataFrame, outcome: str, group: str, count: str | None = None, **priors: Prior
) -> pm.Model:
    r"""Build a normal model that estimates each cluster from its own observations (no pooling).

    .. math::
        y_i \sim \text{Normal}(\alpha_{j[i]}, \sigma), \quad
        \alpha_j \sim \text{Normal}(0, 1.5), \quad \sigma \sim \text{Exponential}(1)

    Parameters
    ----------
    data
        One row per observation, or per distinct row with its ``count``.
    outcome
        Name of a numeric column.
    group
        Name of the column that identifies the cluster of each row.
    count
        Name of the column with the number of times each row occurs, if equal rows were counted
        before (see :func:`multilevel.count_rows`).
    priors
        Other priors for ``alpha`` or ``sigma``.

    Returns
    -------
    pymc.Model
        Variables ``alpha`` (dims: the name of the group) and ``sigma``, in units of the outcome.

    Raises
    ------
    ValueError
        A column is missing, not numeric, has missing values or the name of a dim; the group has a
        single level; a count is not a positive integer; or a prior is given for a parameter that
        the model does not have.
    TypeError
        A prior is not a :class:`Prior`.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> data = pd.DataFrame({"person": ["ann", "ann", "bob", "bob"], "y": [0.3, 0.5, -0.1, 0.2]})
    >>> model = ml.no_pooling(data, outcome="y", group="person")
    >>> [variable.name for variable in model.free_RVs]
    ['alpha', 'sigma']
    >>> model.named_vars_to_dims["alpha"], model.coords["person"]
    (('person',), ('ann', 'bob'))
    """
    prior = _choose_priors(
        {"alpha": Prior(pm.Normal, 0, 1.5), "sigma": Prior(pm.Exponential, 1)}, priors
    )
    clusters = _factorise(data, group)
    with pm.Model(coords={group: clusters.labels, "row": data.index}) as model:
        alpha = prior["alpha"]("alpha", dims=group)
        sigma = prior["sigma"]("sigma")
        mu = alpha[pm.Data("cluster_of_row", clusters.codes, dims="row")]
        _observe_normal(outcome, mu, sigma, data, count)
    return model


def partial_pooling(
    data: pd.DataFrame, outcome: str, group: str, count: str | None = None, **priors: Prior
) -> pm.Model:
    r"""Build a normal model with varying intercepts from a common distribution (partial pooling).

    The clusters' means shrink towards the population mean, the more the fewer observations a
    cluster has.

    .. math::
        y_i \sim \text{Normal}(\alpha_{j[i]}, \sigma), \quad
        \alpha_j \sim \text{Normal}(\bar\alpha, \sigma_\alpha), \quad
        \bar\alpha \sim \text{Normal}(0, 1.5), \quad
        \sigma_\alpha, \sigma \sim \text{Exponential}(1)

    Parameters
    ----------
    data
        One row per observation, or per distinct row with its ``count``.
    outcome
        Name of a numeric column.
    group
        Name of the column that identifies the cluster of each row.
    count
        Name of the column with the number of times each row occurs, if equal rows were counted
        before (see :func:`multilevel.count_rows`).
    priors
        Other priors for ``alpha_bar``, ``sigma_alpha`` or ``sigma``.

    Returns
    -------
    pymc.Model
        Variables ``alpha_bar``, ``sigma_alpha``, ``alpha`` (the mean of each cluster, not its
        deviation from the population mean; dims: the name of the group) and ``sigma``, all in units
        of the outcome.

    Raises
    ------
    ValueError, TypeError
        As for :func:`no_pooling`.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> import pymc as pm
    >>> data = pd.DataFrame({"person": ["ann", "ann", "bob", "bob"], "y": [0.3, 0.5, -0.1, 0.2]})
    >>> tighter = ml.Prior(pm.Exponential, 10)
    >>> model = ml.partial_pooling(data, outcome="y", group="person", sigma_alpha=tighter)
    >>> [variable.name for variable in model.free_RVs]
    ['alpha_bar', 'sigma_alpha', 'alpha', 'sigma']
    """
    prior = _choose_priors(
        {
            "alpha_bar": Prior(pm.Normal, 0, 1.5),
            "sigma_alpha": Prior(pm.Exponential, 1),
            "sigma": Prior(pm.Exponential, 1),
        },
        priors,
    )
    clusters = _factorise(data, group)
    with pm.Model(coords={group: clusters.labels, "row": data.index}) as model:
        alpha_bar = prior["alpha_bar"]("alpha_bar")
        sigma_alpha = prior["sigma_alpha"]("sigma_alpha")
        alpha = pm.Normal("alpha", alpha_bar, sigma_alpha, dims=group)
        sigma = prior["sigma"]("sigma")
        mu = alpha[pm.Data("cluster_of_row", clusters.codes, dims="row")]
        _observe_normal(outcome, mu, sigma, data, count)
    return model


def varying_slopes(
    data: pd.DataFrame,
    outcome: str,
    predictors: Sequence[str],
    group: str,
    slope: str,
    count: str | None = None,
    **priors: Prior,
) -> pm.Model:
    r"""Build a normal model with correlated varying intercepts and varying slopes.

    .. math::
        y_i \sim \text{Normal}(\mu_i, \sigma), \quad
        \mu_i = \bar\alpha + x_i \beta + \alpha_{g,j[i]} + \lambda_{g,j[i]} \, z_i, \quad
        (\alpha_{g,j}, \lambda_{g,j}) \sim \text{Normal}(0, \Sigma)

    where :math:`z` is one of the predictors :math:`x`. The covariance :math:`\Sigma` has the
    standard deviations :math:`\sigma_g, \sigma_\lambda \sim \text{Exponential}(1)` and the
    correlation :math:`\rho \sim \text{LKJ}(2)`, which for two dimensions is a Beta(2, 2) stretched
    to the range from -1 to 1 (Lewandowski, Kurowicka & Joe 2009). Further,
    :math:`\bar\alpha \sim \text{Normal}(0, 1.5)`, :math:`\beta \sim \text{Normal}(0, 0.5)` and
    :math:`\sigma \sim \text{Exponential}(1)`.

    Parameters
    ----------
    data
        One row per observation, or per distinct row with its ``count``.
    outcome
        Name of a numeric column.
    predictors
        Names of numeric columns; each may vary within clusters or only between them.
    group
        Name of the column that identifies the cluster of each row.
    slope
        The predictor whose slope varies between clusters; it must vary within at least one of them.
    count
        Name of the column with the number of times each row occurs, if equal rows were counted
        before (see :func:`multilevel.count_rows`).
    priors
        Other priors for ``alpha_bar``, ``beta``, ``sigma``, ``rho_g`` or, for a group ``g`` and a
        predictor ``x``, ``sigma_g`` and ``sigma_x_g``. The prior of ``rho_g`` is that of
        (rho + 1) / 2, which lies between 0 and 1.

    Returns
    -------
    pymc.Model
        Variables ``alpha_bar``, ``beta`` (dims: predictor), ``sigma`` and, for the group ``g`` and
        the predictor ``x`` whose slope varies, ``sigma_g`` and ``alpha_g`` (group-level effects on
        the intercept, non-centred; dims: ``g``), ``sigma_x_g`` and ``x_g`` (group-level effects on
        the slope, non-centred; dims: ``g``) and ``rho_g``, in units of the outcome (slopes: of the
        outcome per unit of the predictor).

    Raises
    ------
    ValueError, TypeError
        As for :func:`no_pooling`; or the slope is not among the predictors, or constant in every
        cluster.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> people = ["ann", "ann", "bob", "bob"]
    >>> data = pd.DataFrame({"person": people, "day": [0, 1, 0, 1], "y": [0.3, 0.5, -0.1, 0.2]})
    >>> model = ml.varying_slopes(data, "y", predictors=["day"], group="person", slope="day")
    >>> [variable.name for variable in model.deterministics if variable.name[0] != "_"]
    ['alpha_person', 'sigma_day_person', 'rho_person', 'day_person']
    """
    sigma_slope = f"sigma_{slope}_{group}"
    prior = _choose_priors(
        {
            "alpha_bar": Prior(pm.Normal, 0, 1.5),
            "beta": Prior(pm.Normal, 0, 0.5),
            f"sigma_{group}": Prior(pm.Exponential, 1),
            sigma_slope: Prior(pm.Exponential, 1),
            f"rho_{group}": Prior(pm.Beta, 2, 2),
            "sigma": Prior(pm.Exponential, 1),
        },
        priors,
    )
    clusters = _factorise(data, group)
    x = np.column_stack([_numeric(data, predictor) for predictor in predictors])
    if slope not in predictors:
        raise ValueError(f"The slope must be one of the predictors {list(predictors)}: '{slope}'.")
    if data.groupby(group)[slope].nunique().max() == 1:
        raise ValueError(f"Column '{slope}' is constant in every {group}: its slope cannot vary.")
    coords = {group: clusters.labels, "predictor": list(predictors), "row": data.index}
    with pm.Model(coords=coords) as model:
        alpha_bar = prior["alpha_bar"]("alpha_bar")
        beta = prior["beta"]("beta", dims="predictor")
        # Few observations per cluster: its line is weakly identified, so both group-level effects
        # are non-centred.
        sigma_level = prior[f"sigma_{group}"](f"sigma_{group}")
        z_level = pm.Normal(f"_{group}_z", 0, 1, dims=group)
        alpha = pm.Deterministic(f"alpha_{group}", sigma_level * z_level, dims=group)

        signed = prior[sigma_slope].of_absolute(f"_{sigma_slope}")  # as in _non_centred
        spread = pm.Deterministic(sigma_slope, abs(signed))
        half = prior[f"rho_{group}"](f"_rho_{group}_half")
        rho = pm.Deterministic(f"rho_{group}", 2 * half - 1)
        z_slope = pm.Normal(f"_{slope}_z", 0, 1, dims=group)
        steeper = spread * rho * z_level + signed * pt.sqrt(1 - rho**2) * z_slope
        pm.Deterministic(f"{slope}_{group}", steeper, dims=group)

        mu = alpha_bar + (x * beta).sum(axis=1) + alpha[clusters.codes]
        mu += steeper[clusters.codes] * data[slope].to_numpy(float)
        _observe_normal(outcome, mu, prior["sigma"]("sigma"), data, count)
    return model


def crossed_intercepts(
    data: pd.DataFrame,
    outcome: str,
    groups: Sequence[str],
    treatment: str,
    count: str | None = None,
    **priors: Prior,
) -> pm.Model:
    r"""Build a logistic model of a binary outcome with crossed varying intercepts and a treatment.

    .. math::
        y_i \sim \text{Bernoulli}(p_i), \quad
        \text{logit}(p_i) = \bar\alpha + \sum_g \alpha_{g, j_g[i]} + \beta_{t[i]}, \quad
        \alpha_{g,j} \sim \text{Normal}(0, \sigma_g)

    with :math:`\bar\alpha \sim \text{Normal}(0, 1.5)`, :math:`\beta_t \sim \text{Normal}(0, 0.5)`
    and :math:`\sigma_g \sim \text{Exponential}(1)`.

    Parameters
    ----------
    data
        One row per observation, or per distinct row with its ``count``.
    outcome
        Name of a column of zeros and ones.
    groups
        Names of the columns that identify clusters. Put first the group whose clusters have the
        most observations relative to the spread between them: its group-level effects are sampled
        in the centred parameterisation, those of the other groups in the non-centred one.
    treatment
        Name of a column; each of its levels has an effect.
    count
        Name of the column with the number of times each row occurs, if equal rows were counted
        before (see :func:`multilevel.count_rows`).
    priors
        Other priors for ``alpha_bar``, ``beta`` or, for a group ``g``, ``sigma_g``.

    Returns
    -------
    pymc.Model
        Variables ``alpha_bar``, ``beta`` (dims: the name of the treatment) and, for each group
        ``g``, ``sigma_g`` and ``alpha_g`` (group-level effects: deviations from ``alpha_bar``;
        dims: ``g``), all in log-odds.

    Raises
    ------
    ValueError, TypeError
        As for :func:`no_pooling`; or the outcome has values other than 0 and 1.

    Examples
    --------
    >>> import multilevel as ml
    >>> data = ml.load_chimpanzees()
    >>> model = ml.crossed_intercepts(data, "pulled_left", ["actor", "block"], "treatment")
    >>> {name: model.named_vars_to_dims[name] for name in ["beta", "alpha_actor", "alpha_block"]}
    {'beta': ('treatment',), 'alpha_actor': ('actor',), 'alpha_block': ('block',)}
    """
    if isinstance(groups, str) or not groups:
        raise ValueError(f"groups must be a list of columns, such as ['actor']; it is {groups!r}.")
    prior = _choose_priors(
        {"alpha_bar": Prior(pm.Normal, 0, 1.5), "beta": Prior(pm.Normal, 0, 0.5)}
        | {f"sigma_{group}": Prior(pm.Exponential, 1) for group in groups},
        priors,
    )
    _binary(data, outcome)
    cells = _count(data, [*groups, treatment, outcome], count)
    clusters = {group: _factorise(cells.rows, group) for group in groups}
    arms = _factorise(cells.rows, treatment)
    coords = {group: factor.labels for group, factor in clusters.items()}
    with pm.Model(coords=coords | {treatment: arms.labels} | cells.coords) as model:
        alpha_bar = prior["alpha_bar"]("alpha_bar")
        beta = prior["beta"]("beta", dims=treatment)
        first, *others = groups
        alpha = {group: _non_centred(group, prior[f"sigma_{group}"]) for group in others}
        level = alpha_bar + beta.mean() + sum(effect.mean() for effect in alpha.values())
        sigma = prior[f"sigma_{first}"](f"sigma_{first}")
        alpha[first] = _centred(first, level, sigma)

        logit_p = alpha_bar + beta[arms.codes]
        for group, factor in clusters.items():
            logit_p += alpha[group][factor.codes]
        y = cells.rows[outcome].to_numpy()
        _observe(outcome, bernoulli_logp, [logit_p], "(),()->()", y, cells)
    return model


def ordered_logit(
    data: pd.DataFrame,
    response: str,
    predictors: Sequence[str],
    group: str | None = None,
    count: str | None = None,
    **priors: Prior,
) -> pm.Model:
    r"""Build a cumulative logit model of an ordered response, with or without varying intercepts.

    .. math::
        \text{logit} \Pr(y_i \le k) = \kappa_k - \eta_i, \quad
        \eta_i = x_i \beta + \alpha_{j[i]}, \quad
        \alpha_j \sim \text{Normal}(0, \sigma_g)

    As in brms, the priors :math:`\kappa_k \sim \text{Normal}(0, 1.5)`, in increasing order, apply
    to the thresholds at the means of the predictors; the reported thresholds are those at zero.
    Without a group the priors of the slopes are flat, as in the lecture; with one they are
    :math:`\text{Normal}(0, 0.5)`, and :math:`\sigma_g \sim \text{Exponential}(1)`.

    Parameters
    ----------
    data
        One row per response, or per distinct row with its ``count``.
    response
        Name of an ordered categorical column.
    predictors
        Names of numeric columns.
    group
        Name of the column that identifies the cluster of each row; None ignores clusters (complete
        pooling).
    count
        Name of the column with the number of times each row occurs, if equal rows were counted
        before (see :func:`multilevel.count_rows`).
    priors
        Other priors for ``threshold``, ``beta`` or, for a group ``g``, ``sigma_g``.

    Returns
    -------
    pymc.Model
        Variables ``threshold`` (dims: cut, with labels from 1 to the number of categories less
        one), ``beta`` (dims: predictor) and, for a group ``g``, ``sigma_g`` and ``alpha_g``
        (group-level effects; dims: ``g``), all in log-odds. The coordinate ``category`` holds the
        labels of the response.

    Raises
    ------
    ValueError, TypeError
        As for :func:`no_pooling`; or the response is not an ordered categorical with at least two
        categories.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> answers = pd.Categorical([3, 1, 2, 3], ordered=True)
    >>> data = pd.DataFrame({"answer": answers, "dose": [2, 0, 0, 1]})
    >>> model = ml.ordered_logit(data, "answer", predictors=["dose"])
    >>> model.named_vars_to_dims["threshold"], model.coords["category"]
    (('cut',), (1, 2, 3))
    """
    slopes = Prior(pm.Normal, 0, 0.5) if group else Prior(pm.Flat)
    groups = [group] if group else []
    prior = _choose_priors(
        {"threshold": Prior(pm.Normal, 0, 1.5), "beta": slopes}
        | {f"sigma_{name}": Prior(pm.Exponential, 1) for name in groups},
        priors,
    )
    categories = _ordered_categories(data, response)
    cells = _count(data, [*groups, *predictors, response], count)
    means = np.array([_mean(data, predictor, count) for predictor in predictors])
    clusters = {name: _factorise(cells.rows, name) for name in groups}
    cuts = np.arange(1, len(categories))
    coords = {
        "cut": cuts,
        "predictor": list(predictors),
        "category": categories,
        **{name: factor.labels for name, factor in clusters.items()},
        **cells.coords,
    }
    x = cells.rows[list(predictors)].to_numpy(float)
    design, design_of_cell = np.unique(x, axis=0, return_inverse=True)
    with pm.Model(coords=coords) as model:
        beta = prior["beta"]("beta", dims="predictor")
        start = np.linspace(-1.5, 1.5, len(cuts))  # any increasing values will do
        centred = prior["threshold"](
            "_threshold", transform=ordered, initval=start, shape=len(cuts)
        )
        at_zero = (means * beta).sum()
        threshold = centred + at_zero
        # During sampling the transform orders them; sorting puts prior draws in order as well.
        pm.Deterministic("threshold", sort(centred) + at_zero, dims="cut")
        # A product of odds, not a sum of log-odds: one exp() per design and cluster, not per cell.
        odds = pt.exp((design * beta).sum(axis=1))[design_of_cell]
        if group:
            sigma = prior[f"sigma_{group}"](f"sigma_{group}")
            alpha = _centred(group, -centred.mean(), sigma)
            odds *= pt.exp(alpha)[clusters[group].codes]
        codes = cells.rows[response].cat.codes.to_numpy()
        parameters = [odds, threshold]
        _observe(response, ordered_logistic_logp, parameters, "(),(cut),()->()", codes, cells)
    return model


def count_parameters(model: pm.Model) -> int:
    """Count the free parameters of a model.

    Parameters
    ----------
    model
        A model from one of the builders, or any other.

    Returns
    -------
    int
        Number of unconstrained scalars that the sampler moves: the size of the initial point.
        Deterministic variables do not count.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> data = pd.DataFrame({"person": ["ann", "ann", "bob", "bob"], "y": [0.3, 0.5, -0.1, 0.2]})
    >>> ml.count_parameters(ml.no_pooling(data, "y", "person"))
    3
    """
    point = model.initial_point()
    return sum(np.size(value) for value in point.values())


# Log probabilities -------------------------------------------------------------------------------


def bernoulli_logp(y: Tensor, logit_p: Tensor) -> Tensor:
    """Return the log probability of zeros and ones, given the log-odds of a one.

    Parameters
    ----------
    y
        Zeros and ones, of any shape.
    logit_p
        Log-odds, of the same shape.

    Returns
    -------
    TensorVariable
        Log probabilities, of the same shape: the log of the logistic function at plus or minus the
        log-odds.
    """
    return -pt.log1p(pt.exp((1 - 2 * y) * logit_p))


def ordered_logistic_logp(code: Tensor, odds: Tensor, threshold: Tensor) -> Tensor:
    r"""Return the log probability of a category in the cumulative logit model.

    With the logistic function :math:`S` and the linear predictor :math:`\eta`,

    .. math::
        S(\kappa_k - \eta) - S(\kappa_{k-1} - \eta)
        = (1 - e^{\kappa_{k-1} - \kappa_k}) \, S(\kappa_k - \eta) \, S(\eta - \kappa_{k-1}),

    which avoids cancellation, the subtraction of two nearly equal numbers: the response is neither
    above its upper nor below its lower threshold, and the first factor depends on the thresholds
    alone. Written in odds :math:`e^\eta`, the two logistic functions share one logarithm. The
    lowest category has :math:`e^{\kappa_0} = 0`, the highest :math:`e^{-\kappa_K} = 0`.

    Parameters
    ----------
    code
        Categories as integers from 0 to K - 1, of any shape.
    odds
        Exponentials of the linear predictors, of the same shape.
    threshold
        The K - 1 thresholds, increasing, in log-odds.

    Returns
    -------
    TensorVariable
        Log probabilities, of the shape of ``code``.
    """
    threshold = threshold.ravel()  # a CustomDist adds a leading dimension of length 1
    nothing = pt.constant(np.zeros(threshold.type.shape[0] + 1))
    below = nothing[1:].set(pt.exp(threshold))
    above = nothing[:-1].set(pt.exp(-threshold))
    k = pt.cast(code, "int64")
    return pt.log1p(-below * above)[k] - pt.log((1 + odds * above[k]) * (1 + below[k] / odds))


# Group-level effects -----------------------------------------------------------------------------


def _centred(group: str, level: Tensor, sigma: Tensor) -> Tensor:
    """Create group-level effects ~ Normal(0, sigma) in the centred parameterisation.

    The clusters' means around a level are sampled, and the effects derived from them. Suits
    informative data, where a cluster's own observations determine its mean whatever the level.
    """
    mean = pm.Normal(f"_{group}_mean", level, sigma, dims=group)
    return pm.Deterministic(f"alpha_{group}", mean - level, dims=group)


def _non_centred(group: str, prior: Prior) -> Tensor:
    """Create group-level effects ~ Normal(0, sigma) in the non-centred parameterisation.

    The effects are scaled standard normals. Their scale may have either sign, and sigma is its
    absolute value. Suits weakly informative data, where sigma may be near zero, and the effects
    with it: normal effects have the same distribution whatever the sign of their scale, and with a
    sign the sampler passes through zero, where log sigma would go to minus infinity.
    """
    signed = prior.of_absolute(f"_sigma_{group}")
    pm.Deterministic(f"sigma_{group}", abs(signed))
    z = pm.Normal(f"_{group}_z", 0, 1, dims=group)
    return pm.Deterministic(f"alpha_{group}", signed * z, dims=group)


# Likelihoods: equal rows are evaluated once ------------------------------------------------------


class Cells(NamedTuple):
    """The distinct rows of a table, their counts, and the distinct row (cell) of each row."""

    rows: pd.DataFrame
    size: np.ndarray
    cell_of_row: np.ndarray
    coords: dict[str, Any]
    count_of_row: np.ndarray | None


def _count(data: pd.DataFrame, columns: list[str], count: str | None) -> Cells:
    """Find and count the distinct rows of some columns; given counts are summed."""
    for column in columns:
        complete_column(data, column)
    groups = data.groupby(columns, observed=True)
    rows, cell_of_row = groups.size().index.to_frame(index=False), groups.ngroup().to_numpy()
    count_of_row = None if count is None else _counts(data, count)
    size = np.bincount(cell_of_row, count_of_row).astype(float)
    coords = {"cell": np.arange(len(size)), "row": data.index}
    return Cells(rows, size, cell_of_row, coords, count_of_row)


def _counts(data: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column of counts; raise ValueError unless all are positive integers."""
    values = _numeric(data, column)
    bad = values[(values < 1) | (values % 1 != 0)]
    if len(bad):
        raise ValueError(f"Column '{column}' must hold whole numbers above zero; it has {bad[0]}.")
    return values


def _mean(data: pd.DataFrame, column: str, count: str | None) -> float:
    """Return the mean of a column, weighted by the counts if rows were counted before."""
    weights = None if count is None else data[count]
    return float(np.average(_numeric(data, column), weights=weights))


def _observe(
    name: str,
    logp: Callable[..., Tensor],
    parameters: Sequence[Tensor],
    signature: str,
    observed: np.ndarray,
    cells: Cells,
) -> None:
    """Add the likelihood of each cell times its count, and store which row is in which cell.

    Counts are stored as floats: ``pm.Data`` would cast integers to int32, which overflows at 2.1e9.
    """
    _check_name(name)
    count = pm.Data("count_of_cell", cells.size, dims="cell")
    pm.Data("cell_of_row", cells.cell_of_row, dims="row")
    if cells.count_of_row is not None:
        pm.Data("count_of_row", cells.count_of_row, dims="row")
    pm.CustomDist(
        name,
        *parameters,
        count,
        logp=lambda y, *given: given[-1] * logp(y, *given[:-1]),
        signature=signature,
        observed=observed,
        dims="cell",
    )
    _keep_log_likelihood(logp(observed, *parameters), "cell")


def _observe_normal(
    name: str, mu: Tensor, sigma: Tensor, data: pd.DataFrame, count: str | None
) -> None:
    """Add the normal likelihood of each row, times its count if rows were counted before."""
    _check_name(name)
    y = pm.Data("outcome_of_row", _numeric(data, name), dims="row")
    pm.Normal(name, mu, sigma, observed=y, dims="row")
    logp = pm.logp(pm.Normal.dist(mu, sigma), y)
    if count is not None:
        again = pm.Data("count_of_row", _counts(data, count), dims="row") - 1
        pm.Potential("_counted", (again * logp).sum())
    _keep_log_likelihood(logp, "row")


def _keep_log_likelihood(logp: Tensor, dim: str) -> None:
    """Store the pointwise log likelihood of rows or cells, which LOO needs, as a deterministic."""
    pm.Deterministic("_log_likelihood", logp, dims=dim)


# Validation of columns ---------------------------------------------------------------------------


RESERVED = {"row", "cell", "cut", "predictor", "category", "chain", "draw", "new_cluster"}
"""Names of dims in models and draws; no outcome, group or treatment may have one of them."""


def _check_name(column: str) -> None:
    """Raise ValueError if a column has the name of a dim that the models use themselves."""
    if column in RESERVED:
        raise ValueError(
            f"An outcome, group or treatment cannot be called '{column}', which is the name of "
            f"another dim. Rename it: data.rename(columns={{'{column}': 'my_{column}'}})."
        )


def _factorise(data: pd.DataFrame, column: str) -> Factor:
    """Turn a column into codes and sorted labels; raise ValueError if it has a single level."""
    _check_name(column)
    complete_column(data, column)
    codes, labels = pd.factorize(data[column], sort=True)
    if len(labels) < 2:
        raise ValueError(
            f"Column '{column}' has a single level, {labels[0]!r}: there is nothing to compare or "
            f"to pool. Give a column with at least two levels."
        )
    return Factor(codes, labels.tolist())


def complete_column(data: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of a frame, after checking that it exists and is complete.

    Parameters
    ----------
    data
        Any frame.
    column
        Name of a column.

    Returns
    -------
    Series

    Raises
    ------
    ValueError
        There is no such column, it has missing values, or the frame has no rows.
    """
    if column not in data.columns:
        raise ValueError(
            f"There is no column '{column}' in the data. The columns are: "
            f"{', '.join(map(str, data))}."
        )
    if data.empty:
        raise ValueError(f"The data have no rows, so there is nothing in column '{column}'.")
    missing = int(data[column].isna().sum())
    if missing:
        raise ValueError(
            f"Column '{column}' has {missing} missing value{'s' * (missing > 1)}. Decide what "
            f"to do about them first; data.dropna(subset=['{column}']) leaves those rows out."
        )
    return data[column]


def _numeric(data: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column as floats; raise ValueError unless it is numeric, complete and finite."""
    values = complete_column(data, column)
    if not pd.api.types.is_numeric_dtype(values):
        raise ValueError(f"Column '{column}' must be numeric; it is of type {values.dtype}.")
    numbers = values.to_numpy(float)
    if not np.isfinite(numbers).all():
        raise ValueError(f"Column '{column}' has infinite values; correct or drop those rows.")
    return numbers


def _binary(data: pd.DataFrame, column: str) -> None:
    """Raise ValueError unless a column holds only zeros and ones."""
    values = set(_numeric(data, column))
    if not values <= {0, 1}:
        others = ", ".join(f"{value:g}" for value in sorted(values - {0, 1})[:5])
        raise ValueError(f"Column '{column}' must hold zeros and ones only; it also has {others}.")


def _ordered_categories(data: pd.DataFrame, column: str) -> list[Any]:
    """Return the categories of an ordered categorical column; raise ValueError if it is not one."""
    dtype = complete_column(data, column).dtype
    if not (isinstance(dtype, pd.CategoricalDtype) and dtype.ordered and len(dtype.categories) > 1):
        raise ValueError(
            f"Column '{column}' must be an ordered categorical with at least two categories; it is "
            f"of type {dtype}. Make it one with pd.Categorical(data['{column}'], ordered=True)."
        )
    return list(dtype.categories)


def _choose_priors(default: Mapping[str, Prior], given: Mapping[str, Prior]) -> dict[str, Prior]:
    """Replace default priors by given ones; raise an error for unknown names and other types."""
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
    return {**default, **given}
