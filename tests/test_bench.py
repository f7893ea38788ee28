"""What judges answers has limits, outlives no grader, and says what is wrong."""

import multiprocessing
import os
import time
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bookmaking.grading import bench, marking
from multilevel import answers
from multilevel.answers import Answer
from tests.test_answers import normal, question


def done(work: Callable[..., Any]) -> tuple[bool, Any]:
    """Do a task as the process does for each submission: in a fork of it."""
    ours, theirs = Pipe()
    child = multiprocessing.get_context("fork").Process(target=bench._answer, args=(theirs, work))
    child.start()
    theirs.close()
    ours.send(("judge",))
    try:
        return ours.recv()
    finally:
        child.join()


def forever(task: str) -> None:
    while True:
        pass


def greedy(task: str) -> int:
    return len([bytearray(10**8) for _ in range(100)])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_judgement_has_limits_of_time_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert done(lambda task: task) == (True, "judge")
    assert done(greedy) == (False, "MemoryError: ")
    monkeypatch.setitem(bench.SECONDS, "judge", 1)
    with pytest.raises(EOFError):
        done(forever)


@pytest.mark.slow
def test_answers_are_judged_in_a_process_that_ends_with_the_grader(tmp_path: Path) -> None:
    marking.save_question(question(normal(0)), tmp_path)
    answers.save(Answer("draws", normal(1)), tmp_path / "q.npz")
    np.savez(tmp_path / "p.npz", draws=np.zeros(1))
    (tmp_path / "p.json").write_text((tmp_path / "q.json").read_text())
    with bench.running(tmp_path / "cache"):
        found = bench.ask("judge", tmp_path, tmp_path, ["q"], cache=tmp_path)
        with pytest.raises(bench.BenchError, match=r"FileNotFoundError: .*nothing\.json"):
            bench.ask("judge", tmp_path, tmp_path, ["nothing"], cache=tmp_path)
        address = os.environ[bench.ADDRESS]
    assert found == {"q": {"passed": True, "feedback": "Right."}}
    assert bench.ADDRESS not in os.environ
    end = time.monotonic() + 10
    while Path(address).exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(address).exists()
