"""Run a submitted notebook where it can do no harm, with limits of time and memory.

The notebook runs under bubblewrap: without network, capabilities or other processes in sight, as
a user that owns nothing, in a file system that holds the installed software (read-only), the data
of the studies, a copy of the submission, and an empty working folder of limited size in memory.
There is no gradebook in it, no other submission, no solution and no right answer. What comes back
are outputs of cells and answers, as data.
"""

import contextlib
import json
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bookmaking.paths import BUILD, ROOT, python_of

PYTHON = python_of(ROOT / ".venv")
STUDY_DATA = [
    "README.md",
    "SHA256SUMS",
    "chimpanzees.csv",
    "mlm.csv",
    "trolley_cases.csv",
    "trolley_responses.csv",
]
"""What students get of data/: not the lecture's printed results, nor the book's own."""
GIGABYTE = 1024**3
MAX_RESULT = GIGABYTE // 4
"""Bytes of outputs and answers that are taken back."""
WRITABLE = ("/student", "/tmp", "/dev/shm")
CACHE = BUILD / "grading" / "cache"
"""What PyTensor compiled for the solutions: students' models are mostly the same."""
STARTED = b"started\n"


@dataclass(frozen=True)
class Limits:
    """What a submission may use: seconds by the clock, gigabytes of memory and of files."""

    seconds: int = 600
    memory: float = 6.0
    files: float = 0.5
    grace: int = 60
    """Seconds between the time limit, at which the notebook is stopped, and that of the sandbox."""


@dataclass(frozen=True)
class Result:
    """What came out of the sandbox. The submission may have forged any of it."""

    outputs: list[list[Any]]
    """Of each cell, in order; empty if it did not run."""
    answers: dict[str, bytes]
    """The content of each file that was handed in."""
    problem: str | None
    """Why the run ended early."""

    @property
    def claimed(self) -> str | None:
        """The student's id that the notebook was worked out for, if it says so."""
        said = self.answers.get("student.txt")
        return None if said is None else said.decode(errors="replace")

    def save_answers(self, names: Iterable[str], folder: Path) -> None:
        """Write the answers with these names: FOLDER/NAME.npz."""
        for name in names:
            # The name comes from the submitted notebook, and becomes that of a file.
            if re.fullmatch(r"\w+", name) and f"{name}.npz" in self.answers:
                Path(folder, f"{name}.npz").write_bytes(self.answers[f"{name}.npz"])


class SandboxError(RuntimeError):
    """The sandbox does not work on this machine; the submission is not to blame."""


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
    with tempfile.TemporaryDirectory() as folder:
        order = Path(folder, "order.json")
        asked = {"notebook": notebook, "seconds": limits.seconds, "memory": limits.memory}
        order.write_text(json.dumps(asked), encoding="utf-8")
        said, complaint, problem = _watched(_command(order, submission, limits), limits)
    if not said.startswith(STARTED):
        raise SandboxError(
            f"The sandbox does not work here: {complaint or 'nothing was run'}. "
            "bookmaking/grading/README.md says what it needs."
        )
    if problem is None:
        try:
            return _checked(json.loads(said.removeprefix(STARTED)), len(notebook["cells"]))
        except (ValueError, KeyError, TypeError):
            problem = "The run ended before the notebook was through, and left no result."
    return Result([[] for _ in notebook["cells"]], {}, problem)


def _command(order: Path, submission: Path, limits: Limits) -> list[str]:
    base = subprocess.run(
        [PYTHON, "-c", "import sys; print(sys.base_prefix)"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    here = Path(__file__).parent / "runner.py"
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
        "MPLBACKEND": "Agg",
        "LANG": "C.UTF-8",
    }
    size = str(int(limits.files * GIGABYTE))
    return [
        *("bwrap", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000"),
        *("--cap-drop", "ALL", "--new-session", "--die-with-parent", "--clearenv"),
        *("--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"),
        *("--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev"),
        *(word for at in WRITABLE for word in ("--size", size, "--tmpfs", at)),
        *(word for item in environment.items() for word in ("--setenv", *item)),
        *(word for item in sorted(read_only.items()) for word in ("--ro-bind", *item)),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *("--chdir", "/student", str(PYTHON), str(here)),
    ]


def _watched(command: list[str], limits: Limits) -> tuple[bytes, str, str | None]:
    """Run a command to its end or its limits; return its output, its errors, what stopped it."""
    try:
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=nothing, stdout=pipe, stderr=pipe)
    except FileNotFoundError as error:
        raise SandboxError("bubblewrap is missing: apt-get install bubblewrap.") from error
    said, complaint = bytearray(), bytearray()
    readers = [
        threading.Thread(target=_take, args=(process.stdout, said, MAX_RESULT), daemon=True),
        threading.Thread(target=_take, args=(process.stderr, complaint, 10_000), daemon=True),
    ]
    with process:
        for reader in readers:
            reader.start()
        problem, end = None, time.monotonic() + limits.seconds + limits.grace
        while process.poll() is None and problem is None:
            if len(said) >= MAX_RESULT:
                problem = "The outputs and answers are too large."
            elif time.monotonic() > end:
                problem = f"The run took longer than {limits.seconds} seconds and was stopped."
            elif _memory(process.pid) > limits.memory * GIGABYTE:
                problem = (
                    f"The run needed more than {limits.memory:g} GB of memory and was stopped."
                )
            time.sleep(0.2)
        process.kill()  # and all that runs in the sandbox dies with it
        for reader in readers:
            reader.join(timeout=limits.grace)
    return bytes(said), complaint.decode(errors="replace").strip(), problem


def _take(pipe: Any, into: bytearray, most: int) -> None:
    while len(into) < most and (piece := pipe.read1(1 << 16)):
        into += piece


def _memory(pid: int) -> int:
    """Return the resident memory of all processes that a process started, in bytes."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
    return total


def _checked(result: dict[str, Any], cells: int) -> Result:
    """Return a result if it has the form of one: the submission may have written it itself."""
    if "broken" in result:
        raise SandboxError(f"The sandbox broke down: {result['broken']}")
    outputs = [list(each) for each in result["outputs"]]
    if len(outputs) != cells:
        raise ValueError("another number of cells")
    answers = {str(name): bytes.fromhex(text) for name, text in result["answers"].items()}
    return Result(outputs, answers, None if result["problem"] is None else str(result["problem"]))
