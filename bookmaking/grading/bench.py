"""Run a process that has imported what judging needs, and forks for each submission.

usage: python -m bookmaking.grading.bench ADDRESS

It runs in the environment of the book, for graders that run in nbgrader's. Its tasks come from a
grader, but the files that it reads come from a submission, so that each judgement is made in a
child with limits of time and memory. It ends when its standard input does: when the grader has
ended.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any, Literal

from bookmaking.paths import ROOT, python_of

Task = Literal["judge", "solve"]
SECONDS = {"judge": 60, "solve": 1800}
"""Time limit of each task, in seconds by the clock."""
MEMORY = 2 * 1024**3
"""Bytes that judging may take, more than the process has already; answers are limited, too."""
ADDRESS = "MULTILEVEL_BENCH"
"""Environment variable with the address at which the process listens."""


class BenchError(RuntimeError):
    """Raised when a task fails; the message gives the reason."""


# For graders --------------------------------------------------------------------------------------


@contextlib.contextmanager
def running(cache: Path) -> Iterator[None]:
    """Start the process, and end it; graders that are forked meanwhile find it.

    Parameters
    ----------
    cache
        Folder of the code that PyTensor compiles for the solutions.
    """
    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder, "bench"))
        environment = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={cache}"}
        environment["OPENBLAS_NUM_THREADS"] = "1"  # a process with threads cannot be forked safely
        command = [str(python_of(ROOT / ".venv")), "-m", "bookmaking.grading.bench", address]
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise BenchError("the process that judges answers did not start: see above")
            os.environ[ADDRESS] = address
            try:
                yield
            finally:
                del os.environ[ADDRESS]
                process.kill()


def ask(task: Task, *arguments: object, cache: Path) -> Any:
    """Return the result of a task; start the process for it if none is running.

    Parameters
    ----------
    task, arguments
        ``"judge"`` with what :func:`bookmaking.grading.marking.verdict_on` takes, but for several
        names, or ``"solve"`` with what :func:`bookmaking.grading.solutions.run` takes.
    cache
        As for :func:`running`.

    Raises
    ------
    BenchError
        The task failed, or was at its limits.
    """
    if ADDRESS not in os.environ:
        with running(cache):
            return ask(task, *arguments, cache=cache)
    with Client(os.environ[ADDRESS]) as connection:
        connection.send((task, *arguments))
        try:
            done, result = connection.recv()
        except EOFError:
            raise BenchError(
                f"it took more than {SECONDS[task]} seconds, or too much memory"
            ) from None
    if not done:
        raise BenchError(result)
    return result


# The process --------------------------------------------------------------------------------------


def serve(address: str) -> None:
    """Listen, and fork for each task."""
    from bookmaking.grading import marking, solutions

    solutions.prepare()
    # The only other thread is jemalloc's, in PyArrow, which handles forks itself.
    warnings.filterwarnings("ignore", ".*multi-threaded, use of fork", DeprecationWarning)

    def work(task: Task, *arguments: Any) -> Any:
        if task == "solve":
            return solutions.run(*arguments)
        folder, right, names = arguments
        return {name: asdict(marking.verdict_on(name, folder, right)) for name in names}

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children that end are forgotten
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        print("listening", flush=True)
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
            with Connection(listening.accept()[0].detach()) as connection:
                if os.fork() == 0:
                    _answer(connection, work)


def _answer(connection: Connection, work: Any) -> None:
    """Do one task in this process, answer, and end it."""
    import resource  # not on Windows, where releases are made but nothing is graded

    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        task, *arguments = connection.recv()
        signal.alarm(SECONDS[task])
        if task == "judge":
            resource.setrlimit(resource.RLIMIT_DATA, (_used() + MEMORY,) * 2)
        connection.send((True, work(task, *arguments)))
    except BaseException as error:
        connection.send((False, f"{type(error).__name__}: {error}"))
    finally:
        os._exit(0)


def _used() -> int:
    """Return the bytes of data that this process has already."""
    import resource

    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[5]
    return int(pages) * resource.getpagesize()


if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "Agg"
    serve(sys.argv[1])
