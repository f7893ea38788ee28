"""What does the sampler call? The log density of a model and its gradient, as machine code.

nutpie can compile a model itself. Its own wrapper around the compiled density is compiled anew in
every process, though, which takes longer than sampling a small model. The one here does the same
with plain loops, which compile at once. It checks nothing less: see ``tests/test_density.py``.
"""

from collections.abc import Callable
from importlib.util import find_spec
from threading import Lock
from typing import Any

import numpy as np
import pymc as pm
from numba import cfunc, types
from numba.np.numpy_support import carray
from nutpie.compile_pymc import CompiledPyMCModel
from nutpie.compiled_pyfunc import PyFuncModel, from_pyfunc
from pymc.blocking import DictToArrayBijection
from pymc.initial_point import make_initial_point_fn
from pymc.pytensorf import compile as compile_graph
from pymc.pytensorf import join_nonshared_inputs
from pytensor.configdefaults import config
from pytensor.gradient import grad
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.tensor import concatenate

OK, ERROR, NO_GRADIENT, NO_VALUE = 0, 1, 3, 4  # what nutpie is told; an error rejects the step

NUMBERS = types.CPointer(types.double)
DENSITY = types.int64(types.uint64, NUMBERS, NUMBERS, NUMBERS, types.voidptr)
EXPANSION = types.int64(types.uint64, types.uint64, NUMBERS, NUMBERS, types.voidptr)


def compile_density(model: pm.Model) -> CompiledPyMCModel:
    """Compile the log density of a model and its gradient, for the sampler.

    Parameters
    ----------
    model
        A model whose dims and data are frozen.

    Returns
    -------
    What nutpie samples from; its draws are the values of ``model.value_vars``, on the scale on
    which the sampler moves
    """
    first, point = _starts(model)
    names, shapes, size = _layout(model, point)
    density = density_and_gradient(model, point)

    @cfunc(DENSITY)
    def log_density(length: int, at: Any, gradient_out: Any, value_out: Any, _data: Any) -> int:
        try:
            value, gradient = density(carray(at, (size,)))
        # Whatever an assertion in the graph raises: compiled code can catch nothing narrower. It is
        # not lost: the sampler is told, rejects the step, and counts it as divergent.
        except Exception:
            return ERROR
        value_out[0] = value[()]
        for i in range(size):
            gradient_out[i] = gradient[i]
            if not np.isfinite(gradient[i]):
                return NO_GRADIENT
        return OK if np.isfinite(value_out[0]) else NO_VALUE

    @cfunc(EXPANSION)
    def keep(length: int, kept: int, at: Any, out: Any, _data: Any) -> int:
        for i in range(size):
            out[i] = at[i]
        return OK

    return CompiledPyMCModel(
        dims={},
        _n_dim=size,
        _shapes=dict(zip(names, shapes, strict=True)),
        _coords={},
        compiled_logp_func=log_density,
        compiled_expand_func=keep,
        initial_point_func=first,
        shared_data={},
        shared_var_keys={},
        user_data=np.zeros(()),
        n_expanded=size,
        shape_info=(names, [], shapes),
        logp_func=density,
        expand_func=None,
    )


def compile_density_for_jax(model: pm.Model) -> PyFuncModel:
    """Compile the log density and its gradient with JAX, for a GPU where JAX finds one.

    Parameters
    ----------
    model
        As for :func:`compile_density`.

    Returns
    -------
    As for :func:`compile_density`

    Raises
    ------
    ImportError
        JAX is not installed.
    """
    if find_spec("jax") is None:
        raise ImportError(
            "backend='jax' needs JAX: pip install jax, or jax[cuda13] for a GPU of NVIDIA."
        )
    first, point = _starts(model)
    names, shapes, size = _layout(model, point)
    density = density_and_gradient(model, point, mode="JAX")
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]

    def log_density(at: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = density(at)
        return float(value), np.asarray(gradient, dtype=float)

    def keep(at: np.ndarray) -> dict[str, np.ndarray]:
        parts = zip(names, np.split(at, ends), shapes, strict=True)
        return {name: np.ascontiguousarray(part).reshape(shape) for name, part, shape in parts}

    return from_pyfunc(
        ndim=size,
        make_logp_fn=lambda: log_density,
        make_expand_fn=lambda *_: keep,
        make_initial_point_fn=first,
        expanded_dtypes=[np.dtype(float)] * len(names),
        expanded_shapes=shapes,
        expanded_names=names,
    )


def _starts(model: pm.Model) -> tuple[Callable[[int], np.ndarray], dict[str, np.ndarray]]:
    """Give what finds a starting point from a seed, and one such point."""
    start = make_initial_point_fn(
        model=model, jitter_rvs=set(model.free_RVs), return_transformed=True
    )
    lock = Lock()  # the chains are started at once, and what is compiled here bears one at a time

    def first(seed: int) -> np.ndarray:
        with lock:
            return DictToArrayBijection.map(start(seed)).data

    return first, start(0)


def _layout(
    model: pm.Model, point: dict[str, np.ndarray]
) -> tuple[list[str], list[tuple[int, ...]], int]:
    """Give names and shapes of what the sampler moves, and how many numbers that is."""
    names = [value.name for value in model.value_vars]
    shapes = [np.shape(point[name]) for name in names]
    return names, shapes, sum(int(np.prod(shape)) for shape in shapes)


def density_and_gradient(
    model: pm.Model, point: dict[str, np.ndarray], mode: str = "NUMBA"
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Compile the log density of a model and its gradient, for a single vector.

    Parameters
    ----------
    model
        A model whose dims and data are frozen.
    point
        Any values of ``model.value_vars``, which give their order and their shapes.
    mode
        PyTensor's name of what compiles it.

    Returns
    -------
    Function of all values in a row, giving the log density (no dims) and its gradient. "Fast math"
    is off: with it sums are taken in the order that suits the processor, and draws depend on the
    machine and on what an earlier run left in the cache.
    """
    inputs = model.value_vars
    value: Any = rewrite_graph(model.logp(), include=["canonicalize", "stabilize"])
    slopes: Any = grad(value, inputs)
    gradient = concatenate([slope.ravel() for slope in slopes])
    outputs, vector = join_nonshared_inputs(point, [value, gradient], inputs)
    with model, config.change_flags(numba__fastmath=False):
        return compile_graph([vector], outputs, mode=mode).vm.jit_fn
