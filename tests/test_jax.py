"""JAX computes the same density as Numba; it has an environment of its own, where this runs."""

import numpy as np
import pandas as pd
import pytest
from pymc.blocking import DictToArrayBijection
from pymc.model.transform.optimization import freeze_dims_and_data

import multilevel as ml
from multilevel.compilation import compile_with_jax
from tests.test_compilation import BUILDERS

pytest.importorskip("jax", reason="JAX has an environment of its own, where make test runs this")


@pytest.mark.parametrize("name", BUILDERS)
def test_value_and_gradient_are_those_of_the_model(name: str) -> None:
    model = freeze_dims_and_data(BUILDERS[name]())
    log_density = compile_with_jax(model)._make_logp_func()
    start = DictToArrayBijection.map(model.initial_point())
    value = model.compile_logp(mode="FAST_COMPILE")
    slope = model.compile_dlogp(mode="FAST_COMPILE")
    rng = np.random.default_rng(1)
    for _ in range(3):
        at = start.data + rng.normal(0, 0.5, start.data.shape)
        point = DictToArrayBijection.rmap(type(start)(at, start.point_map_info))
        found, gradient = log_density(at)
        assert found == pytest.approx(float(value(point)), rel=1e-10)
        np.testing.assert_allclose(gradient, slope(point), rtol=1e-8, atol=1e-8)


def test_draws_are_from_the_same_posterior() -> None:
    data = pd.DataFrame({"id": np.repeat(list("abcd"), 8)})
    data["y"] = np.random.default_rng(2).normal(np.repeat([0, 1, 2, 3], 8), 1)
    model = ml.no_pooling(data, "y", "id")
    fits = [ml.fit(model, seed=1, draws=2000, backend=each) for each in ("numba", "jax")]
    one, other = (ml.summarise(fit) for fit in fits)
    error = np.hypot(one["mcse"], other["mcse"])
    assert (abs(one["mean"] - other["mean"]) < 5 * error).all()
    assert fits[1].attrs["backend"] == "jax"
    assert fits[1]["posterior"].dataset.sizes == fits[0]["posterior"].dataset.sizes
