"""What the tests of studies repeat: functions that worker processes can import."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

import multilevel as ml


def draw(rng: np.random.Generator, scale: float = 1) -> pd.DataFrame:
    """Draw two numbers."""
    return pd.DataFrame({"name": ["a", "b"], "value": rng.normal(0, scale, 2)})


def draw_more(rng: np.random.Generator, scale: float = 1) -> pd.DataFrame:
    """Draw three numbers."""
    return pd.DataFrame({"value": rng.normal(0, scale, 3)})


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


class TroubleError(Exception):
    """An error that cannot be made again from its text alone."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} in {where}")


def troubled(rng: np.random.Generator, kind: str) -> pd.DataFrame:
    """Fail in one of many ways, in every replicate but the first."""
    if rng.normal() == np.random.default_rng([1, 0]).normal():
        return pd.DataFrame({"value": [1]})
    if kind == "exit":
        sys.exit(3)
    if kind == "trouble":
        raise TroubleError("rain", "Spain")
    if kind == "file":
        Path("/no/such/file").read_text(encoding="utf-8")
    raise {"time": TimeoutError, "full": OSError, "net": ConnectionResetError}[kind](28, "no luck")


def returning(rng: np.random.Generator, kind: str) -> object:
    """Return something that is not a table as it should be."""
    frame = pd.DataFrame({"a": [1.0], "b": [2.0]})
    return {
        "None": None,
        "a series": frame["a"],
        "a dict": {"a": 1},
        "a number": 1.5,
        "no rows": frame[:0],
        "no columns": pd.DataFrame(index=[0]),
        "replicate": frame.rename(columns={"a": "replicate"}),
        "numbered columns": frame.set_axis([0, 1], axis=1),
        "twice": frame.set_axis(["a", "a"], axis=1),
        "an index": frame.set_index("a"),
        "words as index": frame.set_axis(["x"]),
    }[kind]
