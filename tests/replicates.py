"""What the tests of studies repeat: functions that worker processes can import."""

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

import multilevel as ml


def draw(rng: np.random.Generator, scale: float = 1) -> pd.DataFrame:
    """Draw two numbers."""
    return pd.DataFrame({"name": ["a", "b"], "value": rng.normal(0, scale, 2)})


def slow(rng: np.random.Generator, log: str, seconds: float) -> pd.DataFrame:
    """Take some time, and note in a file that it was done, by which process and with what."""
    time.sleep(seconds)
    value = rng.normal()
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()} {value!r}\n")
    return pd.DataFrame({"value": [value]})


def greedy(rng: np.random.Generator, number: int) -> pd.DataFrame:
    """Take more and more memory, in one of the replicates."""
    value = rng.normal()
    if value == np.random.default_rng([1, number]).normal():
        hoard = []
        while True:
            hoard.append(np.ones(2_000_000))
            time.sleep(0.01)
    return pd.DataFrame({"value": [value]})


def failing(rng: np.random.Generator, number: int) -> pd.DataFrame:
    """Fail, in one of the replicates."""
    value = rng.normal()
    if value == np.random.default_rng([1, number]).normal():
        raise ZeroDivisionError("no such luck")
    return pd.DataFrame({"value": [value]})


def fit(rng: np.random.Generator, people: int) -> pd.DataFrame:
    """Fit a small model to simulated people."""
    data = pd.DataFrame({"id": np.repeat(range(people), 10), "y": rng.normal(size=10 * people)})
    drawn = ml.fit(ml.no_pooling(data, "y", "id"), seed=int(rng.integers(2**31)), draws=400)
    return drawn["posterior"]["alpha"].to_dataframe().reset_index()
