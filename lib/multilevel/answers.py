"""Hand in answers to the exercises: posterior draws, a number or a choice.

:func:`hand_in` checks immediately whether an answer has the required form. Whether it is correct is
decided in grading: draws are compared within their Monte Carlo standard errors, so any seed,
sampler, parameterisation and number of draws will do.
"""

import hashlib
import os
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from multilevel.files import atomic

NOTHING = "nothing handed in yet"
MIN_ESS = 1000
"""Effective draws, in bulk and tails, that every quantity of an answer needs."""
HUGE = 1e100
"""No answer is as large; squares of larger numbers overflow."""
MAX_RHAT = 1.02
"""A little more than for the fits of the book: with a thousand draws, R-hat itself varies."""
FOLDER = "MULTILEVEL_ANSWERS"  # environment variable: folder for the answers, set while grading
PAGE = 72
"""Width of the printed lines, in characters: they fit on a page of the book."""
handed_in: dict[str, "Answer"] = {}


@dataclass(frozen=True)
class Answer:
    """An answer that was handed in: draws (chain, draw, and one dim), a number, or a choice."""

    kind: Literal["draws", "number", "choice"]
    value: np.ndarray


def variant(student: str) -> np.random.Generator:
    """Return a random number generator seeded by the student's id, for individual data.

    Parameters
    ----------
    student
        The student's id. Case and surrounding whitespace do not matter.

    Returns
    -------
    Generator
        The same id always gives the same random numbers.

    Raises
    ------
    ValueError
        The id is empty.

    Examples
    --------
    >>> import multilevel as ml
    >>> int(ml.variant("s123").integers(100)) == int(ml.variant(" S123").integers(100))
    True
    """
    name = str(student).strip().casefold()
    if not name:
        raise ValueError("STUDENT is empty: put your id between the quotation marks.")
    if folder := os.environ.get(FOLDER):
        Path(folder, "student.txt").write_text(name, encoding="utf-8")
    return np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]))


def hand_in(
    name: str,
    value: Any,
    *,
    draws: Sequence[str] | tuple[int, ...] | None = None,
    probabilities: bool = False,
    choices: Sequence[Any] | None = None,
) -> None:
    """Check that an answer has the required form, and store it for grading.

    Parameters
    ----------
    name
        Name of the answer.
    value
        The answer; None if there is none yet. Without ``draws`` and ``choices``, a number.
    draws
        For an answer that consists of draws of several quantities: either their names, and then
        ``value`` maps each name to draws of shape (chain, draw); or their shape, such as ``(6,
        7)``, and then ``value`` is an array of shape (chain, draw, 6, 7). In a DataArray, the dims
        chain and draw may be in any position.
    probabilities
        Whether the quantities must sum to one along their last dim.
    choices
        The answers to choose from.

    Raises
    ------
    ValueError
        The answer does not have the required form; the message says what to change.

    Notes
    -----
    For draws it also prints whether there are enough: R-hat (rank-normalised, split) at most
    ``MAX_RHAT``, and at least ``MIN_ESS`` effective draws in bulk and tails. Others are not graded.

    Examples
    --------
    >>> import multilevel as ml
    >>> ml.hand_in("slope", 0.3)
    slope: a number. The form is right; grading checks the answer itself.
    """
    handed_in.pop(name, None)
    if value is None:
        print(f"{name}: {NOTHING}.")
        return
    if choices is not None:
        answer = choice_answer(name, value, choices)
    elif draws is None:
        answer = number_answer(name, value)
    else:
        answer = Answer("draws", _checked_draws(name, value, draws, probabilities))
    handed_in[name] = answer
    if folder := os.environ.get(FOLDER):
        save(answer, Path(folder, f"{name}.npz"))
    said = f"{name}: {describe(answer)}. {_outlook(answer)}"
    print(textwrap.fill(said, PAGE, break_long_words=False, break_on_hyphens=False))


def choice_answer(name: str, value: Any, choices: Sequence[Any]) -> Answer:
    """Return a choice as an answer; raise ValueError if it is not one of the choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}; it is {value!r}.")
    return Answer("choice", np.asarray(str(value)))


def number_answer(name: str, value: Any) -> Answer:
    """Return a number as an answer; raise ValueError unless it is a single finite number."""
    number = np.asarray(value)
    if number.size != 1 or not np.issubdtype(number.dtype, np.number):
        raise ValueError(f"{name} must be one number; it is {type(value).__name__}.")
    if not np.isfinite(number).all():
        raise ValueError(f"{name} must be a finite number; it is {value!r}.")
    return Answer("number", number.astype(float).reshape(()))


def _checked_draws(
    name: str, value: Any, of: Sequence[str] | tuple[int, ...], probabilities: bool
) -> np.ndarray:
    """Return draws as an array (chain, draw, quantity); raise ValueError if the form is wrong."""
    sizes = tuple(size for size in of if isinstance(size, int))
    names = [label for label in of if isinstance(label, str)]
    if not names:
        array = _of_shape(name, value, sizes)
    else:
        missing = [label for label in names if not _has(value, label)]
        if missing:
            raise ValueError(
                f"{name} must contain draws for each of {', '.join(map(repr, names))}, as in "
                f"{name} = {{{names[0]!r}: draws, ...}}; missing: {', '.join(map(repr, missing))}."
            )
        columns = [_of_shape(f"{name}[{label!r}]", value[label], ()) for label in names]
        if len({column.shape for column in columns}) > 1:
            raise ValueError(f"{name}: all quantities must have equally many chains and draws.")
        array = np.stack(columns, axis=-1)
    if not enough_draws(array):
        chains, draws = array.shape[:2]
        turned = (
            f" If these are {draws} chains of {chains} draws, turn them round: "
            "draws.swapaxes(0, 1), or .transpose('chain', 'draw', ...) of a DataArray."
        )
        raise ValueError(
            f"{name} has {chains} chains of {draws} draws; these are too few."
            f"{turned if chains > draws > 0 else ''}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must contain finite numbers; some are missing or infinite.")
    if probabilities and (array.min() < 0 or abs(array.sum(axis=-1) - 1).max() > 1e-6):
        raise ValueError(
            f"{name} must contain probabilities that add up to one along the last dim, in each "
            f"draw; they are between {array.min():.2f} and {array.max():.2f} and add up to between "
            f"{array.sum(axis=-1).min():.2f} and {array.sum(axis=-1).max():.2f}."
        )
    return array.reshape(*array.shape[:2], -1)


def _has(value: Any, label: str) -> bool:
    """Return whether a dict, Dataset or frame contains a name."""
    return isinstance(value, Mapping | pd.DataFrame) and label in value


def _of_shape(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return draws as an array (chain, draw, *shape); raise ValueError if they have another."""
    array = draws_array(name, value)
    if array.ndim >= 2 and array.shape[2:] == shape:
        return array
    wanted = ", ".join(["chain", "draw", *map(str, shape)])
    problem = f"{name} must have the shape ({wanted}); it has {array.shape}."
    if array.ndim == 1 + len(shape) and array.shape[1:] == shape:
        sizes = ", ".join(["4", "-1", *map(str, shape)])
        draws = "draws.to_numpy()" if isinstance(value, pd.Series) else "draws"
        problem += (
            " Are the draws of all chains in one row, first those of one chain, then those of the "
            f"next? With four chains, {draws}.reshape({sizes}) separates them."
        )
    raise ValueError(problem)


def enough_draws(array: np.ndarray) -> bool:
    """Return whether draws (chain, draw, ...) are numerous enough to be graded."""
    return array.shape[0] >= 1 and array.shape[1] >= 8


def draws_array(name: str, value: Any) -> np.ndarray:
    """Return draws as an array, with the dims chain and draw first."""
    if isinstance(value, xr.DataArray):
        if not {"chain", "draw"} <= set(value.dims):
            raise ValueError(
                f"{name} must have the dims chain and draw; it has {value.dims}."
                f"{_renamed(list(map(str, value.dims)))}"
            )
        value = value.transpose("chain", "draw", ...).to_numpy()
    if isinstance(value, pd.DataFrame):
        raise ValueError(
            f"{name} must be an array of draws; it is a DataFrame. Take one column for each "
            "quantity, and with four chains one after the other: "
            "frame['NAME'].to_numpy().reshape(4, -1)."
        )
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise ValueError(f"{name} must be an array of draws; it is {kind}.") from None


def _renamed(dims: list[str]) -> str:
    """Return advice on how to rename the dims of draws; an empty text if there is none."""
    if "sample" in dims:
        return " .unstack('sample') undoes what az.extract did; or say combined=False there."
    named = {
        dim: dim.lower() for dim in dims if dim.lower() in ("chain", "draw") and dim != dim.lower()
    }
    return f" Rename them: .rename({named})." if named else ""


def describe(answer: Answer) -> str:
    """Return the kind and size of an answer, in words."""
    if answer.kind != "draws":
        return f"a {answer.kind}"
    chains, draws, quantities = answer.value.shape
    return f"{chains} chains of {draws:,} draws of {quantities}"


def _outlook(answer: Answer) -> str:
    """Return whether an answer that has the right form can be graded."""
    if answer.kind == "draws" and (problem := unconverged(answer.value)):
        return f"The form is right, but they would not be graded: {problem}"
    return "The form is right; grading checks the answer itself."


def unconverged(array: np.ndarray) -> str | None:
    """Return why draws cannot be graded, in words; None if they can.

    Parameters
    ----------
    array
        Draws, of shape (chain, draw, quantity).

    Returns
    -------
    str or None
        R-hat (rank-normalised, split), the effective sample size (bulk and tail), and advice.
        Quantities that do not vary are ignored.
    """
    import arviz_stats as azs

    if (abs(array) > HUGE).any():
        return f"some are beyond {HUGE:g}, which this quantity cannot be."
    draws = halves_of_one_chain(array)
    varying = draws.isel(quantity=np.flatnonzero(draws.std(("chain", "draw")) > 1e-12))
    if not varying.sizes["quantity"]:
        return None
    rhat = float(azs.rhat(varying).max())
    ess = min(float(azs.ess(varying, method=method).min()) for method in ("bulk", "tail"))
    if rhat <= MAX_RHAT and ess >= MIN_ESS:
        return None
    return (
        f"R-hat is up to {rhat:.2f} (at most {MAX_RHAT}), and there are as few as {ess:.0f} "
        f"effective draws (at least {MIN_ESS}). Take more draws, such as draws=2000; if R-hat is "
        "too high, more tuning, and look at the warnings of the sampler. If the draws are "
        "predictions, are those of every chain and draw in it?"
    )


def halves_of_one_chain(array: np.ndarray) -> xr.DataArray:
    """Return draws with dims; those of a single chain as two, which can be compared."""
    if len(array) == 1:
        half = array.shape[1] // 2
        array = array[:, : 2 * half].reshape(2, half, -1)
    return xr.DataArray(array, dims=("chain", "draw", "quantity"))


def save(answer: Answer, path: Path) -> None:
    """Save an answer as plain arrays, atomically.

    Parameters
    ----------
    answer
        The answer.
    path
        An ``.npz`` file.
    """
    arrays: dict[str, Any] = {answer.kind: answer.value}
    with atomic(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load(path: Path) -> Answer:
    """Load an answer that :func:`save` wrote, without executing anything in the file (no pickle).

    Parameters
    ----------
    path
        An ``.npz`` file.

    Returns
    -------
    Answer

    Raises
    ------
    ValueError
        The file does not contain a valid answer.
    """
    with np.load(path, allow_pickle=False) as archive:
        kinds = archive.files
        if kinds == ["draws"]:
            value = archive["draws"].astype(float)
            if value.ndim == 3 and np.isfinite(value).all() and enough_draws(value):
                return Answer("draws", value)
        if kinds == ["number"] and archive["number"].size == 1:
            return Answer("number", archive["number"].astype(float).reshape(()))
        if kinds == ["choice"] and archive["choice"].dtype.kind == "U":
            return Answer("choice", archive["choice"].reshape(()))
    raise ValueError(f"{path.name} does not contain an answer.")
