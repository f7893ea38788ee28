"""JAX computes the same density as Numba; it has an environment of its own, where this runs."""

import numpy as np
import pandas as pd
import pytest
from pymc.model.transform.optimization import freeze_dims_and_data

import multilevel as ml
from multilevel.compilation import compile_with_jax
from tests.test_compilation import BUILDERS

pytest.importorskip("jax", reason="JAX has an environment of its own, where make test runs this")


@pytest.mark.parametrize("name", BUILDERS)
def test_value_and_gradient_are_those_of_the_model(name: str) -> None:
    model = freeze_dims_and_data(BUILDERS[name]())
    compiled = compile_with_jax(model)
    log_density, expand = compiled._make_logp_func(), compiled._make_expand_func(0, 0, 0)
    value = model.compile_logp(mode="FAST_COMPILE")
    slope = model.compile_dlogp(mode="FAST_COMPILE")
    names = [v.name for v in model.value_vars]
    rng = np.random.default_rng(1)
    for _ in range(3):
        at, direction = rng.normal(0, 0.5, (2, compiled.n_dim))
        found, gradient = log_density(at)
        # The vector has an order of nutpie's; what it holds is known by its names.
        point, ahead = ({n: expand(x)[n] for n in names} for x in (at, at + direction))
        by_name = np.concatenate([(ahead[n] - point[n]).ravel() for n in names])
        assert found == pytest.approx(float(value(point)), rel=1e-10)
        assert gradient @ direction == pytest.approx(slope(point) @ by_name, rel=1e-8)


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
