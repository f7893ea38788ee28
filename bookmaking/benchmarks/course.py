"""Fit all five models of the course in one process, each with LOO, and print a line of JSON.

A run with cold caches is given an empty folder for PyTensor's compiled code by ``growth.py``.
"""

import json

import multilevel as ml
from bookmaking.benchmarks.ours import STUDIES
from bookmaking.paths import DATA


def main() -> None:
    """Fit, check, and compare models, as the chapters do."""
    elpd = {}
    for name, study in STUDIES.items():
        model = study.state(study.load(DATA))
        fit = ml.fit(model, seed=study.seed, **study.settings)
        elpd[name] = float(ml.loo(fit)["elpd"].sum())
    print(json.dumps({"elpd": elpd}))


if __name__ == "__main__":
    main()
