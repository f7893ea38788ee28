"""Exact LOO agrees with integration by another route, with refitting, and with draws."""

from collections.abc import Callable, Sequence
from typing import Any

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import stats
from scipy.special import expit, logsumexp

import multilevel as ml
from multilevel import comparison, sampling
from multilevel.priors import PYTHON
from multilevel.structure import ATTRIBUTE, Structure, to_json

type Array = np.ndarray
type Builder = Callable[..., pm.Model]

BUILDERS: dict[str, Builder] = {"none": ml.no_pooling, "partial": ml.partial_pooling}


# The other route: dense covariances, predictive densities, Gauss-Legendre -------------------------


def signal(cluster: Array, sigma_alpha: Array | float, sd: float) -> Array:
    """Return the covariance of the rows' means: levels around a common one with its prior."""
    same = np.equal.outer(cluster, cluster)
    return np.multiply.outer(np.square(sigma_alpha), same) + sd**2


def legendre(low: float, high: float, points: int) -> tuple[Array, Array]:
    x, weight = np.polynomial.legendre.leggauss(points)
    return low + (high - low) * (x + 1) / 2, np.log(weight * (high - low) / 2)


def half_line(points: int) -> tuple[Array, Array]:
    """Nodes from zero to infinity, and the logs of their weights."""
    t, log_weight = legendre(0, 1, points)
    return t / (1 - t), log_weight - 2 * np.log1p(-t)


def on_grid(*rules: tuple[Array, Array]) -> tuple[list[Array], Array]:
    nodes, log_weights = zip(*rules, strict=True)
    grid = [axis.ravel() for axis in np.meshgrid(*nodes, indexing="ij")]
    return grid, np.sum(np.meshgrid(*log_weights, indexing="ij"), 0).ravel()


def log_mvn(y: Array, covariance: Array) -> Array:
    """Return the log density of Normal(0, covariance) at y, for a stack of covariances."""
    root = np.linalg.cholesky(covariance)
    z = np.linalg.solve(root, np.broadcast_to(y[:, None], (*root.shape[:-1], 1)))[..., 0]
    log_det = np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(-1)
    return -0.5 * (z**2).sum(-1) - log_det - len(y) / 2 * np.log(2 * np.pi)


def predict_from(y: Array, given: Array, i: int, means: Array, noise: Array) -> Array:
    """Return log p(a new row like i, at the value of i | the rows given), for each covariance."""
    every = means + noise[:, None, None] * np.eye(len(y))
    k = means[:, i, given]
    weights = np.linalg.solve(every[:, given][..., given], k[..., None])[..., 0]
    sd = np.sqrt(every[:, i, i] - (weights * k).sum(-1))
    return stats.norm.logpdf(y[i], weights @ y[given], sd)


def loo_by_refitting(y: Array, means: Array, noise: Array, log_prior: Array) -> pd.DataFrame:
    """Integrate anew for each row left out; every covariance belongs to one value of the scales."""
    every = np.arange(len(y))
    rows = []
    for i in range(len(y)):
        density = {}
        for name, given in [("lpd", every), ("elpd", np.delete(every, i))]:
            covariance = (means + noise[:, None, None] * np.eye(len(y)))[:, given][..., given]
            log_posterior = log_prior + log_mvn(y[given], covariance)
            log_posterior -= logsumexp(log_posterior)
            density[name] = logsumexp(log_posterior + predict_from(y, given, i, means, noise))
        rows.append({"elpd": density["elpd"], "p": density["lpd"] - density["elpd"]})
    return pd.DataFrame(rows)


def given_scales(y: Array, base: Array, sigma: Array, c: float) -> tuple[Array, Array, Array]:
    """Return log p(y), log p(y_i | the others) and log p(y_i again | all), for each sigma.

    The covariance is sigma^2 base + c, so base is inverted once; c is a term of rank one.
    """
    noise = sigma[:, None] ** 2
    precision = np.linalg.inv(base)
    ones = precision.sum(1)
    shrink = c / (noise + c * ones.sum())
    pull = (precision @ y - shrink * ones * (ones @ y)) / noise
    q = (np.diag(precision) - shrink * ones**2) / noise
    log_det = np.linalg.slogdet(2 * np.pi * base)[1] + np.log1p(c * ones.sum() / noise[:, 0])
    log_p = -0.5 * (pull @ y + log_det) - len(y) * np.log(sigma)
    without = stats.norm.logpdf(pull / q, 0, 1 / np.sqrt(q))
    again = stats.norm.logpdf(noise * pull, 0, np.sqrt(2 * noise - noise**2 * q))
    return log_p, without, again


# Made-up data -------------------------------------------------------------------------------------

CLUSTER = list("aaabbccccdee")
CENTRED = np.array([0.3, -0.1, 0.5, 1.2, 1.0, -0.9, -0.7, -1.3, -0.2, 0.8, 0.1, 0.6])
ALIKE = np.array([0.9, -0.8, 0.1, 0.5, -0.6, -0.7, 0.6, 0.2, -0.1, 0.3, 0.8, -0.9])
OUTLYING = np.where(np.arange(12) == 6, 25.0, CENTRED)
OUTCOMES = {"centred": CENTRED, "alike": ALIKE, "outlying": OUTLYING}

PRIORS: dict[str, dict[str, Any]] = {
    "default": {},
    "other": {
        "alpha": ml.Prior(pm.Normal, 0.4, 0.8),
        "alpha_bar": ml.Prior(pm.Normal, mu=0.4, sigma=0.8),
        "sigma": ml.Prior(pm.Gamma, alpha=2, beta=3),
        "sigma_alpha": ml.Prior(pm.HalfNormal, 0.7),
    },
}
MEAN_SD = {"default": (0, 1.5), "other": (0.4, 0.8)}
LOG_PRIOR = {
    "default": {"sigma": stats.expon.logpdf, "sigma_alpha": stats.expon.logpdf},
    "other": {
        "sigma": stats.gamma(2, scale=1 / 3).logpdf,
        "sigma_alpha": stats.halfnorm(scale=0.7).logpdf,
    },
}


def made_up(y: Array) -> pd.DataFrame:
    return pd.DataFrame({"y": y, "g": CLUSTER})


def build(kind: str, data: pd.DataFrame, priors: str = "default") -> pm.Model:
    names = {"none": {"alpha", "sigma"}, "partial": {"alpha_bar", "sigma", "sigma_alpha"}}
    chosen = {name: prior for name, prior in PRIORS[priors].items() if name in names[kind]}
    return BUILDERS[kind](data, "y", "g", **chosen)


@pytest.mark.parametrize(
    ("outcome", "priors"), [*((name, "default") for name in OUTCOMES), ("centred", "other")]
)
@pytest.mark.parametrize("kind", BUILDERS)
def test_exact_loo_is_the_integral_over_every_refit(kind: str, outcome: str, priors: str) -> None:
    y, cluster = OUTCOMES[outcome], pd.factorize(np.array(CLUSTER))[0]
    mean, sd = MEAN_SD[priors]
    log_prior = LOG_PRIOR[priors]
    if kind == "none":
        (sigma,), log_weight = on_grid(half_line(200))
        means = signal(cluster, np.full(200, sd), 0)
    else:
        (sigma, sigma_alpha), log_weight = on_grid(half_line(90), half_line(90))
        means = signal(cluster, sigma_alpha, sd)
        log_weight += log_prior["sigma_alpha"](sigma_alpha)
    log_weight += log_prior["sigma"](sigma)
    expected = loo_by_refitting(y - mean, means, sigma**2, log_weight)
    found = ml.exact_loo(build(kind, made_up(y), priors))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


# The data of the book -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mlm() -> pd.DataFrame:
    return ml.load_mlm()


@pytest.fixture(scope="module")
def exact(mlm: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {kind: ml.exact_loo(builder(mlm, "con", "id")) for kind, builder in BUILDERS.items()}


@pytest.fixture(scope="module")
def dense(mlm: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Integrate over sigma and sigma_alpha / sigma, with covariances of all the rows."""
    y, cluster = mlm["con"].to_numpy(), pd.factorize(mlm["id"])[0]
    same, own = np.equal.outer(cluster, cluster), np.eye(len(y))
    sigma, log_weight = legendre(0.025, 0.085, 60)
    log_weight += stats.expon.logpdf(sigma)
    none = [
        (weight, *given_scales(y, own + (1.5 / s) ** 2 * same, np.array([s]), 0))
        for s, weight in zip(sigma, log_weight, strict=True)
    ]
    partial = [
        (
            log_weight + weight + stats.expon.logpdf(ratio * sigma) + np.log(sigma),
            *given_scales(y, own + ratio**2 * same, sigma, 1.5**2),
        )
        for ratio, weight in np.transpose(legendre(0, 2.5, 50))
    ]
    return {"none": average(none, mlm.index), "partial": average(partial, mlm.index)}


def average(parts: Sequence[tuple[Array, ...]], index: pd.Index) -> pd.DataFrame:
    """Average over p(scales | all), and over p(scales | the others), which is that / without."""
    log_prior = np.concatenate([np.atleast_1d(part[0]) for part in parts])
    log_p, without, again = (np.concatenate([part[k] for part in parts]) for k in (1, 2, 3))
    log_posterior = (log_prior + log_p - logsumexp(log_prior + log_p))[:, None]
    elpd = -logsumexp(log_posterior - without, axis=0)
    return pd.DataFrame({"elpd": elpd, "p": logsumexp(log_posterior + again, axis=0) - elpd}, index)


@pytest.mark.slow
@pytest.mark.parametrize("kind", BUILDERS)
def test_exact_loo_of_the_real_data_is_that_of_dense_covariances(
    exact: dict[str, pd.DataFrame], dense: dict[str, pd.DataFrame], kind: str
) -> None:
    np.testing.assert_allclose(exact[kind], dense[kind], rtol=0, atol=1e-6)


def difference(tables: dict[str, pd.DataFrame]) -> tuple[float, float]:
    pointwise = tables["partial"]["elpd"] - tables["none"]["elpd"]
    return pointwise.sum(), float(np.sqrt(len(pointwise) * pointwise.var()))


def test_the_difference_between_the_models_is_known_to_six_digits(
    exact: dict[str, pd.DataFrame], dense: dict[str, pd.DataFrame]
) -> None:
    assert difference(exact) == pytest.approx(difference(dense), abs=1e-5)
    assert difference(exact) == pytest.approx((17.602773, 5.787499), abs=1e-5)
    assert exact["none"]["elpd"].sum() == pytest.approx(306.662701, abs=1e-5)
    assert exact["partial"]["elpd"].sum() == pytest.approx(324.265474, abs=1e-5)


def test_p_is_near_what_psis_estimates(fit: xr.DataTree, exact: dict[str, pd.DataFrame]) -> None:
    assert all((table["p"] > 0).all() for table in exact.values())
    assert exact["partial"]["p"].sum() == pytest.approx(ml.loo(fit)["p"].sum(), rel=0.05)
    # Pooling takes away a good part of the 92 parameters.
    assert 60 < exact["partial"]["p"].sum() < 75 < exact["none"]["p"].sum() < 92


@pytest.fixture(scope="module")
def fit(mlm: pd.DataFrame) -> xr.DataTree:
    return ml.fit(ml.partial_pooling(mlm, "con", "id"), seed=1)


def test_exact_loo_is_that_of_draws_of_the_scales(
    fit: xr.DataTree, mlm: pd.DataFrame, exact: dict[str, pd.DataFrame]
) -> None:
    y, cluster = mlm["con"].to_numpy(), pd.factorize(mlm["id"])[0]
    same, own = np.equal.outer(cluster, cluster), np.eye(len(y))
    posterior = fit["posterior"].dataset.isel(draw=slice(None, None, 20))
    inverse_density = []
    for sigma, tau in zip(*(posterior[s].to_numpy().ravel() for s in SCALES), strict=True):
        _, without, _ = given_scales(y, own + (tau / sigma) ** 2 * same, np.array([sigma]), 1.5**2)
        inverse_density.append(np.exp(-without[0]))
    mean = np.mean(inverse_density, axis=0)
    influence = xr.DataArray((inverse_density / mean).sum(1).reshape(4, -1), dims=("chain", "draw"))
    error = -np.log(mean).sum() - exact["partial"]["elpd"].sum()
    assert abs(error) < 4 * az.mcse(influence.to_numpy(), method="mean") < 2


# Which models, priors and rows --------------------------------------------------------------------

SCALES = ["sigma", "sigma_alpha"]


@pytest.mark.parametrize("kind", BUILDERS)
def test_rows_keep_their_labels_and_their_order(kind: str) -> None:
    data = made_up(CENTRED).set_axis([f"r{i}" for i in range(12)])
    shuffled = data.sample(frac=1, random_state=3)
    table, other = (ml.exact_loo(build(kind, frame)) for frame in (data, shuffled))
    assert list(table) == ["elpd", "p"]
    assert table.index.name == "row"
    assert other.index.tolist() == shuffled.index.tolist() != data.index.tolist()
    pd.testing.assert_frame_equal(other.loc[table.index], table, atol=1e-9)


@pytest.mark.parametrize("kind", BUILDERS)
def test_a_finer_and_wider_grid_changes_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(kind, made_up(ALIKE))
    table = ml.exact_loo(model)
    monkeypatch.setattr("multilevel.exact.NEGLIGIBLE", 45.0)
    monkeypatch.setattr("multilevel.exact.TOLERANCE", 1e-11)
    np.testing.assert_allclose(ml.exact_loo(model), table, rtol=0, atol=1e-8)


@pytest.mark.parametrize("unit", [1e-4, 1e4])
@pytest.mark.parametrize("kind", BUILDERS)
def test_the_unit_of_the_outcome_shifts_elpd_and_leaves_p(kind: str, unit: float) -> None:
    priors = {"sigma": ml.Prior(pm.Exponential, 1 / unit)}
    if kind == "none":
        priors["alpha"] = ml.Prior(pm.Normal, 0, 1.5 * unit)
    else:
        priors["alpha_bar"] = ml.Prior(pm.Normal, 0, 1.5 * unit)
        priors["sigma_alpha"] = ml.Prior(pm.Exponential, 1 / unit)
    found = ml.exact_loo(BUILDERS[kind](made_up(CENTRED * unit), "y", "g", **priors))
    table = ml.exact_loo(build(kind, made_up(CENTRED)))
    np.testing.assert_allclose(found["elpd"], table["elpd"] - np.log(unit), rtol=0, atol=1e-7)
    np.testing.assert_allclose(found["p"], table["p"], rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("kind", "name"), [("none", "alpha"), ("partial", "alpha_bar")], ids=["none", "partial"]
)
def test_a_level_with_another_prior_is_refused_by_name(kind: str, name: str) -> None:
    prior = {name: ml.Prior(pm.StudentT, nu=3, mu=0, sigma=1)}
    model = BUILDERS[kind](made_up(CENTRED), "y", "g", **prior)
    with pytest.raises(ValueError, match=f"'{name}' must have a normal prior .* closed form"):
        ml.exact_loo(model)


def test_another_model_is_refused() -> None:
    data = made_up(CENTRED).assign(yes=[0, 1] * 6, arm=list("ttcc") * 3)
    model = ml.crossed_intercepts(data, "yes", ["g"], "arm")
    with pytest.raises(ValueError, match=r"no_pooling\(\) and partial_pooling\(\) build"):
        ml.exact_loo(model)


@pytest.mark.parametrize("function", [ml.exact_loo, ml.exact_posterior])
@pytest.mark.parametrize("kind", BUILDERS)
def test_data_that_leave_sigma_free_are_refused(
    kind: str, function: Callable[[pm.Model], pd.DataFrame]
) -> None:
    with pytest.raises(ValueError, match=r"does not exist.*two different outcomes"):
        function(BUILDERS[kind](made_up(np.full(12, 0.3)), "y", "g", check=False))


# Scales that no rows of the same cluster tell apart; and priors that end within the posterior.
EDGES: dict[str, tuple[list[str], dict[str, tuple[float, float]]]] = {
    "one row each": (list("abcdefghijkl"), {}),
    "sigma up to 0.4": (CLUSTER, {"sigma": (0, 0.4)}),
    "sigma from 0.5": (CLUSTER, {"sigma": (0.5, 0.9)}),
    "sigma_alpha up to 0.5": (CLUSTER, {"sigma_alpha": (0, 0.5)}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", EDGES)
def test_a_scale_whose_prior_ends_is_integrated_up_to_its_edge(case: str) -> None:
    labels, limits = EDGES[case]
    data = pd.DataFrame({"y": CENTRED, "g": labels})
    cluster = pd.factorize(data["g"])[0]
    rules, log_prior = {}, {}
    for name in SCALES:
        if name in limits:
            rules[name], log_prior[name] = legendre(*limits[name], 40), stats.uniform(0, 1).logpdf
        else:
            rules[name], log_prior[name] = half_line(70), stats.expon.logpdf
    (sigma, sigma_alpha), log_weight = on_grid(*rules.values())
    for name, values in [("sigma", sigma), ("sigma_alpha", sigma_alpha)]:
        log_weight = log_weight + (0 if name in limits else log_prior[name](values))

    priors: dict[str, Any] = {n: ml.Prior(pm.Uniform, *ends) for n, ends in limits.items()}
    model = ml.partial_pooling(data, "y", "g", check=False, **priors)
    table = ml.exact_loo(model)
    means = signal(cluster, sigma_alpha, 1.5)
    expected = loo_by_refitting(CENTRED, means, sigma**2, log_weight)
    np.testing.assert_allclose(table["elpd"], expected["elpd"], rtol=0, atol=1e-5)
    if case == "one row each":  # observed twice, a row would have a density without limit
        assert (table["p"] == np.inf).all()
    else:
        np.testing.assert_allclose(table["p"], expected["p"], rtol=0, atol=1e-5)

    weight = log_weight + log_mvn(CENTRED, means + sigma[:, None, None] ** 2 * np.eye(12))
    weight = np.exp(weight - logsumexp(weight))
    parts = [closed_form(data, *scales)[0][-1] for scales in zip(sigma, sigma_alpha, strict=True)]
    found = ml.exact_posterior(model)["mean"]
    by_name = {"sigma": sigma, "sigma_alpha": sigma_alpha, "alpha_bar": np.array(parts)}
    for name, values in by_name.items():
        assert found[name] == pytest.approx((weight * values).sum(), abs=1e-5), name


def positive(log_density: Callable[[Any], Any]) -> ml.Prior:
    """Return a prior of positive numbers that has no name."""

    def logp(value: Any) -> Any:
        return pm.math.where(value > 0, log_density(value), -np.inf)

    return ml.Prior(pm.CustomDist, logp=logp)


def test_a_prior_that_jumps_between_its_ends_is_refused() -> None:
    two_steps = positive(lambda value: pm.math.where(value < 0.4, 2.0, 0.0) - value)
    model = ml.no_pooling(made_up(CENTRED), "y", "g", check=False, sigma=two_steps)
    for function in (ml.exact_loo, ml.exact_posterior):
        with pytest.raises(ValueError, match=r"does not converge.*jumps.*ml\.fit"):
            function(model)


def test_a_flat_prior_is_that_of_a_wide_uniform_one() -> None:
    wide, flat_prior = ml.Prior(pm.Uniform, 0, 1e6), positive(lambda value: 0.0 * value)
    flat = ml.exact_loo(ml.no_pooling(made_up(CENTRED), "y", "g", check=False, sigma=flat_prior))
    found = ml.exact_loo(ml.no_pooling(made_up(CENTRED), "y", "g", check=False, sigma=wide))
    np.testing.assert_allclose(found, flat, rtol=0, atol=1e-7)


def test_moments_that_do_not_exist_are_refused() -> None:
    # With two clusters and a flat prior, the tail of sigma_alpha falls with its square: no mean.
    data = pd.DataFrame({"y": [0.1, 0.4, 1.2, 0.9], "g": list("aabb")})
    flat = positive(lambda value: 0.0 * value)
    model = ml.partial_pooling(data, "y", "g", check=False, sigma_alpha=flat)
    assert np.isfinite(ml.exact_loo(model)).all(axis=None)
    with pytest.raises(ValueError, match="does not exist"):
        ml.exact_posterior(model)


# Refitting ----------------------------------------------------------------------------------------


@pytest.fixture
def refits(monkeypatch: pytest.MonkeyPatch) -> list[xr.DataTree]:
    """Keep the fits that reloo makes."""
    kept: list[xr.DataTree] = []
    original = sampling.fit

    def record(*arguments: Any, **settings: Any) -> xr.DataTree:
        kept.append(original(*arguments, **settings))
        return kept[-1]

    monkeypatch.setattr(sampling, "fit", record)
    return kept


def distrust(monkeypatch: pytest.MonkeyPatch, rows: list[Any]) -> None:
    """Return these rows a high Pareto k, and the others a low one."""
    original = comparison.loo

    def loo(fit: xr.DataTree, *arguments: Any, **settings: Any) -> pd.DataFrame:
        table = original(fit, *arguments, **settings)
        return table.assign(pareto_k=np.where(table.index.isin(rows), 0.9, 0.1))

    monkeypatch.setattr(comparison, "loo", loo)


def declared(fit: xr.DataTree, family: Any, outcome: str, **parts: Any) -> xr.DataTree:
    """Say what the model of a fit was made of, if the fit does not."""
    fit.attrs.setdefault(ATTRIBUTE, to_json(Structure(family, outcome, **parts)))
    return fit


NO_POOLING: dict[str, Any] = {"family": "normal", "pooled": False, "means": True}


def log_mean(density: xr.DataArray) -> tuple[float, float]:
    """Return the log of the mean of draws, and its Monte Carlo error."""
    values = density.transpose("chain", "draw").to_numpy()
    return np.log(values.mean()), az.mcse(values, method="mean") / values.mean()


def test_refitting_without_a_row_gives_its_exact_density(
    mlm: pd.DataFrame, refits: list[xr.DataTree], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Those of the highest Pareto k, and some others.
    data = mlm[mlm["id"].isin([87, 98, 152, 229, 99, 116, 53, 140])]
    fit = ml.fit(ml.no_pooling(data, "con", "id"), seed=2)
    declared(fit, outcome="con", groups=("id",), **NO_POOLING)
    psis = ml.loo(fit)
    *highest, next_highest = psis["pareto_k"].nlargest(4).index
    limit = psis.loc[next_highest, "pareto_k"]
    monkeypatch.setattr(comparison, "good_k", lambda _: limit)
    table = ml.reloo(fit, lambda rows: ml.no_pooling(rows, "con", "id"), data, seed=3, draws=2000)
    exact = ml.exact_loo(ml.no_pooling(data, "con", "id"))

    assert list(table) == [*psis, "refitted"]
    assert table.index.equals(psis.index)
    assert set(table.index[table["refitted"]]) == set(highest)
    kept = ~table["refitted"]
    pd.testing.assert_frame_equal(table.loc[kept, psis.columns], psis[kept])
    pd.testing.assert_series_equal(table["elpd"] + table["p"], psis["elpd"] + psis["p"])
    pd.testing.assert_series_equal(table["pareto_k"], psis["pareto_k"])

    assert len(refits) == 3
    for row, refit in zip(table.index[table["refitted"]], refits, strict=True):
        assert refit["observed_data"]["row"].to_numpy().tolist() == data.index.drop(row).tolist()
        assert refit["posterior"].sizes["draw"] == 2000
        y, person = data.loc[row, ["con", "id"]]
        draws = refit["posterior"].dataset.sel(id=person)
        density = xr.apply_ufunc(stats.norm.pdf, y, draws["alpha"], draws["sigma"])
        elpd, se = log_mean(density)
        assert table.loc[row, ["elpd", "mcse_elpd"]].tolist() == pytest.approx([elpd, se])
        assert abs(elpd - exact.loc[row, "elpd"]) < 5 * se < 0.5


def test_refitting_without_the_only_row_of_a_cluster_asks_the_population(
    refits: list[xr.DataTree], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    group = np.append(np.repeat(np.arange(9), 5), 9)
    y = rng.normal(0, 1, 10)[group] + rng.normal(0, 0.5, 46)
    data = pd.DataFrame({"y": y, "g": group})
    fit = ml.fit(ml.partial_pooling(data, "y", "g"), seed=1, target_accept=0.97)
    declared(fit, "normal", "y", groups=("g",), means=True)
    distrust(monkeypatch, [45])
    table = ml.reloo(
        fit, lambda rows: ml.partial_pooling(rows, "y", "g"), data, seed=1, target_accept=0.97
    )
    (refit,) = refits
    assert 9 not in refit["posterior"]["g"]
    draws = refit["posterior"].dataset
    spread = draws["sigma_alpha"] * rng.standard_normal(draws["sigma"].shape)
    density = xr.apply_ufunc(stats.norm.pdf, y[45], draws["alpha_bar"] + spread, draws["sigma"])
    exact = ml.exact_loo(ml.partial_pooling(data, "y", "g"))
    assert abs(table["elpd"][45] - exact["elpd"][45]) < 5 * log_mean(density)[1] < 0.3


def test_equal_rows_are_left_out_once(
    refits: list[xr.DataTree], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(40)
    person, arm = rng.integers(12, size=300), rng.integers(1, 3, size=300)
    yes = rng.binomial(1, expit(rng.normal(0, 2, 12)[person]))
    data = pd.DataFrame({"person": person, "arm": arm, "yes": yes}, rng.permutation(300))

    def build(rows: pd.DataFrame) -> pm.Model:
        return ml.crossed_intercepts(rows, "yes", ["person"], "arm")

    fit = ml.fit(build(data), seed=1)
    declared(fit, "bernoulli", "yes", treatment="arm", groups=("person",))
    kinds = data.groupby(["person", "arm", "yes"]).groups.values()
    equal = [rows.tolist() for rows in kinds if len(rows) == 6][:2]
    assert len(equal) == 2
    distrust(monkeypatch, equal[0] + equal[1])
    table = ml.reloo(fit, build, data, seed=1)
    assert set(table.index[table["refitted"]]) == {*equal[0], *equal[1]}
    assert len(refits) == 2
    for rows in equal:
        (refit,) = (r for r in refits if not set(rows) <= set(r["observed_data"]["row"].to_numpy()))
        assert refit["observed_data"].sizes["row"] == 299
        person, arm, yes = data.loc[rows[0]]
        draws = refit["posterior"].dataset.sel(person=person, arm=arm)
        one = expit(draws["alpha_bar"] + draws["beta"] + draws["alpha_person"])
        elpd, _ = log_mean(one if yes else 1 - one)
        assert table.loc[rows, "elpd"].to_numpy() == pytest.approx(elpd, abs=1e-10)
    assert table.loc[equal[0][0], "elpd"] == pytest.approx(
        ml.loo(fit)["elpd"][equal[0][0]], abs=0.1
    )


def test_an_ordered_response_has_the_probability_of_its_category(
    refits: list[xr.DataTree], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"x": rng.normal(size=80)})
    code = np.clip(np.round(1 + data["x"] + rng.normal(size=80)), 0, 2)
    answers = np.array(["no", "maybe", "yes"])
    data["answer"] = pd.Categorical(answers[code.astype(int)], answers, ordered=True)

    def build(rows: pd.DataFrame) -> pm.Model:
        return ml.ordered_logit(rows, "answer", ["x"])

    fit = declared(ml.fit(build(data), seed=1), "ordered", "answer", predictors=("x",))
    row = data.query("answer == 'maybe'").index[0]
    distrust(monkeypatch, [row])
    table = ml.reloo(fit, build, data, seed=1)
    (refit,) = refits
    draws = refit["posterior"].dataset
    at_most = expit(draws["threshold"] - draws["beta"].sel(predictor="x") * data.loc[row, "x"])
    elpd, _ = log_mean(at_most.sel(cut=2) - at_most.sel(cut=1))
    assert table.loc[row, "elpd"] == pytest.approx(elpd, abs=1e-10)


def invented_fit(data: pd.DataFrame) -> xr.DataTree:
    """Invent draws of a no-pooling model."""
    rng = np.random.default_rng(1)
    labels, y = sorted(set(data["g"])), data["y"].to_numpy()
    alpha = xr.DataArray(
        rng.normal(0, 0.1, (2, 100, len(labels))), {"g": labels}, ("chain", "draw", "g")
    )
    sigma = xr.DataArray(rng.uniform(0.9, 1.1, (2, 100)), dims=("chain", "draw"))
    row = {"row": data.index.to_numpy()}
    density = stats.norm.logpdf(y, alpha.sel(g=data["g"].tolist()), sigma.to_numpy()[..., None])
    fit = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"alpha": alpha, "sigma": sigma}),
            "log_likelihood": xr.Dataset({"y": (("chain", "draw", "row"), density)}, row),
            "observed_data": xr.Dataset({"y": ("row", y)}, row),
        }
    )
    return declared(fit, outcome="y", groups=("g",), **NO_POOLING)


def no_refit(rows: pd.DataFrame) -> pm.Model:
    raise AssertionError("There is nothing to refit.")


def test_without_a_high_pareto_k_nothing_is_refitted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = made_up(CENTRED)
    distrust(monkeypatch, [])
    table = ml.reloo(invented_fit(data), no_refit, data, seed=1)
    assert not table["refitted"].any()
    pd.testing.assert_series_equal(table["elpd"], ml.loo(invented_fit(data))["elpd"])


@pytest.mark.parametrize(
    "other",
    [
        made_up(CENTRED).iloc[::-1],
        made_up(CENTRED).iloc[:-1],
        made_up(CENTRED).set_axis(range(1, 13)),
        made_up(ALIKE),
    ],
    ids=["order", "rows", "labels", "outcome"],
)
def test_other_rows_than_those_of_the_fit_are_refused(other: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"not the rows that the fit was made of.*'y'"):
        ml.reloo(invented_fit(made_up(CENTRED)), no_refit, other, seed=1)


def test_no_pooling_cannot_refit_without_the_only_row_of_a_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = made_up(CENTRED)
    distrust(monkeypatch, [9])
    with pytest.raises(ValueError, match=r"Row 9 is the only one of its cluster.*exact_loo"):
        ml.reloo(invented_fit(data), no_refit, data, seed=1)


# The posterior ------------------------------------------------------------------------------------


def closed_form(
    data: pd.DataFrame, sigma: float, sigma_alpha: float | None
) -> tuple[Array, Array, list[str]]:
    """Return mean and precision of the levels (and of alpha_bar, last), given the scales.

    All of them are jointly normal, and the precision matrix can be written down: every row adds to
    the level of its cluster, every level is tied to alpha_bar, which has its prior.
    """
    groups = data.groupby("g")["y"]
    n, total = groups.size().to_numpy(float), groups.sum().to_numpy()
    names = [f"alpha[{label}]" for label in groups.groups]
    if sigma_alpha is None:
        precision = np.diag(n / sigma**2 + 1 / 1.5**2)
        return np.linalg.solve(precision, total / sigma**2), precision, names
    k = len(n)
    precision = np.zeros((k + 1, k + 1))
    precision[:k, :k] = np.diag(n / sigma**2 + 1 / sigma_alpha**2)
    precision[:k, k] = precision[k, :k] = -1 / sigma_alpha**2
    precision[k, k] = k / sigma_alpha**2 + 1 / 1.5**2
    shift = np.append(total / sigma**2, 0)
    return np.linalg.solve(precision, shift), precision, [*names, "alpha_bar"]


@pytest.mark.parametrize("kind", BUILDERS)
def test_given_the_scales_the_model_is_the_normal_distribution_of_the_closed_form(
    kind: str,
) -> None:
    data, sigma = made_up(CENTRED), 0.7
    sigma_alpha = None if kind == "none" else 0.4
    mean, precision, _ = closed_form(data, sigma, sigma_alpha)
    forms: dict[str, Any] = {"form": "centred"} if sigma_alpha else {}
    model = BUILDERS[kind](data, "y", "g", **forms)
    levels = [model["alpha"], *([model["alpha_bar"]] if sigma_alpha else [])]
    log_density = model.compile_logp(mode=PYTHON)
    gradient = model.compile_dlogp(vars=levels, mode=PYTHON)
    scales = {"sigma": sigma} | ({"sigma_alpha": sigma_alpha} if sigma_alpha else {})
    point = model.initial_point()
    for name, value in scales.items():
        transform, to = model.rvs_to_transforms[model[name]], model.rvs_to_values[model[name]]
        point[to.name] = transform.forward(value, *model[name].owner.inputs).eval(mode=PYTHON)

    def at(values: Array) -> dict[str, Any]:
        k = len(point["alpha"])
        own = {"alpha": values[:k]} | ({"alpha_bar": values[k]} if sigma_alpha else {})
        return point | {name: np.asarray(value) for name, value in own.items()}

    np.testing.assert_allclose(gradient(at(mean)), 0, atol=1e-6)
    step = np.random.default_rng(2).normal(size=len(mean))
    fall = log_density(at(mean)) - log_density(at(mean + step))
    assert fall == pytest.approx(step @ precision @ step / 2, rel=1e-6)


@pytest.mark.parametrize("kind", BUILDERS)
def test_posterior_with_nearly_known_scales_is_that_of_the_closed_form(kind: str) -> None:
    data = made_up(CENTRED)
    known: dict[str, Any] = {"sigma": ml.Prior(pm.LogNormal, np.log(0.7), 1e-5), "check": False}
    if kind != "none":
        known["sigma_alpha"] = ml.Prior(pm.LogNormal, np.log(0.4), 1e-5)
    table = ml.exact_posterior(BUILDERS[kind](data, "y", "g", **known))
    mean, precision, names = closed_form(data, 0.7, None if kind == "none" else 0.4)
    np.testing.assert_allclose(table.loc[names, "mean"], mean, rtol=1e-4)
    sd = np.sqrt(np.diag(np.linalg.inv(precision)))
    np.testing.assert_allclose(table.loc[names, "sd"], sd, rtol=1e-4)
    assert table.loc["sigma", "mean"] == pytest.approx(0.7, rel=1e-4)


@pytest.mark.parametrize("kind", BUILDERS)
def test_draws_agree_with_the_exact_posterior(mlm: pd.DataFrame, kind: str) -> None:
    model = BUILDERS[kind](mlm, "con", "id")
    answer, ours = ml.exact_posterior(model), ml.summarise(ml.fit(model, seed=3))
    assert set(answer.index) == set(ours.index)
    for statistic in ("mean", "sd"):
        error = ours[f"mcse_{statistic}"]
        distance = (ours[statistic] - answer[statistic]) / error
        assert distance.abs().max() < 5
        assert 0.5 < distance.std() < 1.5


def test_the_difference_that_the_book_states(mlm: pd.DataFrame) -> None:
    table = ml.compare(
        {kind: ml.exact_loo(builder(mlm, "con", "id")) for kind, builder in BUILDERS.items()}
    )
    assert table.index.tolist() == ["partial", "none"]
    row = table.loc["none"]
    assert f"{row['elpd_diff']:.2f} ({row['se_diff']:.2f})" == "-17.60 (5.79)"
    assert (table["high_k"] == 0).all()
    assert (table.filter(like="mcse_") == 0).all(axis=None)
