"""Compare the stored outputs of a chapter with fresh ones, by Monte Carlo standard errors.

- Text, tables and numbers that do not come from draws must be the same.
- A table, a quoted number or a figure that carries its numbers and their Monte Carlo standard
  errors (:data:`multilevel.estimates.MIME`) is compared by these numbers: each may differ by
  :data:`STANDARD_ERRORS` combined standard errors. Names of tables, rows and columns, their order,
  and the words on a figure must be the same. A figure is not compared by its pixels.
- Diagnostics of the sampler have no standard error of their own; :data:`DIAGNOSTICS` limits their
  differences.
- The visible numbers of such a table or quotation must be those that it carries, to the printed
  digit. How many digits are printed may differ.

Five standard errors: with some ten thousand numbers in the book, chance alone breaks this rule in
fewer than one run in a hundred if errors are normal.
"""

import re
from collections.abc import Callable, Iterator
from itertools import zip_longest
from math import hypot, inf, sqrt
from typing import Any, NamedTuple

from bs4 import BeautifulSoup
from nbval.plugin import transform_streams_for_comparison

from multilevel.estimates import MIME

STANDARD_ERRORS = 5
ROUNDING = 1e-6  # of numbers that do not come from draws: another processor may round differently
LABELS = ["columns", "index_names", "index"]
GLUED = "application/papermill.record/"


def within(factor: float) -> Callable[[float, float], float]:
    """Allow two positive numbers to differ by a factor."""
    return lambda stored, fresh: (factor - 1) * min(abs(stored), abs(fresh))


DIAGNOSTICS: dict[str, Callable[[float, float], float]] = {
    "r_hat": lambda *_: 0.01,  # that is the limit of every fit
    "ess_bulk": within(2),
    "ess_tail": within(2),
    "mcse": within(1.5),  # goes with the root of the ESS
    "e_bfmi": within(1.5),
    # A count, where there are some; a fit without any must stay one.
    "divergences": lambda stored, fresh: 5 * sqrt(stored + fresh) if stored and fresh else 0,
    "step_size": within(1.5),
    "gradients": within(1.5),
    "cpu_seconds": within(20),  # of machines that are slow, fast or busy
    "high_k": lambda stored, fresh: 5 * sqrt(stored + fresh + 1),  # a count
}


class Pair(NamedTuple):
    """A number of a table, stored and fresh."""

    where: str
    stored: Any
    fresh: Any
    may_differ: float
    """By which chance and rounding explain that they differ."""

    @property
    def agrees(self) -> bool:
        """Whether both are the same, or chance explains the difference."""
        if not self.may_differ:
            return bool(self.stored == self.fresh)
        return self.stored == self.fresh or abs(self.stored - self.fresh) <= self.may_differ

    @property
    def standard_errors(self) -> float:
        """The difference, in combined Monte Carlo standard errors."""
        return STANDARD_ERRORS * abs(self.stored - self.fresh) / (self.may_differ or inf)


def pairs(stored: list[Any], fresh: list[Any]) -> Iterator[Pair]:
    """Yield the numbers of a cell's outputs that carry standard errors, stored and fresh.

    Parameters
    ----------
    stored, fresh
        As for :func:`disagreements`. Tables with other labels than the stored ones are left out.
    """
    for old, new in zip(stored, fresh, strict=False):
        tables = [
            table
            for output in (old, new)
            for mime in (MIME, GLUED + MIME)
            for table in output.get("data", {}).get(mime, {}).get("tables", [])
        ]
        half = len(tables) // 2
        for table, again in zip(tables[:half], tables[half:], strict=False):
            if all(table[labels] == again[labels] for labels in LABELS):
                yield from (pair for pair, has_error in _pairs(table, again) if has_error)


def disagreements(stored: list[Any], fresh: list[Any]) -> list[str]:
    """Compare the outputs of one cell.

    Parameters
    ----------
    stored, fresh
        Outputs of a notebook's cell, as nbformat has them.

    Returns
    -------
    list of str
        Differences in words; empty if there are none.
    """
    found = []
    pairs = zip_longest(
        transform_streams_for_comparison(stored), transform_streams_for_comparison(fresh)
    )
    for number, (old, new) in enumerate(pairs, start=1):
        if old is None or new is None:
            side = "stored" if new is None else "fresh"
            found.append(f"output {number} is only among the {side} outputs: {old or new}")
        elif "data" in old and "data" in new:
            found += _data(old["data"], new["data"])
        else:
            ignored = {"execution_count", "metadata"}
            old, new = ({k: v for k, v in o.items() if k not in ignored} for o in (old, new))
            if old != new:
                found.append(f"stored {old}, fresh {new}")
    return found


def _data(stored: dict[str, Any], fresh: dict[str, Any]) -> list[str]:
    if set(stored) != set(fresh):
        return [f"stored as {sorted(stored)}, fresh as {sorted(fresh)}"]
    for mime in (MIME, GLUED + MIME):
        if mime in stored:
            return [*_numbers(stored[mime], fresh[mime]), *_shown(stored, fresh, stored[mime])]
    if "image/png" in stored:
        return ["the figure carries no numbers: draw it with a function of multilevel.figures"]
    return [
        f"{mime}: stored {stored[mime]!r}, fresh {fresh[mime]!r}"
        for mime in stored
        if stored[mime] != fresh[mime]
    ]


def _numbers(stored: dict[str, Any], fresh: dict[str, Any]) -> list[str]:
    """Compare the tables that two outputs carry."""
    names = [[table.get("name") for table in output["tables"]] for output in (stored, fresh)]
    if names[0] != names[1] or stored.get("texts") != fresh.get("texts"):
        return [
            f"stored tables {names[0]} with the words {stored.get('texts')}, "
            f"fresh tables {names[1]} with {fresh.get('texts')}"
        ]
    return [
        line
        for old, new in zip(stored["tables"], fresh["tables"], strict=True)
        for line in _table(old, new)
    ]


def _table(stored: dict[str, Any], fresh: dict[str, Any]) -> list[str]:
    for labels in LABELS:
        if stored[labels] != fresh[labels]:
            return [
                f"{labels}: {len(stored[labels])} stored, {len(fresh[labels])} fresh; first "
                f"difference: stored {old!r}, fresh {new!r}"
                for old, new in zip_longest(stored[labels], fresh[labels])
                if old != new
            ][:1]
    return [
        f"{pair.where}: stored {pair.stored}, fresh {pair.fresh}, "
        f"may differ by {pair.may_differ:.2g}"
        for pair, _ in _pairs(stored, fresh)
        if not pair.agrees
    ]


def _pairs(stored: dict[str, Any], fresh: dict[str, Any]) -> Iterator[tuple[Pair, bool]]:
    """Yield the numbers of two tables with the same labels, and whether both have errors."""
    for i, row in enumerate(stored["index"]):
        for k, column in enumerate(stored["columns"]):
            old, new = stored["values"][i][k], fresh["values"][i][k]
            errors = stored["mcse"][i][k], fresh["mcse"][i][k]
            where = f"row {row!r}, column {column!r}"
            may_differ = _may_differ(column, old, new, *errors)
            yield Pair(where, old, new, may_differ), None not in errors


def _may_differ(column: str, old: Any, new: Any, *errors: float | None) -> float:
    if not all(isinstance(value, int | float) for value in (old, new)):
        return 0.0
    known = [error for error in errors if error is not None]
    if len(known) == 2:
        return STANDARD_ERRORS * hypot(*known) + ROUNDING * abs(old)
    if column in DIAGNOSTICS:
        return DIAGNOSTICS[column](old, new)
    return 0.0 if isinstance(old, int) else ROUNDING * abs(old)


def _shown(stored: dict[str, Any], fresh: dict[str, Any], carried: dict[str, Any]) -> list[str]:
    """Return differences between visible and carried numbers, and between the words around them."""
    if "text/html" in stored:
        old, new = (BeautifulSoup(output["text/html"], "html.parser") for output in (stored, fresh))
        heads = [[head.get_text() for head in page.find_all("th")] for page in (old, new)]
        if heads[0] != heads[1]:
            return [f"heads of the table: stored {heads[0]}, fresh {heads[1]}"]
        printed = [cell.get_text() for cell in old.find_all("td")]
        (table,) = carried["tables"]
        values = [value for row in table["values"] for value in row]
        return _printed(printed, values)
    if GLUED + "text/plain" in stored:
        (table,) = carried["tables"]
        return _printed([stored[GLUED + "text/plain"]], table["values"][0])
    shown = {mime for mime in stored if mime not in (MIME, "image/png")}
    return [
        f"{mime}: stored {stored[mime]!r}, fresh {fresh[mime]!r}"
        for mime in sorted(shown)
        if stored[mime] != fresh[mime]
    ]


def _printed(texts: list[str], values: list[Any]) -> list[str]:
    """Return the texts that are not their values, rounded to the digits that they show."""
    if len(texts) != len(values):
        return [f"{len(texts)} numbers are shown, {len(values)} are carried"]
    found = []
    for text, value in zip(texts, values, strict=True):
        if isinstance(value, bool | str) or value is None:
            right = text == str(value) or (value is None and text in ("NaN", "None", "<NA>"))
        else:
            digits = text.replace(",", "").strip("'")
            unit = 10.0 ** -len(digits.partition(".")[2])
            number = re.fullmatch(r"-?\d+(\.\d*)?", digits)
            right = number is not None and abs(float(digits) - value) <= 0.5001 * unit
        if not right:
            found.append(f"{text!r} is shown where the output carries {value!r}")
    return found
