"""Time the gradient as the data grow, and the whole course: data/benchmark_growth.csv.

Every run is a separate process, measured as in ``compare.py``. The table is written atomically when
every run is finished.
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from bookmaking.benchmarks.compare import machine, measure_script
from bookmaking.paths import DATA
from bookmaking.recording import write_table

TABLE = DATA / "benchmark_growth.csv"
EACH = 30  # responses of a person, as in the study
RESPONSES = [10_000, 100_000, 1_000_000, 10_000_000]
PEOPLE = [300, 1_000, 3_000, 10_000, 30_000, 100_000]
STUDIED = 331
COURSES = 3  # number of timings of the whole course, with cold caches and then with warm ones

# The C library returns the memory of large arrays after each use, unless it is told to keep it.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**32), "MALLOC_TRIM_THRESHOLD_": str(2**32)}


def main() -> None:
    """Do all runs, one after the other, and write the table."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        shared = {"PYTENSOR_FLAGS": f"base_compiledir={Path(name) / 'shared'}"}
        kept = shared | KEEP_MEMORY
        rows += [measure_script("responses", "gradient", [STUDIED, n], shared) for n in RESPONSES]
        rows += [measure_script("people", "gradient", [n, EACH * n], shared) for n in PEOPLE]
        rows += [
            measure_script("people, memory kept", "gradient", [n, EACH * n], kept) for n in PEOPLE
        ]
        for number in range(COURSES):
            own = {"PYTENSOR_FLAGS": f"base_compiledir={Path(name) / str(number)}"}
            rows += [
                measure_script(f"course, {caches}", "course", [], own)
                for caches in ("cold", "warm")
            ]
    table = pd.DataFrame(rows).drop(columns="elpd").round(2)
    write_table(table.assign(date=datetime.now(UTC).date().isoformat(), machine=machine()), TABLE)
