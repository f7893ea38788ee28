"""What submitted code can do in the sandbox, and where it ends."""

import base64
import contextlib
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from bookmaking.grading import cgroups, remedies, sandbox, seccomp
from bookmaking.paths import ROOT

pytestmark = pytest.mark.slow
needs_bubblewrap = pytest.mark.skipif(
    shutil.which("bwrap") is None,
    reason="no bubblewrap here, so that submissions cannot be run: apt-get install bubblewrap",
)
SMALL = sandbox.Limits(seconds=20, memory=0.6, grace=5)
TOO_MUCH = "The run needed more than 0.6 GB of memory and was stopped."


def run(folder: Path, limits: sandbox.Limits, *cells: str, graded: int = 0) -> sandbox.Result:
    """Run cells in the sandbox, of which the last ones hand in."""
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    for cell in notebook.cells[len(cells) - graded :]:
        cell.metadata["nbgrader"] = {"grade": True}
    return sandbox.run(notebook, folder, limits)


def text(outputs: list[dict[str, Any]]) -> str:
    """Return what outputs show, in one line."""
    shown = [
        output.get("text") or output.get("ename") or output["data"].get("text/plain", "")
        for output in outputs
    ]
    return " ".join(" ".join(shown).split())


# What comes in ------------------------------------------------------------------------------------


@contextlib.contextmanager
def standard_input(content: bytes) -> Iterator[None]:
    """Let this process have something on its standard input, as in a terminal."""
    kept, (reading, writing) = os.dup(0), os.pipe()
    os.write(writing, content)
    os.dup2(reading, 0)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        for end in (kept, reading, writing):
            os.close(end)


READS_INPUT = """
import os
from pathlib import Path

for process in Path("/proc").glob("[0-9]*"):
    try:
        file = os.open(process / "fd" / "0", os.O_RDONLY | os.O_NONBLOCK)
        print(os.read(file, 100).decode(), end="")
    except OSError:
        pass
"""
LOOKS_AROUND = """
for process in ("1", "self"):
    files = [file for file in Path("/proc", process, "fd").iterdir() if os.path.lexists(file)]
    print(*sorted({os.readlink(file).split(":")[0].split("#")[0] for file in files}))
print(*sorted(os.environ))
open("/dev/tty")
"""


@needs_bubblewrap
def test_nothing_comes_in_from_the_grader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "secret")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        standard_input(b"a password"),
        (tmp_path / "gradebook").open("w") as file,
    ):
        os.set_inheritable(file.fileno(), True)
        calls = f"import socket\nsocket.create_connection({server.getsockname()}, timeout=5)"
        result = run(tmp_path, SMALL, READS_INPUT, calls, LOOKS_AROUND)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert result.problem is None
    assert result.outputs[0] == []
    assert text(result.outputs[1]) == "OSError"
    assert text(result.outputs[2]) == (
        "/dev/null anon_inode pipe /dev/null /tmp/ pipe "
        "HOME LANG MPLBACKEND MULTILEVEL_ANSWERS OPENBLAS_NUM_THREADS PATH PWD OSError"
    )


TYPES = """
import fcntl, os, termios
for path in ("/dev/tty", "/dev/stdin", "/dev/stdout", "/proc/1/fd/0", "/proc/1/fd/2"):
    try:
        for key in b"exit":
            fcntl.ioctl(os.open(path, os.O_RDWR | os.O_NONBLOCK), termios.TIOCSTI, bytes([key]))
        print(path)
    except OSError:
        pass
"""
IN_A_TERMINAL = """
import nbformat, os, pty, sys, tempfile
from pathlib import Path
from bookmaking.grading import sandbox

if sys.argv[1:] == ["inside"]:
    assert os.isatty(0)
    os.close(os.open("/dev/tty", os.O_RDWR))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell({code!r})])
    with tempfile.TemporaryDirectory() as folder:
        print(sandbox.run(notebook, Path(folder), sandbox.Limits()))
else:
    pty.spawn([sys.executable, __file__, "inside"])
"""


@needs_bubblewrap
def test_nothing_is_typed_into_the_terminal(tmp_path: Path) -> None:
    program = tmp_path / "grades.py"
    program.write_text(IN_A_TERMINAL.format(code=TYPES))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        env=environment,
    )  # fmt: skip
    assert done.stdout.strip() == str(sandbox.Result([[]], {}, None))


# Calls of the system ------------------------------------------------------------------------------

CALLS = """
import ctypes, errno, os

library = ctypes.CDLL(None, use_errno=True)

def call(*arguments):
    ctypes.set_errno(0)
    library.syscall(*map(ctypes.c_long, arguments), *[ctypes.c_long(0)] * 5)
    return errno.errorcode.get(ctypes.get_errno())
"""


@needs_bubblewrap
def test_each_call_on_the_list_is_refused(tmp_path: Path) -> None:
    column = list(seccomp.MACHINES).index(platform.machine())
    numbers = {name: each[column] for name, each in seccomp.REFUSED.items()}
    clone, clone3 = seccomp.CLONE[column], seccomp.CLONE3[column]
    calls = f"print({{name: call(number) for name, number in {numbers}.items()}})"
    flags = [1 << bit for bit in range(32) if seccomp.NAMESPACES >> bit & 1]
    clones = f"print(*(call({clone}, flag | 17) for flag in {flags}), call({clone3}, 0, 88))"
    result = run(tmp_path, SMALL, CALLS, calls, clones)
    assert text(result.outputs[1]) == str(dict.fromkeys(numbers, "EPERM"))
    assert text(result.outputs[2]).split() == ["EPERM"] * len(flags) + ["ENOSYS"]
    assert len(flags) == 7


@needs_bubblewrap
def test_sockets_reach_no_further_than_this_machine(tmp_path: Path) -> None:
    opens = """
import errno, socket
for family in range(1, 46):
    try:
        socket.socket(family)
        print(family)
    except OSError as error:
        assert error.errno == errno.EAFNOSUPPORT, family
"""
    assert text(run(tmp_path, SMALL, opens).outputs[0]) == "1"


@needs_bubblewrap
@pytest.mark.skipif(platform.machine() != "x86_64", reason="has one way of calling the system")
def test_no_other_way_of_calling_leads_around_the_list(tmp_path: Path) -> None:
    getpid = f"call({1 << 30} + 39)"
    tries = f"if (child := os.fork()) == 0: print({getpid}); os._exit(0)\nprint(os.wait()[1])"
    assert text(run(tmp_path, SMALL, CALLS, tries).outputs[1]) == "31"  # SIGSYS


def test_the_list_is_that_of_the_kernel() -> None:
    headers = Path("/usr/include") / f"{platform.machine()}-linux-gnu/asm/unistd_64.h"
    if not headers.is_file():
        pytest.skip("no headers of the kernel: apt-get install linux-libc-dev")
    lines = [line.split() for line in headers.read_text().splitlines() if "__NR_" in line]
    numbers = {line[1]: int(line[2]) for line in lines if len(line) == 3}
    column = list(seccomp.MACHINES).index(platform.machine())
    listed = {**seccomp.REFUSED, "clone": seccomp.CLONE, "clone3": seccomp.CLONE3}
    for name, each in listed.items():
        assert numbers.get(f"__NR_{name}", each[column]) == each[column], name
    for machine in seccomp.MACHINES:
        assert len(seccomp.program(machine)) == 8 * (17 + 2 * (len(seccomp.REFUSED) + 1))


# Limits -------------------------------------------------------------------------------------------

FILLS = """
import os, time

def fill(path):
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    os.unlink(path)
    for _ in range(500):
        os.write(file, bytes(1_000_000))
"""
OWN_MOUNT = """
import subprocess
mount = "mount -t tmpfs -o size=12g x /tmp && head -c 900M /dev/zero > /tmp/x && ls /tmp"
done = subprocess.run(["unshare", "-Urm", "sh", "-c", mount], capture_output=True, text=True)
print(done.stdout, done.stderr)
"""
SHARED = """
import ctypes
library = ctypes.CDLL(None, use_errno=True)
assert library.shmget(0, 1_500_000_000, 0o1600) >= 0, "refused"
"""
SOCKETS = """
import os, socket, time

def hoard():
    while True:
        for end in socket.socketpair():
            kept.append(end)
            end.setblocking(False)
            try:
                while True:
                    end.send(bytes(50_000))
            except BlockingIOError:
                pass

kept = []
for _ in range(20):
    if os.fork() == 0:
        try:
            hoard()
        except OSError:
            time.sleep(100)
time.sleep(100)
"""
SLEEPERS = """
import os, time
for _ in range(600):
    if os.fork() == 0:
        time.sleep(100)
        os._exit(0)
time.sleep(100)
"""
MEMORY = {
    "a memory file": ("import os\nos.memfd_create('x')", "PermissionError", None),
    "shared memory": (SHARED, "AssertionError", None),
    "a mount": (OWN_MOUNT, "unshare: unshare failed: Operation not permitted", None),
    "deleted files": (f"{FILLS}\nfill('/student/x')", "OSError", None),
    "/tmp": (f"{FILLS}\nfill('/tmp/x')", "OSError", None),
    "/dev/shm": (f"{FILLS}\nfill('/dev/shm/x')", "OSError", None),
    "empty files": ("for k in range(10**6):\n    open(f'/tmp/{k}', 'w').close()", "", TOO_MUCH),
    "sockets": (SOCKETS, "", TOO_MUCH),
    "processes": (SLEEPERS, "", TOO_MUCH),
}


@needs_bubblewrap
@pytest.mark.parametrize(("code", "shown", "problem"), MEMORY.values(), ids=MEMORY)
def test_memory_is_limited_wherever_it_is(
    tmp_path: Path, code: str, shown: str, problem: str | None
) -> None:
    result = run(tmp_path, SMALL, code)
    assert text(result.outputs[0]) == shown
    assert result.problem == problem


@needs_bubblewrap
def test_a_cell_that_takes_all_memory_and_keeps_it_is_reported(tmp_path: Path) -> None:
    full = "kept, size = [], 2**26\nwhile size > 9:\n    try:\n        kept.append(bytes(size))\n"
    full += "    except MemoryError:\n        size //= 2\nraise MemoryError"
    result = run(tmp_path, SMALL, full, "x = bytes(2**26)", "kept.clear()", "x = bytes(2**26)")
    assert list(map(text, result.outputs)) == ["MemoryError", "MemoryError", "", ""]
    assert result.problem is None


@needs_bubblewrap
def test_files_count_as_memory(tmp_path: Path) -> None:
    limits = sandbox.Limits(seconds=20, memory=0.3, files=4, grace=5)
    writes = f"{FILLS}\nfill('/student/x')\ntime.sleep(20)"
    problem = run(tmp_path, limits, writes).problem
    assert problem == "The run needed more than 0.3 GB of memory and was stopped."


@needs_bubblewrap
def test_all_files_together_have_one_limit(tmp_path: Path) -> None:
    sizes = "import os\nprint(*(os.statvfs(p).f_blocks * os.statvfs(p).f_frsize for p in {}))"
    result = run(tmp_path, sandbox.Limits(files=0.1), sizes.format(tuple(sandbox.WRITABLE)))
    assert (
        sum(map(int, text(result.outputs[0]).split())) <= 0.1 * sandbox.GIGABYTE + 3 * 4096
    )  # whole pages
    everywhere = """
import os
for folder, _, _ in os.walk("/"):
    if not folder.startswith({}):
        try:
            open(f"{{folder}}/new", "x")
        except OSError:
            continue
        print(folder)
"""
    result = run(tmp_path, SMALL, everywhere.format(tuple(sandbox.WRITABLE)))
    assert result == sandbox.Result([[]], {}, None)


@needs_bubblewrap
def test_the_number_of_processes_is_limited(tmp_path: Path) -> None:
    result = run(tmp_path, sandbox.Limits(seconds=20, memory=100, grace=5), SLEEPERS)
    refused = text(result.outputs[0]) == "BlockingIOError"  # by the kernel, which spares root
    stopped = "The run started more than 256 processes and threads and was stopped."
    assert refused or result.problem == stopped


@needs_bubblewrap
def test_what_cannot_be_interrupted_is_killed(tmp_path: Path) -> None:
    stubborn = """
import time

for _ in range(60):
    try:
        time.sleep(1)
    except BaseException:
        pass
"""
    start = time.monotonic()
    result = run(tmp_path, sandbox.Limits(seconds=1, grace=4), HANDS_IN, stubborn)
    problem = "The run took longer than 1 seconds and was stopped."
    assert result == sandbox.Result([[], []], {"early.npz": b"early"}, problem)
    assert time.monotonic() - start < 20


HANDS_IN = """
import os
from pathlib import Path

def hand_in(name):
    Path(os.environ["MULTILEVEL_ANSWERS"], f"{name}.npz").write_text(name)

hand_in("early")
"""


@needs_bubblewrap
def test_when_the_time_is_over_what_is_there_is_handed_in(tmp_path: Path) -> None:
    loop = "while True: pass"
    limits = sandbox.Limits(seconds=1, grace=20)
    result = run(tmp_path, limits, HANDS_IN, loop, "1 + 1", "hand_in('late')", graded=1)
    assert [text(outputs) for outputs in result.outputs] == ["", "KeyboardInterrupt", "", ""]
    assert result.answers == {"early.npz": b"early", "late.npz": b"late"}
    assert result.problem == "Cell 2 was not through after 1 seconds in all."


@needs_bubblewrap
@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)", "os.closerange(3, 99)"])
def test_a_crash_costs_what_comes_after_it(tmp_path: Path, end: str) -> None:
    result = run(tmp_path, SMALL, HANDS_IN, end, "hand_in('late')")
    assert result.answers == {"early.npz": b"early"}
    assert result.problem is not None
    assert result.problem.startswith("The run ended before the notebook was through.")
    assert "The kernel died in cell 2:" in result.problem


# Outputs ------------------------------------------------------------------------------------------

PICTURES = """
from IPython.display import Image, display
for _ in range(9):
    display(Image(data=bytes(1_000_000), format="png"))
"""
LARGE = {
    "one line": "print('x' * 50_000_000)",
    "lines": "for _ in range(3000): print('x' * 1000)",
    "outputs": "for _ in range(5_000): print(1); display(1)",
    "the shell": "import os\n_ = os.system('yes | head -c 5000000')",
    "a value": "'x' * 5_000_000",
    "an error": "raise ValueError('x' * 5_000_000)",
    "pictures": PICTURES,
}


@needs_bubblewrap
def test_large_outputs_are_cut_and_say_so(tmp_path: Path) -> None:
    result = run(tmp_path, sandbox.Limits(seconds=60, memory=1), *LARGE.values())
    assert result.problem is None
    for name, outputs in zip(LARGE, result.outputs, strict=True):
        assert len(json.dumps(outputs)) < 4_300_000 if name == "pictures" else 200_000
        assert "There was more than is shown here" in text(outputs), name
        assert len(outputs) > 1


BEHAVIOUR = {
    "1 + 1": "2",
    "1 + 1;": "",
    "print('a'); display('b'); _": "a 'b' 2",
    "await __import__('asyncio').sleep(0, 'top level')": "'top level'",
    "%matplotlib inline\nimport matplotlib.pyplot as plt\n_ = plt.plot([1, 2])": (
        "<Figure size 640x480 with 1 Axes>"
    ),
    "%%bash\necho from a shell": "from a shell",
    "!echo from a line": "from a line",
    "import os, subprocess\n_ = subprocess.run(['echo', 'from a process'])": "from a process",
    "input()": "EOFError",
    "1 / 0": "ZeroDivisionError",
    "def": "SyntaxError",
    "raise SystemExit": "SystemExit",
    "exit()": "",
    "import beside\nbeside.WORD": "'beside'",
    "from multiprocessing import Pool, shared_memory\nwith Pool(2) as p: print(p.map(abs, [-1]))": (
        "[1]"
    ),
    "shared_memory.SharedMemory(create=True, size=9).unlink()": "",
    "import warnings\nwith warnings.catch_warnings(action='ignore'): _ = os.fork()": "",
    "print('once')": "once",
    "from IPython.display import HTML, clear_output\nprint(1); clear_output(); HTML('<b>')": (
        "<IPython.core.display.HTML object>"
    ),
    "import threading\nt = threading.Thread(target=print, args='t'); t.start(); t.join()": "t",
}


@needs_bubblewrap
def test_notebooks_run_as_in_jupyter(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("WORD = 'beside'")
    result = run(tmp_path, sandbox.Limits(seconds=60, memory=1), *BEHAVIOUR)
    assert result.problem is None
    shown = {code: text(out) for code, out in zip(BEHAVIOUR, result.outputs, strict=True)}
    warned = "UserWarning: To exit"
    assert {
        code: said.split(" /")[0] if warned in said else said for code, said in shown.items()
    } == BEHAVIOUR
    picture = result.outputs[4][0]["data"]["image/png"]
    assert base64.b64decode(picture).startswith(b"\x89PNG")


@needs_bubblewrap
def test_models_are_sampled(tmp_path: Path) -> None:
    samples = """
import pymc as pm
with pm.Model():
    pm.Normal("x")
    draws = pm.sample(9, tune=9, chains=2, cores=2, progressbar=False, {}, random_seed=1)
print(draws["posterior"].sizes["chain"])
"""
    samplers = ["nuts_sampler='pymc'", "nuts_sampler='nutpie', compute_convergence_checks=False"]
    result = run(tmp_path, sandbox.Limits(seconds=90), *map(samples.format, samplers))
    assert all(text(outputs).endswith(" 2") for outputs in result.outputs), result.outputs


# What comes out -----------------------------------------------------------------------------------

CELL = b'cell {"outputs": [], "problem": null}\n'
FORGED = {
    "no JSON": b"cell {\n",
    "no outputs": b'cell {"problem": null}\n',
    "a bomb": b'cell {"outputs": ' + b"[" * 100_000 + b"\n",
    "too large": b'cell {"outputs": [' + b"{}," * 3_000_000 + b'{}], "problem": null}\n',
    "too many": CELL * 3,
    "another word": b"grade 10\n",
    "no base64": b"answer effect.npz ?\n",
}


@pytest.mark.parametrize("said", FORGED.values(), ids=FORGED)
def test_what_the_runner_cannot_have_said_is_refused(said: bytes) -> None:
    good = b"answer effect.npz " + base64.b64encode(b"effect") + b"\n" + CELL
    result = sandbox._result(good + said, 2, None)
    assert result.answers == {"effect.npz": b"effect"}
    assert result.problem == "The run left no result that can be read."
    assert len(result.outputs) == 2


@needs_bubblewrap
def test_a_forged_answer_is_only_an_answer(tmp_path: Path) -> None:
    forges = """
import os
for file in range(3, 10):
    try:
        os.write(file, b"answer effect.npz " + b"MTA=" + b"\\n")
    except OSError:
        pass
"""
    assert run(tmp_path, SMALL, forges).answers == {"effect.npz": b"10"}


@needs_bubblewrap
def test_other_files_among_the_answers_are_left(tmp_path: Path) -> None:
    leaves = """
folder = Path(os.environ["MULTILEVEL_ANSWERS"])
Path(folder, "two words.npz").write_text("x")
Path(folder, "two\\nlines.npz").write_text("x")
with Path(folder, "huge.npz").open("wb") as file:
    file.truncate(10**12)
os.mkfifo(folder / "pipe.npz")
"""
    result = run(tmp_path, SMALL, HANDS_IN, leaves, "1")
    assert result.problem is None
    assert result.answers == {"early.npz": b"early"}


# Where there is no sandbox ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "more", "says"),
    [
        ({}, {"system": "darwin"}, "bookmaking/grading/Containerfile"),
        ({}, {"system": "win32"}, "bookmaking/grading/Containerfile"),
        ({".dockerenv": ""}, {}, "A container must be started with"),
        ({"run/.containerenv": ""}, {}, "A container must be started with"),
        ({"apparmor_restrict_unprivileged_userns": "1"}, {}, "/etc/apparmor.d/bwrap"),
        ({"apparmor_restrict_unprivileged_userns": "0"}, {}, "bubblewrap says why"),
        ({"apparmor_restrict_unprivileged_userns": "1"}, {"user": 0}, "bubblewrap says why"),
        ({"unprivileged_userns_clone": "0"}, {}, "sysctl -w kernel.unprivileged_userns_clone=1"),
        ({"max_user_namespaces": "0"}, {"user": 0}, "sysctl -w user.max_user_namespaces=10000"),
    ],
)
def test_the_reason_is_named_and_what_helps(
    tmp_path: Path, files: dict[str, str], more: dict[str, Any], says: str
) -> None:
    places = {name.partition("/")[2]: name for name in remedies.SETTINGS}
    for name, content in files.items():
        path = tmp_path / (f"proc/sys/{places[name]}" if name in places else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    given: dict[str, Any] = {"system": "linux", "root": tmp_path, "user": 1000}
    said = remedies.advice("bwrap: No permissions", **given | more)
    assert says in said
    assert "bwrap: No permissions" in said


def test_the_section_that_is_named_is_there() -> None:
    file, section = remedies.SECTION.removesuffix('"').split(', section "')
    assert f"\n## {section}\n" in (ROOT / file).read_text(encoding="utf-8")


def test_without_bubblewrap_its_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(sandbox.SandboxError, match="apt-get install bubblewrap"):
        run(tmp_path, SMALL, "1")


# Cgroups ------------------------------------------------------------------------------------------


def cgroup(folder: Path, controllers: str) -> Path:
    """Make what looks like a cgroup."""
    folder.mkdir(parents=True)
    (folder / "cgroup.subtree_control").write_text(controllers)
    (folder / "cgroup.procs").touch()
    return folder


def test_a_cgroup_is_used_where_one_may_be_made(tmp_path: Path) -> None:
    slice_ = cgroup(tmp_path / "user", "cpu memory pids\n")
    cgroup(slice_ / "shell", "")
    assert cgroups.home_of("5:memory:/x\n0::/user/shell\n", tmp_path) == slice_
    assert cgroups.home_of("0::/user\n", tmp_path) == slice_
    assert cgroups.home_of("5:memory:/user\n", tmp_path) is None  # version 1
    assert cgroups.home_of("0::/elsewhere\n", tmp_path) is None
    (slice_ / "cgroup.subtree_control").write_text("cpu pids\n")
    assert cgroups.home_of("0::/user/shell\n", tmp_path) is None
    assert cgroups.home_of("0::/\n", tmp_path) is None


def test_a_command_enters_its_cgroup_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "home_of", lambda own: tmp_path)
    with cgroups.limited(
        ["sh", "-c", 'cat "$1"/*/*; echo $$', "-", str(tmp_path)], 10, 20
    ) as words:
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert said == [said[0], f"1020{said[0]}"]  # its number, the limits, and its number


def test_systemd_makes_a_cgroup_where_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "home_of", lambda own: None)
    monkeypatch.setattr(cgroups, "_scope", cgroups._scope.__wrapped__)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program = tmp_path / "systemd-run"
    for answer, used in [("exit 0", True), ("exit 1", False)]:
        program.write_text(f"#!/bin/sh\n{answer}\n")
        program.chmod(0o755)
        with cgroups.limited(["true"], 10, 20) as words:
            assert (words[0] == "systemd-run" and "--property=MemoryMax=10" in words) == used
            assert words[-1] == "true"
