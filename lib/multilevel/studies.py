"""Run many independent replicates of a simulation in parallel, resumably.

A simulation study does the same thing many times: simulate, fit, note what came out. Nothing that
one replicate does depends on another, so they may run anywhere and in any order. Dask hands them
out. Each has random numbers of its own, made of the study's seed and the replicate's number, and
writes its result to a file of its own as soon as there is one. So the table is the same whatever
the number of workers, and whatever is killed on the way, no finished replicate is lost.
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

IDENTITY = "study.json"


class StudyError(RuntimeError):
    """A study stopped before its end; what is finished is kept."""


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
    """Run a simulation many times, in parallel and resumably, each replicate with its own stream.

    Parameters
    ----------
    replicate
        Called as ``replicate(rng, **settings)`` with a :class:`numpy.random.Generator`; gives a
        table. It must not depend on anything that another replicate changes.
    replicates
        How many. A study can be continued with more: the first ones stay as they are.
    seed
        Of the study. Replicate k draws from ``default_rng([seed, k])``.
    folder
        Where the results are kept, one Parquet file a replicate, written atomically as soon as it
        is there. The same call goes on where an earlier one was stopped. With a cluster,
        all its machines must see this folder. None keeps nothing.
    workers
        Processes on this machine; by default one for each core. 0 does everything in this process.
        A program that starts processes needs ``if __name__ == "__main__":``; a notebook does not.
    memory
        What a worker on this machine may use, as Dask writes it. Dask looks several times a second
        and kills a worker above 95 % of it; a replicate that does that to four workers ends the
        study.
    scheduler
        The address of a Dask scheduler, such as ``"tcp://head-node:8786"``, whose workers are used
        instead. Their memory is limited where they are started. Dask unpickles what it receives:
        without TLS (an address that begins with ``tcp://``), use it in a network that you trust.
    progress
        Show a progress bar.
    settings
        What else ``replicate`` is to be called with; plain values.

    Returns
    -------
    DataFrame
        The replicates' tables below each other, in their order, with the column ``replicate`` in
        front, which counts from 0

    Raises
    ------
    ValueError
        The folder holds another study: another function, seed, settings or code.
    StudyError
        The scheduler was lost, or a replicate killed its workers. The same call goes on.
    Exception
        What a replicate raised, with its number in a note.
    """
    with _folder_or_temporary(folder) as place:
        _claim(place, replicate, seed, settings)
        missing = [number for number in range(replicates) if not _file(place, number).exists()]
        task = partial(_run_replicate, replicate, settings, seed, place)
        if missing and scheduler is None and workers == 0:
            _wait(map(task, missing), len(missing), progress)
        elif missing:
            with _client(scheduler, workers, memory, len(missing)) as client:
                _wait(_completed(client, task, missing, place), len(missing), progress)
        return _collect(place, replicates)


# One replicate ------------------------------------------------------------------------------------


def _run_replicate(
    replicate: Callable[..., pd.DataFrame],
    settings: dict[str, Any],
    seed: int,
    folder: Path,
    number: int,
) -> int:
    """Run a replicate and store its table, unless that is stored already."""
    path = _file(folder, number)
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


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.parquet"


# All of them --------------------------------------------------------------------------------------


def _wait(completed: Iterable[int], total: int, progress: bool) -> None:
    """Wait for all replicates, behind a progress bar."""
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
            f"{_progress_kept(folder)}"
        ) from error
    except (FutureCancelledError, OSError) as error:
        raise StudyError(f"The scheduler was lost. {_progress_kept(folder)}") from error


def _progress_kept(folder: Path) -> str:
    count = len(list(folder.glob("*.parquet")))
    return f"{count} finished replicates are in {folder}; the same call goes on from there."


@contextmanager
def _client(
    scheduler: str | None, workers: int | None, memory: str, replicates: int
) -> Iterator["Client"]:
    need("dask", "distributed", purpose="run_study with more than this process")
    import dask
    from distributed import Client, LocalCluster

    if scheduler is not None:
        with Client(scheduler) as client:
            yield client
        return
    count = min(workers or os.cpu_count() or 1, replicates)
    with (
        # A worker gets one replicate at a time, so that no other is blamed when it is killed.
        dask.config.set({"distributed.scheduler.worker-saturation": 1.0}),
        LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            memory_limit=memory,
            dashboard_address=":0",
            # A worker that is told to stop may still log a heartbeat that failed. What goes wrong
            # in a replicate reaches the caller as an exception, not through the log.
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _collect(folder: Path, replicates: int) -> pd.DataFrame:
    tables = {number: pd.read_parquet(_file(folder, number)) for number in range(replicates)}
    whole = pd.concat(tables, names=["replicate", None])
    return whole.reset_index("replicate").reset_index(drop=True)


# What a folder belongs to -------------------------------------------------------------------------


@contextmanager
def _folder_or_temporary(folder: str | Path | None) -> Iterator[Path]:
    if folder is not None:
        yield Path(folder).resolve()
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield Path(temporary)


def _claim(
    folder: Path, replicate: Callable[..., pd.DataFrame], seed: int, settings: dict[str, Any]
) -> None:
    """Write down which study a folder belongs to, or make sure that it is this one."""
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
