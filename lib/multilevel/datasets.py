"""Load the tables of the three studies, unchanged as published.

Each loader reads one table, makes sure by its checksum that it is the published one, and returns a
tidy frame. ``data/README.md`` is the dictionary. This is the only module that knows the names of
the studies.
"""

import hashlib
import io
from pathlib import Path

import pandas as pd

_INSTALLED, _REPOSITORY = Path(__file__).with_name("data"), Path(__file__).parents[2] / "data"
DATA = _INSTALLED if _INSTALLED.is_dir() else _REPOSITORY

TREATMENTS = ["R/N", "L/N", "R/P", "L/P"]
"""Prosocial option on the right or left (R, L); nobody or a partner opposite (N, P)."""

EDUCATION = [
    "Elementary School",
    "Middle School",
    "Some High School",
    "High School Graduate",
    "Some College",
    "Bachelor's Degree",
    "Master's Degree",
    "Graduate Degree",
]

RESPONSES = list(range(1, 8))

TYPES = {"recipient": "Int64"}
"""Whole numbers of which some are missing: pandas reads them as fractions unless told."""


def load_mlm(folder: Path = DATA) -> pd.DataFrame:
    """Load the people who were measured two to four times.

    Parameters
    ----------
    folder
        Where ``mlm.csv`` and ``SHA256SUMS`` lie.

    Returns
    -------
    DataFrame of 225 rows, one per measurement, in the order of the file
        ``id`` (91 people), ``group`` (ordered categorical: CTRL, PD), ``time``, ``wave``,
        ``con`` and ``dan``. Codes and units: ``data/README.md``.

    Raises
    ------
    FileNotFoundError
        The file is missing.
    ValueError
        The file is not the one that was published; the message says what is wrong with it.
    """
    table = _read(folder / "mlm.csv")
    return table.assign(group=_ordered(table["group"], ["CTRL", "PD"]))


def load_chimpanzees(folder: Path = DATA) -> pd.DataFrame:
    """Load the chimpanzees who chose between a left and a right lever (Silk et al. 2005).

    Parameters
    ----------
    folder
        Where ``chimpanzees.csv`` and ``SHA256SUMS`` lie.

    Returns
    -------
    DataFrame of 504 rows, one per pull, in the order of the file
        ``actor`` (1 to 7), ``recipient`` (missing where nobody sat opposite), ``condition``,
        ``block`` (1 to 6), ``trial``, ``prosoc_left``, ``chose_prosoc``, ``pulled_left`` and
        ``treatment``, the ordered categorical R/N, L/N, R/P, L/P that combines ``prosoc_left``
        and ``condition``.

    Raises
    ------
    FileNotFoundError
        The file is missing.
    ValueError
        The file is not the one that was published; the message says what is wrong with it.
    """
    table = _read(folder / "chimpanzees.csv")
    code = table["prosoc_left"] + 2 * table["condition"]
    treatment = code.map(dict(enumerate(TREATMENTS)))
    return table.assign(treatment=_ordered(treatment, TREATMENTS))


def load_trolley(folder: Path = DATA) -> pd.DataFrame:
    """Load the moral judgements of 331 people on 30 cases, in long form (Cushman et al. 2006).

    Parameters
    ----------
    folder
        Where ``trolley_responses.csv``, ``trolley_cases.csv`` and ``SHA256SUMS`` lie.

    Returns
    -------
    DataFrame of 9930 rows, one per answer, person by person
        ``id``, ``case``, ``story``, ``action``, ``intention``, ``contact`` (0 or 1),
        ``response`` (ordered categorical 1 to 7: how permissible), ``age`` (years), ``male``
        (0 or 1) and ``edu`` (ordered categorical).

    Raises
    ------
    FileNotFoundError
        A file is missing.
    ValueError
        A file is not the one that was published; the message says what is wrong with it.
    """
    cases = _read(folder / "trolley_cases.csv")
    names = cases["case"].tolist()
    people = _read(folder / "trolley_responses.csv")
    table = (
        people.reset_index(names="person")
        .melt(
            id_vars=["person", "id", "age", "male", "edu"],
            var_name="case",
            value_name="response",
        )
        .merge(cases, on="case", validate="many_to_one")
        .sort_values(["person", "case"], ignore_index=True)
        .assign(
            case=lambda t: _ordered(t["case"], names),
            story=lambda t: _ordered(t["story"], sorted(cases["story"].unique())),
            response=lambda t: _ordered(t["response"], RESPONSES),
            edu=lambda t: _ordered(t["edu"], EDUCATION),
        )
    )
    columns = ["id", "case", "story", "action", "intention", "contact"]
    return table[[*columns, "response", "age", "male", "edu"]]


def load_lecture(folder: Path = DATA) -> pd.DataFrame:
    """Load the estimates that the lecture prints.

    Parameters
    ----------
    folder
        Where ``lecture.csv`` and ``SHA256SUMS`` lie.

    Returns
    -------
    DataFrame of 552 rows, one per printed figure
        ``model``, ``parameter`` (by our names), ``statistic``, ``value``, ``digits`` (printed after
        the point) and ``section`` (where the lecture prints it).

    Raises
    ------
    FileNotFoundError
        The file is missing.
    ValueError
        The file is not the one that was published; the message says what is wrong with it.
    """
    return _read(folder / "lecture.csv")


def _ordered(values: pd.Series, categories: list[str] | list[int]) -> pd.Categorical:
    return pd.Categorical(values, categories=categories, ordered=True)


def _read(path: Path) -> pd.DataFrame:
    """Read a table; refuse it, saying why, unless it is exactly the published one."""
    restore = f"Restore it with: git checkout -- data/{path.name}"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. {restore}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() == _checksums(path.parent).get(path.name):
        return pd.read_csv(io.BytesIO(content), dtype=TYPES)
    from multilevel.schemas import differences  # imports pandera, which takes a second

    raise ValueError(f"{path} is not the published table. {restore}\n{differences(path)}")


def _checksums(folder: Path) -> dict[str, str]:
    path = folder / "SHA256SUMS"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. Restore it with: git checkout -- data")
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {name: checksum for checksum, name in lines}
