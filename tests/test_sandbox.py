"""What submitted code can do in the sandbox, and where it ends."""

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from bookmaking.grading import sandbox

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("bwrap") is None,
        reason="no bubblewrap here, so that submissions cannot be run: apt-get install bubblewrap",
    ),
]


def run(tmp_path: Path, limits: sandbox.Limits, *cells: str) -> sandbox.Result:
    """Run cells in the sandbox."""
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    return sandbox.run(notebook, tmp_path, limits)


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


def test_nothing_comes_in_from_the_grader(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, standard_input(b"a password"):
        calls = f"import socket\nsocket.create_connection({server.getsockname()}, timeout=5)"
        result = run(tmp_path, sandbox.Limits(), READS_INPUT, calls)
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert result.problem is None
    assert result.outputs[0] == []
    assert [output["ename"] for output in result.outputs[1]] == ["ConnectionRefusedError"]


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
    result = run(tmp_path, sandbox.Limits(seconds=4, grace=4), stubborn)
    assert result == sandbox.Result([[]], {}, "The run took longer than 4 seconds and was stopped.")
    assert time.monotonic() - start < 40
