"""The compiled log density is the model's, starts as nutpie's own would, and says what failed."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import nutpie
import pandas as pd
import pymc as pm
import pytest
from nutpie.compile_pymc import CompiledPyMCModel
from pymc.blocking import DictToArrayBijection
from pymc.model.transform.optimization import freeze_dims_and_data
from pytensor.raise_op import Assert

import multilevel as ml
from multilevel.compilation import (
    ERROR,
    NO_GRADIENT,
    NO_VALUE,
    OK,
    compile_with_jax,
    compile_with_numba,
)

DATA = pd.DataFrame(
    {
        "y": [0.3, 0.1, -0.2, 0.5, 0.9, -0.4],
        "left": [0, 1, 1, 0, 1, 0],
        "answer": pd.Categorical([1, 2, 3, 1, 2, 3], ordered=True),
        "dose": [0, 1, 0, 1, 1, 0],
        "person": ["a", "a", "b", "b", "c", "c"],
        "arm": ["u", "v", "u", "v", "u", "v"],
    }
)
BUILDERS: dict[str, Callable[[], pm.Model]] = {
    "no pooling": lambda: ml.no_pooling(DATA, "y", "person"),
    "partial pooling": lambda: ml.partial_pooling(DATA, "y", "person"),
    "slopes": lambda: ml.varying_slopes(DATA, "y", ["dose"], "person", "dose"),
    "crossed": lambda: ml.crossed_intercepts(DATA, "left", ["person", "dose"], "arm"),
    "ordered": lambda: ml.ordered_logit(DATA, "answer", ["dose"]),
    "varying": lambda: ml.ordered_logit(DATA, "answer", ["dose"], "person"),
}


def call(compiled: CompiledPyMCModel, point: np.ndarray) -> tuple[int, float, np.ndarray]:
    """Call the compiled log density as the sampler does."""
    numbers = ctypes.POINTER(ctypes.c_double)
    value, gradient = np.empty(1), np.empty(len(point))
    arrays = [array.ctypes.data_as(numbers) for array in (point, gradient, value)]
    code = compiled.compiled_logp_func.ctypes(len(point), *arrays, None)
    return code, float(value[0]), gradient


@pytest.mark.parametrize("name", BUILDERS)
def test_value_and_gradient_are_those_of_the_model(name: str) -> None:
    model = freeze_dims_and_data(BUILDERS[name]())
    compiled = compile_with_numba(model)
    start = DictToArrayBijection.map(model.initial_point())
    rng = np.random.default_rng(1)
    value = model.compile_logp()
    slope = model.compile_dlogp()
    for _ in range(5):
        at = start.data + rng.normal(0, 0.5, start.data.shape)
        code, found, gradient = call(compiled, at)
        point = DictToArrayBijection.rmap(type(start)(at, start.point_map_info))
        assert code == OK
        np.testing.assert_allclose(found, value(point), rtol=1e-10)
        np.testing.assert_allclose(gradient, slope(point), rtol=1e-8, atol=1e-10)


def test_chains_start_where_those_of_nutpies_own_compiler_start() -> None:
    model = freeze_dims_and_data(BUILDERS["varying"]())
    theirs = nutpie.compile_pymc_model(model).initial_point_func
    ours = compile_with_numba(model).initial_point_func
    np.testing.assert_array_equal(ours(3), theirs(3))
    assert (ours(3) != ours(4)).any()


def test_draws_are_kept_as_the_sampler_moved_them() -> None:
    compiled = compile_with_numba(freeze_dims_and_data(BUILDERS["partial pooling"]()))
    at, kept = np.arange(compiled.n_dim, dtype=float), np.empty(compiled.n_dim)
    pointers = [array.ctypes.data_as(ctypes.POINTER(ctypes.c_double)) for array in (at, kept)]
    assert compiled.compiled_expand_func.ctypes(len(at), len(at), *pointers, None) == OK
    np.testing.assert_array_equal(kept, at)


@pytest.mark.parametrize(
    ("potential", "code"),
    [
        (lambda x: Assert("x must be positive")(x, x > 0), ERROR),
        (lambda x: pm.logp(pm.Normal.dist(0, x), 1.0), NO_VALUE),  # a negative standard deviation
        (lambda x: (x + 1) ** 0.5, NO_GRADIENT),  # infinitely steep
    ],
)
def test_the_sampler_is_told_what_failed(potential: Callable[[Any], Any], code: int) -> None:
    with pm.Model() as model:
        x = pm.Normal("x")
        pm.Potential("bad", potential(x))
    assert call(compile_with_numba(model), np.array([-1.0]))[0] == code


# JAX ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILDERS)
def test_jax_gives_the_same_value_and_gradient(name: str) -> None:
    model = freeze_dims_and_data(BUILDERS[name]())
    compiled = compile_with_numba(model)
    log_density = compile_with_jax(model)._make_logp_func()
    start = DictToArrayBijection.map(model.initial_point()).data
    rng = np.random.default_rng(1)
    for _ in range(3):
        at = start + rng.normal(0, 0.5, start.shape)
        code, value, gradient = call(compiled, at)
        found, slopes = log_density(at)
        assert code == OK
        assert found == pytest.approx(value, rel=1e-10)
        np.testing.assert_allclose(slopes, gradient, rtol=1e-8, atol=1e-8)


def test_draws_of_jax_are_from_the_same_posterior() -> None:
    data = pd.DataFrame({"id": np.repeat(list("abcd"), 8)})
    data["y"] = np.random.default_rng(2).normal(np.repeat([0, 1, 2, 3], 8), 1)
    model = ml.no_pooling(data, "y", "id")
    fits = [ml.fit(model, seed=1, draws=2000, backend=each) for each in ("numba", "jax")]
    one, other = (ml.summarise(fit) for fit in fits)
    error = np.hypot(one["mcse"], other["mcse"])
    assert (abs(one["mean"] - other["mean"]) < 5 * error).all()
    assert fits[1].attrs["backend"] == "jax"


def test_without_jax_the_backend_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multilevel.compilation.find_spec", lambda _: None)
    with pytest.raises(ImportError, match="pip install jax"):
        ml.sample(BUILDERS["partial pooling"](), seed=1, backend="jax")
