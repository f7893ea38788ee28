"""Time the gradient as the data grow, and the whole course: data/benchmark_growth.csv.

Every run is a process of its own, measured as in ``compare.py``. The table is written only when
every run is through, to a temporary file that is then renamed.
"""

import os
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from compare import HERE, ROOT, Failure, Report, machine, measure, write

TABLE = ROOT / "data" / "benchmark_growth.csv"
EACH = 30  # responses of a person, as in the study
RESPONSES = [10_000, 100_000, 1_000_000, 10_000_000]
PEOPLE = [300, 1_000, 3_000, 10_000, 30_000, 100_000]
STUDIED = 331
COURSES = 3  # how often the whole course is timed, with cold caches and then with warm ones

# The C library gives the memory of large arrays back after each use, unless it is told to keep it.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**32)}


def run(experiment: str, script: str, sizes: list[int], variables: dict[str, str]) -> Report:
    """Run a script with these variables in its environment; give a row of the table."""
    line = [sys.executable, str(HERE / script), *map(str, sizes)]
    report = measure(line, os.environ | variables)
    report.pop("elpd", None)
    row = {"experiment": experiment, **report}
    print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    return row


def main() -> None:
    """Do all runs, one after the other, and write the table."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        shared = {"PYTENSOR_FLAGS": f"base_compiledir={Path(name) / 'shared'}"}
        kept = shared | KEEP_MEMORY
        rows += [run("responses", "gradient.py", [STUDIED, n], shared) for n in RESPONSES]
        rows += [run("people", "gradient.py", [n, EACH * n], shared) for n in PEOPLE]
        rows += [run("people, memory kept", "gradient.py", [n, EACH * n], kept) for n in PEOPLE]
        for number in range(COURSES):
            own = {"PYTENSOR_FLAGS": f"base_compiledir={Path(name) / str(number)}"}
            rows += [run(f"course, {caches}", "course.py", [], own) for caches in ("cold", "warm")]
    table = pd.DataFrame(rows).round(2)
    write(table.assign(date=datetime.now(UTC).date().isoformat(), machine=machine()), TABLE)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        main()
    except Failure as failure:
        sys.exit(str(failure))
