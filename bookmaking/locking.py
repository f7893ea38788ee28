"""Let only one process at a time change a build."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HELD = "BOOK_LOCKS"
"""Environment variable: the locks of a process, for the processes that it starts and waits for."""


@contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold a lock, which the system releases when the process ends for any reason.

    Parameters
    ----------
    path
        The lock's file; it is kept, and contains the number of the process that holds it.
    what
        What is locked, as the beginning of the message.

    Raises
    ------
    SystemExit
        Another process holds it; the message says so.
    """
    held = os.environ.get(HELD, "").split(os.pathsep)
    if str(path) in held:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            _lock(file.fileno())
        except OSError:
            file.seek(0)
            holder = file.read().strip()
            sys.exit(f"{what} is already running here, as process {holder}: wait until it ends.")
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        os.environ[HELD] = os.pathsep.join([*held, str(path)])
        try:
            yield
        finally:
            os.environ[HELD] = os.pathsep.join(held)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # beyond the text, which others may read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
