"""Put a command into a separate cgroup, if possible, in which the kernel enforces the limits.

It is a second line of defence: :mod:`bookmaking.grading.sandbox` watches memory and processes
itself, five times a second, and stops a run earlier and with a reason. A cgroup also counts the
content of pipes and sockets, watches without interruption, and shares the processor fairly.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
ENTER = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
"""What puts itself into a cgroup, before it becomes the command."""


@contextlib.contextmanager
def limited(command: list[str], memory: int, processes: int) -> Iterator[list[str]]:
    """Yield the words that run a command in a cgroup; the command itself where there is none.

    Parameters
    ----------
    command
        The command.
    memory
        Bytes that its processes may use, together.
    processes
        Largest number of processes.
    """
    if home := home_of(Path("/proc/self/cgroup").read_text(encoding="utf-8")):
        group = Path(tempfile.mkdtemp(prefix="submission-", dir=home))
        try:
            for name, limit in [("memory.max", memory), ("pids.max", processes)]:
                (group / name).write_text(str(limit), encoding="utf-8")
            yield ["sh", "-c", ENTER, str(group), *command]
        finally:
            _remove(group)
    elif words := _scope():
        most = [f"--property=MemoryMax={memory}", f"--property=TasksMax={processes}"]
        yield [*words, *most, "--property=MemorySwapMax=0", *command]
    else:
        yield command


def _remove(group: Path) -> None:
    """End the processes that are left in a cgroup, and remove it as soon as they have ended."""
    with contextlib.suppress(OSError):  # Linux before 5.14
        (group / "cgroup.kill").write_text("1", encoding="utf-8")
    for _ in range(10):
        with contextlib.suppress(OSError):
            group.rmdir()
            break
        time.sleep(0.05)


def home_of(own: str, root: Path = ROOT) -> Path | None:
    """Return the folder in which we may make cgroups that limit memory and processes.

    Parameters
    ----------
    own
        The content of /proc/self/cgroup.
    root
        Where version 2 of the cgroups is mounted.
    """
    for line in own.splitlines():
        if line.startswith("0::"):
            here = root / line.removeprefix("0::").strip("/")
            for folder in [here, here.parent][: 1 + (here != root)]:
                control = folder / "cgroup.subtree_control"
                enabled = control.read_text(encoding="utf-8") if control.is_file() else ""
                writable = all(os.access(at, os.W_OK) for at in (folder, folder / "cgroup.procs"))
                if writable and {"memory", "pids"} <= set(enabled.split()):
                    return folder
    return None


@cache
def _scope() -> list[str]:
    """Return the words with which systemd runs a command in a cgroup; none if it cannot."""
    if shutil.which("systemd-run") is None:
        return []
    user = [] if os.geteuid() == 0 else ["--user"]
    words = ["systemd-run", *user, "--scope", "--quiet", "--collect"]
    done = subprocess.run(
        [*words, "--property=MemoryMax=1G", "--property=TasksMax=9", "true"],
        stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip
    return words if done.returncode == 0 else []
