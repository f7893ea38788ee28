"""Compile a model's log density and gradient for nutpie, with Numba or JAX.

nutpie can compile a model with Numba itself, but its wrapper around the compiled density is not
cached: every process compiles it again, which takes 2.7 to 2.9 seconds per fit, longer than
sampling a small model. The wrapper here consists of plain loops, which compile at once, and makes
the same checks (see ``tests/test_compilation.py``). It can be removed when the wrapper in nutpie
uses Numba's cache: see pull requests 334 of nutpie (closed without merging) and 8411 of PyMC
(open).
"""

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
import nutpie
import pymc as pm
from numba import cfunc, types
from numba.np.numpy_support import carray
from nutpie.compile_pymc import CompiledPyMCModel
from nutpie.compiled_pyfunc import PyFuncModel
from pymc.blocking import DictToArrayBijection
from pymc.initial_point import make_initial_point_fn
from pymc.pytensorf import compile as compile_graph
from pymc.pytensorf import join_nonshared_inputs
from pytensor.compile.mode import get_mode
from pytensor.configdefaults import config
from pytensor.gradient import grad
from pytensor.graph.rewriting.basic import in2out, node_rewriter, out2in
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.tensor import alloc, concatenate, expand_dims
from pytensor.tensor.basic import Alloc
from pytensor.tensor.math import Dot

from multilevel.extras import need

OK, ERROR, NO_GRADIENT, NO_VALUE = 0, 1, 3, 4  # return codes for nutpie; any error rejects the step

LAST = 1000  # place of a rewrite after all of PyTensor's

NUMBERS = types.CPointer(types.double)
DENSITY = types.int64(types.uint64, NUMBERS, NUMBERS, NUMBERS, types.voidptr)
EXPANSION = types.int64(types.uint64, types.uint64, NUMBERS, NUMBERS, types.voidptr)


def compile_with_numba(model: pm.Model) -> CompiledPyMCModel:
    """Compile the log density of a model and its gradient with Numba, for nutpie.

    Parameters
    ----------
    model
        A model whose dims and data are frozen.

    Returns
    -------
    CompiledPyMCModel
        Compiled model that nutpie can sample from; its draws are those of the unconstrained
        variables, ``model.value_vars``.
    """
    initial_point, point = _initial_point(model)
    names, shapes, size = _layout(model, point)
    density = density_and_gradient(model, point)

    @cfunc(DENSITY)
    def log_density(length: int, at: Any, gradient_out: Any, value_out: Any, _data: Any) -> int:
        try:
            value, gradient = density(carray(at, (size,)))
        # An assertion in the graph failed; Numba cannot catch specific exceptions. nutpie gets the
        # return code, rejects the step and counts it as divergent.
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
        initial_point_func=initial_point,
        shared_data={},
        shared_var_keys={},
        user_data=np.zeros(()),
        n_expanded=size,
        shape_info=(names, [], shapes),
        logp_func=density,
        expand_func=None,
    )


def compile_with_jax(model: pm.Model) -> PyFuncModel:
    """Compile the log density and its gradient with JAX, for a GPU where JAX finds one.

    Parameters
    ----------
    model
        A model whose dims and data are frozen.

    Returns
    -------
    PyFuncModel
        Compiled model that nutpie can sample from. With ``store_unconstrained``, the draws of the
        unconstrained variables, ``model.value_vars``, are in the groups ``unconstrained_posterior``
        (those with a transform) and ``posterior`` (all others).

    Raises
    ------
    ImportError
        JAX is not installed.
    """
    need("jax", purpose="backend='jax'")
    untransformed = [v.name for v in model.value_vars if v.name in model.named_vars]
    return nutpie.compile_pymc_model(model, backend="jax", var_names=untransformed)


def _initial_point(model: pm.Model) -> tuple[Callable[[int], np.ndarray], dict[str, np.ndarray]]:
    """Return the (locked) initial-point function, and one point for shapes."""
    start = make_initial_point_fn(
        model=model, jitter_rvs=set(model.free_RVs), return_transformed=True
    )
    lock = Lock()  # chains start in parallel threads; the compiled function is not thread-safe

    def initial_point(seed: int) -> np.ndarray:
        with lock:
            return DictToArrayBijection.map(start(seed)).data

    return initial_point, start(0)


def _layout(
    model: pm.Model, point: dict[str, np.ndarray]
) -> tuple[list[str], list[tuple[int, ...]], int]:
    """Return names, shapes and total size of the unconstrained variables."""
    names = [value.name for value in model.value_vars]
    shapes = [np.shape(point[name]) for name in names]
    return names, shapes, sum(int(np.prod(shape)) for shape in shapes)


def density_and_gradient(
    model: pm.Model, point: dict[str, np.ndarray], mode: str = "NUMBA"
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Compile the log density of a model and its gradient, as a function of a flat vector.

    Parameters
    ----------
    model
        A model whose dims and data are frozen.
    point
        Any values of the unconstrained variables, ``model.value_vars``, such as the initial point;
        they define order and shapes.
    mode
        PyTensor's compilation mode.

    Returns
    -------
    Callable
        Function of all unconstrained values in one flat vector, which returns the log density (a
        scalar) and its gradient (a vector). Numba's "fast math" is off: with it, the order of
        summation, and hence the draws, would depend on the processor and on what earlier runs left
        in the cache.
    """
    inputs = model.value_vars
    value: Any = rewrite_graph(model.logp(), include=["canonicalize", "stabilize"])
    sums = in2out(node_rewriter([Dot])(_sum_of_products))
    value = rewrite_graph(value, include=[], custom_rewrite=sums)
    slopes: Any = grad(value, inputs)
    gradient = concatenate([slope.ravel() for slope in slopes])
    outputs, vector = join_nonshared_inputs(point, [value, gradient], inputs)
    with model, config.change_flags(numba__fastmath=False):
        fills = out2in(node_rewriter([Alloc])(_fill_with_an_element))
        quick = get_mode(mode).register((fills, LAST))
        return compile_graph([vector], outputs, mode=quick).vm.jit_fn


# Two operations take Numba seconds to compile that are quick when they are written otherwise.


def _sum_of_products(_graph: Any, node: Any) -> list[Any] | None:
    """Write a matrix times a vector as a sum, without BLAS, whose call takes half a minute."""
    x, y = node.inputs
    if 1 not in (x.type.shape[0], y.type.shape[1]):
        return None
    return [(x[:, :, None] * y[None]).sum(axis=1)]


def _fill_with_an_element(_graph: Any, node: Any) -> list[Any] | None:
    """Fill an array with an element of one, as 0-d ones are copied with checks of their shape."""
    value, *shape = node.inputs
    return [alloc(expand_dims(value, 0), *shape)] if value.ndim == 0 and shape else None
