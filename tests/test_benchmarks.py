"""The benchmarks: the same density, honest reports. Nothing here looks at a time."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import multilevel as ml
from bookmaking.benchmarks import compare, gradient, large, yardstick
from multilevel.priors import PYTHON

TROLLEY = ml.load_trolley()
PREDICTORS = ["action", "intention", "contact"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_yardstick_is_the_density_of_the_model_and_its_gradient(seed: int) -> None:
    model = ml.ordered_logit(TROLLEY, "response", PREDICTORS, "id")
    start = model.initial_point()
    rng = np.random.default_rng(seed)
    point = {name: rng.normal(0, 0.7, np.shape(start[name])) for name in start}
    names = ["_threshold_ordered__", "beta", "sigma_id_log__", "_alpha_id_mean"]
    counts = yardstick.count(TROLLEY, "response", PREDICTORS, "id")
    by_hand: Callable[..., Any] = yardstick.log_density.py_func
    total, *slopes = by_hand(*(point[name] for name in names), *counts)
    by_name = {name: np.atleast_1d(slope) for name, slope in zip(names, slopes, strict=True)}
    assert total == pytest.approx(float(model.compile_logp(mode=PYTHON)(point)), rel=1e-9)
    gradient = model.compile_dlogp(mode=PYTHON)(point)
    pencil = np.concatenate([by_name[v.name] for v in model.value_vars])
    np.testing.assert_allclose(pencil, gradient, rtol=1e-8, atol=1e-6)


def test_in_each_round_the_programs_take_turns_and_cold_comes_before_warm() -> None:
    runs = list(compare.schedule(["no pooling"], rounds=2, brms_rounds=1))
    assert [(run.round, run.program, run.caches) for run in runs] == [
        (1, "multilevel", "cold"),
        (1, "Bambi", "cold"),
        (1, "brms", "cold"),
        (1, "multilevel", "warm"),
        (1, "Bambi", "warm"),
        (2, "multilevel", "cold"),
        (2, "Bambi", "cold"),
        (2, "multilevel", "warm"),
        (2, "Bambi", "warm"),
    ]


def test_cold_runs_share_no_cache_and_a_warm_run_has_that_of_its_cold_one(tmp_path: Path) -> None:
    cold, warm, later = (
        compare.environment(compare.Run(number, "no pooling", "Bambi", caches), tmp_path)
        for number, caches in [(1, "cold"), (1, "warm"), (2, "cold")]
    )
    for name in ("PYTENSOR_FLAGS", "NUMBA_CACHE_DIR"):
        assert cold[name] == warm[name] != later[name]


def test_a_process_is_measured_whole() -> None:
    script = "import json, os; x = bytearray(200_000_000); print(json.dumps({'pid': os.getpid()}))"
    # A process that is started counts the memory of the one that starts it as its own.
    code = "import json, sys; from bookmaking.benchmarks import compare"
    code += "; print(json.dumps(compare.measure([sys.executable, '-c', sys.argv[1]], {})))"
    line = [sys.executable, "-c", code, script]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    assert report["pid"] > 0
    assert report["process_cpu_seconds"] > 0
    assert 200 < report["peak_memory_mb"] < 2000


@pytest.mark.parametrize("script", ["raise SystemExit('no such model')", "print('not JSON')"])
def test_a_run_that_fails_is_not_reported_as_a_run(script: str) -> None:
    with pytest.raises(compare.Failure, match=r"no such model|not JSON"):
        compare.measure([sys.executable, "-c", script], {})


def test_distance_is_in_standard_errors_of_the_difference() -> None:
    ours, theirs = {"a": [1.0, 0.03], "b": [0.0, 0.1]}, {"a": [1.1, 0.04], "b": [0.1, 0.1]}
    assert compare.distance(ours, theirs) == pytest.approx(2.0)
    with pytest.raises(compare.Failure, match="not the same parameters"):
        compare.distance(ours, {"a": [1.0, 0.1]})


def test_ratios_pair_the_rounds() -> None:
    rows = [(1, "multilevel", 2.0), (1, "Bambi", 4.0), (2, "multilevel", 9.0), (2, "Bambi", 3.0)]
    table = pd.DataFrame(rows, columns=["round", "program", "cpu_seconds"])
    found = compare.ratios(table.assign(model="m", caches="cold"), "cpu_seconds")
    assert found.index.tolist() == [("m", "cold", "Bambi")]
    assert found.to_numpy().tolist() == [[1.75, 0.5, 3.0]]


# Many rows ----------------------------------------------------------------------------------------


def test_responses_simulated_in_a_database_are_those_of_the_model(tmp_path: Path) -> None:
    responses = 300_000
    large.simulate(tmp_path, responses, memory="200 MB")
    large.count(tmp_path, responses, memory="200 MB")
    counts = pd.read_parquet(tmp_path / "counts.parquet")
    assert counts["id"].nunique() == large.PEOPLE
    cases = counts.groupby(PREDICTORS)["count"].sum()
    assert set(cases.index) == set(map(tuple, gradient.CASES.tolist()))
    # The share of responses up to each threshold, averaged over the people that were drawn.
    alpha = np.random.default_rng(gradient.SEED).normal(0, gradient.SPREAD, large.PEOPLE)
    for case in map(tuple, gradient.CASES.tolist()):
        part = counts.set_index(PREDICTORS).loc[case].groupby("response")["count"].sum()
        found = part.cumsum().to_numpy()[:-1] / part.sum()
        eta = alpha[:, None] + np.dot(case, gradient.SLOPES)
        expected = (1 / (1 + np.exp(eta - gradient.THRESHOLDS))).mean(axis=0)
        np.testing.assert_allclose(found, expected, atol=5 * 0.5 / part.sum() ** 0.5)
