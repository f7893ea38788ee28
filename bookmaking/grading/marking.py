"""Compare answers with the right ones, by their Monte Carlo standard errors.

An exercise registers its right answers with :func:`reference_answer`; what a student handed in by
:func:`multilevel.hand_in` is compared with them by :func:`mark`.
"""

import json
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import arviz_stats as azs
import numpy as np
import xarray as xr
from scipy import stats

import multilevel as ml
from multilevel import answers
from multilevel.answers import Answer, draws_array, load, number_answer, save

FALSE_ALARM = 1e-4
"""Largest probability that a right answer is refused by chance."""
SLACK = 1.1
"""Monte Carlo errors are estimates themselves: a bit more than the normal distribution implies."""
SUMS = 20
"""Number of weighted sums of all quantities that are compared."""
PAIRED = 12
"""Of so many quantities at most, every pair is compared; of more, as many pairs at random."""
FEW = 300
"""No quantity counts as having fewer effective draws: chance excuses only so much."""
MAX_BYTES = 256 * 1024**2
"""No answer takes more, as numbers of eight bytes each."""


@dataclass(frozen=True)
class Question:
    """The right answer, its points, and the feedback on answers that are not right."""

    name: str
    points: int
    answer: Answer
    hint: str
    within: float = 0.0
    mistakes: Mapping[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and the feedback for the student."""

    passed: bool
    feedback: str


def reference_answer(
    name: str,
    points: int,
    hint: str,
    mistakes: Mapping[str, Any] | None = None,
    within: float = 0.0,
) -> None:
    """Register the reference answer with points and hint, and verify that listed mistakes fail.

    Call it after :func:`multilevel.hand_in` has handed in the solution's answer, the right one.

    Parameters
    ----------
    name
        The name of the answer.
    points
        Points for a right answer.
    hint
        Advice for a student whose answer is not right. It must not give the answer away.
    mistakes
        Results of typical mistakes (in the form of the answer), by the feedback on them.
    within
        Largest allowed error of a number.

    Raises
    ------
    AssertionError
        The solution's answer does not pass, or a mistake does.
    """
    right = answers.handed_in[name]
    wrong = {text: _in_form_of(right, name, value) for text, value in (mistakes or {}).items()}
    question = Question(name, points, right, hint, within, wrong)
    verdict = mark(right, question)
    assert verdict.passed, f"the solution's answer does not pass: {verdict.feedback}"
    for text, answer in wrong.items():
        assert _difference(answer, right, within), f"this mistake would pass: {text}"
    if folder := os.environ.get(answers.FOLDER):
        save_question(question, Path(folder))
    refused = f"; {len(wrong)} typical mistakes are refused" if wrong else ""
    print(f"{name}: {points} {'point' if points == 1 else 'points'}. The solution passes{refused}.")


def _in_form_of(right: Answer, name: str, value: Any) -> Answer:
    if right.kind == "number":
        return number_answer(name, value)
    if right.kind == "choice":
        return Answer("choice", np.asarray(str(value)))
    if isinstance(value, Mapping):
        array = np.stack([draws_array(name, draws) for draws in value.values()], axis=-1)
    else:
        array = draws_array(name, value)
    return Answer("draws", array.reshape(*array.shape[:2], -1))


# The rule -----------------------------------------------------------------------------------------


def mark(answer: Answer | None, question: Question) -> Verdict:
    """Return the verdict on an answer.

    A choice has to be the same, a number the same within ``question.within``. Draws have to

    1. have converged: for every quantity, R-hat (rank-normalised, split) at most
       ``answers.MAX_RHAT`` and at least ``answers.MIN_ESS`` effective draws in bulk and tails;
    2. agree in mean and standard deviation of every quantity, and in the standard deviation of the
       sums and differences of pairs and of ``SUMS`` weighted sums of all, standardised. Those find
       answers in which each quantity is right by itself but not their dependence, such as two new
       people who share their draws, or draws made up from published means and standard deviations.

    Two values agree if they are at most :func:`limit` Monte Carlo standard errors apart, those of
    both sides together (theirs by their number of effective draws, with the spread of ours).

    Parameters
    ----------
    answer
        The student's answer; None if there is none.
    question
        The right answer.

    Returns
    -------
    The verdict; its feedback describes the error, and never contains the right value
    """
    if answer is None:
        return Verdict(False, f"{question.name}: {answers.NOTHING}.")
    if answer.kind != question.answer.kind:
        wanted = {"draws": "draws were", "number": "a number was", "choice": "a choice was"}
        return Verdict(False, f"{question.name}: {wanted[question.answer.kind]} asked for.")
    if answer.kind == "draws" and (problem := answers.unconverged(answer.value)):
        return Verdict(False, f"The draws cannot be trusted: {problem}")
    problem = _difference(answer, question.answer, question.within)
    if problem is None:
        return Verdict(True, "Right.")
    for text, mistake in question.mistakes.items():
        if _difference(answer, mistake, question.within) is None:
            return Verdict(False, text)
    return Verdict(False, f"{problem} {question.hint}")


def _difference(answer: Answer, right: Answer, within: float) -> str | None:
    """Return the error of an answer, in words; None if it is right."""
    if right.kind == "choice":
        return None if str(answer.value) == str(right.value) else "That is not it."
    if right.kind == "number":
        off = abs(float(answer.value) - float(right.value))
        return None if off <= within else "The number is off."
    if answer.value.shape[2:] != right.value.shape[2:]:
        return "The draws are of another number of quantities."
    return _disagreement(*map(answers.halves_of_one_chain, (answer.value, right.value)))


def _disagreement(theirs: xr.DataArray, ours: xr.DataArray) -> str | None:
    contrasts = _contrasts(theirs, ours), _contrasts(ours, ours)
    most = limit(2 * ours.sizes["quantity"] + contrasts[1].sizes["quantity"])
    if _far_apart(theirs, ours, most) or _apart(theirs, ours, "mean", most).any():
        return "The posterior means differ by more than chance."
    if _apart(theirs, ours, "sd", most).any():
        return "The means are right, but the spread over draws is not."
    if _apart(*contrasts, "sd", most).any():
        return (
            "Each quantity is right by itself, but together they do not vary as they should: "
            "which of them share a draw, and which must not?"
        )
    return None


def limit(comparisons: int) -> float:
    """Return the largest distance of two right values, in Monte Carlo errors (Bonferroni)."""
    return SLACK * float(stats.norm.isf(FALSE_ALARM / (2 * comparisons)))


def _far_apart(theirs: xr.DataArray, ours: xr.DataArray, most: float) -> bool:
    """Return whether means differ by more than any number of effective draws would explain."""
    over = ("chain", "draw")
    most_error = ours.std(over) * np.sqrt(2 / FEW)
    return bool((abs(theirs.mean(over) - ours.mean(over)) > most * most_error + 1e-9).any())


def _apart(
    theirs: xr.DataArray, ours: xr.DataArray, method: Literal["mean", "sd"], most: float
) -> xr.DataArray:
    """Return which quantities differ by more than their Monte Carlo errors explain.

    The error of their draws is that of ours with as many effective draws: their spread cannot be
    used, because with a single outlier it would excuse every difference.
    """
    over = ("chain", "draw")
    value = [draws.mean(over) if method == "mean" else draws.std(over) for draws in (theirs, ours)]
    size = [np.maximum(azs.ess(draws, method=method), FEW) for draws in (theirs, ours)]
    error = (ml.mcse(ours, method=method) * np.sqrt(1 + size[1] / size[0])).fillna(0)
    return ~(
        abs(value[0] - value[1]) <= most * error + 1e-9
    )  # NaN compares false, so it counts as different


def _contrasts(draws: xr.DataArray, ours: xr.DataArray) -> xr.DataArray:
    """Return sums and differences of pairs, and sums of all with weights 1 and −1 at random.

    The quantities are standardised by our draws, so that the difference of two that are closely
    correlated has a small spread, and is compared at that.
    """
    spread = ours.std(("chain", "draw"))
    scaled = ((draws - ours.mean(("chain", "draw"))) / spread.where(spread > 1e-12)).fillna(0)
    size, rng = draws.sizes["quantity"], np.random.default_rng(1)
    pairs = np.array([*combinations(range(size), 2)], int).reshape(-1, 2)
    if size > PAIRED:
        pairs = rng.choice(pairs, PAIRED * (PAIRED - 1) // 2, replace=False)
    first, second = np.eye(size)[pairs.T]
    weights = np.concatenate([first + second, first - second, rng.choice([-1, 1], (SUMS, size))])
    return xr.dot(scaled, xr.DataArray(weights, dims=("sum", "quantity"))).rename(sum="quantity")


# On disk ------------------------------------------------------------------------------------------


def save_question(question: Question, folder: Path) -> None:
    """Write a question and its right answer: ``NAME.json``, ``NAME.right.npz``, ``NAME.0.npz``, …

    Parameters
    ----------
    question
        The question.
    folder
        Folder to write to.
    """
    save(question.answer, folder / f"{question.name}.right.npz")
    for number, answer in enumerate(question.mistakes.values()):
        save(answer, folder / f"{question.name}.{number}.npz")
    rest = {
        "name": question.name,
        "points": question.points,
        "hint": question.hint,
        "within": question.within,
        "mistakes": list(question.mistakes),
    }
    path = folder / f"{question.name}.json"
    path.write_text(json.dumps(rest, indent=1), encoding="utf-8")


def load_question(name: str, folder: Path) -> Question:
    """Read what :func:`save_question` wrote.

    Parameters
    ----------
    name
        The name of the answer.
    folder
        Folder that it was written to.

    Returns
    -------
    The question
    """
    rest = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    texts = rest.pop("mistakes")
    wrong = {text: load(folder / f"{name}.{number}.npz") for number, text in enumerate(texts)}
    return Question(**rest, answer=load(folder / f"{name}.right.npz"), mistakes=wrong)


def verdict_on(name: str, handed_in: Path, right: Path) -> Verdict:
    """Return the verdict on one answer that was handed in.

    Parameters
    ----------
    name
        The name of the answer.
    handed_in, right
        The folders of the student's answers and of the right answers.

    Returns
    -------
    The verdict; a file that cannot be read counts as no answer
    """
    path = handed_in / f"{name}.npz"
    try:
        answer = _load_small(path) if path.is_file() else None
    except Exception:  # a submission may have written anything into it
        return Verdict(False, f"{name}: what was handed in cannot be read. Hand in by ml.hand_in.")
    return mark(answer, load_question(name, right))


def _load_small(path: Path) -> Answer:
    """Load an answer, unless it unpacks to more than an answer can have.

    Raises
    ------
    ValueError
        It does, or it is not an answer.
    """
    with zipfile.ZipFile(path) as archive:
        for part in archive.namelist():
            with archive.open(part) as file:
                old = np.lib.format.read_magic(file) == (1, 0)
                header = np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0
                shape, _, kind = header[not old](file)
            if math.prod(shape) * max(kind.itemsize, 8) > MAX_BYTES:
                raise ValueError(f"{path.name} is too large.")
    return load(path)
