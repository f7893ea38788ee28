"""Execute a notebook inside the sandbox, and send the result of each cell to the grader.

The cells run in this process, in IPython's shell: a Jupyter kernel and its client take longer to
start than most notebooks need. So nothing here is protected from the notebook, which may send
anything: the grader checks the form of what it gets, and judges answers itself.
"""

import base64
import contextlib
import io
import json
import os
import re
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

ANSWERS = Path(os.environ["MULTILEVEL_ANSWERS"])
HOME = Path(os.environ["HOME"])
PROCESS = os.getpid()
MAX_PROCESSES = 256
MAX_OPEN = 512
"""Files that a process may have open."""
HAND_IN = 5  # seconds for a cell that only hands in
MAX_ANSWER = 100_000_000  # bytes
ROOM = 2**29
"""Bytes that cells may not take, so that a cell that took all the others can be reported."""
MOST = {"text": 100_000, "errors": 20_000, "pictures": 4_000_000}
"""Characters that are kept of a cell's outputs."""
FORM = 100
"""Size of an output besides its content."""


class Outputs(list[dict[str, Any]]):
    """The outputs of a cell, in nbformat's form and of limited size."""

    def __init__(self) -> None:
        self.left = dict(MOST)

    def fit(self, what: str, value: str) -> str:
        """Return the part of a text for which there is room; of a picture, all or nothing."""
        room = max(self.left[what], 0)
        self.left[what] -= len(value)
        return value if len(value) <= room else value[: room if what != "pictures" else 0]

    def write(self, name: str, text: str) -> None:
        """Add to a stream."""
        if not (text := self.fit("text", text)):
            return
        if self and self[-1].get("name") == name:
            self[-1]["text"] += text
        else:
            self.left["text"] -= FORM
            self.append({"output_type": "stream", "name": name, "text": text})

    def error(self, kind: str, said: str, lines: list[str]) -> None:
        """Add an error with its traceback."""
        if self.left["errors"] > 0:
            self.left["errors"] -= FORM
            told = {"ename": self.fit("errors", kind), "evalue": self.fit("errors", said)}
            kept = [part for line in lines if (part := self.fit("errors", line))]
            self.append({"output_type": "error", **told, "traceback": kept})

    def show(self, kind: str, data: dict[str, Any], **content: Any) -> None:
        """Add what is displayed, as text and picture: nothing else is shown."""
        kept = {}
        for form, what in (("text/plain", "text"), ("image/png", "pictures")):
            value = data.get(form, "")
            value = base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
            if value := self.fit(what, value):
                kept[form] = value
        if kept:
            self.left["text"] -= FORM
            self.append({"output_type": kind, "data": kept, "metadata": {}, **content})

    def told(self) -> list[dict[str, Any]]:
        """Return the outputs, and at their end a note on what is missing."""
        for what, left in self.left.items():
            if left < 0:
                text = (
                    f"There was more than is shown here: at most {MOST[what]:,} bytes of {what}.\n"
                )
                self.append({"output_type": "stream", "name": "stderr", "text": text})
        return self


class Stream(io.TextIOBase):
    """Standard output or standard error of a notebook."""

    encoding = "utf-8"

    def __init__(self, name: str, descriptor: int) -> None:
        self.stream, self.descriptor = name, descriptor

    def fileno(self) -> int:
        """Return the file that subprocesses write to."""
        return self.descriptor

    def write(self, text: str) -> int:
        """Write to the outputs; in a process that the notebook forked, to the shared file."""
        if os.getpid() == PROCESS:
            shell.outputs.write(self.stream, text)
        else:
            os.write(self.descriptor, text.encode(errors="replace"))
        return len(text)


class Hook(DisplayHook):
    """Show the value of a cell's last line."""

    def write_output_prompt(self) -> None:
        """Write none."""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        """Add the value to the outputs."""
        shell.outputs.show("execute_result", format_dict, execution_count=self.prompt_count)


class Publisher(DisplayPublisher):
    """Show the displays of a cell in their first state: progress bars are not updated."""

    def publish(self, data: Any, *_: Any, update: bool = False, **more: Any) -> None:
        """Add it to the outputs."""
        if not update:
            shell.outputs.show("display_data", data)

    def clear_output(self, wait: bool = False) -> None:
        """Clear the outputs."""
        shell.outputs.clear()


class Shell(InteractiveShell):
    """IPython without a terminal and without a front end."""

    displayhook_class = Type(Hook)
    display_pub_class = Type(Publisher)
    outputs = Outputs()

    def enable_gui(self, gui: Any = None) -> None:
        """Do nothing, because there is no screen."""

    def ask_exit(self) -> None:
        """Continue: later cells may still hand in."""

    def showtraceback(self, *args: Any, **options: Any) -> None:
        """Show an error, for which there is memory even if the cell took all of its own."""
        _leave(0)
        super().showtraceback(*args, **options)

    def _showtraceback(self, etype: type, evalue: Any, stb: list[str]) -> None:
        self.outputs.error(etype.__name__, str(evalue), stb)


shell = Shell.instance(config=Config({"HistoryManager": {"enabled": False}}))


def main() -> None:
    """Execute the notebook; report to the grader on standard output, which the notebook lacks."""
    order = json.loads(Path("/order.json").read_text(encoding="utf-8"))
    reply = os.fdopen(os.dup(1), "wb")
    _tell(reply, b"started")
    try:
        written = _set_up(order["memory"])
        for told in execute(order["notebook"]["cells"], order["seconds"], written):
            _tell(reply, *told)
    except Exception:  # the grader has to be told of any error
        _tell(reply, b"broken", json.dumps(traceback.format_exc()).encode())
    os._exit(0)  # without the notebook's exit handlers


def _tell(reply: Any, *words: bytes) -> None:
    reply.write(b" ".join(words) + b"\n")
    reply.flush()


def _set_up(memory: int) -> int:
    """Make the notebook's folders, set limits, and redirect output; return the grader's stream."""
    shutil.copytree("/submission", "/student", dirs_exist_ok=True)
    for folder in (ANSWERS, HOME):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    with contextlib.suppress(OSError):  # the cache does not exist yet, or belongs to another user
        # A copy, so that no submission can leave files for the next.
        shutil.copytree("/cache", HOME / ".pytensor")
    for what, limit in [
        (resource.RLIMIT_DATA, memory + ROOM),
        (resource.RLIMIT_NPROC, MAX_PROCESSES),
        (resource.RLIMIT_NOFILE, MAX_OPEN),
        (resource.RLIMIT_CORE, 0),
    ]:
        resource.setrlimit(what, (limit, limit))
    written = os.open("/tmp", os.O_TMPFILE | os.O_RDWR | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(written, descriptor)
    sys.stdout, sys.stderr = Stream("stdout", 1), Stream("stderr", 2)
    sys.path[0] = ""  # modules beside the notebook
    signal.signal(signal.SIGALRM, _interrupt)
    return written


def _interrupt(signal: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def execute(cells: list[Any], seconds: int, written: int) -> Iterator[tuple[bytes, ...]]:
    """Execute all cells, continuing after errors, and yield the report on each.

    When the time is over, the running cell is interrupted, and only existing answers are handed in.
    """
    end, problem, seen = time.monotonic() + seconds, None, set[tuple[str, int]]()
    for number, cell in enumerate(cells, start=1):
        outputs = Shell.outputs = Outputs()
        left = end - time.monotonic()
        graded = cell["metadata"].get("nbgrader", {}).get("grade")
        if cell["cell_type"] == "code" and (left > 0 or graded):
            _execute_cell("".join(cell["source"]), max(HAND_IN, left) if graded else left)
            outputs.write("stdout", os.pread(written, MOST["text"] + 1, 0).decode(errors="replace"))
            os.ftruncate(written, 0)
            if problem is None and time.monotonic() > end:
                problem = f"Cell {number} was not through after {seconds} seconds in all."
        for path in filter(_is_answer, sorted(ANSWERS.glob("*"))):
            if (key := (path.name, path.stat().st_mtime_ns)) not in seen:
                seen.add(key)
                yield b"answer", path.name.encode(), base64.b64encode(path.read_bytes())
        yield b"cell", json.dumps({"outputs": outputs.told(), "problem": problem}).encode()


def _is_answer(path: Path) -> bool:
    name = re.fullmatch(r"[\w.]+", path.name, re.ASCII)
    return name is not None and path.is_file() and path.stat().st_size <= MAX_ANSWER


def _leave(room: int) -> None:
    """Let this process take all but so many bytes of its memory."""
    most = resource.getrlimit(resource.RLIMIT_DATA)[1]
    with contextlib.suppress(ValueError, OSError):  # the notebook has lowered its own limits
        resource.setrlimit(resource.RLIMIT_DATA, (most - room, most))


def _execute_cell(source: str, seconds: float) -> None:
    _leave(ROOM)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        shell.run_cell(source, store_history=True)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except BaseException as error:  # the interruption came when the cell was just through
        shell.outputs.error(type(error).__name__, str(error), [])
    _leave(0)
    if os.getpid() != PROCESS:
        os._exit(0)  # a fork of the notebook, which was to end with its cell


if __name__ == "__main__":
    main()
