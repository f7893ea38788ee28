"""How often ordinary data are accepted: the stored table is that of the present code.

Sampling them all again takes an hour. So the checks of the data and the gate, which say what is
accepted, are applied to the stored table as they are now, and a few data sets are fitted again.
"""

import numpy as np
import pandas as pd
import pytest

from bookmaking.studies import acceptance
from multilevel.files import module_state
from multilevel.sampling import LIMITS

CHAINS = 4
AGAIN = [0, 1]
"""Data sets that are fitted again."""


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.read_csv(acceptance.TABLE, keep_default_na=False, na_values=[""])


def test_the_stored_results_are_those_of_the_present_code(stored: pd.DataFrame) -> None:
    assert set(stored["code_sha256"]) == {module_state(*acceptance.RESTS_ON)}, (
        "the models or the study have changed: run make acceptance"
    )


def test_nearly_all_ordinary_data_are_accepted(stored: pd.DataFrame) -> None:
    assert len(stored) >= 600
    fitted = stored[stored["result"] != "refused"]
    accepted = fitted["result"] == "accepted"
    assert accepted.mean() > 0.95
    assert (
        accepted.groupby([fitted["family"], fitted["groups"], fitted["slope"]]).mean() > 0.8
    ).all()
    assert (stored["result"] == "refused").mean() < 0.05


def test_intervals_hold_the_true_value_as_often_as_they_say(stored: pd.DataFrame) -> None:
    accepted = stored[stored["result"] == "accepted"]
    for name in accepted.filter(like="covered_"):
        held = accepted[name].dropna()
        # The truths come from other distributions than the priors, so this is only nearly 0.9.
        assert abs(held.mean() - 0.9) < 0.03 + 4 * np.sqrt(0.09 / len(held)), name


def test_the_gate_accepts_what_it_accepted(stored: pd.DataFrame) -> None:
    fitted = stored[stored["result"] != "refused"]
    inside = {
        "divergences": fitted["divergences"] <= LIMITS["divergences"],
        "r_hat": fitted["r_hat"] < LIMITS["r_hat"],
        "ess_bulk": fitted["ess_bulk"] > LIMITS["ess_bulk"] * CHAINS,
        "ess_tail": fitted["ess_tail"] > LIMITS["ess_tail"] * CHAINS,
        "e_bfmi": fitted["e_bfmi"] > LIMITS["e_bfmi"],
    }
    accepted = pd.DataFrame(inside).all(axis=1)
    assert (accepted == (fitted["result"] == "accepted")).all()


def test_what_was_refused_is_refused_for_the_same_reason(stored: pd.DataFrame) -> None:
    for number, reason in stored.loc[stored["result"] == "refused", "reason"].items():
        again = acceptance.replicate(np.random.default_rng([acceptance.SEED, number]))
        assert again[["result", "reason"]].to_numpy().tolist() == [["refused", reason]]


@pytest.mark.slow
@pytest.mark.parametrize("number", AGAIN)
def test_data_sets_that_are_fitted_again_have_the_same_result(
    stored: pd.DataFrame, number: int
) -> None:
    again = acceptance.replicate(np.random.default_rng([acceptance.SEED, number]))
    design = [*acceptance.Design._fields, "result"]
    assert again[design].iloc[0].to_dict() == stored[design].iloc[number].to_dict()
