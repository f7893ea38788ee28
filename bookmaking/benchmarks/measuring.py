"""Read arguments, measure time and print the report, for both Python scripts of the benchmark.

The report is one line of JSON on standard output, in the form that ``compare.py`` reads:

    model, program, versions    what was fitted, with what
    cpu_seconds, wall_seconds   of stating, compiling and sampling the model, child processes
                                included; not of importing libraries or reading data. Ours includes
                                the log likelihood of every row
    ess_bulk, ess_parameter     the smallest bulk ESS over all parameters that the program reports,
                                and the parameter that has it
    r_hat, divergences          the largest R-hat, and the number of divergent transitions
    means                       posterior mean and its Monte Carlo standard error for each parameter
                                at the level of the population, by the names of our builders
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import arviz as az
import xarray as xr

CHAINS, CORES, DRAWS = 4, 2, 1000

POPULATION = {
    "no pooling": ["alpha", "sigma"],
    "partial pooling": ["alpha_bar", "sigma_alpha", "sigma"],
    "crossed intercepts": ["alpha_bar", "beta", "sigma_actor", "sigma_block"],
    "varying slopes": ["alpha_bar", "beta", "sigma", "sigma_id", "sigma_time_id", "rho_id"],
    "ordered logit": ["threshold", "beta"],
    "ordered logit, varying": ["threshold", "beta", "sigma_id"],
}
"""The models, and their parameters at the level of the population."""


def arguments(usage: str | None) -> argparse.Namespace:
    """Read the command line: ``model``, ``data``, ``seed`` and ``draws``."""
    parser = argparse.ArgumentParser(description=usage)
    parser.add_argument("model", choices=POPULATION)
    parser.add_argument("data", type=Path, help="folder with the tables")
    parser.add_argument("seed", type=int)
    parser.add_argument(
        "--draws",
        type=int,
        default=DRAWS,
        help="draws per chain, after as many steps of adaptation (default: %(default)s)",
    )
    return parser.parse_args()


@contextmanager
def clock() -> Iterator[dict[str, float]]:
    """Measure the CPU and wall seconds of the block, including child processes that ended."""
    took: dict[str, float] = {}
    cpu, wall = _cpu_seconds(), time.monotonic()
    yield took
    took["cpu_seconds"] = _cpu_seconds() - cpu
    took["wall_seconds"] = time.monotonic() - wall


def _name_version(package: str) -> str:
    return f"{package} {version(package)}"


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def report(
    model: str,
    program: str,
    packages: Sequence[str],
    took: dict[str, float],
    posterior: xr.Dataset,
    diverging: xr.DataArray,
) -> None:
    """Print the report on a fit.

    Parameters
    ----------
    model, program
        Names.
    packages
        The packages whose versions are reported.
    took
        Times measured by :func:`clock`.
    posterior
        All parameters that the program reports, those of the population by our names.
    diverging
        Whether each transition diverged.

    Raises
    ------
    ValueError
        A parameter has no ESS or R-hat, because it never changed.
    """
    table = az.summary(posterior, kind="all", round_to="none")
    unknown = table.index[table.isna().any(axis=1)]
    if len(unknown):
        raise ValueError(f"These have no ESS or R-hat: {', '.join(unknown)}.")
    labels = [label for label in table.index if label.split("[")[0] in POPULATION[model]]
    means = table.loc[labels, ["mean", "mcse_mean"]]
    found = {
        "model": model,
        "program": program,
        "versions": ", ".join([*map(_name_version, packages), f"Python {python_version()}"]),
        **took,
        "ess_bulk": table["ess_bulk"].min(),
        "ess_parameter": table["ess_bulk"].idxmin(),
        "r_hat": table["r_hat"].max(),
        "divergences": int(diverging.sum()),
        "means": dict(zip(labels, means.to_numpy().tolist(), strict=True)),
    }
    print(json.dumps(found))
