"""Simulate Trolley responses, time the gradient of their model, and print a line of JSON.

usage: python -m bookmaking.benchmarks.gradient PEOPLE RESPONSES

Every person gives the same number of responses, as far as possible. The gradient is that of the
sampler, the yardstick that of ``yardstick.py``; both are timed in turn.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pymc.model.transform.optimization import freeze_dims_and_data

import multilevel as ml
from bookmaking.benchmarks import yardstick
from multilevel.compilation import density_and_gradient

SEED, ROUNDS = 1, 15
SECONDS = 0.02  # of one timing
PREDICTORS = ["action", "intention", "contact"]
CASES = ml.load_trolley().drop_duplicates("case")[PREDICTORS].to_numpy(np.int8)
THRESHOLDS = np.array([-3.9, -2.8, -2.0, -0.6, 0.4, 1.7])
SLOPES, SPREAD = np.array([-0.9, -0.7, -1.1]), 1.9
"""About what the lecture's data say."""


def simulate(people: int, responses: int) -> pd.DataFrame:
    """Draw responses by a number of people to cases as in the Trolley study."""
    rng = np.random.default_rng(SEED)
    person = np.arange(responses, dtype=np.int32) % people
    case = CASES[rng.integers(len(CASES), size=responses)]
    eta = rng.normal(0, SPREAD, people)[person] + case @ SLOPES
    latent = eta + rng.logistic(size=responses)
    codes = np.searchsorted(THRESHOLDS, latent).astype(np.int8)
    scale = pd.CategoricalDtype(list(range(1, 8)), ordered=True)
    response = pd.Categorical.from_codes(codes, dtype=scale)
    return pd.DataFrame({"id": person, "response": response}).assign(
        **dict(zip(PREDICTORS, case.T, strict=True))
    )


def once(function: Callable[[], Any], calls: int) -> float:
    """Return the microseconds of one call, as a mean over many."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls * 1e6


def main(people: int, responses: int) -> None:
    """Simulate, count, compile, time."""
    data = simulate(people, responses)
    start = time.process_time()
    model = ml.ordered_logit(data, "response", PREDICTORS, "id")
    counted = time.process_time()
    frozen = freeze_dims_and_data(model)
    ours = density_and_gradient(frozen, frozen.initial_point())
    compiled = time.process_time()
    rng = np.random.default_rng(SEED)
    point = {v.name: rng.normal(0, 0.5, v.type.shape) for v in frozen.value_vars}
    vector = np.concatenate([values.ravel() for values in point.values()])
    counts = yardstick.count(data, "response", PREDICTORS, "id")
    names = ["_threshold_ordered__", "beta", "sigma_id_log__", "_alpha_id_mean"]
    parts: list[Any] = [point[name] if point[name].ndim else float(point[name]) for name in names]
    by_hand: Callable[..., Any] = yardstick.log_density
    timed: dict[str, Callable[[], Any]] = {
        "ours": lambda: ours(vector),
        "yardstick": lambda: by_hand(*parts, *counts),
    }
    values = {name: float(call()[0]) for name, call in timed.items()}
    if not np.isclose(values["ours"], values["yardstick"], rtol=1e-9):
        sys.exit(f"The yardstick is of another density: {values}")
    calls = max(1, int(SECONDS * 1e6 / once(timed["yardstick"], 1)))
    each = [{name: once(call, calls) for name, call in timed.items()} for _ in range(ROUNDS)]
    times = pd.DataFrame(each)
    found = {
        "people": people,
        "responses": responses,
        "cells": len(counts.size),
        "count_cpu_seconds": round(counted - start, 2),
        "compile_cpu_seconds": round(compiled - counted, 2),
        **times.median().round(2).add_suffix("_microseconds").to_dict(),
        "ratio": round(float((times["ours"] / times["yardstick"]).median()), 3),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(int(sys.argv[1]), int(sys.argv[2]))
