"""Fit a small model and report whether this machine gives the right answer.

usage: python -m bookmaking check [--to FILE]

The model with partial pooling is fitted to the 91 people, and every posterior mean and standard
deviation is compared with the exact answer, which needs no draws (see ``multilevel.exact``). With
``--to``, the result is added to a table such as ``data/platforms.csv``.
"""

import argparse
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from time import monotonic

import pandas as pd

import multilevel as ml
from bookmaking.recording import write_table

SEED = 1
STANDARD_ERRORS = 5
SHOWN = ["alpha_bar", "sigma_alpha", "sigma", "alpha[6]", "alpha[29]"]

ADVICE = """What to do:
1. Repeat the installation and check again: remove the folder .venv, and repeat this command.
2. If it is still wrong, run the tests, which show where the error is: python -m bookmaking test
3. Report it with the table above, the output of the tests, and your machine and system."""


def compare(ours: pd.DataFrame, exact: pd.DataFrame) -> pd.DataFrame:
    """Compare posterior means and standard deviations with the exact ones.

    Parameters
    ----------
    ours
        Table as returned by :func:`multilevel.summarise`.
    exact
        Table as returned by :func:`multilevel.exact_posterior`.

    Returns
    -------
    DataFrame with two rows for each parameter: ``exact``, ``yours``, ``may differ by`` (five Monte
    Carlo standard errors) and ``right``
    """
    parts = []
    for statistic in ("mean", "sd"):
        part = pd.DataFrame({"exact": exact[statistic], "yours": ours[statistic]})
        part["may differ by"] = STANDARD_ERRORS * ours[f"mcse_{statistic}"]
        part.index = [f"{statistic} of {name}" for name in part.index]
        parts.append(part)
    table = pd.concat(parts)
    return table.assign(right=(table["yours"] - table["exact"]).abs() <= table["may differ by"])


def in_words(table: pd.DataFrame) -> str:
    """Return the result of the comparison in words, with advice if it is wrong."""
    wrong = table.index[~table["right"]].tolist()
    if not wrong:
        return (
            f"This installation gives the book's answer: all {len(table)} numbers agree with the "
            f"exact ones.\nPages that you run will show slightly different numbers from the book "
            f"where its processor\nand yours round differently: by a few Monte Carlo standard "
            f"errors, as above, and no more."
        )
    return (
        f"This installation does NOT give the book's answer: {len(wrong)} of {len(table)} numbers "
        f"are off, the first\nbeing the {wrong[0]}.\n{ADVICE}"
    )


def on_this_platform(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for the table of platforms: the machine, the versions, the worst difference."""
    off = (table["yours"] - table["exact"]).abs() / table["may differ by"]
    packages = ("pymc", "nutpie", "numba", "numpy")
    row = {
        "system": f"{platform.system()} {re.split('[-+]', platform.release())[0]}",
        "processor": platform.machine(),
        "python": platform.python_version(),
        "versions": " ".join(f"{package}=={version(package)}" for package in packages),
        "numbers": len(table),
        "wrong": int((~table["right"]).sum()),
        "worst_difference": round(STANDARD_ERRORS * off.max(), 2),
    }
    return pd.DataFrame([row])


def record(table: pd.DataFrame, file: Path) -> None:
    """Add this platform to a table of platforms, in place of its earlier row."""
    rows = on_this_platform(table)
    if file.is_file():
        rows = pd.concat([pd.read_csv(file), rows])
    rows = rows.drop_duplicates(["system", "processor", "python", "versions"], keep="last")
    write_table(rows, file)


def main(arguments: Sequence[str] = ()) -> int:
    """Fit, compare, print, and record the result if asked to."""
    parser = argparse.ArgumentParser(prog="python -m bookmaking check")
    parser.add_argument("--to", type=Path, metavar="FILE", help="table to add the result to")
    file = parser.parse_args(arguments).to
    start = monotonic()
    print("Fitting 91 people, 4 chains of 1000 draws ...", flush=True)
    model = ml.partial_pooling(ml.load_mlm(), "con", "id")
    try:
        fit = ml.fit(model, seed=SEED)
    except ml.ConvergenceError as error:
        print(f"This installation does NOT give the book's answer. {error}\n{ADVICE}")
        return 1
    table = compare(ml.summarise(fit), ml.exact_posterior(model))
    names = [f"{statistic} of {name}" for name in SHOWN for statistic in ("mean", "sd")]
    print(table.loc[names, ["exact", "yours", "may differ by"]].round(5).to_string())
    print(f"... and {len(table) - len(names)} more, in {monotonic() - start:.0f} seconds.\n")
    print(in_words(table))
    if file is not None:
        record(table, file)
    return int(not table["right"].all())
