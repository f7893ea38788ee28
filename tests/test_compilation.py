"""The compiled log density is the model's, starts as nutpie's own would, and says what failed."""

import ctypes
import dataclasses
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
from pytensor.graph.traversal import apply_ancestors
from pytensor.raise_op import Assert
from pytensor.tensor.math import Dot

import multilevel as ml
from multilevel import compilation
from multilevel.compilation import (
    ERROR,
    NO_GRADIENT,
    NO_VALUE,
    OK,
    compile_with_numba,
    density_and_gradient,
)
from multilevel.priors import PYTHON

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


def matrices(of_parameters: bool = False) -> pm.Model:
    """Build a model that multiplies vectors by matrices, as Bambi's do, from either side."""
    rng = np.random.default_rng(1)
    with pm.Model(coords={"row": range(6)}) as model:
        slopes, weights = pm.Normal("slopes", shape=3), pm.Normal("weights", shape=4)
        mean = pm.math.dot(rng.normal(size=(6, 3)), slopes) + weights @ rng.integers(9, size=(4, 6))
        if of_parameters:
            square = pm.Normal("square", shape=(2, 2))
            mean += (square @ square).sum()
        pm.Normal("y", mean, observed=DATA["y"], dims="row")
    return model


BUILDERS: dict[str, Callable[[], pm.Model]] = {
    "no pooling": lambda: ml.no_pooling(DATA, "y", "person"),
    "partial pooling": lambda: ml.partial_pooling(DATA, "y", "person"),
    "slopes": lambda: ml.varying_slopes(DATA, "y", ["dose"], "person", "dose"),
    "crossed": lambda: ml.crossed_intercepts(DATA, "left", ["person", "dose"], "arm"),
    "ordered": lambda: ml.ordered_logit(DATA, "answer", ["dose"]),
    "varying": lambda: ml.ordered_logit(DATA, "answer", ["dose"], "person"),
    "matrices": matrices,
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
    value = model.compile_logp(mode=PYTHON)
    slope = model.compile_dlogp(mode=PYTHON)
    for _ in range(5):
        at = start.data + rng.normal(0, 0.5, start.data.shape)
        code, found, gradient = call(compiled, at)
        point = DictToArrayBijection.rmap(type(start)(at, start.point_map_info))
        assert code == OK
        np.testing.assert_allclose(found, value(point), rtol=1e-10)
        np.testing.assert_allclose(gradient, slope(point), rtol=1e-8, atol=1e-10)


def test_a_matrix_times_a_vector_calls_no_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba compiles a call of BLAS for half a minute."""
    model = freeze_dims_and_data(matrices(of_parameters=True))
    compiled: list[Any] = []
    monkeypatch.setattr(compilation, "compile_graph", lambda _, graph, **__: compiled.extend(graph))
    with pytest.raises(AttributeError):  # nothing was compiled
        density_and_gradient(model, model.initial_point())
    products = [n for n in apply_ancestors(compiled) if isinstance(n.op, Dot)]
    assert {node.outputs[0].type.shape for node in products} == {(2, 2)}


@pytest.mark.slow
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


# What nutpie and JAX give -------------------------------------------------------------------------


def test_the_class_that_is_made_by_hand_has_the_fields_that_it_had() -> None:
    """Nutpie may change it at any time: then see whether its own wrapper is fast by now."""
    fields = """
        _coords _n_dim _shapes _transform_adapt_args compiled_expand_func compiled_logp_func dims
        expand_func initial_point_func logp_func n_expanded reparameterized_names shape_info
        shared_data shared_var_keys user_data
    """
    found = [field.name for field in dataclasses.fields(CompiledPyMCModel)]
    assert sorted(found) == fields.split()


def test_without_jax_the_backend_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multilevel.extras.find_spec", lambda _: None)
    with pytest.raises(ImportError, match="needs jax: pip install jax"):
        ml.sample(BUILDERS["partial pooling"](), seed=1, backend="jax")
