"""Studies: the same table whatever does the work, and nothing finished is lost or done again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from multilevel.files import code_state
from multilevel.studies import StudyError, run_study
from tests import replicates

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow
REPLICATES = 40
PROGRAM = """
import sys
from multilevel.studies import run_study

from tests import replicates

folder, log, number, options = sys.argv[1:]
run_study(replicates.slow, int(number), seed=1, folder=folder, log=log, seconds=0.2,
          progress=False, **eval(options))
"""


def expected(number: int) -> list[float]:
    return [float(np.random.default_rng([1, k]).normal()) for k in range(number)]


# The table ----------------------------------------------------------------------------------------


def test_a_replicate_draws_from_its_own_stream(tmp_path: Path) -> None:
    table = run_study(replicates.draw, 3, seed=5, workers=0, progress=False)
    assert list(table.columns) == ["replicate", "name", "value"]
    assert table["replicate"].tolist() == [0, 0, 1, 1, 2, 2]
    assert table["value"].tolist()[2:4] == np.random.default_rng([5, 1]).normal(size=2).tolist()


def test_the_table_is_the_same_whatever_the_number_of_workers(tmp_path: Path) -> None:
    tables = [
        run_study(
            replicates.draw,
            25,
            seed=5,
            folder=tmp_path / str(n),
            workers=n,
            progress=False,
            scale=2,
        )
        for n in (0, 1, 2, 4)
    ]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], check_exact=True)


def test_fits_are_the_same_in_other_processes(tmp_path: Path) -> None:
    """The sampler too draws the same in a worker."""
    tables = [
        run_study(replicates.fit, 2, seed=1, workers=n, progress=False, people=4) for n in (0, 2)
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1], check_exact=True)


def test_more_replicates_leave_the_first_ones_as_they_are(tmp_path: Path) -> None:
    few = run_study(replicates.draw, 3, 5, tmp_path, workers=0, progress=False)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")}
    more = run_study(replicates.draw, 6, 5, tmp_path, workers=0, progress=False)
    pd.testing.assert_frame_equal(more[: len(few)], few, check_exact=True)
    assert {path: path.stat().st_mtime_ns for path in written} == written


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 6}, "seed"),
        ({"scale": 3}, "settings"),
        ({"replicate": replicates.draw_more}, "function"),
    ],
)
def test_another_study_does_not_get_into_the_folder(
    tmp_path: Path, change: dict[str, object], named: str
) -> None:
    call: dict[str, Any] = {"replicate": replicates.draw, "seed": 5, "scale": 2}
    rest: dict[str, Any] = {"replicates": 2, "folder": tmp_path, "workers": 0, "progress": False}
    run_study(**call, **rest)
    with pytest.raises(ValueError, match=rf"another study: its .*{named}.* differed"):
        run_study(**(call | change), **rest)


def test_comments_and_layout_are_no_other_code() -> None:
    first = code_state(["def f(x):\n    return x + 1\n"])
    assert code_state(['def f(x):\n    """Add."""\n    return x+1  # one\n']) == first
    assert code_state(["def f(x):\n    return x + 2\n"]) != first


def test_an_error_names_its_replicate_and_costs_no_other(tmp_path: Path) -> None:
    for workers in (0, 2):
        folder = tmp_path / str(workers)
        with pytest.raises(ZeroDivisionError, match="no such luck") as raised:
            run_study(replicates.failing, 8, 1, folder, workers, progress=False, number=6)
        assert raised.value.__notes__ == ["This happened in replicate 6 of the study."]
        assert (folder / "000000.parquet").exists()
        assert not (folder / "000006.parquet").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_replicate_is_not_taken_for_one_of_dask(tmp_path: Path, workers: int) -> None:
    kinds = {"file": FileNotFoundError, "time": TimeoutError, "full": OSError}
    kinds |= {"net": ConnectionResetError}
    for kind, error in kinds.items():
        with pytest.raises(error) as raised:
            run_study(
                replicates.troubled, 2, 1, tmp_path / kind, workers, progress=False, kind=kind
            )
        assert type(raised.value) is error
        assert raised.value.__notes__ == ["This happened in replicate 1 of the study."]


@pytest.mark.parametrize("workers", [0, 1])
def test_sys_exit_and_errors_that_cannot_travel_are_put_in_words(
    tmp_path: Path, workers: int
) -> None:
    def study(kind: str) -> None:
        run_study(replicates.troubled, 2, 1, tmp_path / kind, workers, progress=False, kind=kind)

    with pytest.raises(StudyError, match=r"Replicate 1 of the study called sys\.exit\(3\)"):
        study("exit")
    with pytest.raises(Exception, match="rain in Spain") as raised:
        study("trouble")
    assert raised.value.__notes__ == ["This happened in replicate 1 of the study."]
    assert type(raised.value) is (RuntimeError if workers else replicates.TroubleError)


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("None", TypeError, r"not None: .*end without return\?"),
        ("a series", TypeError, r"series\.to_frame\(\)\.T for one row"),
        ("a dict", TypeError, r"not \{'a': 1\}: pd\.DataFrame\(\[result\]\)"),
        ("a number", TypeError, r"not 1\.5: pd\.DataFrame\(\{'value': \[value\]\}\)"),
        ("no rows", ValueError, "table of 0 rows and 2 columns"),
        ("no columns", ValueError, "table of 1 rows and 0 columns"),
        ("replicate", ValueError, r"rename\(columns=\{'replicate': 'my_replicate'\}\)"),
        ("numbered columns", TypeError, r"rename\(columns=str\)"),
        ("twice", ValueError, "several columns called 'a'"),
        ("an index", ValueError, r"would be lost: .*reset_index\(\)"),
        ("words as index", ValueError, r"would be lost: \['x'\]"),
    ],
)
def test_what_is_no_proper_table_is_refused_with_the_way_to_make_one(
    kind: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as raised:
        run_study(replicates.returning, 2, 1, workers=0, progress=False, kind=kind)  # type: ignore[arg-type]
    assert raised.value.__notes__ == ["This happened in replicate 0 of the study."]


def test_numbers_of_numpy_are_taken_for_plain_ones(tmp_path: Path) -> None:
    call: dict[str, Any] = {"folder": tmp_path, "workers": 0, "progress": False}
    plain = run_study(replicates.draw, 2, 5, scale=2.5, **call)
    call |= {"replicates": np.int64(2), "seed": np.uint8(5), "scale": np.float64(2.5)}
    again = run_study(replicates.draw, **call)
    pd.testing.assert_frame_equal(again, plain, check_exact=True)


def test_a_setting_that_is_not_a_number_is_the_same_setting_again(tmp_path: Path) -> None:
    for _ in range(2):
        run_study(replicates.draw, 1, 5, tmp_path, workers=0, progress=False, scale=float("nan"))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"replicates": 0}, ValueError, "replicates must be .* of at least 1: 0"),
        ({"replicates": -2}, ValueError, "replicates must be"),
        ({"replicates": 2.0}, ValueError, "replicates must be"),
        ({"replicates": True}, ValueError, "replicates must be"),
        ({"seed": -1}, ValueError, "seed must be .* of at least 0: -1"),
        ({"seed": "1"}, ValueError, "seed must be"),
        ({"workers": -1}, ValueError, "workers must be"),
        ({"scale": np.ones(2)}, TypeError, r"setting scale .* ndarray.*scale\.tolist\(\)"),
        ({"scale": {1: 2}}, TypeError, r"setting scale has the key 1"),
        ({"scale": {"a": [1, {2}]}}, TypeError, r"scale\['a'\]\[1\] is of the type set"),
        ({"scale": Path("x")}, TypeError, r"str\(scale\)"),
        ({"scale": len}, TypeError, r"setting scale .*identify the study"),
        ({"size": 2}, TypeError, r"cannot be called as draw\(rng, size=…\)"),
        ({"replicate": partial(replicates.draw, scale=2)}, TypeError, "function alone"),
        ({"replicate": len}, TypeError, "must be a plain function"),
        ({"replicate": replicates.TroubleError}, TypeError, "must be a plain function"),
        ({"replicate": "draw"}, TypeError, "must be a plain function.*type str"),
        ({"replicate": replicates.slow}, TypeError, r"missing a required argument: 'log'"),
    ],
)
def test_what_cannot_be_a_study_is_refused_before_work_begins(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], words: str
) -> None:
    call: dict[str, Any] = {"replicate": replicates.draw, "replicates": 2, "seed": 5}
    with pytest.raises(error, match=words):
        run_study(**(call | {"folder": tmp_path / "study", "progress": False} | change))
    assert list(tmp_path.iterdir()) == []


def test_a_function_that_rests_on_another_ones_variables_is_refused(tmp_path: Path) -> None:
    def make(size: int) -> Any:
        def inner(rng: np.random.Generator) -> pd.DataFrame:
            return pd.DataFrame({"value": rng.normal(size=size)})

        return inner

    with pytest.raises(TypeError, match=r"in which it is defined \(size\).*as settings"):
        run_study(make(3), 2, 1, tmp_path / "study", workers=0, progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("loader", [None, "a loader"])
def test_a_function_typed_at_a_prompt_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loader: str | None
) -> None:
    # What Python says of such a function depends on how its main program was loaded.
    monkeypatch.setattr(sys.modules["__main__"], "__loader__", loader)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(compile("def typed(rng):\n    return None", "<stdin>", "exec"), scope)
    with pytest.raises(ValueError, match=r"source of typed.* cannot be read.*file or a notebook"):
        run_study(scope["typed"], 2, 1, tmp_path / "study", progress=False)
    assert list(tmp_path.iterdir()) == []


# What is killed -----------------------------------------------------------------------------------


@contextmanager
def start(folder: Path, log: Path, **options: object) -> Iterator[subprocess.Popen[str]]:
    """Start a study in a process of its own, which does not outlive the test."""
    command = [sys.executable, "-c", PROGRAM, str(folder), str(log), str(REPLICATES), repr(options)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def run_again(folder: Path, log: Path, **options: object) -> None:
    """Go on with a study to its end."""
    with start(folder, log, **options) as process:
        assert process.wait(120) == 0, process.communicate()[1]


def wait_until_finished(number: int, folder: Path) -> None:
    end = time.monotonic() + 120
    while len(finished(folder)) < number:
        assert time.monotonic() < end
        time.sleep(0.02)


def finished(folder: Path) -> set[int]:
    return {int(path.stem) for path in folder.glob("*.parquet")}


def times_done(folder: Path, log: Path) -> dict[int, int]:
    """Return how often each replicate whose result is there was done.

    It may be more than once: a worker that is killed between the log and the file did it in vain.
    """
    there, values = finished(folder), expected(REPLICATES)
    done = [float(line.split()[1]) for line in log.read_text(encoding="utf-8").splitlines()]
    return {number: done.count(values[number]) for number in there}


def check_that_all_is_there(
    folder: Path, log: Path, before: dict[int, int], kills: int = 0
) -> None:
    """Every replicate is there, and none whose result was there before was done again.

    Who is killed while writing leaves a hidden file, which nothing takes for a result.
    """
    after = times_done(folder, log)
    assert set(after) == set(range(REPLICATES))
    tables = [pd.read_parquet(folder / f"{k:06}.parquet") for k in range(REPLICATES)]
    assert [table["value"].item() for table in tables] == expected(REPLICATES)
    assert before
    assert {number: after[number] for number in before} == before
    assert len(list(folder.glob(".*"))) <= kills


def test_a_client_that_is_killed_goes_on(tmp_path: Path) -> None:
    folder, log = tmp_path / "study", tmp_path / "log"
    with start(folder, log, workers=3) as client:
        wait_until_finished(6, folder)
        children = psutil.Process(client.pid).children(recursive=True)
        assert len(children) >= 3
        client.kill()
        client.wait()
        _, alive = psutil.wait_procs(children, timeout=60)  # no worker outlives the client
        assert not alive
    before = times_done(folder, log)
    assert len(before) < REPLICATES
    run_again(folder, log, workers=3)
    check_that_all_is_there(folder, log, before)


def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    folder, log = tmp_path / "study", tmp_path / "log"
    before: dict[int, int] = {}
    with start(folder, log, workers=3) as client:
        for at_least in (4, 12):
            wait_until_finished(at_least, folder)
            before = times_done(folder, log) | before
            os.kill(int(log.read_text(encoding="utf-8").split()[-2]), signal.SIGKILL)
        assert client.wait(120) == 0, client.communicate()[1]
    workers = {line.split()[0] for line in log.read_text(encoding="utf-8").splitlines()}
    assert len(workers) > 3
    check_that_all_is_there(folder, log, before, kills=2)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def cluster(log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a scheduler and two workers, as they are started on the machines of a cluster."""
    address = f"tcp://127.0.0.1:{free_port()}"
    dask = [sys.executable, "-m", "dask"]
    worker = ["worker", address, "--nthreads", "1", "--no-dashboard", "--local-directory", "/tmp"]
    commands = [["scheduler", "--host", address, "--no-dashboard"], worker, worker]
    with log.open("wb") as file:
        processes = [
            subprocess.Popen([*dask, *command], cwd=ROOT, stdout=file, stderr=file)
            for command in commands
        ]
    try:
        yield address, processes[0]
    finally:
        for process in processes:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()


def test_a_scheduler_that_is_killed_costs_no_finished_replicate(tmp_path: Path) -> None:
    folder, log = tmp_path / "study", tmp_path / "log"
    with cluster(tmp_path / "first") as (address, scheduler):
        with start(folder, log, scheduler=address) as client:
            wait_until_finished(6, folder)
            scheduler.kill()
            assert client.wait(120) != 0
            said = client.communicate()[1]
        assert "StudyError: The scheduler was lost." in said, said
        assert "the same call resumes the study" in said
    before = times_done(folder, log)
    assert len(before) < REPLICATES
    with cluster(tmp_path / "second") as (address, _):
        run_again(folder, log, scheduler=address)
    check_that_all_is_there(folder, log, before)


def test_memory_is_bounded(tmp_path: Path) -> None:
    """A replicate that takes more than a worker may have ends the study, and its name is said."""
    with pytest.raises(StudyError, match=r"Replicate 3 killed its workers: too little memory\?"):
        run_study(
            replicates.greedy, 6, 1, tmp_path, workers=2, memory="1.5 GiB", progress=False, number=3
        )
    assert finished(tmp_path) == {0, 1, 2, 4, 5}


def test_a_folder_says_what_is_in_it(tmp_path: Path) -> None:
    run_study(replicates.draw, 1, 5, tmp_path, workers=0, progress=False, scale=2)
    said = json.loads((tmp_path / "study.json").read_text())
    assert (said["function"], said["seed"], said["settings"]) == ("draw", 5, {"scale": 2})
    assert {"code", "versions"} <= set(said)
