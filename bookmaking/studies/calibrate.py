"""Calibrate the builders by simulation, and store the ranks: data/calibration.csv.

usage: python -m bookmaking calibrate [--scheduler ADDRESS] [--workers N]

The models, the designs and the method are those of :mod:`bookmaking.studies.calibration`. Finished
simulations are kept in _build/studies, so that an interrupted calibration can be resumed. The table
is written atomically when every model is finished.
"""

import argparse
import hashlib
import re
import time
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
from pytensor.compile.sharedvalue import SharedVariable
from pytensor.graph.basic import Constant
from pytensor.graph.traversal import ancestors
from pytensor.printing import debugprint
from pytensor.tensor.variable import TensorConstant

from bookmaking.paths import BOOKMAKING, BUILD, DATA, LOCK
from bookmaking.recording import write_table
from bookmaking.studies.calibration import ALL, FORMS, LIMIT, histogram, replicate
from multilevel.files import module_state
from multilevel.storage import PACKAGES
from multilevel.studies import run_study

TABLE = DATA / "calibration.csv"
SIMULATED = BOOKMAKING / "studies" / "calibration.py"
BINS, SEED = 20, 2026
SIMULATIONS = dict.fromkeys(ALL, 200) | dict.fromkeys(FORMS, 100) | {LIMIT: 3000}
"""The limit gets more, so that it stands out from chance whatever the seed."""


def tabulate(builder: str, rank: pd.DataFrame) -> pd.DataFrame:
    """Return the ranks of one builder in the form in which they are stored.

    Parameters
    ----------
    builder
        Its name.
    rank
        Table as returned by :func:`bookmaking.studies.calibration.ranks`.

    Returns
    -------
    One row per quantity and bin: ``builder``, ``quantity``, ``rank_bin`` (from 1), ``count``,
    and, the same in all rows, ``simulations``, ``divergent_fits`` and ``code_sha256``
    """
    counts = histogram(rank, BINS).rename_axis("quantity").reset_index()
    table = counts.melt("quantity", var_name="rank_bin", value_name="count")
    table.insert(0, "builder", builder)
    divergent = int((rank["divergent"] > 0).sum())
    return table.assign(simulations=len(rank), divergent_fits=divergent, code_sha256=state(builder))


def versions() -> str:
    """Return the locked versions of the packages that compile and sample."""
    pins = re.findall(r"^([\w-]+==\S+)", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return " ".join(pin for pin in pins if pin.partition("==")[0] in PACKAGES)


def density_state(model: pm.Model) -> str:
    """Return a checksum of the log density of a model, independent of messages and rounding."""
    density = model.logp()
    values = [
        np.round(np.asarray(node.data if isinstance(node, Constant) else node.get_value()), 6)
        for node in ancestors([density])
        if isinstance(node, TensorConstant | SharedVariable)
    ]
    text = str(debugprint(density, file="str", print_type=True))
    text = re.sub(r"\d+\.\d+(e-?\d+)?", lambda number: f"{float(number[0]):.6g}", text)
    return hashlib.sha256(repr((text, [v.tolist() for v in values])).encode()).hexdigest()[:16]


@cache
def state(builder: str) -> str:
    """Return a checksum of a builder's density and of the code that simulates."""
    return f"{density_state(ALL[builder].build())}-{module_state(SIMULATED)}"


def main(arguments: list[str]) -> int:
    """Calibrate every builder, or resume the calibration; print the times, and store the ranks."""
    parser = argparse.ArgumentParser(prog="python -m bookmaking calibrate")
    parser.add_argument("--scheduler")
    parser.add_argument("--workers", type=int)
    options = vars(parser.parse_args(arguments))
    tables = []
    for name, simulations in SIMULATIONS.items():
        start = time.monotonic()
        place = BUILD / "studies" / f"{name}-{state(name)}"  # other versions: run_study refuses it
        rank = run_study(replicate, simulations, SEED, place, name=name, **options)
        tables.append(tabulate(name, rank.drop(columns="replicate")))
        seconds = time.monotonic() - start
        print(f"calibrated {name}, {len(rank)} simulations, in {seconds:.0f} s", flush=True)
    about: dict[str, Any] = {"seed": SEED, "versions": versions()}
    write_table(pd.concat(tables).assign(**about), TABLE)
    return 0
