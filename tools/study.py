"""Run the study of the page "Does pooling really win?" at full length: data/pooling.csv.

usage: study.py [--scheduler ADDRESS] [--workers N]

The experiment is what that page shows: its cells with the tag ``experiment``. Finished replicates
are kept in _build/studies, so that a study that was stopped goes on where it was.
"""

import argparse
import importlib
import sys
from pathlib import Path
from types import ModuleType

import jupytext
import pandas as pd
from calibrate import write

from multilevel.studies import SOURCES, code_state, run_study

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "chapters" / "does-pooling-win.md"
TABLE = ROOT / "data" / "pooling.csv"
STUDIES = ROOT / "_build" / "studies"
REPLICATES, SEED = 200, 2026


def experiment() -> str:
    """Give the code of the experiment, as the page shows it."""
    cells = jupytext.read(PAGE, fmt="md:myst").cells
    shown = [cell.source for cell in cells if "experiment" in cell.metadata.get("tags", [])]
    return "\n\n".join(shown) + "\n"


def load(code: str) -> ModuleType:
    """Make the experiment a module, which worker processes can import too."""
    STUDIES.mkdir(parents=True, exist_ok=True)
    (STUDIES / "pooling_experiment.py").write_text(code)
    sys.path.insert(0, str(STUDIES))
    return importlib.import_module("pooling_experiment")


def main(arguments: list[str]) -> None:
    """Run the study, or what is left of it, and store the mean squared errors."""
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS)
    parser.add_argument("--scheduler")
    parser.add_argument("--workers", type=int)
    options = vars(parser.parse_args(arguments))
    code = experiment()
    page = load(code)
    errors = run_study(
        page.replicate,
        REPLICATES,
        SEED,
        STUDIES / f"pooling-{code_state([code, *(path.read_text() for path in SOURCES)])}",
        conditions=page.CONDITIONS,
        **options,
    )
    groups = {
        "size": ["population", "spread", "size"],
        "distance": ["population", "spread", "size", "far"],
    }
    errors["far"] = page.how_far(errors)
    tables = [page.mean_squares(errors, by).assign(by=name) for name, by in groups.items()]
    about = {"replicates": REPLICATES, "seed": SEED, "code_sha256": code_state([code])}
    write(pd.concat(tables).assign(**about), TABLE)


if __name__ == "__main__":
    main(sys.argv[1:])
