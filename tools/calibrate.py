"""Calibrate the six builders by simulation, and store the ranks: data/calibration.csv.

usage: calibrate.py [--scheduler ADDRESS] [--workers N]

The models, the designs and the method are those of tests/calibration.py. Finished simulations are
kept in _build/studies, so that a calibration that was stopped goes on where it was. The table is
written only when every model is through, to a temporary file that is then renamed.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import pandas as pd

from multilevel.studies import SOURCES, code_state, run_study

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from calibration import LIMIT, STUDIES, histogram, replicate

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "data" / "calibration.csv"
RESTS_ON = [ROOT / "lib" / "multilevel" / "models.py", ROOT / "tests" / "calibration.py"]
BINS, SEED = 20, 2026
SIMULATIONS = dict.fromkeys(STUDIES, 1000) | {LIMIT: 3000}
"""The limit gets more, so that it stands out from chance whatever the seed."""


def state(sources: list[Path]) -> str:
    """Give a checksum of what programs do; see :func:`multilevel.studies.code_state`."""
    return code_state([source.read_text() for source in sources])


def tabulate(builder: str, rank: pd.DataFrame) -> pd.DataFrame:
    """Bring the ranks of one builder into the form in which they are stored.

    Parameters
    ----------
    builder
        Its name.
    rank
        What :func:`calibration.ranks` gives.

    Returns
    -------
    One row per quantity and bin: ``builder``, ``quantity``, ``rank_bin`` (from 1), ``count``,
    and, the same in all rows, ``simulations`` and ``divergent_fits``
    """
    counts = histogram(rank, BINS).rename_axis("quantity").reset_index()
    table = counts.melt("quantity", var_name="rank_bin", value_name="count")
    table.insert(0, "builder", builder)
    divergent = int((rank["divergent"] > 0).sum())
    return table.assign(simulations=len(rank), divergent_fits=divergent)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all.

    Parameters
    ----------
    table
        Any table; its index is not written.
    path
        Where to.
    """
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        table.to_csv(temporary, index=False)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def main(arguments: list[str]) -> None:
    """Calibrate every builder, or go on with it; say how long each took, and store the ranks."""
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS)
    parser.add_argument("--scheduler")
    parser.add_argument("--workers", type=int)
    options = vars(parser.parse_args(arguments))
    code, tables = state(RESTS_ON), []
    place = ROOT / "_build" / "studies" / f"calibration-{state([*RESTS_ON, *SOURCES])}"
    for name, simulations in SIMULATIONS.items():
        start = time.monotonic()
        rank = run_study(replicate, simulations, SEED, place / name, name=name, **options)
        tables.append(tabulate(name, rank.drop(columns="replicate")))
        seconds = time.monotonic() - start
        print(f"calibrated {name}, {len(rank)} simulations, in {seconds:.0f} s", flush=True)
    write(pd.concat(tables).assign(seed=SEED, code_sha256=code), TABLE)


if __name__ == "__main__":
    main(sys.argv[1:])
