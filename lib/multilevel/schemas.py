"""Validate tables against pandera schemas, and report how they differ from the published ones."""

from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from multilevel.datasets import EDUCATION, RESPONSES, TYPES

_is_binary = pa.Check.isin([0, 1])
_is_positive = pa.Check.gt(0)


def _row_count(expected: int) -> pa.Check:
    """Return a check of the number of rows."""
    return pa.Check(lambda table: len(table) == expected, name=f"{expected} rows")


_MLM = pa.DataFrameSchema(
    {
        "id": pa.Column(int, _is_positive),
        "group": pa.Column(str, pa.Check.isin(["CTRL", "PD"])),
        "time": pa.Column(int, pa.Check.in_range(0, 6)),
        "wave": pa.Column(int, pa.Check.in_range(1, 4)),
        "con": pa.Column(float, pa.Check.in_range(-1, 1)),
        "dan": pa.Column(float, pa.Check.in_range(-1, 1)),
    },
    checks=_row_count(225),
    unique=["id", "wave"],
    strict=True,
)

_CHIMPANZEES = pa.DataFrameSchema(
    {
        "actor": pa.Column(int, pa.Check.in_range(1, 7)),
        "recipient": pa.Column("Int64", pa.Check.in_range(2, 8), nullable=True),
        "condition": pa.Column(int, _is_binary),
        "block": pa.Column(int, pa.Check.in_range(1, 6)),
        "trial": pa.Column(int, pa.Check.in_range(1, 72)),
        "prosoc_left": pa.Column(int, _is_binary),
        "chose_prosoc": pa.Column(int, _is_binary),
        "pulled_left": pa.Column(int, _is_binary),
    },
    checks=_row_count(504),
    unique=["actor", "trial"],
    strict=True,
)

_SLEEP = pa.DataFrameSchema(
    {
        "subject": pa.Column(int, _is_positive),
        "day": pa.Column(int, pa.Check.in_range(0, 9)),
        "reaction": pa.Column(float, pa.Check.in_range(100, 1000)),
    },
    checks=_row_count(180),
    unique=["subject", "day"],
    strict=True,
)

_TROLLEY_CASES = pa.DataFrameSchema(
    {
        "case": pa.Column(str, unique=True),
        "story": pa.Column(str),
        "action": pa.Column(int, _is_binary),
        "intention": pa.Column(int, _is_binary),
        "contact": pa.Column(int, _is_binary),
    },
    checks=_row_count(30),
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
    checks=_row_count(552),
    unique=["model", "parameter", "statistic", "section"],
    strict=True,
)


def _trolley_responses_schema(cases: list[str]) -> pa.DataFrameSchema:
    """Return the schema of the Trolley responses, one column per case."""
    people = {
        "id": pa.Column(str, unique=True),
        "age": pa.Column(int, pa.Check.in_range(10, 100)),
        "male": pa.Column(int, _is_binary),
        "edu": pa.Column(str, pa.Check.isin(EDUCATION)),
    }
    answers = {case: pa.Column(int, pa.Check.isin(RESPONSES)) for case in cases}
    return pa.DataFrameSchema(people | answers, checks=_row_count(331), strict=True)


def schema_of(path: Path) -> pa.DataFrameSchema:
    """Return the schema of a published table.

    Parameters
    ----------
    path
        File of the table. For the Trolley responses, ``trolley_cases.csv`` must be in the same
        folder.

    Returns
    -------
    DataFrameSchema
    """
    if path.stem == "trolley_responses":
        cases = pd.read_csv(path.with_name("trolley_cases.csv"))["case"]
        return _trolley_responses_schema(cases.tolist())
    schemas = [_MLM, _CHIMPANZEES, _SLEEP, _TROLLEY_CASES, _LECTURE]
    names = ["mlm", "chimpanzees", "sleep", "trolley_cases", "lecture"]
    return dict(zip(names, schemas, strict=True))[path.stem]


def differences(path: Path) -> str:
    """Describe how a table differs from the published one.

    Parameters
    ----------
    path
        File of a table whose checksum is not the published one.

    Returns
    -------
    str
        The number of failed checks and a line for each of the first five; or a sentence that only
        values changed.
    """
    try:
        schema_of(path).validate(pd.read_csv(path, dtype=TYPES), lazy=True)
    except pa.errors.SchemaErrors as error:
        wrong = error.failure_cases[["column", "check", "failure_case"]].drop_duplicates()
        return f"Checks that failed: {len(wrong)}, among them\n{_format_failures(wrong.head(5))}"
    except ValueError as error:
        return str(error)
    return (
        "It has the right shape, but some value in it was changed: its SHA-256 checksum is not the "
        f"one in {path.parent / 'SHA256SUMS'}."
    )


_CHECKS_IN_WORDS = {
    "column_in_schema": "unknown column",
    "column_in_dataframe": "missing column",
    "multiple_fields_uniqueness": "not unique",
    "not_nullable": "missing value",
}


def _format_failures(failures: pd.DataFrame) -> str:
    """Format failed checks as a list, one line per check."""
    lines = []
    for column, check, value in failures.itertuples(index=False):
        where = f"column '{column}': " if isinstance(column, str) else ""
        lines.append(f"- {where}{_CHECKS_IN_WORDS.get(check, check)}: found {value}")
    return "\n".join(lines)
