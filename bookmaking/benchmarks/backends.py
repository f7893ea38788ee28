"""Time the gradient of the Trolley model as compiled by Numba and by JAX, and print a line of JSON.

usage: python -m bookmaking.benchmarks.backends PEOPLE RESPONSES
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import pandas as pd
from pymc.model.transform.optimization import freeze_dims_and_data

import multilevel as ml
from bookmaking.benchmarks.gradient import PREDICTORS, ROUNDS, SECONDS, SEED, once, simulate
from multilevel.compilation import density_and_gradient


def gradient(density: Callable[..., Any], vector: np.ndarray) -> np.ndarray:
    """Return the gradient when it is computed: JAX returns earlier."""
    return np.asarray(density(vector)[1])


def steps(density: Any, vector: np.ndarray) -> int:
    """Count the steps of JAX's program, which run one after the other."""
    program = density.lower(vector).compile().as_text()
    return int(program.split("ENTRY")[1].count("fusion("))


def main(people: int, responses: int) -> None:
    """Simulate, compile with both, time them in turn."""
    model = ml.ordered_logit(simulate(people, responses), "response", PREDICTORS, "id")
    frozen = freeze_dims_and_data(model)
    rng = np.random.default_rng(SEED)
    point = {v.name: rng.normal(0, 0.5, v.type.shape) for v in frozen.value_vars}
    vector = np.concatenate([values.ravel() for values in point.values()])
    found: dict[str, Any] = {"people": people, "responses": responses}
    timed: dict[str, Callable[[], Any]] = {}
    values = {}
    for name in ("numba", "jax"):
        density = density_and_gradient(frozen, frozen.initial_point(), name.upper())
        values[name] = float(density(vector)[0])
        timed[name] = partial(gradient, density, vector)
    found["jax_steps"] = steps(density, vector)
    if not np.isclose(values["numba"], values["jax"], rtol=1e-9):
        sys.exit(f"JAX computes another density: {values}")
    calls = max(1, int(SECONDS * 1e6 / once(timed["numba"], 1)))
    each = [{name: once(call, calls) for name, call in timed.items()} for _ in range(ROUNDS)]
    times = pd.DataFrame(each)
    found |= {f"{name}_microseconds": round(times[name].median(), 2) for name in timed}
    found["ratio"] = round(float((times["numba"] / times["jax"]).median()), 3)
    found["device"] = jax.devices()[0].device_kind
    print(json.dumps(found))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(int(sys.argv[1]), int(sys.argv[2]))
