"""Load the tables of the studies, unchanged as published.

Each loader reads a table, verifies its SHA-256 checksum, and returns a tidy data frame.
``data/README.md`` describes the variables. Only this module refers to the studies by name.
"""

import hashlib
import io
from pathlib import Path

import pandas as pd

_INSTALLED, _REPOSITORY = Path(__file__).with_name("data"), Path(__file__).parents[2] / "data"
DATA = _INSTALLED if _INSTALLED.is_dir() else _REPOSITORY

TREATMENTS = ["R/N", "L/N", "R/P", "L/P"]
"""Prosocial option on the right or left (R, L); no partner or a partner opposite (N, P)."""

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
"""Integer columns with missing values, which pandas reads as floats by default."""


def load_mlm(folder: Path = DATA) -> pd.DataFrame:
    """Load the repeated measures of 91 people, two to four per person.

    Parameters
    ----------
    folder
        Folder with ``mlm.csv`` and ``SHA256SUMS``; by default that of the book.

    Returns
    -------
    DataFrame of 225 rows, one per measurement, in the order of the file
        ``id`` (91 people), ``group`` (ordered categorical: CTRL, PD), ``time``, ``wave``, ``con``
        and ``dan``. Codes and units: ``data/README.md``.

    Raises
    ------
    FileNotFoundError
        The file is missing.
    ValueError
        The file differs from the published one; the message describes how.

    Examples
    --------
    >>> import multilevel as ml
    >>> ml.load_mlm().shape
    (225, 6)
    """
    table = _read_published(folder / "mlm.csv")
    return table.assign(group=_ordered_categorical(table["group"], ["CTRL", "PD"]))


def load_chimpanzees(folder: Path = DATA) -> pd.DataFrame:
    """Load the choices of seven chimpanzees between a left and a right lever (Silk et al. 2005).

    Parameters
    ----------
    folder
        Folder with ``chimpanzees.csv`` and ``SHA256SUMS``; by default that of the book.

    Returns
    -------
    DataFrame of 504 rows, one per pull, in the order of the file
        ``actor`` (1 to 7), ``recipient`` (missing where no partner sat opposite), ``condition``,
        ``block`` (1 to 6), ``trial``, ``prosoc_left``, ``chose_prosoc``, ``pulled_left`` and
        ``treatment``, an ordered categorical (R/N, L/N, R/P, L/P) that combines ``prosoc_left`` and
        ``condition``.

    Raises
    ------
    FileNotFoundError
        The file is missing.
    ValueError
        The file differs from the published one; the message describes how.

    Examples
    --------
    >>> import multilevel as ml
    >>> ml.load_chimpanzees()["treatment"].cat.categories.tolist()
    ['R/N', 'L/N', 'R/P', 'L/P']
    """
    table = _read_published(folder / "chimpanzees.csv")
    code = table["prosoc_left"] + 2 * table["condition"]
    treatment = code.map(dict(enumerate(TREATMENTS)))
    return table.assign(treatment=_ordered_categorical(treatment, TREATMENTS))


def load_sleep(folder: Path = DATA) -> pd.DataFrame:
    """Load the reaction times of 18 people on ten days of short sleep (Belenky et al. 2003).

    Parameters
    ----------
    folder
        Folder with ``sleep.csv`` and ``SHA256SUMS``; by default that of the book.

    Returns
    -------
    DataFrame of 180 rows, one per person and day, in the order of the file
        ``subject`` (18 people), ``day`` (0 to 9: 0 and 1 for adaptation and training, 2 the
        baseline, then three hours in bed a night) and ``reaction`` (mean reaction time in ms).

    Raises
    ------
    FileNotFoundError
        The file is missing.
    ValueError
        The file differs from the published one; the message describes how.

    Examples
    --------
    >>> import multilevel as ml
    >>> ml.load_sleep()["subject"].nunique()
    18
    """
    return _read_published(folder / "sleep.csv")


def load_trolley(folder: Path = DATA) -> pd.DataFrame:
    """Load the moral judgements of 331 people on 30 cases, in long form (Cushman et al. 2006).

    Parameters
    ----------
    folder
        Folder with ``trolley_responses.csv``, ``trolley_cases.csv`` and ``SHA256SUMS``;
        by default that of the book.

    Returns
    -------
    DataFrame of 9,930 rows, one per response, person by person
        ``id``, ``case``, ``story``, ``action``, ``intention``, ``contact`` (0 or 1), ``response``
        (ordered categorical 1 to 7: how permissible), ``age`` (years), ``male`` (0 or 1) and
        ``edu`` (ordered categorical).

    Raises
    ------
    FileNotFoundError
        A file is missing.
    ValueError
        A file differs from the published one; the message describes how.

    Examples
    --------
    >>> import multilevel as ml
    >>> ml.load_trolley()[["id", "case", "response"]].head(2)
           id   case response
    0  96;434  cfaqu        4
    1  96;434  cfbur        3
    """
    cases = _read_published(folder / "trolley_cases.csv")
    names = cases["case"].tolist()
    people = _read_published(folder / "trolley_responses.csv")
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
            case=lambda t: _ordered_categorical(t["case"], names),
            story=lambda t: _ordered_categorical(t["story"], sorted(cases["story"].unique())),
            response=lambda t: _ordered_categorical(t["response"], RESPONSES),
            edu=lambda t: _ordered_categorical(t["edu"], EDUCATION),
        )
    )
    columns = ["id", "case", "story", "action", "intention", "contact"]
    return table[[*columns, "response", "age", "male", "edu"]]


def load_lecture(folder: Path = DATA) -> pd.DataFrame:
    """Load the estimates that are printed in the lecture.

    Parameters
    ----------
    folder
        Folder with ``lecture.csv`` and ``SHA256SUMS``; by default that of the book.

    Returns
    -------
    DataFrame of 552 rows, one per printed number
        ``model``, ``parameter`` (by the names of this library), ``statistic``, ``value``,
        ``digits`` (after the decimal point) and ``section`` (of the lecture).

    Raises
    ------
    FileNotFoundError
        The file is missing.
    ValueError
        The file differs from the published one; the message describes how.

    Examples
    --------
    >>> import multilevel as ml
    >>> ml.load_lecture()[["model", "parameter", "statistic", "value"]].head(2)
            model parameter statistic  value
    0  no_pooling  alpha[6]      mean   0.19
    1  no_pooling  alpha[6]        sd   0.03
    """
    return _read_published(folder / "lecture.csv")


def _ordered_categorical(values: pd.Series, categories: list[str] | list[int]) -> pd.Categorical:
    """Return values as an ordered categorical."""
    return pd.Categorical(values, categories=categories, ordered=True)


def _read_published(path: Path) -> pd.DataFrame:
    """Read a table; raise an error that says how it differs if it is not the published one."""
    restore = f"Restore it with: git checkout -- data/{path.name}"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. {restore}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() == _read_checksums(path.parent).get(path.name):
        return pd.read_csv(io.BytesIO(content), dtype=TYPES)
    from multilevel.schemas import differences  # slow import (pandera), only needed here

    raise ValueError(f"{path} is not the published table. {restore}\n{differences(path)}")


def _read_checksums(folder: Path) -> dict[str, str]:
    """Read the published SHA-256 checksum of each file."""
    path = folder / "SHA256SUMS"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. Restore it with: git checkout -- data")
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {name: checksum for checksum, name in lines}
