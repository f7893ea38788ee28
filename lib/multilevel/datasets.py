"""Where does the table come from, and is it what we think it is?

Each loader reads one table from the project's ``data/`` folder, checks it against a schema and
against its published checksum, and returns a tidy frame. ``data/README.md`` is the dictionary.
This is the only module that knows the names of the three studies.
"""

import hashlib
import io
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

DATA = Path(__file__).resolve().parents[2] / "data"

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

_RESPONSES = list(range(1, 8))
_yes_no = pa.Check.isin([0, 1])
_positive = pa.Check.gt(0)


def _rows(expected: int) -> pa.Check:
    return pa.Check(lambda table: len(table) == expected, name=f"{expected} rows")


_MLM = pa.DataFrameSchema(
    {
        "id": pa.Column(int, _positive),
        "group": pa.Column(str, pa.Check.isin(["CTRL", "PD"])),
        "time": pa.Column(int, pa.Check.in_range(0, 6)),
        "wave": pa.Column(int, pa.Check.in_range(1, 4)),
        "con": pa.Column(float, pa.Check.in_range(-1, 1)),
        "dan": pa.Column(float, pa.Check.in_range(-1, 1)),
    },
    checks=_rows(225),
    unique=["id", "wave"],
    strict=True,
)

_CHIMPANZEES = pa.DataFrameSchema(
    {
        "actor": pa.Column(int, pa.Check.in_range(1, 7)),
        "recipient": pa.Column("Int64", pa.Check.in_range(2, 8), nullable=True),
        "condition": pa.Column(int, _yes_no),
        "block": pa.Column(int, pa.Check.in_range(1, 6)),
        "trial": pa.Column(int, pa.Check.in_range(1, 72)),
        "prosoc_left": pa.Column(int, _yes_no),
        "chose_prosoc": pa.Column(int, _yes_no),
        "pulled_left": pa.Column(int, _yes_no),
    },
    checks=_rows(504),
    unique=["actor", "trial"],
    strict=True,
)

_TROLLEY_CASES = pa.DataFrameSchema(
    {
        "case": pa.Column(str, unique=True),
        "story": pa.Column(str),
        "action": pa.Column(int, _yes_no),
        "intention": pa.Column(int, _yes_no),
        "contact": pa.Column(int, _yes_no),
    },
    checks=_rows(30),
    strict=True,
)


_LECTURE = pa.DataFrameSchema(
    {
        "model": pa.Column(str),
        "parameter": pa.Column(str),
        "statistic": pa.Column(str),
        "value": pa.Column(float),
        "digits": pa.Column(int, pa.Check.in_range(1, 9)),
        "section": pa.Column(str),
    },
    checks=_rows(552),
    unique=["model", "parameter", "statistic", "section"],
    strict=True,
)


def _trolley_responses_schema(cases: list[str]) -> pa.DataFrameSchema:
    people = {
        "id": pa.Column(str, unique=True),
        "age": pa.Column(int, pa.Check.in_range(10, 100)),
        "male": pa.Column(int, _yes_no),
        "edu": pa.Column(str, pa.Check.isin(EDUCATION)),
    }
    answers = {case: pa.Column(int, pa.Check.isin(_RESPONSES)) for case in cases}
    return pa.DataFrameSchema(people | answers, checks=_rows(331), strict=True)


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
    table = _read(folder / "mlm.csv", _MLM)
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
    table = _read(folder / "chimpanzees.csv", _CHIMPANZEES)
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
    cases = _read(folder / "trolley_cases.csv", _TROLLEY_CASES)
    names = cases["case"].tolist()
    people = _read(folder / "trolley_responses.csv", _trolley_responses_schema(names))
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
            response=lambda t: _ordered(t["response"], _RESPONSES),
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
    return _read(folder / "lecture.csv", _LECTURE)


def _ordered(values: pd.Series, categories: list[str] | list[int]) -> pd.Categorical:
    return pd.Categorical(values, categories=categories, ordered=True)


def _read(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Read a table; refuse it, saying why, unless it is exactly the published one."""
    restore = f"Restore it with: git checkout -- data/{path.name}"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. {restore}")
    content = path.read_bytes()
    checksums = _checksums(path.parent)
    if hashlib.sha256(content).hexdigest() == checksums.get(path.name):
        return _validated(content, schema)
    try:
        _validated(content, schema)
    except pa.errors.SchemaErrors as error:
        wrong = error.failure_cases[["column", "check", "failure_case"]].drop_duplicates()
        raise ValueError(
            f"{path} is not the published table. {restore}\n"
            f"Checks that failed: {len(wrong)}, among them\n{_list(wrong.head(5))}"
        ) from error
    except ValueError as error:
        raise ValueError(f"{path} is not the published table. {restore}\n{error}") from error
    raise ValueError(
        f"{path} has the right shape, but some value in it was changed: its SHA-256 checksum is "
        f"not the one in {path.parent / 'SHA256SUMS'}. {restore}"
    )


_IN_WORDS = {
    "column_in_schema": "unknown column",
    "column_in_dataframe": "missing column",
    "multiple_fields_uniqueness": "not unique",
    "not_nullable": "missing value",
}


def _list(failures: pd.DataFrame) -> str:
    lines = []
    for column, check, value in failures.itertuples(index=False):
        where = f"column '{column}': " if isinstance(column, str) else ""
        lines.append(f"- {where}{_IN_WORDS.get(check, check)}: found {value}")
    return "\n".join(lines)


def _validated(content: bytes, schema: pa.DataFrameSchema) -> pd.DataFrame:
    types = {name: "Int64" for name, column in schema.columns.items() if column.nullable}
    table = pd.read_csv(io.BytesIO(content), dtype=types)
    return schema.validate(table, lazy=True)


def _checksums(folder: Path) -> dict[str, str]:
    path = folder / "SHA256SUMS"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing. Restore it with: git checkout -- data")
    lines = (line.split() for line in path.read_text().splitlines())
    return {name: checksum for checksum, name in lines}
