"""The study of the page "Does pooling really win?": the stored table is that of the page's code."""

import numpy as np
import pandas as pd
import pytest

from bookmaking.studies import pooling
from multilevel.files import code_state

CODE = pooling.experiment()


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.read_csv(pooling.TABLE)


def test_the_stored_errors_are_those_of_the_present_code(stored: pd.DataFrame) -> None:
    assert set(stored["code_sha256"]) == {code_state([CODE])}, (
        "the experiment on the page has changed: run make study"
    )


def test_the_stored_errors_are_complete(stored: pd.DataFrame) -> None:
    page = pooling.load(CODE)
    assert set(stored["replicates"]) == {pooling.REPLICATES}
    sizes = stored[stored["by"] == "size"]
    cells = sizes.groupby(["population", "spread", "size", "method"]).size()
    assert (cells == 1).all()
    assert len(cells) == len(page.CONDITIONS) * len(page.SIZES) * len(page.METHODS)
    assert not stored[["mse", "se"]].isna().any(axis=None)


def test_without_pooling_the_error_is_that_of_a_mean(stored: pd.DataFrame) -> None:
    alone = stored[(stored["by"] == "size") & (stored["method"] == "no pooling")]
    z = (alone["mse"] - 1 / alone["size"]) / alone["se"]
    assert z.abs().max() < 5
    assert 0.5 < z.std() < 1.5  # the standard errors are of the right size


def test_with_complete_pooling_the_error_is_the_spread_between_clusters(
    stored: pd.DataFrame,
) -> None:
    """A cluster is as far from the common mean as its level, and the mean is itself uncertain."""
    together = stored[(stored["by"] == "size") & (stored["method"] == "complete pooling")]
    sizes = np.repeat(pooling.load(CODE).SIZES, 5)
    total, squares = sizes.sum(), (sizes**2).sum()
    spread = together["spread"] ** 2
    mean = spread * squares / total**2 + 1 / total
    own = 2 * spread * together["size"] / total  # a cluster is part of the mean
    z = (together["mse"] - (spread + mean - own)) / together["se"]
    assert z.abs().max() < 5


def test_replicates_of_the_study_can_be_made_again(stored: pd.DataFrame) -> None:
    """A few replicates of the stored study lie where its table says."""
    page = pooling.load(CODE)
    conditions = [[1, "normal"]]
    few = pd.concat(
        page.replicate(np.random.default_rng([7, k]), conditions).assign(replicate=k)
        for k in range(6)
    )
    keys = ["population", "spread", "size", "method"]
    found = page.mean_squares(few, keys[:3]).set_index(keys)
    long = stored[stored["by"] == "size"].set_index(keys).loc[found.index]
    error = np.hypot(found["se"].clip(lower=0.5 * found["mse"]), long["se"])
    assert (abs(found["mse"] - long["mse"]) < 5 * error).all()
