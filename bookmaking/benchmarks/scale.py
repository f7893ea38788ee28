"""Time many fits, many rows and another backend: data/benchmark_scale.csv.

Every run is a separate process, measured as in ``compare.py``. The table is written atomically when
every run is finished.
"""

import tempfile
from datetime import UTC, datetime

import pandas as pd

from bookmaking.benchmarks.compare import machine, measure_script
from bookmaking.environments import set_up
from bookmaking.paths import DATA
from bookmaking.recording import write_table

TABLE = DATA / "benchmark_scale.csv"
ROUNDS, FITS = 3, (100, 1100)  # their difference excludes the start
RESPONSES, MEMORY = 100_000_000, "50 MB"
PEOPLE, EACH = (300, 1_000, 3_000, 10_000, 30_000), 30


def main() -> None:
    """Do all runs, one after the other, and write the table."""
    rows = [
        measure_script("workers", "workers", [workers, fits], {}) | {"round": number}
        for number in range(1, ROUNDS + 1)
        for workers in (1, 2)
        for fits in FITS
    ]
    with tempfile.TemporaryDirectory() as folder:
        rows += [
            measure_script(stage, "large", [stage, folder, RESPONSES, MEMORY], {})
            for stage in ("simulate", "count", "fit")
        ]
    jax = set_up("jax")
    rows += [measure_script("backends", "backends", [n, EACH * n], {}, jax) for n in PEOPLE]
    table = pd.DataFrame(rows)
    write_table(table.assign(date=datetime.now(UTC).date().isoformat(), machine=machine()), TABLE)
