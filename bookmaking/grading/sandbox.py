"""Run a submitted notebook in a sandbox, with limits of time and memory.

The notebook runs under bubblewrap: without network, capabilities or other processes in sight, as a
user that owns nothing, in a file system with the installed software (read-only), the data of the
studies, a copy of the submission, and an empty working folder of limited size in memory. It
contains no gradebook, no other submission, no solution and no right answer. The results are outputs
of cells and answers, as data.
"""

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from bookmaking.grading import cgroups, remedies, seccomp
from bookmaking.paths import BUILD, ROOT, python_of

PYTHON = python_of(ROOT / ".venv")
STUDY_DATA = [
    "README.md",
    "SHA256SUMS",
    "chimpanzees.csv",
    "mlm.csv",
    "sleep.csv",
    "trolley_cases.csv",
    "trolley_responses.csv",
]
"""Files of data/ that students get: neither the results of the lecture nor those of the book."""
GIGABYTE = 1024**3
MAX_RESULT = GIGABYTE // 4
"""Largest size of outputs and answers, in bytes."""
MAX_CELL = 6_000_000
"""Bytes of the outputs of a cell; more than the runner keeps of them, in its form."""
MAX_THREADS = 256
"""Largest number of threads of all processes together."""
OPEN_FILE = 400_000
"""Bytes that are counted for an open file: it may be a socket full of invisible data."""
MEMORY = re.compile(r"^(?:VmRSS|VmSwap|VmPTE|HugetlbPages):\s+(\d+) kB", re.MULTILINE)
"""Lines of the status of a process that are counted: its pages, and their tables."""
INODE = 4096
"""Bytes that are counted for a file, besides its content."""
WRITABLE = {"/student": 0.5, "/tmp": 0.25, "/dev/shm": 0.25}
"""Folders in which a notebook can write, and the share of each in the limit."""
CACHE = BUILD / "grading" / "cache"
"""Code that PyTensor compiled for the solutions: students' models are mostly the same."""
STARTED = b"started\n"


@dataclass(frozen=True)
class Limits:
    """Limits of a submission: seconds by the clock, gigabytes of memory and of files."""

    seconds: int = 600
    memory: float = 6.0
    files: float = 0.5
    grace: int = 60
    """Seconds between the time limit, at which the notebook is stopped, and that of the sandbox."""


@dataclass(frozen=True)
class Result:
    """The results from the sandbox. The submission may have forged any of them."""

    outputs: list[list[Any]]
    """Outputs of each cell, in order; empty if it did not run."""
    answers: dict[str, bytes]
    """The content of each file that was handed in."""
    problem: str | None
    """Why the run ended early."""

    @property
    def claimed(self) -> str | None:
        """The student's id in the notebook, if there is one."""
        said = self.answers.get("student.txt")
        return None if said is None else said.decode(errors="replace")

    def save_answers(self, names: Iterable[str], folder: Path) -> None:
        """Write the answers with these names: FOLDER/NAME.npz."""
        for name in names:
            # The name comes from the submitted notebook, and becomes that of a file.
            if re.fullmatch(r"\w+", name) and f"{name}.npz" in self.answers:
                Path(folder, f"{name}.npz").write_bytes(self.answers[f"{name}.npz"])


class SandboxError(RuntimeError):
    """Raised when the sandbox does not work on this machine, whatever the submission."""


def run(notebook: dict[str, Any], submission: Path, limits: Limits) -> Result:
    """Run a notebook in the sandbox.

    Parameters
    ----------
    notebook
        The notebook, as JSON.
    submission
        The folder whose files the notebook finds beside it, such as stored fits.
    limits
        The limits.

    Returns
    -------
    Outputs, answers, and why the run ended early

    Raises
    ------
    SandboxError
        bubblewrap is missing, or may not make a sandbox here.
    """
    if shutil.which("bwrap") is None:
        raise SandboxError(remedies.advice("bubblewrap is missing"))
    memory = int(limits.memory * GIGABYTE)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as filter_program:
        order = Path(folder, "order.json")
        asked = {"notebook": notebook, "seconds": limits.seconds, "memory": memory}
        order.write_text(json.dumps(asked), encoding="utf-8")
        # A copy under another name: that of the folder, which the notebook could find, is the
        # student's id, and a notebook with the id could serve a whole class.
        given = shutil.copytree(submission, Path(folder, "submission"))
        filter_program.write(seccomp.program())
        filter_program.seek(0)
        command = _command(order, given, limits, filter_program.fileno())
        # The kernel's limit is higher than ours, which ends a run with a reason.
        with cgroups.limited(command, memory * 5 // 4, 2 * MAX_THREADS) as words:
            done = _watched(
                words, limits.seconds + limits.grace, memory, (filter_program.fileno(),), WRITABLE
            )
    if not done.said.startswith(STARTED):
        raise SandboxError(remedies.advice(done.complaint))
    problem = done.stopped and _reason(done.stopped, limits)
    return _result(done.said.removeprefix(STARTED), len(notebook["cells"]), problem)


@cache
def _base() -> str:
    """Return the folder of the Python that the book's environment was made from."""
    code = "import sys; print(sys.base_prefix)"
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _command(order: Path, submission: Path, limits: Limits, filter_program: int) -> list[str]:
    base, here = _base(), Path(__file__).with_name("runner.py")
    read_only = {"/usr": "/usr", base: base, "/etc/ld.so.cache": "/etc/ld.so.cache"}
    read_only |= {str(p): str(p) for p in (ROOT / ".venv", ROOT / "lib", here)}
    read_only |= {str(ROOT / "data" / name): str(ROOT / "data" / name) for name in STUDY_DATA}
    read_only |= {str(order): "/order.json", str(submission.resolve()): "/submission"}
    read_only |= {str(p): str(p) for p in [Path("/etc/fonts")] if p.is_dir()}
    read_only |= {str(CACHE): "/cache"} if CACHE.is_dir() else {}
    environment = {
        "PATH": f"{PYTHON.parent}:/usr/bin:/bin",
        "HOME": "/student/home",
        "MULTILEVEL_ANSWERS": "/student/answers",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",  # one for each core would soon be too many threads
    }
    return [
        *("bwrap", "--unshare-all", "--unshare-user", "--disable-userns"),
        *("--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--new-session"),
        *("--die-with-parent", "--clearenv", "--seccomp", str(filter_program)),
        *("--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"),
        *("--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev"),
        *(
            word
            for at, share in WRITABLE.items()
            for word in ("--size", str(int(share * limits.files * GIGABYTE)), "--tmpfs", at)
        ),
        *(word for item in environment.items() for word in ("--setenv", *item)),
        *(word for item in sorted(read_only.items()) for word in ("--ro-bind", *item)),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", "/student", str(PYTHON), str(here)),
    ]


@dataclass
class _Done:
    """The result of a command."""

    said: bytes
    complaint: str
    stopped: str | None
    """Which limit it came to."""


def _reason(limit: str, limits: Limits) -> str:
    """Return in a sentence why a run was stopped."""
    used = {
        "seconds": f"took longer than {limits.seconds:g} seconds",
        "memory": f"needed more than {limits.memory:g} GB of memory",
        "threads": f"started more than {MAX_THREADS} processes and threads",
        "size": f"returned more than {MAX_RESULT // 1024**2} MB",
    }
    return f"The run {used[limit]} and was stopped."


def _watched(
    command: Sequence[str],
    seconds: float,
    memory: int,
    descriptors: Sequence[int] = (),
    folders: Iterable[str] = (),
) -> _Done:
    """Run a command to its end or its limits; of this process it gets only some files."""
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen(
        command, stdin=nothing, stdout=pipe, stderr=pipe, cwd=ROOT, start_new_session=True,
        pass_fds=descriptors,
    )  # fmt: skip
    said, complaint = bytearray(), bytearray()
    readers = [
        threading.Thread(target=_take, args=(process.stdout, said, MAX_RESULT), daemon=True),
        threading.Thread(target=_take, args=(process.stderr, complaint, 10_000), daemon=True),
    ]
    try:
        for reader in readers:
            reader.start()
        stopped, end = None, time.monotonic() + seconds
        while stopped is None and len(said) < MAX_RESULT and not _ended(process):
            # Before the first report, the folders are still those of this machine.
            used, threads = _use(process.pid, folders if said else ())
            if time.monotonic() > end:
                stopped = "seconds"
            elif used > memory:
                stopped = "memory"
            elif threads > MAX_THREADS:
                stopped = "threads"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # all that runs in the sandbox dies with it
        process.wait()
    for reader in readers:
        reader.join(timeout=60)
    if len(said) >= MAX_RESULT:  # it may have ended because its output was no longer read
        stopped = "size"
    return _Done(bytes(said), complaint.decode(errors="replace").strip(), stopped)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Wait a fifth of a second for a process to end."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=0.2)
    return process.returncode is not None


def _take(pipe: Any, into: bytearray, most: int) -> None:
    with pipe:
        while len(into) < most and (piece := pipe.read1(1 << 16)):
            into += piece


def _use(pid: int, folders: Iterable[str]) -> tuple[int, int]:
    """Return the bytes of memory that processes and their files in memory take, and the threads.

    Parameters
    ----------
    pid
        The process that started all of them.
    folders
        The folders in memory, as the first of the others sees them.
    """
    used, threads = 0, 0
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(pid)
        started = [started, *started.children(recursive=True)]
        for process in (Path("/proc", str(each.pid)) for each in started):
            with contextlib.suppress(OSError):  # it has ended
                status = (process / "status").read_text(encoding="utf-8", errors="replace")
                used += 1024 * sum(map(int, MEMORY.findall(status)))
                threads += int(re.findall(r"^Threads:\s+(\d+)", status, re.MULTILINE)[0])
                used += OPEN_FILE * len(os.listdir(process / "fd"))
        for folder in folders if len(started) > 1 else ():
            with contextlib.suppress(OSError):
                now = os.statvfs(f"/proc/{started[1].pid}/root{folder}")
                used += now.f_frsize * (now.f_blocks - now.f_bfree)
                used += INODE * (now.f_files - now.f_ffree)
    return used, threads


def _result(said: bytes, cells: int, problem: str | None) -> Result:
    """Return the runner's report. The submission may have forged it, so its form is checked."""
    outputs: list[list[Any]] = []
    answers: dict[str, bytes] = {}
    try:
        for line in said.split(b"\n")[:-1]:
            kind, _, told = line.partition(b" ")
            if kind == b"answer":
                name, _, content = told.partition(b" ")
                answers[name.decode()] = base64.b64decode(content, validate=True)
            elif kind == b"broken":
                raise SandboxError(f"The sandbox broke down: {json.loads(told)}")
            elif kind != b"cell" or len(told) > MAX_CELL or len(outputs) == cells:
                raise ValueError("not said by the runner")
            else:
                cell = json.loads(told)
                outputs.append(list(cell["outputs"]))
                problem = problem or (cell["problem"] and str(cell["problem"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        problem = "The run left no result that can be read."
    if problem is None and len(outputs) < cells:
        problem = (
            "The run ended before the notebook was through. The kernel died in cell "
            f"{len(outputs) + 1}: too much memory, or ended by the code?"
        )
    return Result(outputs + [[]] * (cells - len(outputs)), answers, problem)
