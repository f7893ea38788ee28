"""How often ordinary data are accepted: the stored table is that of the present code.

Sampling them all again takes long. So today's gate is applied to the stored diagnostics, a part of
the models is built again, whose densities have to be what they were, and a few are fitted again.
"""

import re

import numpy as np
import pandas as pd
import pytest

from bookmaking.paths import BOOKMAKING
from bookmaking.studies import acceptance, calibrate
from multilevel.files import module_state
from multilevel.sampling import LIMITS

CODE = BOOKMAKING / "studies" / "acceptance.py"
CHANGED = "the models, their form or the study have changed"
CHAINS = 4
EACH = 20
"""One model in so many is built again."""
AGAIN = [0, 1]
"""Data sets that are fitted again."""


@pytest.fixture(scope="module")
def stored() -> pd.DataFrame:
    return pd.read_csv(acceptance.TABLE, keep_default_na=False, na_values=[""])


def test_the_stored_results_are_those_of_the_present_code(stored: pd.DataFrame) -> None:
    assert set(stored["code_sha256"]) == {module_state(CODE)}, f"{CHANGED}: run make acceptance"
    assert set(stored["versions"]) == {calibrate.versions()}, f"{CHANGED}: run make acceptance"


def test_models_of_the_stored_data_are_built_or_refused_as_they_were(stored: pd.DataFrame) -> None:
    some = stored[(stored["result"] == "refused") | (stored["replicate"] % EACH == 0)]
    for row in some.to_dict("records"):
        rng = np.random.default_rng([acceptance.SEED, int(row["replicate"])])
        design = acceptance.draw_design(rng)
        data, _ = acceptance.simulate(rng, design)
        if row["result"] == "refused":
            with pytest.raises(ValueError, match=re.escape(str(row["reason"]))):
                acceptance.build(design, data)
        else:
            density = calibrate.density_state(acceptance.build(design, data))
            assert density == row["density_sha256"], f"{CHANGED}: run make acceptance"


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


@pytest.mark.slow
@pytest.mark.parametrize("number", AGAIN)
def test_data_sets_that_are_fitted_again_have_the_same_result(
    stored: pd.DataFrame, number: int
) -> None:
    again = acceptance.replicate(np.random.default_rng([acceptance.SEED, number]))
    design = [*acceptance.Design._fields, "result"]
    assert again[design].iloc[0].to_dict() == stored[design].iloc[number].to_dict()
