"""Calibrate the five builders by simulation, and store the ranks: data/calibration.csv.

usage: calibrate.py

The models, the designs and the method are those of tests/calibration.py. The table is written only
when every model is through, to a temporary file that is then renamed.
"""

import ast
import hashlib
import os
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from calibration import EVERY_OUTCOME, STUDIES, Sampler, histogram, ranks

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "data" / "calibration.csv"
RESTS_ON = [ROOT / "lib" / "multilevel" / "models.py", ROOT / "tests" / "calibration.py"]
LIMIT = "partial_pooling, every outcome"
BINS, SEED = 20, 2026
SIMULATIONS = dict.fromkeys(STUDIES, 1000) | {LIMIT: 3000}
"""The limit gets more, so that it stands out from chance whatever the seed."""


def state(sources: list[Path]) -> str:
    """Give a checksum of what programs do, which comments, docstrings and layout leave alone.

    Parameters
    ----------
    sources
        Python files.

    Returns
    -------
    The first 16 hexadecimal digits of a SHA-256
    """
    code = [_structure(ast.parse(source.read_text())) for source in sources]
    return hashlib.sha256(repr(code).encode()).hexdigest()[:16]


def _structure(node: Any) -> Any:
    """Bring a syntax tree into a form that is the same in all versions of Python."""
    if isinstance(node, list):
        return [_structure(part) for part in node if not _is_docstring(part)]
    if not isinstance(node, ast.AST):
        return node
    fields = [(name, _structure(value)) for name, value in ast.iter_fields(node)]
    # Empty fields are left out: a new version may have more of them.
    return type(node).__name__, [(name, value) for name, value in fields if value not in (None, [])]


def _is_docstring(node: Any) -> bool:
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant and isinstance(node.value.value, str)


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


def main() -> None:
    """Calibrate every builder, say how long each took, and store the ranks."""
    code, tables = state(RESTS_ON), []
    for name, study in {**STUDIES, LIMIT: EVERY_OUTCOME}.items():
        start = time.monotonic()
        rank = ranks(study, Sampler(study).draw, SIMULATIONS[name], SEED)
        tables.append(tabulate(name, rank))
        seconds = time.monotonic() - start
        print(f"calibrated {name}, {len(rank)} simulations, in {seconds:.0f} s", flush=True)
    write(pd.concat(tables).assign(seed=SEED, code_sha256=code), TABLE)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    main()
