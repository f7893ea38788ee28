"""Calibrate the builders by simulation, and store the ranks: data/calibration.csv.

usage: python -m bookmaking calibrate [--scheduler ADDRESS] [--workers N]

The models, the designs and the method are those of :mod:`bookmaking.studies.calibration`. Finished
simulations are kept in _build/studies, so that a calibration that was stopped goes on where it was.
The table is written atomically when every model is through.
"""

import argparse
import re
import time
from typing import Any

import pandas as pd

from bookmaking.paths import BOOKMAKING, BUILD, DATA, LIBRARY, LOCK
from bookmaking.studies.calibration import LIMIT, STUDIES, histogram, replicate
from multilevel.files import atomic, module_state
from multilevel.storage import PACKAGES
from multilevel.studies import run_study

TABLE = DATA / "calibration.csv"
DENSITIES = [
    LIBRARY / f"{name}.py" for name in ("models", "effects", "likelihoods", "priors", "structure")
]
"""What says which posterior is sampled; checks and columns only refuse data."""
RESTS_ON = [*DENSITIES, BOOKMAKING / "studies" / "calibration.py"]
BINS, SEED = 20, 2026
SIMULATIONS = dict.fromkeys(STUDIES, 300) | {LIMIT: 600}
"""The limit gets more, so that it stands out from chance whatever the seed."""


def tabulate(builder: str, rank: pd.DataFrame) -> pd.DataFrame:
    """Return the ranks of one builder in the form in which they are stored.

    Parameters
    ----------
    builder
        Its name.
    rank
        What :func:`bookmaking.studies.calibration.ranks` returns.

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


def versions() -> str:
    """Return the locked versions of the packages that compile and sample."""
    pins = re.findall(r"^([\w-]+==\S+)", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return " ".join(pin for pin in pins if pin.partition("==")[0] in PACKAGES)


def main(arguments: list[str]) -> int:
    """Calibrate every builder, or go on with it; say how long each took, and store the ranks."""
    parser = argparse.ArgumentParser(prog="python -m bookmaking calibrate")
    parser.add_argument("--scheduler")
    parser.add_argument("--workers", type=int)
    options = vars(parser.parse_args(arguments))
    code, tables = module_state(*RESTS_ON), []
    place = BUILD / "studies" / f"calibration-{code}"  # other versions: run_study refuses it
    for name, simulations in SIMULATIONS.items():
        start = time.monotonic()
        rank = run_study(replicate, simulations, SEED, place / name, name=name, **options)
        tables.append(tabulate(name, rank.drop(columns="replicate")))
        seconds = time.monotonic() - start
        print(f"calibrated {name}, {len(rank)} simulations, in {seconds:.0f} s", flush=True)
    about: dict[str, Any] = {"seed": SEED, "code_sha256": code, "versions": versions()}
    with atomic(TABLE) as temporary:
        pd.concat(tables).assign(**about).to_csv(temporary, index=False)
    return 0
