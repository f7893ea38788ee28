"""Run many independent replicates of a simulation in parallel, resumably.

A simulation study repeats the same steps many times: simulate, fit, record the results. Replicates
are independent, so they can run on any machine and in any order; Dask distributes them. Each
replicate has its own random number stream, seeded by the study's seed and its number, and writes
its result to its own file, atomically, as soon as it is finished. The combined table therefore does
not depend on the number of workers, and a study that was interrupted resumes without losing any
finished replicate.
"""

import json
import logging
import os
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
from multilevel.storage import PACKAGES

if TYPE_CHECKING:
    from distributed import Client

IDENTITY = "study.json"  # file that says which study a folder belongs to


class StudyError(RuntimeError):
    """A study stopped early; finished replicates are stored."""


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
    """Run a simulation many times, in parallel and resumably, each replicate with its own seed.

    Parameters
    ----------
    replicate
        Function that is called as ``replicate(rng, **settings)`` with a
        :class:`numpy.random.Generator` and returns a table. It must not depend on state that other
        replicates change.
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
        Further arguments of ``replicate``; plain values (JSON).

    Returns
    -------
    DataFrame
        The tables of all replicates, concatenated in their order, with the number of the replicate,
        counted from 0, as the first column ``replicate``.

    Raises
    ------
    ValueError
        The folder holds another study: another function, seed, settings, code or package versions.
    StudyError
        The connection to the scheduler was lost, or a replicate killed its workers. The same call
        resumes the study.
    Exception
        Any exception of a replicate, with its number in a note.

    Examples
    --------
    >>> import multilevel as ml
    >>> import pandas as pd
    >>> def replicate(rng, n):
    ...     return pd.DataFrame({"mean": [rng.normal(size=n).mean()]})
    >>> ml.run_study(replicate, replicates=3, seed=1, workers=0, progress=False, n=10).round(2)
       replicate  mean
    0          0  0.22
    1          1  0.26
    2          2  0.11
    """
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
        table = replicate(np.random.default_rng([seed, number]), **settings)
    except Exception as error:
        error.add_note(f"This happened in replicate {number} of the study.")
        raise
    with atomic(path) as temporary:
        table.to_parquet(temporary, index=False)
    return number


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

    futures = client.map(task, missing, pure=False)
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
        raise StudyError(f"The scheduler was lost. {_resume_hint(folder)}") from error


def _resume_hint(folder: Path) -> str:
    """Say how many replicates are finished and how to resume, for messages."""
    count = len(list(folder.glob("*.parquet")))
    return f"{count} finished replicates are in {folder}; the same call goes on from there."


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
    """Store what identifies the study, or raise ValueError if the folder holds another one."""
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
    there, identity = json.loads(path.read_text(encoding="utf-8")), json.loads(json.dumps(identity))
    other = [name for name, value in identity.items() if there.get(name) != value]
    if other:
        raise ValueError(
            f"{folder} holds the results of another study: its {', '.join(other)} differed. "
            "Choose another folder, or remove this one."
        )
