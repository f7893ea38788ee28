"""Count equal rows of Parquet files with DuckDB, out of core.

A model of a categorical outcome needs each distinct row only once, with its count. There are at
most as many distinct rows as clusters times designs times categories, so that files larger than
memory can be reduced without loading all rows at once.
"""

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from multilevel.extras import need

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

COUNT = "count"


def count_rows(
    files: str | Path | Sequence[str | Path],
    columns: str | Sequence[str],
    memory: str = "1 GB",
) -> pd.DataFrame:
    """Count the distinct rows of Parquet files.

    Parameters
    ----------
    files
        A Parquet file, a folder of them, several of these, or a glob pattern such as
        ``"responses/*.parquet"``. A folder may be partitioned, as pandas, Dask and Spark write it
        with partition columns (``responses/id=3/part-0.parquet``).
    columns
        Names of the columns that the model uses, or one name; others are not read.
    memory
        Memory limit of DuckDB, in its notation, such as ``"500 MB"``. If counting needs more, it
        spills to disk, in the current folder.

    Returns
    -------
    DataFrame
        The columns and ``count``, one row per distinct combination, sorted. The builders accept it
        with ``count="count"``. Ordered categories of words stay so if the first file records their
        order, as files that pandas writes do; otherwise they are text. Of categories that are
        numbers, Parquet keeps the numbers only.

    Raises
    ------
    ImportError
        DuckDB is not installed.
    TypeError
        Columns or files are not names.
    ValueError
        No column is named; one is missing, named twice, has missing values or is named ``count``; a
        file is not Parquet, or damaged; the columns of the files differ; or the memory limit is not
        valid.
    FileNotFoundError
        No such file exists.

    Examples
    --------
    >>> import multilevel as ml
    >>> import tempfile
    >>> import pandas as pd
    >>> data = pd.DataFrame({"dose": [0, 1, 1, 0], "ill": [1, 0, 0, 0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     data.to_parquet(f"{folder}/people.parquet")
    ...     table = ml.count_rows(folder, ["dose", "ill"])
    >>> table
       dose  ill  count
    0     0    0      1
    1     0    1      1
    2     1    0      2
    """
    need("duckdb", purpose="count_rows")
    import duckdb

    columns = _names(columns)
    several = _files(files)
    patterns = [_pattern(file) for file in several]
    listed = ", ".join(map(str, several))
    with duckdb.connect() as connection:
        try:
            connection.execute("SET memory_limit = $1", [memory])
        except duckdb.Error as error:
            raise ValueError(f"memory must be text such as '500 MB'; it is {memory!r}.") from error
        try:
            rows = _relation(connection, patterns, columns, listed)
            quoted = ", ".join(map(_quoted, columns))
            table = rows.aggregate(f"{quoted}, count(*) AS {COUNT}").order("ALL").df()
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            first = str(error).splitlines()[0]
            if "No files found" in first:
                raise FileNotFoundError(
                    f"No Parquet files at {_without_files(connection, several)}."
                ) from error
            if "schema mismatch" in first:
                raise ValueError(
                    f"The files at {listed} are not parts of one table: {first} Count those that "
                    f"have the same columns, of the same types, by naming them."
                ) from error
            raise ValueError(
                f"{listed} cannot be read as Parquet: {first} A CSV file becomes one by "
                f"pd.read_csv('rows.csv').to_parquet('rows.parquet'); a file that is empty or cut "
                f"off must be written again."
            ) from error
        first_file = _first_file(connection, patterns)
    for name in columns:
        if lost := int(table.loc[table[name].isna(), COUNT].sum()):
            raise ValueError(f"Column '{name}' has {lost} missing values; drop or fill them first.")
    return table if first_file is None else _ordered(table, columns, first_file)


def _names(columns: Any) -> list[str]:
    """Return the names of columns as a list; raise an error if they cannot be counted together."""
    if not isinstance(columns, str | Sequence | pd.Index | np.ndarray):
        raise TypeError(f"columns must be a list of names of columns; it is {columns!r}.")
    names = [columns] if isinstance(columns, str) else list(columns)
    other = [name for name in names if not isinstance(name, str)]
    if other:
        raise TypeError(f"columns must be names of columns (text); {other[0]!r} is not.")
    if not names:
        raise ValueError("columns is empty: name the columns that the model uses.")
    # DuckDB ignores case: "Count" is "count".
    if any(name.lower() == COUNT for name in names):
        raise ValueError(f"Column '{COUNT}' must have another name: it is that of the counts.")
    if len({name.lower() for name in names}) < len(names):
        raise ValueError(f"A column is named twice: {', '.join(names)}.")
    return names


def _files(files: Any) -> list[str | Path]:
    """Return files as a list; raise an error unless they are names, at least one."""
    listed = isinstance(files, list | tuple | set) or hasattr(files, "__next__")
    several = [files] if isinstance(files, str | Path) else list(files) if listed else None
    if several is None or not all(isinstance(file, str | Path) for file in several):
        raise TypeError(
            f"files must be the name of a Parquet file or of a folder, or a list of names; it is "
            f"of the type {type(files).__name__}. Equal rows of a frame are counted by "
            f"data.groupby(columns, observed=True).size().reset_index(name='count')."
        )
    if not several:
        raise ValueError("files is empty: give at least one Parquet file.")
    return several


def _without_files(connection: "DuckDBPyConnection", several: list[str | Path]) -> str:
    """Return which of the given names match no file."""
    found = [_first_file(connection, [_pattern(file)]) is not None for file in several]
    nothing = [str(file) for file, there in zip(several, found, strict=True) if not there]
    return ", ".join(nothing or map(str, several))


def _pattern(file: str | Path) -> str:
    """Return the glob pattern of a file or of the files in a folder, or the given pattern."""
    path = Path(file)
    if path.is_dir():
        return f"{glob.escape(str(path))}/**/*.parquet"
    return glob.escape(str(path)) if path.exists() else str(file)


def _quoted(name: str) -> str:
    """Return a name as DuckDB's SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def _relation(
    connection: "DuckDBPyConnection", patterns: list[str], columns: list[str], listed: str
) -> "DuckDBPyRelation":
    """Open Parquet files; columns that they lack are looked for in the names of their folders."""
    rows = connection.read_parquet(patterns, hive_partitioning=False)
    if set(columns) <= set(rows.columns):
        return rows
    if _is_partitioned(connection, patterns):
        rows = connection.read_parquet(patterns, hive_partitioning=True)
    missing = [name for name in columns if name not in rows.columns]
    if missing:
        raise ValueError(
            f"{listed} has no column {', '.join(map(repr, missing))}. Its columns are: "
            f"{', '.join(rows.columns)}."
        )
    return rows


def _is_partitioned(connection: "DuckDBPyConnection", patterns: list[str]) -> bool:
    """Return whether folders on the way to the files are called ``name=value``."""
    file = _first_file(connection, patterns)
    return file is not None and any("=" in part for part in Path(file).parts[:-1])


def _first_file(connection: "DuckDBPyConnection", patterns: list[str]) -> str | None:
    """Return a file that DuckDB reads; None if it is not on this machine."""
    found = connection.execute("SELECT min(file) FROM glob($1)", patterns[:1]).fetchall()
    return found[0][0]


def _ordered(table: pd.DataFrame, columns: list[str], file: str) -> pd.DataFrame:
    """Make ordered categories of the columns that are ordered in a file, and sort by them."""
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    parquet = pq.ParquetFile(file)
    ordered: dict[str, Any] = {}
    for name in columns:
        place = parquet.schema_arrow.get_field_index(name)
        kind = None if place < 0 else parquet.schema_arrow.field(place).type
        if isinstance(kind, pa.DictionaryType) and kind.ordered:
            batch = next(parquet.iter_batches(batch_size=1, columns=[name]), None)
            categories = [] if batch is None else batch.column(0).dictionary.to_pylist()
            if set(table[name]) <= set(categories):
                ordered[name] = pd.Categorical(table[name], categories, ordered=True)
    if not ordered:
        return table
    return table.assign(**ordered).sort_values(columns, ignore_index=True)
