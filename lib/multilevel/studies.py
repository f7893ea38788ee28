"""Run many independent replicates of a simulation in parallel, resumably.

A simulation study repeats the same steps many times: simulate, fit, record the results. Replicates
are independent, so they can run on any machine and in any order; Dask distributes them. Each
replicate has a separate random number stream, seeded by the study's seed and its number, and writes
its result to a separate file, atomically, as soon as it is finished. The combined table therefore
does not depend on the number of workers, and a study that was interrupted resumes without losing
any finished replicate.
"""

import inspect
import json
import logging
import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from multilevel.extras import need
from multilevel.files import atomic, code_state, sources_of
from multilevel.frames import as_frame
from multilevel.storage import PACKAGES

if TYPE_CHECKING:
    from distributed import Client

IDENTITY = "study.json"  # file that identifies the study of a folder


class StudyError(RuntimeError):
    """Raised when a study stops early; finished replicates are stored.

    Examples
    --------
    >>> import multilevel as ml
    >>> def stops(rng):
    ...     raise SystemExit
    >>> try:
    ...     ml.run_study(stops, replicates=2, seed=1, workers=0, progress=False)
    ... except ml.StudyError as error:
    ...     print(error)  # doctest: +NORMALIZE_WHITESPACE
    Replicate 0 of the study called sys.exit(None).
    A replicate cannot end the process: let it return a table, or raise an error.
    """


def run_study(
    replicate: Callable[..., pd.DataFrame],
    replicates: int,
    seed: int,
    folder: str | Path | None = None,
    workers: int | None = None,
    memory: str = "2 GiB",
    scheduler: str | None = None,
    progress: bool = True,
    **settings: Any,
) -> pd.DataFrame:
    """Run a simulation many times, in parallel and resumably, with a seed for each replicate.

    Parameters
    ----------
    replicate
        Function that is called as ``replicate(rng, **settings)`` with a
        :class:`numpy.random.Generator` and returns a table of at least one row. It must not depend
        on state that other replicates change. Its source must be in a file or a notebook: the code
        identifies the study.
    replicates
        Number of replicates. A study can be extended: the first replicates stay as they are.
    seed
        Seed of the study. Replicate k draws from ``default_rng([seed, k])``.
    folder
        Folder for the results, one Parquet file per replicate, written atomically as soon as it is
        finished. Calling the function again with the same arguments resumes an interrupted study.
        With a cluster, all its machines must have access to the folder. None uses a temporary
        folder: nothing is kept.
    workers
        Number of worker processes on this machine; by default one per core. 0 runs everything in
        the current process. A script that starts processes needs ``if __name__ == "__main__":``; a
        notebook does not.
    memory
        Memory limit of a worker on this machine, in Dask's notation. Dask checks it several times a
        second and kills a worker above 95 % of it; a replicate that kills four workers ends the
        study.
    scheduler
        Address of a Dask scheduler whose workers are used instead, such as
        ``"tcp://head-node:8786"``. Their memory is limited where they are started. Dask unpickles
        what it receives: without TLS (an address that begins with ``tcp://``), use it only in a
        network that you trust.
    progress
        Whether to show a progress bar.
    settings
        Further arguments of ``replicate``; plain values (JSON: numbers, text, truth values, None,
        and lists and dicts of them). NumPy's numbers become plain ones.

    Returns
    -------
    DataFrame
        The tables of all replicates, concatenated in their order, with the number of the replicate,
        counted from 0, as the first column ``replicate``.

    Raises
    ------
    ValueError
        The folder contains another study: another function, seed, settings, code or package
        versions; the number of replicates or the seed is not a whole number in its range; the
        source of the function is not found; or a replicate's table has no rows, a column
        ``replicate``, or an index that would be lost.
    TypeError
        The replicate is not a plain function, or cannot be called with these settings; a setting is
        not a plain value; or a replicate does not return a data frame.
    StudyError
        The connection to the scheduler was lost, or a replicate killed its workers, or called
        ``sys.exit``. The same call resumes the study.
    Exception
        Any exception of a replicate, with its number in a note.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> def replicate(rng, n):
    ...     return pd.DataFrame({"mean": [rng.normal(size=n).mean()]})
    >>> study = ml.run_study(replicate, 3, seed=1, workers=0, progress=False, n=10)
    >>> study.round(2)
       replicate  mean
    0          0  0.22
    1          1  0.26
    2          2  0.11
    """
    replicates = _whole_number("replicates", replicates, 1)
    seed = _whole_number("seed", seed, 0)
    workers = workers if workers is None else _whole_number("workers", workers, 0)
    settings = {name: _plain(name, value) for name, value in settings.items()}
    _check_function(replicate, settings)
    with _folder_or_temporary(folder) as results:
        _store_or_check_identity(results, replicate, seed, settings)
        missing = [
            number for number in range(replicates) if not _result_file(results, number).exists()
        ]
        task = partial(_run_replicate, replicate, settings, seed, results)
        if missing and scheduler is None and workers == 0:
            _wait(map(task, missing), len(missing), progress)
        elif missing:
            with _dask_client(scheduler, workers, memory, len(missing)) as client:
                _wait(_completed(client, task, missing, results), len(missing), progress)
        return _concatenate_results(results, replicates)


# One replicate ------------------------------------------------------------------------------------


def _run_replicate(
    replicate: Callable[..., pd.DataFrame],
    settings: dict[str, Any],
    seed: int,
    folder: Path,
    number: int,
) -> int:
    """Run a replicate and store its table atomically, unless it is stored already."""
    path = _result_file(folder, number)
    if path.exists():
        return number
    try:
        table = _checked_table(replicate(np.random.default_rng([seed, number]), **settings))
        with atomic(path) as temporary:
            table.to_parquet(temporary, index=False)
    except Exception as error:
        error.add_note(NOTE.format(number=number))
        raise
    except SystemExit as error:
        raise StudyError(
            f"Replicate {number} of the study called sys.exit({error.code!r}). A replicate cannot "
            f"end the process: let it return a table, or raise an error."
        ) from error
    return number


NOTE = "This happened in replicate {number} of the study."


def _is_of_a_replicate(error: BaseException) -> bool:
    """Return whether an error was raised by a replicate, rather than by Dask."""
    beginning = NOTE.split("{", maxsplit=1)[0]
    return any(note.startswith(beginning) for note in getattr(error, "__notes__", ()))


def _in_worker(task: Callable[[int], int], number: int) -> int:
    """Run a replicate in a worker; an error that cannot be sent to the caller is sent as text."""
    try:
        return task(number)
    except Exception as error:
        if _can_travel(error):
            raise
        told = RuntimeError(f"{type(error).__name__}: {error}")
        told.__notes__ = list(getattr(error, "__notes__", []))
        raise told from None


def _can_travel(error: Exception) -> bool:
    """Return whether an error can be sent to another process unchanged."""
    import cloudpickle  # type: ignore[import-untyped]

    try:
        return type(pickle.loads(cloudpickle.dumps(error))) is type(error)
    except Exception:  # any failure in the code of the error means that it cannot be sent
        return False


def _checked_table(result: Any) -> pd.DataFrame:
    """Return a replicate's table, or raise an error with advice."""
    if not isinstance(result, pd.DataFrame) and not hasattr(result, "to_pandas"):
        hint = "pd.DataFrame({'value': [value]}) for a value"
        if isinstance(result, pd.Series):
            hint = "series.reset_index() for a row per label, series.to_frame().T for one row"
        if isinstance(result, dict):
            hint = "pd.DataFrame([result]) for a row of single values"
        if result is None:
            hint += "; does the function end without return?"
        raise TypeError(f"A replicate must return a data frame, not {result!r:.200}: {hint}.")
    table = as_frame(result, "table")
    if "replicate" in table.columns:
        raise ValueError(
            "A replicate's table cannot have a column 'replicate', which will be its number in the "
            "study. Rename it: table.rename(columns={'replicate': 'my_replicate'})."
        )
    if not len(table) or not len(table.columns):
        raise ValueError(
            f"A replicate returned a table of {len(table)} rows and {len(table.columns)} columns, "
            f"and would be missing from the results. Return at least one row, with NaN or None "
            f"for a missing result."
        )
    named = any(name is not None for name in table.index.names)
    if named or not pd.api.types.is_integer_dtype(table.index.dtype):
        raise ValueError(
            f"The index of a replicate's table would be lost: {list(table.index[:3])} … Make a "
            f"column of it, table.reset_index(), or drop it, table.reset_index(drop=True)."
        )
    return table


def _result_file(folder: Path, number: int) -> Path:
    """Return the file of a replicate's result."""
    return folder / f"{number:06}.parquet"


# All replicates -----------------------------------------------------------------------------------


def _wait(completed: Iterable[int], total: int, progress: bool) -> None:
    """Wait for all replicates, showing a progress bar."""
    from rich.progress import track

    for _ in track(completed, "replicates", total=total, disable=not progress):
        pass


def _completed(
    client: "Client", task: Callable[[int], int], missing: list[int], folder: Path
) -> Iterator[int]:
    """Run replicates on Dask's workers; yield their numbers as they are completed."""
    from distributed import as_completed
    from distributed.client import FutureCancelledError
    from distributed.scheduler import KilledWorker

    futures = client.map(partial(_in_worker, task), missing, pure=False)
    numbers = dict(zip((future.key for future in futures), missing, strict=True))
    try:
        for future in as_completed(futures):
            yield future.result()
    except KilledWorker as error:
        raise StudyError(
            f"Replicate {numbers[error.task]} killed its workers: too little memory? "
            f"{_resume_hint(folder)}"
        ) from error
    except (FutureCancelledError, OSError) as error:
        if _is_of_a_replicate(error):
            raise
        raise StudyError(f"The scheduler was lost. {_resume_hint(folder)}") from error


def _resume_hint(folder: Path) -> str:
    """Return the number of finished replicates and how to resume, for messages."""
    count = len(list(folder.glob("*.parquet")))
    return f"{count} finished replicates are in {folder}; the same call resumes the study."


@contextmanager
def _dask_client(
    scheduler: str | None, workers: int | None, memory: str, replicates: int
) -> Iterator["Client"]:
    """Connect to a Dask scheduler, or start a cluster of worker processes on this machine."""
    need("dask", "distributed", purpose="run_study with more than this process")
    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None:
        with Client(scheduler) as client:
            yield client
        return
    count = min(workers or os.cpu_count() or 1, replicates)
    with (
        # No queue at the workers: if one is killed, only the replicate it was running is blamed.
        dask.config.set({"distributed.scheduler.worker-saturation": 1.0}),
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=memory,
            dashboard_address=":0",
            # A closing worker may still log a failed heartbeat. Errors in a replicate reach the
            # caller as exceptions, not through the log.
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _concatenate_results(folder: Path, replicates: int) -> pd.DataFrame:
    """Concatenate the tables of all replicates."""
    tables = {number: pd.read_parquet(_result_file(folder, number)) for number in range(replicates)}
    whole = pd.concat(tables, names=["replicate", None])
    return whole.reset_index("replicate").reset_index(drop=True)


# Checks before work begins ------------------------------------------------------------------------


def _whole_number(name: str, value: Any, least: int) -> int:
    """Return an argument as an int, or raise ValueError unless it is one, and large enough."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise ValueError(f"{name} must be a whole number (an int) of at least {least}: {value!r}.")
    return int(value)


def _plain(name: str, value: Any) -> Any:
    """Return a setting as a JSON value, with NumPy's numbers as plain ones, or raise TypeError."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list | tuple):
        parts = [_plain(f"{name}[{k}]", part) for k, part in enumerate(value)]
        return tuple(parts) if isinstance(value, tuple) else parts
    if isinstance(value, dict):
        bad = [key for key in value if not isinstance(key, str)]
        if bad:
            raise TypeError(
                f"The setting {name} has the key {bad[0]!r}, which is not text; settings are plain "
                f"values, as in JSON. Write {str(bad[0])!r}."
            )
        return {key: _plain(f"{name}[{key!r}]", part) for key, part in value.items()}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    hint = "Pass a plain value from which it can be made, such as a number or a file's name."
    if isinstance(value, np.ndarray | pd.Series | pd.Index):
        hint = f"Pass a list: {name}.tolist()."
    if isinstance(value, Path):
        hint = f"Pass its text: str({name})."
    if isinstance(value, set | frozenset):
        hint = f"Pass a list: sorted({name})."
    raise TypeError(
        f"The setting {name} is of the type {type(value).__name__}; settings are plain values, as "
        f"in JSON, which identify the study. {hint}"
    )


def _check_function(replicate: Any, settings: dict[str, Any]) -> None:
    """Raise TypeError or ValueError unless a function can be called, and its code be recorded."""
    if not inspect.isfunction(replicate):
        hint = "Write def replicate(rng): …, which calls it."
        if isinstance(replicate, partial):
            hint = "Pass the function alone, and its other arguments as settings: "
            hint += "run_study(function, …, n=10)."
        raise TypeError(
            f"The replicate must be a plain function, whose code identifies the study; it is of "
            f"the type {type(replicate).__name__}. {hint}"
        )
    if replicate.__closure__:
        raise TypeError(
            f"{replicate.__qualname__} uses variables of the function in which it is defined "
            f"({', '.join(replicate.__code__.co_freevars)}); they are not part of the identity of "
            f"the study. Make arguments of them, and give their values as settings."
        )
    try:
        code_state(sources_of(replicate))
    except (OSError, SyntaxError, TypeError) as error:
        raise ValueError(
            f"The source of {replicate.__qualname__}, or of a function that it uses, cannot be "
            f"read, and it identifies the study. Functions that are typed at a plain prompt have "
            f"none, and a lambda has no line of its own: write def in a file or a notebook."
        ) from error
    try:
        inspect.signature(replicate).bind(None, **settings)
    except TypeError as error:
        called = ", ".join(["rng", *(f"{name}=…" for name in settings)])
        raise TypeError(
            f"The replicate cannot be called as {replicate.__name__}({called}): {error}. Its first "
            f"argument is the random number generator, and the settings are the others."
        ) from error


# The folder of results ----------------------------------------------------------------------------


@contextmanager
def _folder_or_temporary(folder: str | Path | None) -> Iterator[Path]:
    """Yield the folder of the results, or a temporary one."""
    if folder is not None:
        yield Path(folder).resolve()
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def _store_or_check_identity(
    folder: Path, replicate: Callable[..., pd.DataFrame], seed: int, settings: dict[str, Any]
) -> None:
    """Store what identifies the study, or raise ValueError if the folder contains another one."""
    identity = {
        "function": replicate.__qualname__,
        "seed": seed,
        "settings": settings,
        "code": code_state(sources_of(replicate)),
        "versions": {package: version(package) for package in PACKAGES},
    }
    path = folder / IDENTITY
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with atomic(path) as temporary:
            temporary.write_text(json.dumps(identity, indent=1), encoding="utf-8")
        return
    there = json.loads(path.read_text(encoding="utf-8"))
    other = [  # as text: NaN does not equal itself
        name
        for name, value in identity.items()
        if json.dumps(there.get(name), sort_keys=True) != json.dumps(value, sort_keys=True)
    ]
    if other:
        raise ValueError(
            f"{folder} contains the results of another study: its {', '.join(other)} differed. "
            "Choose another folder, or remove this one."
        )
