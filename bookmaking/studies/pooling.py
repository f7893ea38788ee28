"""Run the study of the page "Does pooling really win?" at full length: data/pooling.csv.

usage: python -m bookmaking study [--scheduler ADDRESS] [--workers N]

The experiment is what that page shows: its cells with the tag ``experiment``. Finished replicates
are kept in _build/studies, so that an interrupted study can be resumed.
"""

import argparse
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import jupytext
import pandas as pd

from bookmaking.paths import BUILD, CHAPTERS, DATA
from bookmaking.recording import write_table
from multilevel.files import atomic, code_state
from multilevel.studies import run_study

PAGE = CHAPTERS / "does-pooling-win.md"
TABLE = DATA / "pooling.csv"
STUDIES = BUILD / "studies"
REPLICATES, SEED = 200, 2026


def experiment() -> str:
    """Return the code of the experiment, as on the page."""
    cells = jupytext.read(PAGE, fmt="md:myst").cells
    shown = [cell.source for cell in cells if "experiment" in cell.metadata.get("tags", [])]
    return "\n\n".join(shown) + "\n"


def load(code: str) -> ModuleType:
    """Return the experiment as a module; worker processes get its functions by value."""
    path = STUDIES / "pooling_experiment.py"
    with atomic(path) as temporary:
        temporary.write_text(code, encoding="utf-8")
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(arguments: list[str]) -> int:
    """Run the study, or the rest of it, and store the mean squared errors."""
    parser = argparse.ArgumentParser(prog="python -m bookmaking study")
    parser.add_argument("--scheduler")
    parser.add_argument("--workers", type=int)
    options = vars(parser.parse_args(arguments))
    code = experiment()
    page, state = load(code), code_state([code])
    errors = run_study(
        page.replicate,
        REPLICATES,
        SEED,
        STUDIES / f"pooling-{state}",
        conditions=page.CONDITIONS,
        **options,
    )
    groups = {
        "size": ["population", "spread", "size"],
        "distance": ["population", "spread", "size", "far"],
    }
    errors["far"] = page.how_far(errors)
    tables = [page.mean_squares(errors, by).assign(by=name) for name, by in groups.items()]
    about = {"replicates": REPLICATES, "seed": SEED, "code_sha256": state}
    write_table(pd.concat(tables).assign(**about), TABLE)
    return 0
