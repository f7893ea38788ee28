"""Count equal rows of Parquet files with DuckDB, out of core.

A model of a categorical outcome needs each distinct row only once, with its count. There are at
most as many distinct rows as clusters times designs times categories, so that files larger than
memory can be reduced without loading all rows at once.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from multilevel.extras import need

COUNT = "count"


def count_rows(
    files: str | Path | Sequence[str | Path], columns: Sequence[str], memory: str = "1 GB"
) -> pd.DataFrame:
    """Count the distinct rows of Parquet files.

    Parameters
    ----------
    files
        A Parquet file, several of them, or a glob pattern such as ``"responses/*.parquet"``.
    columns
        Names of the columns that the model uses; others are not read.
    memory
        Memory limit of DuckDB, in its notation, such as ``"500 MB"``. If counting needs more, it
        spills to disk, in the current folder.

    Returns
    -------
    DataFrame
        The columns and ``count``, one row per distinct combination, sorted. The builders accept it
        with ``count="count"``.

    Raises
    ------
    ImportError
        DuckDB is not installed.
    ValueError
        A column is missing, named twice, has missing values or is named ``count``.
    FileNotFoundError
        There is no such file.
    """
    need("duckdb", purpose="count_rows")
    import duckdb

    # DuckDB ignores case: "Count" is "count".
    if any(name.lower() == COUNT for name in columns):
        raise ValueError(f"Column '{COUNT}' must have another name: it is that of the counts.")
    if len({name.lower() for name in columns}) < len(columns):
        raise ValueError(f"A column is named twice: {', '.join(columns)}.")
    several = [files] if isinstance(files, str | Path) else files
    names = [str(file) for file in several]
    with duckdb.connect(config={"memory_limit": memory}) as connection:
        try:
            rows = connection.read_parquet(names)
        except duckdb.IOException as error:
            raise FileNotFoundError(f"No Parquet files at {', '.join(names)}.") from error
        missing = [name for name in columns if name not in rows.columns]
        if missing:
            raise ValueError(
                f"{', '.join(names)} has no column {', '.join(map(repr, missing))}. Its columns "
                f"are: {', '.join(rows.columns)}."
            )
        listed = ", ".join(f'"{name}"' for name in columns)
        table = rows.aggregate(f"{listed}, count(*) AS {COUNT}").order("ALL").df()
    for name in columns:
        if lost := int(table.loc[table[name].isna(), COUNT].sum()):
            raise ValueError(f"Column '{name}' has {lost} missing values; drop or fill them first.")
    return table
