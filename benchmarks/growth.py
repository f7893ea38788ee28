"""Time the gradient as the data grow, and the whole course: data/benchmark_growth.csv.

Every run is a process of its own, measured as in ``compare.py``. The table is written only when
every run is through, to a temporary file that is then renamed.
"""

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from compare import HERE, ROOT, Failure, machine, measure

TABLE = ROOT / "data" / "benchmark_growth.csv"
EACH = 30  # responses of a person, as in the study
RESPONSES = [10_000, 100_000, 1_000_000, 10_000_000]
PEOPLE = [300, 1_000, 3_000, 10_000, 30_000, 100_000]
STUDIED = 331
COURSES = 3  # how often the whole course is timed, with cold caches and then with warm ones


def run(experiment: str, script: str, sizes: list[int], caches: Path) -> dict[str, Any]:
    """Run a script, and turn its report into a row of the table."""
    line = [sys.executable, str(HERE / script), *map(str, sizes)]
    variables = os.environ | {"PYTENSOR_FLAGS": f"base_compiledir={caches}"}
    report = measure(line, variables)
    report.pop("elpd", None)
    row = {"experiment": experiment, **report}
    print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    return row


def main() -> None:
    """Do all runs, one after the other, and write the table."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        shared = Path(name) / "shared"
        rows += [run("responses", "gradient.py", [STUDIED, n], shared) for n in RESPONSES]
        rows += [run("people", "gradient.py", [n, EACH * n], shared) for n in PEOPLE]
        for number in range(COURSES):
            own = Path(name) / str(number)
            rows += [run(f"course, {caches}", "course.py", [], own) for caches in ("cold", "warm")]
    table = pd.DataFrame(rows).round(2)
    table = table.assign(date=datetime.now(UTC).date().isoformat(), machine=machine())
    temporary = TABLE.with_name(f".{TABLE.name}.{os.getpid()}")
    try:
        table.to_csv(temporary, index=False)
        temporary.replace(TABLE)
    finally:
        temporary.unlink(missing_ok=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    try:
        main()
    except Failure as failure:
        sys.exit(str(failure))
