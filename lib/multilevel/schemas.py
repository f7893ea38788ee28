"""Say how a table differs from the published one: schemas of the tables, checked by pandera."""

from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from multilevel.datasets import EDUCATION, RESPONSES, TYPES

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
    answers = {case: pa.Column(int, pa.Check.isin(RESPONSES)) for case in cases}
    return pa.DataFrameSchema(people | answers, checks=_rows(331), strict=True)


def schema_of(path: Path) -> pa.DataFrameSchema:
    """Return the schema of a published table.

    Parameters
    ----------
    path
        Its file; that of the Trolley responses needs ``trolley_cases.csv`` beside it.

    Returns
    -------
    DataFrameSchema
    """
    if path.stem == "trolley_responses":
        cases = pd.read_csv(path.with_name("trolley_cases.csv"))["case"]
        return _trolley_responses_schema(cases.tolist())
    schemas = [_MLM, _CHIMPANZEES, _TROLLEY_CASES, _LECTURE]
    names = ["mlm", "chimpanzees", "trolley_cases", "lecture"]
    return dict(zip(names, schemas, strict=True))[path.stem]


def differences(path: Path) -> str:
    """Say in words how a table differs from the published one.

    Parameters
    ----------
    path
        The file of a table whose checksum is not the published one.

    Returns
    -------
    A line for each of the first five checks that failed; or that only values were changed
    """
    try:
        schema_of(path).validate(pd.read_csv(path, dtype=TYPES), lazy=True)
    except pa.errors.SchemaErrors as error:
        wrong = error.failure_cases[["column", "check", "failure_case"]].drop_duplicates()
        return f"Checks that failed: {len(wrong)}, among them\n{_list(wrong.head(5))}"
    except ValueError as error:
        return str(error)
    return (
        "It has the right shape, but some value in it was changed: its SHA-256 checksum is not the "
        f"one in {path.parent / 'SHA256SUMS'}."
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
