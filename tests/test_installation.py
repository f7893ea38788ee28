"""``make check`` says yes to the right answer, and no, with advice, to a wrong one."""

from typing import Any

import numpy as np
import pymc as pm
import pytest

import multilevel as ml
from bookmaking import installation


@pytest.fixture(scope="module")
def model() -> pm.Model:
    return ml.partial_pooling(ml.load_mlm(), "con", "id")


def test_a_right_installation_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert installation.main() == 0
    printed = capsys.readouterr().out
    assert "gives the book's answer: all 188 numbers agree" in printed
    assert "mean of sigma_alpha" in printed
    assert "may differ by" in printed


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "rate"), [("sigma", 200), ("sigma_alpha", 60)])
def test_a_wrong_installation_is_told_so_with_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], scale: str, rate: float
) -> None:
    # An installation that computes something else: here, the posterior of another prior.
    fit, data = ml.fit, ml.load_mlm()
    other: dict[str, Any] = {scale: ml.Prior(pm.Exponential, rate)}
    wrong = ml.partial_pooling(data, "con", "id", **other)
    monkeypatch.setattr(ml, "fit", lambda _, seed: fit(wrong, seed))
    assert installation.main() == 1
    printed = capsys.readouterr().out
    assert "does NOT give the book's answer" in printed
    assert "of 188 numbers are off" in printed
    assert "remove the folder .venv" in printed


@pytest.mark.slow
def test_draws_that_cannot_be_trusted_are_told_so_with_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = ml.fit
    monkeypatch.setattr(ml, "fit", lambda model, seed: fit(model, seed, draws=20))
    assert installation.main() == 1
    printed = capsys.readouterr().out
    assert "cannot be trusted" in printed
    assert "What to do" in printed


def test_a_single_number_that_is_off_is_found(model: pm.Model) -> None:
    exact = ml.exact_posterior(model)
    ours = exact.assign(mcse_mean=1e-4, mcse_sd=1e-4)
    assert installation.compare(ours, exact)["right"].all()
    ours["mean"] += np.where(ours.index == "alpha[29]", 6e-4, 0)
    table = installation.compare(ours, exact)
    assert table.index[~table["right"]].tolist() == ["mean of alpha[29]"]
    assert "mean of alpha[29]" in installation.in_words(table)
