"""Compare the book's models with the same models in Bambi and in brms: data/benchmark.csv.

Every run is a separate process. A run with cold caches finds none of the compiled code that
PyTensor and Numba keep; one with warm caches finds the code that the cold run of its round left.
Code that Stan compiles for brms is kept for one session only, so brms is always cold. In each round
the programs take turns, so that other load on the machine affects all of them.

The table is written atomically when every run is finished.
"""

# Nothing large is imported here: the memory of the process that starts another counts as part of
# the other's.
import argparse
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bookmaking.environments import set_up
from bookmaking.paths import BOOKMAKING, DATA, ROOT
from bookmaking.recording import write_table

HERE = BOOKMAKING / "benchmarks"
TABLE = DATA / "benchmark.csv"
MODELS = [
    "no pooling",
    "partial pooling",
    "crossed intercepts",
    "ordered logit",
    "ordered logit, varying",
]
OURS = "multilevel"
DRAWS = 1000
STANDARD_ERRORS = 5
"""Posterior means further apart than so many Monte Carlo standard errors are not of one model."""

Report = dict[str, Any]


class Run(NamedTuple):
    """A model, fitted by a program, with caches cold or warm; the round is also the seed."""

    round: int
    model: str
    program: str
    caches: str


class Failure(RuntimeError):
    """Raised when a run fails."""


def schedule(models: Sequence[str], rounds: int, brms_rounds: int) -> Iterator[Run]:
    """Return the runs in the order in which they are to be done."""
    for number in range(1, rounds + 1):
        for model in models:
            yield Run(number, model, OURS, "cold")
            yield Run(number, model, "Bambi", "cold")
            if number <= brms_rounds:
                yield Run(number, model, "brms", "cold")
            yield Run(number, model, OURS, "warm")
            yield Run(number, model, "Bambi", "warm")


def script(name: str, python: Path | str = sys.executable) -> list[str]:
    """Return the command line of a script of this folder."""
    return [str(python), "-m", f"bookmaking.benchmarks.{name}"]


def command(run: Run, tables: Path, bambi_python: Path, draws: int) -> list[str]:
    """Return the command line of a run; ``tables`` is the folder of the data for Bambi and brms."""
    programs = {
        OURS: [*script("ours"), run.model, str(DATA)],
        "Bambi": [*script("bambi_fit", bambi_python), run.model, str(tables)],
        "brms": ["Rscript", str(HERE / "brms_fit.R"), run.model, str(tables)],
    }
    option = [str(draws)] if run.program == "brms" else ["--draws", str(draws)]
    return [*programs[run.program], str(run.round), *option]


def environment(run: Run, work: Path) -> dict[str, str]:
    """Return the environment of a run, with a folder in ``work`` for the compiled code.

    The cold run of a round is the first to use its folder, the warm run the second.
    """
    folder = work / f"{run.program}-{MODELS.index(run.model)}-{run.round}"
    folder.mkdir(exist_ok=True)
    return os.environ | {
        "PYTENSOR_FLAGS": f"base_compiledir={folder / 'pytensor'}",
        "NUMBA_CACHE_DIR": str(folder / "numba"),
        "TMPDIR": str(folder),
    }


def measure(arguments: Sequence[str], variables: dict[str, str]) -> Report:
    """Run a process to its end, and measure all of it.

    Parameters
    ----------
    arguments
        The command line. It prints a report in JSON.
    variables
        The environment.

    Returns
    -------
    Its report, with ``process_cpu_seconds`` and ``process_wall_seconds``, child processes included,
    and ``peak_memory_mb``, of the process that needs most

    Raises
    ------
    Failure
        It failed, or printed something else.
    """
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as output,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
    ):
        start = time.monotonic()
        process = subprocess.Popen(
            arguments, cwd=ROOT, stdout=output, stderr=errors, env=variables, process_group=0
        )
        try:
            _, status, spent = os.wait4(process.pid, 0)
        except BaseException:  # whatever ends this program ends the run and its child processes
            os.killpg(process.pid, signal.SIGKILL)
            raise
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        printed, complaints = output.read(), errors.read()
    try:
        if process.returncode:
            raise ValueError(f"exit status {process.returncode}")
        found: Report = json.loads(printed)
    except ValueError as error:
        raise Failure(f"{complaints}{printed}\nThis failed ({error}): {arguments}") from error
    unit = 1 if sys.platform == "darwin" else 1024
    return found | {
        "process_cpu_seconds": spent.ru_utime + spent.ru_stime,
        "process_wall_seconds": wall,
        "peak_memory_mb": spent.ru_maxrss * unit / 1e6,
    }


def measure_script(
    experiment: str,
    name: str,
    arguments: Sequence[object],
    variables: dict[str, str],
    python: Path | str = sys.executable,
) -> Report:
    """Run a script of this folder, with these variables besides its environment.

    Return a row of ``growth.py`` or ``scale.py``, and print it.
    """
    line = [*script(name, python), *map(str, arguments)]
    row = {"experiment": experiment, **measure(line, os.environ | variables)}
    print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    return row


def run_script(main: Callable[[], None]) -> int:
    """Run a benchmark; on SIGTERM, stop the script that it is running as well."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        main()
    except Failure as failure:
        sys.exit(str(failure))
    return 0


def distance(means: dict[str, list[float]], others: dict[str, list[float]]) -> float:
    """Return the largest distance between posterior means, in their Monte Carlo standard errors.

    Parameters
    ----------
    means, others
        Mean and Monte Carlo standard error of each parameter.

    Raises
    ------
    Failure
        The parameters are not the same.
    """
    if means.keys() != others.keys():
        raise Failure(f"These are not the same parameters: {[*means]} and {[*others]}.")
    pairs = [(*means[name], *others[name]) for name in means]
    return max(abs(mean - other) / math.hypot(se, se2) for mean, se, other, se2 in pairs)


def as_row(run: Run, report: Report, ours: Report, draws: int) -> dict[str, Any]:
    """Turn a report into a row of the table; ``ours`` is that of our run in the round."""
    cpu, ess = report["cpu_seconds"], report["ess_bulk"]
    return {
        "model": run.model,
        "program": run.program,
        "caches": run.caches,
        "round": run.round,
        "seed": run.round,
        "draws": draws,
        "cpu_seconds": round(cpu, 2),
        "wall_seconds": round(report["wall_seconds"], 2),
        "ess_bulk": round(ess, 1),
        "ess_parameter": report["ess_parameter"],
        "ess_per_cpu_second": round(ess / cpu, 3),
        "r_hat": round(report["r_hat"], 4),
        "divergences": report["divergences"],
        "distance": round(distance(report["means"], ours["means"]), 2),
        "process_cpu_seconds": round(report["process_cpu_seconds"], 2),
        "process_wall_seconds": round(report["process_wall_seconds"], 2),
        "peak_memory_mb": round(report["peak_memory_mb"]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "versions": report["versions"],
    }


def machine() -> str:
    """Return the name of the processor and its number of cores."""
    name = platform.processor()
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else name}, {os.cpu_count()} cores"


def tell(row: dict[str, Any]) -> None:
    """Print the time and memory of a run."""
    far = " DIFFERENT" if row["distance"] > STANDARD_ERRORS else ""
    print(
        f"round {row['round']}, {row['model']}, {row['program']} {row['caches']}: "
        f"{row['cpu_seconds']} CPU seconds, smallest bulk ESS {row['ess_bulk']:.0f} "
        f"({row['ess_parameter']}), {row['ess_per_cpu_second']} per CPU second, "
        f"means within {row['distance']} standard errors of ours{far}",
        flush=True,
    )


def carry_out(given: argparse.Namespace, brms_rounds: int) -> pd.DataFrame:
    """Do all runs, one after the other.

    Parameters
    ----------
    given
        The command line.
    brms_rounds
        Number of rounds with brms.

    Returns
    -------
    DataFrame with one row per run
    """
    rows: list[dict[str, Any]] = []
    ours: Report = {}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        subprocess.run([*script("tables"), str(work)], cwd=ROOT, check=True)
        for run in schedule(given.models, given.rounds, brms_rounds):
            line = command(run, work, given.bambi_python, given.draws)
            report = measure(line, environment(run, work))
            if run.program == OURS:
                ours = report
            rows.append(as_row(run, report, ours, given.draws))
            tell(rows[-1])
    return pd.DataFrame(rows)


def medians(table: pd.DataFrame) -> pd.DataFrame:
    """Return the medians of the measures over the rounds, and the largest distance."""
    columns = ["cpu_seconds", "wall_seconds", "ess_bulk", "ess_per_cpu_second", "peak_memory_mb"]
    groups = table.groupby(["model", "caches", "program"], sort=False)
    return groups[columns].median().join(groups["distance"].max())


def ratios(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Divide ours by theirs, round by round.

    Parameters
    ----------
    table
        Table as returned by :func:`carry_out`.
    column
        Column to divide.

    Returns
    -------
    DataFrame with one row for each model, state of the caches and other program: ``median``,
    ``min`` and ``max`` over the rounds
    """
    on = ["model", "caches", "round"]
    is_ours = table["program"] == OURS
    pairs = table[~is_ours].merge(table[is_ours], on=on, suffixes=("", "_ours"))
    pairs["ratio"] = pairs[f"{column}_ours"] / pairs[column]
    groups = pairs.groupby(["model", "caches", "program"], sort=False)
    return groups["ratio"].agg(["median", "min", "max"])


def summarise(table: pd.DataFrame) -> str:
    """Return the results as two tables."""
    both = {
        "effective draws per CPU second": ratios(table, "ess_per_cpu_second"),
        "CPU seconds": ratios(table, "cpu_seconds"),
    }
    return (
        f"\nMedians over the rounds\n{medians(table).round(2).to_string()}\n\n"
        f"Ours divided by theirs, round by round\n{pd.concat(both, axis=1).round(2).to_string()}"
    )


def has_brms() -> bool:
    """Return whether R with brms is installed; if not, print how to install it."""
    question = 'quit(status = !requireNamespace("brms", quietly = TRUE))'
    if shutil.which("Rscript") and not subprocess.run(["Rscript", "-e", question]).returncode:
        return True
    print("brms is not installed and is left out. To get it: sudo apt install r-cran-brms")
    return False


def natural(text: str) -> int:
    """Convert a text to a whole number that is not negative."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def read_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line, and refuse impossible options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=natural, default=3, help="default: %(default)s")
    parser.add_argument(
        "--brms-rounds", type=natural, default=1, help="in how many of them brms takes part"
    )
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, metavar="MODEL")
    parser.add_argument(
        "--draws",
        type=natural,
        default=DRAWS,
        help="per chain, after as many steps of adaptation (default: %(default)s)",
    )
    parser.add_argument(
        "--bambi-python",
        type=Path,
        help="the interpreter of Bambi's environment (default: it is set up)",
    )
    parser.add_argument("--table", type=Path, default=TABLE, help="where to write")
    given = parser.parse_args(arguments)
    given.bambi_python = given.bambi_python or set_up("bambi")
    if not given.rounds:
        parser.error("there must be at least one round")
    if given.brms_rounds > given.rounds:
        parser.error("brms cannot take part in more rounds than there are")
    if given.draws < 4:
        parser.error("R-hat and ESS need at least four draws")
    if not given.bambi_python.is_file():
        parser.error(f"there is no {given.bambi_python}: python -m bookmaking set-up bambi")
    if not given.table.parent.is_dir():
        parser.error(f"no folder {given.table.parent}")
    return given


def main(arguments: Sequence[str]) -> int:
    """Do the runs, write the table, print the summary; fail if posteriors differ."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    given = read_arguments(arguments)
    brms_rounds = given.brms_rounds if given.brms_rounds and has_brms() else 0
    try:
        table = carry_out(given, brms_rounds)
    except Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    write_table(table, given.table)
    print(summarise(table))
    return int((table["distance"] > STANDARD_ERRORS).any())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
