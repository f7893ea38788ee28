"""Time many fits, many rows and another backend: data/benchmark_scale.csv.

Every run is a process of its own, measured as in ``compare.py``. The table is written only when
every run is through, to a temporary file that is then renamed.
"""

import os
import signal
import sys
import tempfile
from datetime import UTC, datetime

import pandas as pd
from compare import HERE, ROOT, Failure, Report, machine, measure, write

TABLE = ROOT / "data" / "benchmark_scale.csv"
ROUNDS, FITS = 3, (100, 1100)  # the difference of the two has no start in it
RESPONSES, MEMORY = 100_000_000, "50 MB"
PEOPLE, EACH = (300, 1_000, 3_000, 10_000, 30_000), 30


def run(experiment: str, script: str, *arguments: object) -> Report:
    """Run a script; give a row of the table."""
    line = [sys.executable, str(HERE / script), *map(str, arguments)]
    row = {"experiment": experiment, **measure(line, dict(os.environ))}
    print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    return row


def main() -> None:
    """Do all runs, one after the other, and write the table."""
    rows = [
        run("workers", "workers.py", workers, fits) | {"round": number}
        for number in range(1, ROUNDS + 1)
        for workers in (1, 2)
        for fits in FITS
    ]
    with tempfile.TemporaryDirectory() as folder:
        rows += [
            run(stage, "large.py", stage, folder, RESPONSES, MEMORY)
            for stage in ("simulate", "count", "fit")
        ]
    rows += [run("backends", "backends.py", people, EACH * people) for people in PEOPLE]
    table = pd.DataFrame(rows)
    write(table.assign(date=datetime.now(UTC).date().isoformat(), machine=machine()), TABLE)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    try:
        main()
    except Failure as failure:
        sys.exit(str(failure))
