"""Build the book's multilevel models, one function each, as :class:`pymc.Model` with named dims.

Every builder takes a tidy data frame and column names. It derives the index and the labels of each
group from the same factorisation, and accepts another prior for any parameter by keyword, for
example ``partial_pooling(data, "con", "id", sigma_alpha=Prior(pm.Exponential, 10))``.

Three details make sampling faster and leave the posterior unchanged; the page "When the sampler
struggles" explains the first two:

- Models of categorical outcomes evaluate the log likelihood of equal rows once and multiply it by
  their count. The ordered logit computes its linear predictor as a product of odds, which needs
  one exponential per design and cluster rather than one per distinct row.
- Group-level effects are sampled in the form that suits the data (see :mod:`multilevel.effects`).
- Variables whose name begins with an underscore are auxiliary; :func:`multilevel.fit` drops them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.transforms import ordered
from pytensor.tensor.sort import sort

from multilevel import checks
from multilevel.columns import (
    Factor,
    binary,
    complete_column,
    counts,
    factorise,
    matrix,
    names_of,
    numeric,
    ordered_categories,
)
from multilevel.effects import (
    Information,
    Remaining,
    Scales,
    f_ratios,
    group_level_effects,
    group_level_scales,
    information_of_categories,
    information_of_normal,
    lies_within,
    suitable_form,
    units,
)
from multilevel.frames import as_frame
from multilevel.likelihoods import (
    Rows,
    bernoulli_logp,
    count_distinct,
    every_row,
    observe_cells,
    observe_normal,
    ordered_logistic_logp,
)
from multilevel.priors import PRIORS, Prior, Tensor, choose_priors
from multilevel.structure import Structure, declare

type Form = Literal["auto", "adapted", "centred", "non-centred"]
type Forms = Form | Mapping[str, Form]
type Slopes = Mapping[str, Sequence[str]]

NORMAL, NARROW = Prior(pm.Normal, 0, 1.5), Prior(pm.Normal, 0, 0.5)
FORMS = ("auto", "adapted", "centred", "non-centred")
EXPONENTIAL, LKJ = Prior(pm.Exponential, 1), Prior(pm.Beta, 2, 2)


# The models of the course -------------------------------------------------------------------------


def no_pooling(
    data: pd.DataFrame,
    outcome: str,
    group: str,
    predictors: Sequence[str] = (),
    count: str | None = None,
    check: bool = True,
    **priors: Prior,
) -> pm.Model:
    r"""Build a normal model that estimates each cluster from its observations alone (no pooling).

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
    predictors
        Names of numeric columns, whose slopes are the same in all clusters.
    count
        Name of the column with the number of times each row occurs, if equal rows were counted
        before (see :func:`multilevel.count_rows`).
    check
        Whether to refuse data without information (a constant column, for example) and data that
        contradict the priors. False accepts all data, for example made-up outcomes.
    priors
        Other priors for ``alpha``, ``sigma`` or, with predictors, ``beta``, which is
        ``Normal(0, 0.5)``.

    Returns
    -------
    pymc.Model
        Variables ``alpha`` (the mean of each cluster where all predictors are zero; dims: the name
        of the group), ``sigma`` and, with predictors, ``beta`` (dims: predictor), in units of the
        outcome.

    Raises
    ------
    ValueError
        A column is missing, not numeric, has missing values or a name that the model uses; the
        group has a single level; a count is not a positive integer; a prior is given for a
        parameter that the model does not have; or, with ``check``, the data carry no information or
        contradict a prior.
    TypeError
        A prior is not a :class:`Prior`.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> people = ["ann", "ann", "bob", "bob"]
    >>> data = pd.DataFrame({"person": people, "y": [0.3, 0.5, -0.1, 0.2]})
    >>> model = ml.no_pooling(data, outcome="y", group="person")
    >>> [variable.name for variable in model.free_RVs]
    ['alpha', 'sigma']
    >>> model.named_vars_to_dims["alpha"], model.coords["person"]
    (('person',), ('ann', 'bob'))
    """
    structure = Structure(
        "normal",
        outcome,
        names_of(predictors, "predictors"),
        groups=(group,),
        pooled=False,
        means=True,
    )
    parts = _Parts(data, structure, {"alpha": NORMAL, "sigma": EXPONENTIAL}, priors, count, check)
    with parts.model:
        alpha = parts.prior["alpha"]("alpha", dims=group)
        mu = alpha[parts.cluster_of_row(group)] + parts.population_level()
        parts.observe_normal(mu, parts.prior["sigma"]("sigma"))
    return parts.model


def partial_pooling(
    data: pd.DataFrame,
    outcome: str,
    group: str,
    predictors: Sequence[str] = (),
    form: Forms = "auto",
    count: str | None = None,
    check: bool = True,
    **priors: Prior,
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
    predictors
        Names of numeric columns, whose slopes are the same in all clusters.
    form
        Parameterisation of the group-level effects. ``"auto"`` is ``"centred"`` where the clusters
        differ clearly in the data (an F ratio above 20), ``"non-centred"`` where they do not (below
        1.1), and ``"adapted"`` in between, for nested groups and in most other cases; see
        :func:`multilevel.effects.suitable_form`. A dict such as ``{"id": "centred"}`` chooses by
        group. The posterior is the same.
    count
        Name of the column with the number of times each row occurs, if equal rows were counted
        before (see :func:`multilevel.count_rows`).
    check
        Whether to refuse data without information (a constant column, for example) and data that
        contradict the priors. False accepts all data, for example made-up outcomes.
    priors
        Other priors for ``alpha_bar``, ``sigma_alpha``, ``sigma`` or, with predictors, ``beta``,
        which is ``Normal(0, 0.5)``.

    Returns
    -------
    pymc.Model
        Variables ``alpha_bar``, ``sigma_alpha``, ``alpha`` (the mean of each cluster, not its
        deviation from the population mean; dims: the name of the group), ``sigma`` and, with
        predictors, ``beta`` (dims: predictor), all in units of the outcome.

    Raises
    ------
    ValueError, TypeError
        As for :func:`no_pooling`.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> import pymc as pm
    >>> people = ["ann", "ann", "bob", "bob"]
    >>> data = pd.DataFrame({"person": people, "y": [0.3, 0.5, -0.1, 0.2]})
    >>> tighter = ml.Prior(pm.Exponential, 10)
    >>> model = ml.partial_pooling(data, outcome="y", group="person", sigma_alpha=tighter)
    >>> [variable.name for variable in model.free_RVs if variable.name[0] != "_"]
    ['alpha_bar', 'sigma', 'sigma_alpha']
    """
    structure = Structure(
        "normal", outcome, names_of(predictors, "predictors"), groups=(group,), means=True
    )
    defaults = {"alpha_bar": NORMAL, "sigma": EXPONENTIAL}
    parts = _Parts(data, structure, defaults, priors, count, check, form)
    with parts.model as model:
        alpha_bar, sigma = parts.prior["alpha_bar"]("alpha_bar"), parts.prior["sigma"]("sigma")
        same_in_all = parts.population_level()
        parts.effects_of(group, alpha_bar, sigma**-2)
        mu = model["alpha"][parts.cluster_of_row(group)] + same_in_all
        parts.observe_normal(mu, sigma)
    return parts.model


def varying_slopes(
    data: pd.DataFrame,
    outcome: str,
    predictors: Sequence[str],
    group: str,
    slope: str,
    form: Forms = "auto",
    count: str | None = None,
    check: bool = True,
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
    form, count, check
        As for :func:`partial_pooling`.
    priors
        Other priors for ``alpha_bar``, ``beta``, ``sigma``, ``rho_g`` or, for a group ``g`` and a
        predictor ``x``, ``sigma_g`` and ``sigma_x_g``. The prior of ``rho_g`` is that of (rho + 1)
        / 2, which is between 0 and 1.

    Returns
    -------
    pymc.Model
        Variables ``alpha_bar``, ``beta`` (dims: predictor), ``sigma`` and, for the group ``g`` and
        the predictor ``x`` whose slope varies, ``sigma_g`` and ``alpha_g`` (group-level effects on
        the intercept; dims: ``g``), ``sigma_x_g`` and ``x_g`` (group-level effects on the slope;
        dims: ``g``) and ``rho_g``, in units of the outcome (slopes: of the
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
    >>> y = [0.3, 0.5, -0.1, 0.2]
    >>> data = pd.DataFrame({"person": people, "day": [0, 1, 0, 1], "y": y})
    >>> model = ml.varying_slopes(data, "y", ["day"], group="person", slope="day")
    >>> sorted(name for name in model.named_vars if name[0] != "_" and "_person" in name)
    ['alpha_person', 'day_person', 'rho_person', 'sigma_day_person', 'sigma_person']
    """
    return linear(
        data, outcome, predictors, [group], {group: [slope]}, form, count, check, **priors
    )


def crossed_intercepts(
    data: pd.DataFrame,
    outcome: str,
    groups: Sequence[str],
    treatment: str | None = None,
    form: Forms = "auto",
    count: str | None = None,
    check: bool = True,
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
        Names of the columns that identify clusters.
    treatment
        Name of a column; each of its levels has an effect. None: no treatment.
    form, count, check
        As for :func:`partial_pooling`.
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
    >>> [model.named_vars_to_dims[name] for name in ("beta", "alpha_actor", "alpha_block")]
    [('treatment',), ('actor',), ('block',)]
    """
    names = names_of(groups, "groups")
    if not names:
        raise ValueError("groups must be a list of columns, such as ['actor']; it is empty.")
    structure = Structure("bernoulli", outcome, treatment=treatment, groups=names)
    return _logistic(data, structure, form, count, check, priors)


def ordered_logit(
    data: pd.DataFrame,
    response: str,
    predictors: Sequence[str] = (),
    group: str | None = None,
    groups: Sequence[str] = (),
    slopes: Slopes | None = None,
    form: Forms = "auto",
    count: str | None = None,
    check: bool = True,
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
        Names of numeric columns; none for a model of the thresholds alone.
    group
        Name of the column that identifies the cluster of each row; None ignores clusters (complete
        pooling).
    groups
        Names of several such columns, crossed or nested, instead of one ``group``; see
        :func:`linear`.
    slopes
        By group, the predictors whose slopes vary between its clusters; see :func:`linear`.
    form, count, check
        As for :func:`partial_pooling`.
    priors
        Other priors for ``threshold``, ``beta`` or, for a group ``g``, ``sigma_g``; with varying
        slopes as for :func:`linear`.

    Returns
    -------
    pymc.Model
        Variables ``threshold`` (dims: cut, with labels from 1 to the number of categories minus
        one), ``beta`` (dims: predictor) and, for a group ``g``, ``sigma_g`` and ``alpha_g``
        (group-level effects; dims: ``g``), all in log-odds; with varying slopes as for
        :func:`linear`. The coordinate ``category`` has the labels of the response.

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
    >>> data = pd.DataFrame({"answer": answers, "dose": [2, 0, 1, 0]})
    >>> model = ml.ordered_logit(data, "answer", predictors=["dose"])
    >>> model.named_vars_to_dims["threshold"], model.coords["category"]
    (('cut',), (1, 2, 3))
    """
    several = ((group,) if group else ()) + names_of(groups, "groups")
    structure = _structure("ordered", response, predictors, several, slopes)
    defaults = {"threshold": NORMAL, "beta": NARROW if several else Prior(pm.Flat)}
    categories = ordered_categories(as_frame(data), response)
    parts = _Parts(data, structure, defaults, priors, count, check, form)
    if check and predictors and parts.prior["beta"].is_flat:
        checks.check_separation(parts.y, parts.x, structure.predictors, len(categories))
    cuts = np.arange(1, len(categories))
    with parts.model as model:
        model.add_coords({"cut": cuts, "category": categories})
        start = np.linspace(-1.5, 1.5, len(cuts))  # any increasing values will do
        centred = parts.prior["threshold"](
            "_threshold", transform=ordered, initval=start, shape=len(cuts)
        )
        # A product of odds, not a sum of log-odds: one exp() per design and cluster, not per cell.
        odds, at_zero = parts.population_level_odds(), parts.at_predictor_means()
        threshold = centred + at_zero
        # During sampling the transform orders them; sorting puts prior draws in order as well.
        pm.Deterministic("threshold", sort(centred) + at_zero, dims="cut")
        for effect in parts.group_level(-threshold.mean(), transform=pt.exp):
            odds = odds * effect
        parts.observe_cells(ordered_logistic_logp, [odds, threshold], "(),(cut),()->()")
    return parts.model


# The same parts, for other data -------------------------------------------------------------------


def linear(
    data: pd.DataFrame,
    outcome: str,
    predictors: Sequence[str] = (),
    groups: Sequence[str] = (),
    slopes: Slopes | None = None,
    form: Forms = "auto",
    count: str | None = None,
    check: bool = True,
    **priors: Prior,
) -> pm.Model:
    r"""Build a normal model with any number of groups, varying intercepts and varying slopes.

    .. math::
        y_i \sim \text{Normal}(\eta_i, \sigma), \quad
        \eta_i = \bar\alpha + x_i \beta
        + \sum_g (\alpha_{g,j_g[i]} + \sum_k \lambda_{gk,j_g[i]} x_{ki})

    where the effects :math:`(\alpha_{g,j}, \lambda_{g1,j}, \dots)` of a cluster are
    :math:`\text{Normal}(0, \Sigma_g)`. The models of
    :func:`partial_pooling` and :func:`varying_slopes` are special cases.

    The priors are :math:`\bar\alpha \sim \text{Normal}(0, 1.5)`, :math:`\beta \sim
    \text{Normal}(0, 0.5)`, Exponential(1) for all standard deviations and LKJ(2) for
    correlations (Lewandowski, Kurowicka & Joe 2009). They suit standardised columns;
    :func:`scaled_priors` returns those for columns in other units.

    Parameters
    ----------
    data
        One row per observation, or per distinct row with its ``count``.
    outcome
        Name of a numeric column.
    predictors
        Names of numeric columns; each may vary within clusters or only between them.
    groups
        Names of the columns that identify clusters. Equal labels are the same cluster: groups are
        crossed. Where labels are used again in each larger cluster, such as classes that are
        numbered from 1 in every school, name the nesting: ``["school", "school:class"]``.
    slopes
        By group, the predictors whose slopes vary between its clusters: ``{"id": ["time"]}``.
    form, count, check
        As for :func:`partial_pooling`.
    priors
        Other priors for ``alpha_bar``, ``beta``, ``sigma`` or, for a group ``g`` and a predictor
        ``x``, ``sigma_g``, ``sigma_x_g`` and ``rho_g``. The prior of ``rho_g`` is that of (rho + 1)
        / 2, which is between 0 and 1; for more than two effects, a Beta prior with both parameters
        equal to :math:`\eta` stands for LKJ(:math:`\eta`).

    Returns
    -------
    pymc.Model
        Variables ``alpha_bar``, ``beta`` (dims: predictor), ``sigma`` and, for each group
        ``g``, ``sigma_g`` and ``alpha_g`` (deviations from ``alpha_bar``; dims: ``g``), for each
        varying slope of ``x`` also ``sigma_x_g`` and ``x_g`` (deviations from ``beta``), and
        ``rho_g``: the correlation of two effects, or the matrix of the correlations of more (dims:
        ``g_effect``, ``g_effect_2``), in units of
        the outcome.

    Raises
    ------
    ValueError, TypeError
        As for :func:`no_pooling`; or a slope is not among the predictors, or constant in every
        cluster.

    Examples
    --------
    >>> import multilevel as ml
    >>> data = ml.load_mlm()
    >>> model = ml.linear(data, "con", ["time"], groups=["id"], slopes={"id": ["time"]})
    >>> [name for name in model.named_vars if name.endswith("_id") and name[0] != "_"]
    ['sigma_id', 'sigma_time_id', 'alpha_id', 'time_id', 'rho_id']
    """
    structure = _structure("normal", outcome, predictors, groups, slopes)
    defaults = {"alpha_bar": NORMAL, "sigma": EXPONENTIAL}
    parts = _Parts(data, structure, defaults, priors, count, check, form)
    with parts.model:
        alpha_bar, sigma = parts.prior["alpha_bar"]("alpha_bar"), parts.prior["sigma"]("sigma")
        mu = alpha_bar + parts.population_level()
        for effect in parts.group_level(alpha_bar, sigma**-2):
            mu = mu + effect
        parts.observe_normal(mu, sigma)
    return parts.model


def logistic(
    data: pd.DataFrame,
    outcome: str,
    predictors: Sequence[str] = (),
    groups: Sequence[str] = (),
    slopes: Slopes | None = None,
    form: Forms = "auto",
    count: str | None = None,
    check: bool = True,
    **priors: Prior,
) -> pm.Model:
    r"""Build a logistic model with any number of groups, varying intercepts and varying slopes.

    .. math::
        y_i \sim \text{Bernoulli}(\text{logit}^{-1}(\eta_i)), \quad
        \eta_i = \bar\alpha + x_i \beta
        + \sum_g (\alpha_{g,j_g[i]} + \sum_k \lambda_{gk,j_g[i]} x_{ki})

    where the effects :math:`(\alpha_{g,j}, \lambda_{g1,j}, \dots)` of a cluster are
    :math:`\text{Normal}(0, \Sigma_g)`. The model of
    :func:`crossed_intercepts` has a treatment in place of the predictors.

    The priors are :math:`\bar\alpha \sim \text{Normal}(0, 1.5)`, :math:`\beta \sim
    \text{Normal}(0, 0.5)`, Exponential(1) for all standard deviations and LKJ(2) for
    correlations (Lewandowski, Kurowicka & Joe 2009). They suit predictors that are
    standardised, or zeros and ones.

    Parameters
    ----------
    data
        One row per observation, or per distinct row with its ``count``.
    outcome
        Name of a column of zeros and ones.
    predictors
        Names of numeric columns; each may vary within clusters or only between them.
    groups, slopes
        As for :func:`linear`.
    form, count, check
        As for :func:`partial_pooling`.
    priors
        Other priors for ``alpha_bar``, ``beta`` or, for a group ``g`` and a predictor ``x``,
        ``sigma_g``, ``sigma_x_g`` and ``rho_g``. The prior of ``rho_g`` is that of (rho + 1) / 2,
        which is between 0 and 1; for more than two effects, a Beta prior with both parameters equal
        to :math:`\eta` stands for LKJ(:math:`\eta`).

    Returns
    -------
    pymc.Model
        Variables ``alpha_bar``, ``beta`` (dims: predictor) and, for each group
        ``g``, ``sigma_g`` and ``alpha_g`` (deviations from ``alpha_bar``; dims: ``g``), for each
        varying slope of ``x`` also ``sigma_x_g`` and ``x_g`` (deviations from ``beta``), and
        ``rho_g``: the correlation of two effects, or the matrix of the correlations of more (dims:
        ``g_effect``, ``g_effect_2``), in log-odds.

    Raises
    ------
    ValueError, TypeError
        As for :func:`no_pooling`; or a slope is not among the predictors, or constant in every
        cluster.

    Examples
    --------
    >>> import multilevel as ml
    >>> data = ml.load_chimpanzees()
    >>> model = ml.logistic(data, "pulled_left", ["prosoc_left"], ["actor", "block"])
    >>> model.named_vars_to_dims["alpha_block"]
    ('block',)
    """
    structure = _structure("bernoulli", outcome, predictors, groups, slopes)
    return _logistic(data, structure, form, count, check, priors)


def _logistic(
    data: pd.DataFrame,
    structure: Structure,
    form: Forms,
    count: str | None,
    check: bool,
    priors: Mapping[str, Prior],
) -> pm.Model:
    parts = _Parts(data, structure, {"alpha_bar": NORMAL}, priors, count, check, form)
    with parts.model:
        alpha_bar = parts.prior["alpha_bar"]("alpha_bar")
        logit_p = alpha_bar + parts.population_level()
        for effect in parts.group_level(alpha_bar):
            logit_p = logit_p + effect
        parts.observe_cells(bernoulli_logp, [logit_p], "(),()->()")
    return parts.model


def scaled_priors(
    builder: Callable[..., pm.Model], data: pd.DataFrame, *columns: Any, **settings: Any
) -> dict[str, Prior]:
    """Return priors on the scale of the data, for outcomes and predictors in any units.

    They are the priors that the course uses for standardised columns, in the units of the data: an
    intercept around the mean of the outcome, slopes of about half an sd of the outcome per sd of
    the predictor, and standard deviations of about that of the outcome. As brms does, they use the
    data to find the scale.

    Parameters
    ----------
    builder
        One of the builders, such as :func:`partial_pooling`.
    data, columns, settings
        The arguments of the builder.

    Returns
    -------
    dict
        Priors by parameter, to be passed to the builder.

    Raises
    ------
    ValueError
        As for the builder; or a column is constant, and so has no scale.
    TypeError
        The builder is not the first argument.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> people = ["ann", "ann", "bob", "bob", "eve", "eve"]
    >>> data = pd.DataFrame({"person": people, "height": [168, 170, 181, 182, 159, 158]})
    >>> priors = ml.scaled_priors(ml.partial_pooling, data, "height", "person")
    >>> priors["alpha_bar"]
    Normal(170, 14.1)
    >>> model = ml.partial_pooling(data, "height", "person", **priors)
    """
    if not callable(builder):
        raise TypeError(
            f"scaled_priors needs the builder first, as in ml.scaled_priors(ml.linear, data, 'y'); "
            f"here it is of the type {type(builder).__name__}."
        )
    model = builder(data, *columns, **{**settings, "check": False})
    sketch: checks.Sketch = getattr(model, SKETCH)
    checks.check_predictors(sketch.x, sketch.structure.predictors)
    checks.check_outcome(sketch.structure, sketch.score, {})
    return checks.scaled(sketch)


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
    >>> people = ["ann", "ann", "bob", "bob"]
    >>> data = pd.DataFrame({"person": people, "y": [0.3, 0.5, -0.1, 0.2]})
    >>> ml.count_parameters(ml.no_pooling(data, "y", "person"))
    3
    """
    point = model.initial_point()
    return sum(np.size(value) for value in point.values())


# Parts of the builders ----------------------------------------------------------------------------

SKETCH = "_sketch"
"Attribute of a model with rough estimates of its parameters."


def _structure(
    family: Literal["normal", "bernoulli", "ordered"],
    outcome: str,
    predictors: Sequence[str],
    groups: Sequence[str],
    slopes: Slopes | None,
) -> Structure:
    """Declare a model with several groups; raise ValueError if a slope is not a predictor."""
    x, g = names_of(predictors, "predictors"), names_of(groups, "groups")
    if not isinstance(slopes, Mapping | None):
        raise ValueError(
            f"slopes must list, by group, the predictors whose slopes vary, such as "
            f"slopes={{'{next(iter(g), 'id')}': ['{next(iter(x), 'time')}']}}; it is {slopes!r}."
        )
    varying = {
        group: names_of(names, f"slopes[{group!r}]") for group, names in (slopes or {}).items()
    }
    for group, names in varying.items():
        if group not in g:
            raise ValueError(f"slopes names '{group}', which is not one of the groups {list(g)}.")
        for name in names:
            if name not in x:
                raise ValueError(
                    f"The slope must be one of the predictors {list(x)}: '{name}'. Its mean over "
                    f"clusters is a population-level effect: predictors={[*x, name]}."
                )
    return Structure(family, outcome, x, groups=g, slopes=varying)


class _Parts:
    """The model of a structure and data, and the parts that its builder combines."""

    def __init__(
        self,
        data: pd.DataFrame,
        structure: Structure,
        defaults: Mapping[str, Prior],
        priors: Mapping[str, Prior],
        count: str | None,
        check: bool,
        form: Forms = "auto",
    ) -> None:
        data = as_frame(data)
        structure.check_names()
        self.prior = choose_priors(_default_priors(structure, defaults), priors)
        self.rows = _rows(data, structure, count)
        frame = self.rows.frame
        self.y = _outcome(frame, structure)
        self.x = matrix(frame, structure.predictors)
        self.clusters = {group: factorise(frame, group) for group in structure.groups}
        self.arms: Factor | None = None
        if structure.treatment:
            self.arms = factorise(frame, structure.treatment)
        codes = {group: factor.codes for group, factor in self.clusters.items()}
        arm = None if self.arms is None else self.arms.codes
        self.sketch = sketch = checks.Sketch(structure, self.y, self.x, codes, self.rows.size, arm)
        _check_slopes(structure, frame, codes)
        if check:
            checks.check_predictors(self.x, structure.predictors)
            checks.check_groups(codes)
            checks.check_outcome(structure, self.y, codes)
            checks.check_priors(sketch, self.prior)
        self.structure = replace(structure, forms=_forms(structure, form, sketch))
        self.model = pm.Model(coords=self._coords())
        self.scales: dict[str, Scales] = {}
        declare(self.model, self.structure)
        if structure.family == "normal":
            with self.model:  # shared, so that a study may sample the model with other outcomes
                self.outcome = pm.Data("outcome_of_row", self.y, dims="row")
        setattr(self.model, SKETCH, sketch)
        setattr(self.model, PRIORS, self.prior)

    def _coords(self) -> dict[str, Any]:
        coords: dict[str, Any] = {name: factor.labels for name, factor in self.clusters.items()}
        if self.arms is not None and self.structure.treatment:
            coords[self.structure.treatment] = self.arms.labels
        if self.structure.predictors:
            coords["predictor"] = list(self.structure.predictors)
        for group in self.structure.groups:
            if len(labels := self.structure.labels(group)) > 2:
                coords |= dict.fromkeys(self.structure.correlation_dims(group), labels)
        return coords | self.rows.coords

    def cluster_of_row(self, group: str) -> Tensor:
        """Return the position of each row's cluster among the labels of a group."""
        return pm.Data("cluster_of_row", self.clusters[group].codes, dims="row")

    def population_level(self) -> Tensor | float:
        """Create ``beta``; return the effect of the predictors, or of the treatment, by row."""
        if self.arms is not None:
            return self.prior["beta"]("beta", dims=self.structure.treatment)[self.arms.codes]
        if not self.structure.predictors:
            return 0.0
        return (self.x * self.prior["beta"]("beta", dims="predictor")).sum(axis=1)

    def population_level_odds(self) -> Tensor | np.ndarray:
        """Create ``beta``; return the odds of each row, computed once for equal predictors."""
        if not self.structure.predictors:
            return np.ones(len(self.x))
        design, design_of_row = np.unique(self.x, axis=0, return_inverse=True)
        beta = self.prior["beta"]("beta", dims="predictor")
        return pt.exp((design * beta).sum(axis=1))[design_of_row]

    def at_predictor_means(self) -> Tensor | float:
        """Return the effect of the predictors at their means, or the mean of the treatments'."""
        if self.arms is not None:
            return self.model["beta"].mean()
        if not self.structure.predictors:
            return 0.0
        means = np.average(self.x, axis=0, weights=self.rows.size)
        return (means * self.model["beta"]).sum()

    def group_level(
        self,
        level: Tensor,
        precision: Tensor | float = 1.0,
        transform: Callable[[Tensor], Tensor] = lambda effect: effect,
    ) -> list[Tensor]:
        """Create the effects of all groups; return their sum by row for each group, transformed.

        Parameters
        ----------
        level
            Intercept; of ordered responses, minus the mean of the thresholds.
        precision
            One over the residual variance of normal outcomes.
        transform
            Function of the sum.
        """
        by_row: list[Tensor] = []
        result: dict[str, Tensor] = {}
        for group in self.structure.forms:  # the one between whose clusters outcomes differ most
            effects = self.effects_of(group, level, precision, by_row)
            by_row.append(self._by_row(group, effects, lambda effect: effect))
            result[group] = self._by_row(group, effects, transform)
        return list(result.values())

    def effects_of(
        self,
        group: str,
        level: Tensor,
        precision: Tensor | float = 1.0,
        others: Sequence[Tensor] = (),
    ) -> dict[str | None, Tensor]:
        """Create the effects of a group, given those of others by row."""
        structure, codes = self.structure, self.clusters[group].codes
        slopes = structure.slopes.get(group, ())
        information, z = self._information(group)
        known, population = [np.ones(len(self.y))], [level + information.reference]
        if self.arms is not None:
            known += list(np.eye(len(self.arms.labels))[:, self.arms.codes])
        else:
            known += list(self.x.T)
        if len(known) > 1:
            population.append(self.model["beta"])
        columns = np.column_stack(known)
        joined = pt.concatenate([pt.atleast_1d(part) for part in population])
        inner = [(fine, self.scales_of(name).signed[0]) for name, fine in self._inner(group)]
        remaining = Remaining(information, precision, codes, z, columns, joined, others, inner)
        around: dict[str | None, Tensor] = {
            name: self.model["beta"][structure.predictors.index(name)] for name in slopes
        }
        if not others:  # the sum of the parts is known better than the parts
            around[None] = level if structure.means else level + self.at_predictor_means()
        scales = partial(self.scales_of, group)
        return group_level_effects(structure, group, self.prior, around, remaining, scales)

    def scales_of(self, group: str) -> Scales:
        """Create the standard deviations of a group's effects, or return them if they exist."""
        if group not in self.scales:
            noise = self.sketch.within if self.structure.family == "normal" else 1.0
            information, z = self._information(group)
            unit = units(information, self.clusters[group].codes, z, noise)
            self.scales[group] = group_level_scales(self.structure, group, self.prior, unit)
        return self.scales[group]

    def _information(self, group: str) -> tuple[Information, list[np.ndarray]]:
        """Return the information in the rows, and the factor of each term of a group by row."""
        structure = self.structure
        places = [structure.predictors.index(name) for name in structure.slopes.get(group, ())]
        z = [np.ones(len(self.y)), *(self.x[:, place] for place in places)]
        if structure.family == "normal":
            return information_of_normal(self.outcome, self.rows.size), z
        codes = self.clusters[group].codes
        return information_of_categories(self.y, self.rows.size, codes), z

    def _inner(self, group: str) -> list[tuple[str, np.ndarray]]:
        """Return the groups that are nested in a group, the finest first, each in the next."""
        coarse = self.clusters[group].codes
        chain: list[tuple[str, np.ndarray]] = []
        for name, factor in sorted(self.clusters.items(), key=lambda item: -item[1].codes.max()):
            if lies_within(factor.codes, coarse) and (
                not chain or lies_within(chain[-1][1], factor.codes)
            ):
                chain.append((name, factor.codes))
        return chain

    def _by_row(
        self,
        group: str,
        effects: Mapping[str | None, Tensor],
        transform: Callable[[Tensor], Tensor],
    ) -> Tensor:
        codes = self.clusters[group].codes
        if len(effects) == 1:
            return transform(effects[None])[codes]
        total = effects[None][codes]
        for slope in self.structure.slopes[group]:
            x = self.x[:, self.structure.predictors.index(slope)]
            total = total + effects[slope][codes] * x
        return transform(total)

    def observe_normal(self, mu: Tensor, sigma: Tensor) -> None:
        """Add the normal likelihood."""
        observe_normal(self.structure.outcome, mu, sigma, self.outcome, self.rows)

    def observe_cells(
        self, logp: Callable[..., Tensor], parameters: Sequence[Any], signature: str
    ) -> None:
        """Add the likelihood of distinct rows."""
        outcome = self.structure.outcome
        observe_cells(outcome, logp, parameters, signature, self.y, self.rows)


def _default_priors(structure: Structure, defaults: Mapping[str, Prior]) -> dict[str, Prior]:
    """Return the priors of all parameters: those of one model, and those that all models share."""
    priors: dict[str, Prior] = {"beta": NARROW} if "beta" in structure.variables() else {}
    priors |= {name: prior for name, prior in defaults.items() if name in structure.variables()}
    for group in structure.groups if structure.pooled else ():
        priors |= {structure.sd(group, term): EXPONENTIAL for term in structure.terms(group)}
        if len(structure.terms(group)) > 1:
            priors[structure.correlation(group)] = LKJ
    return priors


def _rows(data: pd.DataFrame, structure: Structure, count: str | None) -> Rows:
    """Return the rows that a model evaluates, with the columns that it needs."""
    treatment = (structure.treatment,) if structure.treatment else ()
    used: dict[str, Any] = {
        name: complete_column(data, name) for name in (*structure.groups, *treatment)
    }
    used |= {name: numeric(data, name) for name in structure.predictors}
    if structure.family == "normal":
        used[structure.outcome] = numeric(data, structure.outcome)
        return every_row(pd.DataFrame(used, index=data.index), counts(data, count))
    if structure.family == "bernoulli":
        used[structure.outcome] = binary(data, structure.outcome).astype(int)
    else:
        used[structure.outcome] = complete_column(data, structure.outcome)
    return count_distinct(pd.DataFrame(used, index=data.index), counts(data, count))


def _outcome(frame: pd.DataFrame, structure: Structure) -> np.ndarray:
    """Return the outcome as numbers; for a response, the codes of its categories."""
    values = frame[structure.outcome]
    return (values.cat.codes if structure.family == "ordered" else values).to_numpy()


def _check_slopes(
    structure: Structure, frame: pd.DataFrame, codes: Mapping[str, np.ndarray]
) -> None:
    """Raise ValueError if a slope is constant in every cluster, so that it cannot vary."""
    for group, slopes in structure.slopes.items():
        for slope in slopes:
            if frame[slope].groupby(codes[group]).nunique().max() == 1:
                raise ValueError(
                    f"Column '{slope}' is constant in every {group}: its slope cannot vary."
                )


def _forms(structure: Structure, form: Forms, sketch: checks.Sketch) -> dict[str, str]:
    """Return the parameterisation of each group; raise ValueError for other groups and words."""
    forms = form if isinstance(form, Mapping) else dict.fromkeys(structure.groups, form)
    for group, choice in forms.items():
        if group not in structure.groups:
            raise ValueError(
                f"form names '{group}', which is not one of the groups {list(structure.groups)}."
            )
        if choice not in FORMS:
            raise ValueError(f"form is one of {', '.join(map(repr, FORMS))}; it is {choice!r}.")
    ratios = f_ratios(sketch.residual, sketch.codes, sketch.weight) if structure.pooled else {}
    around = {
        group: [other for other in ratios if lies_within(sketch.codes[group], sketch.codes[other])]
        for group in ratios
    }
    nested = {name for group in ratios for name in [group, *around[group]] if around[group]}
    chosen: dict[str, str] = {}
    # Clusters come before those that are nested in them.
    for group in sorted(ratios, key=lambda group: len(around[group])):
        wish = forms.get(group, "auto")
        others = "centred" in chosen.values()
        suitable = suitable_form(ratios[group], structure, group, others)
        suitable = "adapted" if group in nested else suitable
        chosen[group] = suitable if wish == "auto" else wish
    return chosen
