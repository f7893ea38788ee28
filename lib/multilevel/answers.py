"""Is an answer to an exercise right, whoever computed it and however?

A student hands in *draws*, a *number* or a *choice* by :func:`hand_in`, which says at once whether
the answer has the form that was asked for. What the right answer is stands in the exercise's
solution, which students do not get: :func:`check` compares the two when the work is graded.

Draws are compared by their Monte Carlo standard errors, so any seed, sampler, parameterisation and
number of draws will do; see :func:`judge` for the rule.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import arviz as az
import numpy as np
import xarray as xr

from multilevel.estimates import mcse

MIN_ESS = 400
"""Effective draws that every quantity of an answer needs, as for the book's own fits."""
MAX_RHAT = 1.03
"""A little more than the book's own limit: with few draws, R-hat itself scatters."""
MAX_Z = 6
"""How many Monte Carlo standard errors two right answers may be apart. Several hundred numbers are
compared in one answer, so this has to be more than the usual two or three."""
CONTRASTS = 20
"""How many weighted sums are compared, for what single quantities do not show."""

FEW = 100
"""No quantity counts as having fewer effective draws: chance excuses only so much."""
HUGE = 1e100
"""No answer is as large; squares of larger numbers overflow."""

_NOTHING = "nothing handed in yet"
_FOLDER = "MULTILEVEL_ANSWERS"  # where answers are written, when a notebook is graded
_handed_in: dict[str, "Answer"] = {}
_student: list[str] = []


@dataclass(frozen=True)
class Answer:
    """What was handed in: draws (chain, draw, and one dim), a number, or a choice."""

    kind: Literal["draws", "number", "choice"]
    value: np.ndarray


@dataclass(frozen=True)
class Question:
    """The right answer, what it is worth, and what is said of answers that are not right."""

    name: str
    points: int
    answer: Answer
    hint: str
    within: float = 0.0
    mistakes: Mapping[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """Whether an answer counts, and what to tell the student."""

    passed: bool
    feedback: str


# What a student calls -----------------------------------------------------------------------------


def variant(student: str) -> np.random.Generator:
    """Give a student random numbers of their own, for data or rows that nobody else has.

    Parameters
    ----------
    student
        The student's id. Capitals and spaces around it do not matter.

    Returns
    -------
    A generator that is seeded by the id: the same id, the same numbers

    Raises
    ------
    ValueError
        The id is empty.
    """
    name = str(student).strip().casefold()
    if not name:
        raise ValueError("STUDENT is empty: put your id between the quotation marks.")
    _student[:] = [name]
    if folder := os.environ.get(_FOLDER):
        Path(folder, "student.txt").write_text(name)
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))


def hand_in(
    name: str,
    value: Any,
    *,
    draws: Sequence[str] | tuple[int, ...] | None = None,
    probabilities: bool = False,
    choices: Sequence[Any] | None = None,
) -> None:
    """Hand in an answer: say whether it has the right form, and keep it for the grader.

    Parameters
    ----------
    name
        The name of the answer.
    value
        The answer; None says that there is none yet. Without ``draws`` and ``choices``, a number.
    draws
        The answer is draws of several quantities: either their names, and then ``value`` maps each
        name to draws of shape (chain, draw); or their shape, such as ``(6, 7)``, and then ``value``
        is an array of shape (chain, draw, 6, 7). DataArrays may have their dims chain and draw
        anywhere.
    probabilities
        Along their last dim, the quantities have to add up to one.
    choices
        The answer is one of these.

    Raises
    ------
    ValueError
        The answer does not have the form that is asked for; the message says what to change.
    """
    _handed_in.pop(name, None)
    if value is None:
        print(f"{name}: {_NOTHING}.")
        return
    if choices is not None:
        answer = _choice(name, value, choices)
    elif draws is None:
        answer = _number(name, value)
    else:
        answer = Answer("draws", _draws(name, value, draws, probabilities))
    _handed_in[name] = answer
    if folder := os.environ.get(_FOLDER):
        save(answer, Path(folder, f"{name}.npz"))
    print(f"{name}: {_described(answer)}. The form is right; grading looks at what is in it.")


def _choice(name: str, value: Any, choices: Sequence[Any]) -> Answer:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; it is {value!r}.")
    return Answer("choice", np.asarray(str(value)))


def _number(name: str, value: Any) -> Answer:
    number = np.asarray(value)
    if number.size != 1 or not np.issubdtype(number.dtype, np.number):
        raise ValueError(f"{name} must be one number; it is {type(value).__name__}.")
    if not np.isfinite(number).all():
        raise ValueError(f"{name} must be a finite number; it is {value!r}.")
    return Answer("number", number.astype(float).reshape(()))


def _draws(
    name: str, value: Any, of: Sequence[str] | tuple[int, ...], probabilities: bool
) -> np.ndarray:
    """Bring draws to one array of shape (chain, draw, quantities in order)."""
    if all(isinstance(size, int) for size in of):
        array, shape = _array(name, value), tuple(of)
    else:
        missing = [label for label in of if not isinstance(value, Mapping) or label not in value]
        if missing:
            raise ValueError(
                f"{name} must hold draws for each of {', '.join(map(repr, of))}, as in "
                f"{name} = {{{of[0]!r}: draws, ...}}; missing: {', '.join(map(repr, missing))}."
            )
        columns = [_array(f"{name}[{label!r}]", value[label]) for label in of]
        if len({column.shape for column in columns}) > 1:
            raise ValueError(f"{name}: all quantities must have equally many chains and draws.")
        array, shape = np.stack(columns, axis=-1), (len(of),)
    if array.ndim < 2 or array.shape[2:] != shape:
        wanted = ", ".join(["chain", "draw", *map(str, shape)])
        raise ValueError(f"{name} must have the shape ({wanted}); it has {array.shape}.")
    if not _enough(array):
        chains, draws = array.shape[:2]
        raise ValueError(f"{name} has {chains} chains of {draws} draws; these are too few.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers; some are missing or infinite.")
    if probabilities and (array.min() < 0 or abs(array.sum(axis=-1) - 1).max() > 1e-6):
        raise ValueError(
            f"{name} must hold probabilities that add up to one along the last dim, in each draw; "
            f"they are between {array.min():.2f} and {array.max():.2f} and add up to between "
            f"{array.sum(axis=-1).min():.2f} and {array.sum(axis=-1).max():.2f}."
        )
    return array.reshape(*array.shape[:2], -1)


def _enough(array: np.ndarray) -> bool:
    return array.shape[0] >= 1 and array.shape[1] >= 8


def _array(name: str, value: Any) -> np.ndarray:
    if isinstance(value, xr.DataArray):
        if not {"chain", "draw"} <= set(value.dims):
            raise ValueError(f"{name} must have the dims chain and draw; it has {value.dims}.")
        value = value.transpose("chain", "draw", ...).values
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise ValueError(f"{name} must be an array of draws; it is {kind}.") from None


def _described(answer: Answer) -> str:
    if answer.kind != "draws":
        return f"a {answer.kind}"
    chains, draws, quantities = answer.value.shape
    return f"{chains} chains of {draws:,} draws of {quantities}"


# What the author of an exercise calls -------------------------------------------------------------


def check(
    name: str,
    points: int,
    hint: str,
    mistakes: Mapping[str, Any] | None = None,
    within: float = 0.0,
) -> None:
    """State in an exercise what the answer that was handed in last is worth, and check the check.

    Called after :func:`hand_in` handed in the solution's own answer, which is the right one.

    Parameters
    ----------
    name
        The name of the answer.
    points
        What a right answer is worth.
    hint
        What a student whose answer is not right should look at. It must not give it away.
    mistakes
        What typical mistakes lead to (in the form of the answer), by what to say of them.
    within
        How far a number may be off.

    Raises
    ------
    AssertionError
        The solution's own answer does not pass, or a mistake does.
    """
    right = _handed_in[name]
    wrong = {text: _like(right, name, value) for text, value in (mistakes or {}).items()}
    question = Question(name, points, right, hint, within, wrong)
    verdict = judge(right, question)
    assert verdict.passed, f"the solution's own answer does not pass: {verdict.feedback}"
    for text, answer in wrong.items():
        assert not judge(answer, question).passed, f"this mistake would pass: {text}"
    if folder := os.environ.get(_FOLDER):
        save_question(question, Path(folder))
    refused = f"; {len(wrong)} typical mistakes are refused" if wrong else ""
    print(f"{name}: {points} {'point' if points == 1 else 'points'}. The solution passes{refused}.")


def _like(right: Answer, name: str, value: Any) -> Answer:
    if right.kind == "number":
        return _number(name, value)
    if right.kind == "choice":
        return Answer("choice", np.asarray(str(value)))
    if isinstance(value, Mapping):
        array = np.stack([_array(name, draws) for draws in value.values()], axis=-1)
    else:
        array = _array(name, value)
    return Answer("draws", array.reshape(*array.shape[:2], -1))


# The rule -----------------------------------------------------------------------------------------


def judge(answer: Answer | None, question: Question) -> Verdict:
    """Compare an answer with the right one.

    A choice has to be the same, a number the same within ``question.within``. Draws have to

    1. have converged: for every quantity, R-hat (rank-normalised, split) at most ``MAX_RHAT`` and
       at least ``MIN_ESS`` effective draws in bulk and tails;
    2. agree in mean and standard deviation of every quantity, and in the standard deviation of
       ``CONTRASTS`` fixed weighted sums of them, within ``MAX_Z`` Monte Carlo standard errors of
       both sides together (theirs by their number of effective draws, with the spread of ours).
       The sums find answers in which each quantity is right by itself but
       not their dependence, such as two new people who share their draws.

    Parameters
    ----------
    answer
        What the student handed in; None if nothing.
    question
        The right answer.

    Returns
    -------
    The verdict; its feedback names what is off, and never the right value
    """
    if answer is None:
        return Verdict(False, f"{question.name}: {_NOTHING}.")
    if answer.kind != question.answer.kind:
        wanted = {"draws": "draws were", "number": "a number was", "choice": "a choice was"}
        return Verdict(False, f"{question.name}: {wanted[question.answer.kind]} asked for.")
    problem = _difference(answer, question.answer, question.within)
    if problem is None:
        return Verdict(True, "Right.")
    for text, mistake in question.mistakes.items():
        if _difference(answer, mistake, question.within) is None:
            return Verdict(False, text)
    return Verdict(False, f"{problem} {question.hint}")


def _difference(answer: Answer, right: Answer, within: float) -> str | None:
    """Say what is wrong with an answer, in words; None if nothing is."""
    if right.kind == "choice":
        return None if str(answer.value) == str(right.value) else "That is not it."
    if right.kind == "number":
        off = abs(float(answer.value) - float(right.value))
        return None if off <= within else "The number is off."
    if answer.value.shape[2:] != right.value.shape[2:]:
        return "The draws are of another number of quantities."
    if (abs(answer.value) > HUGE).any():
        return f"Some draws are beyond {HUGE:g}, which is no value of this quantity."
    theirs, ours = _as_draws(answer.value), _as_draws(right.value)
    return _unconverged(theirs) or _disagreement(theirs, ours)


def _as_draws(values: np.ndarray) -> xr.DataArray:
    if len(values) == 1:  # its halves are compared, where there is no other chain
        half = values.shape[1] // 2
        values = values[:, : 2 * half].reshape(2, half, -1)
    return xr.DataArray(values, dims=("chain", "draw", "quantity"))


def _unconverged(draws: xr.DataArray) -> str | None:
    varying = draws.isel(quantity=np.flatnonzero(draws.std(("chain", "draw")) > 1e-12))
    if not varying.sizes["quantity"]:
        return None
    rhat = float(az.rhat(varying).max())
    ess = min(float(az.ess(varying, method=method).min()) for method in ("bulk", "tail"))
    if rhat <= MAX_RHAT and ess >= MIN_ESS:
        return None
    return (
        f"The draws cannot be trusted: R-hat is up to {rhat:.2f} (at most {MAX_RHAT}) and the "
        f"effective sample size down to {ess:.0f} (at least {MIN_ESS}). Sample with more tuning, "
        "more draws or other settings, and look at the warnings of the sampler. If the draws are "
        "predictions, are those of every chain and draw in it?"
    )


def _disagreement(theirs: xr.DataArray, ours: xr.DataArray) -> str | None:
    if _apart(theirs, ours, "mean").any():
        return "The posterior means differ by more than chance."
    if _apart(theirs, ours, "sd").any():
        return "The means are right, but the spread over draws is not."
    if _apart(_contrasts(theirs, ours), _contrasts(ours, ours), "sd").any():
        return (
            "Each quantity is right by itself, but together they do not vary as they should: "
            "which of them share a draw, and which must not?"
        )
    return None


def _apart(theirs: xr.DataArray, ours: xr.DataArray, method: Literal["mean", "sd"]) -> xr.DataArray:
    """Say which quantities differ by more than chance.

    The error of their draws is what ours would have with as many effective draws: their own spread
    is not to be believed, for with a single outlier it would excuse every difference.
    """
    over = ("chain", "draw")
    value = [draws.mean(over) if method == "mean" else draws.std(over) for draws in (theirs, ours)]
    size = [np.maximum(az.ess(draws, method=method), FEW) for draws in (theirs, ours)]
    error = (mcse(ours, method=method) * np.sqrt(1 + size[1] / size[0])).fillna(0)
    return ~(abs(value[0] - value[1]) <= MAX_Z * error + 1e-9)  # what is no number differs


def _contrasts(draws: xr.DataArray, ours: xr.DataArray) -> xr.DataArray:
    """Weighted sums of the standardised quantities, half of the weights 1 and half −1."""
    spread = ours.std(("chain", "draw"))
    scaled = ((draws - ours.mean(("chain", "draw"))) / spread.where(spread > 1e-12)).fillna(0)
    signs = np.random.default_rng(1).choice([-1, 1], (CONTRASTS, draws.sizes["quantity"]))
    return xr.dot(scaled, xr.DataArray(signs, dims=("sum", "quantity"))).rename(sum="quantity")


# On disk ------------------------------------------------------------------------------------------


def save(answer: Answer, path: Path) -> None:
    """Write an answer as plain arrays, whole or not at all.

    Parameters
    ----------
    answer
        The answer.
    path
        An ``.npz`` file.
    """
    temporary = path.with_suffix(".tmp.npz")
    arrays: dict[str, Any] = {answer.kind: answer.value}
    np.savez_compressed(temporary, **arrays)
    temporary.replace(path)


def load(path: Path) -> Answer:
    """Read what :func:`save` wrote; nothing in the file is executed.

    Parameters
    ----------
    path
        An ``.npz`` file.

    Returns
    -------
    The answer

    Raises
    ------
    ValueError
        The file holds something else.
    """
    with np.load(path, allow_pickle=False) as archive:
        kinds = archive.files
        if kinds == ["draws"]:
            value = archive["draws"].astype(float)
            if value.ndim == 3 and np.isfinite(value).all() and _enough(value):
                return Answer("draws", value)
        if kinds == ["number"] and archive["number"].size == 1:
            return Answer("number", archive["number"].astype(float).reshape(()))
        if kinds == ["choice"] and archive["choice"].dtype.kind == "U":
            return Answer("choice", archive["choice"].reshape(()))
    raise ValueError(f"{path.name} does not hold an answer.")


def save_question(question: Question, folder: Path) -> None:
    """Write a question and its right answer: ``NAME.json``, ``NAME.right.npz``, ``NAME.0.npz``, …

    Parameters
    ----------
    question
        The question.
    folder
        Where to.
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
    (folder / f"{question.name}.json").write_text(json.dumps(rest, indent=1))


def load_question(name: str, folder: Path) -> Question:
    """Read what :func:`save_question` wrote.

    Parameters
    ----------
    name
        The name of the answer.
    folder
        Where it was written.

    Returns
    -------
    The question
    """
    rest = json.loads((folder / f"{name}.json").read_text())
    texts = rest.pop("mistakes")
    wrong = {text: load(folder / f"{name}.{number}.npz") for number, text in enumerate(texts)}
    return Question(**rest, answer=load(folder / f"{name}.right.npz"), mistakes=wrong)
