"""Run one stage of a fit to more responses than fit into memory, and print a line of JSON.

usage: python -m bookmaking.benchmarks.large simulate|count|fit FOLDER RESPONSES MEMORY

Responses of a thousand people to the cases of the Trolley study are simulated and written as
Parquet by DuckDB, reduced to distinct rows with counts, and fitted. Every stage is a separate
process, with its time and peak memory; ``import_mb`` is the memory after imports.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd

import multilevel as ml
from bookmaking.benchmarks.gradient import CASES, PREDICTORS, SEED, SLOPES, SPREAD, THRESHOLDS
from bookmaking.benchmarks.measuring import clock

PEOPLE = 1000
COLUMNS = ["id", *PREDICTORS, "response"]


def simulate(folder: Path, responses: int, memory: str) -> dict[str, float]:
    """Write the responses, which never exist in memory together."""
    rng = np.random.default_rng(SEED)
    person = pd.DataFrame({"id": range(PEOPLE), "alpha": rng.normal(0, SPREAD, PEOPLE)})
    case = pd.DataFrame(CASES, columns=PREDICTORS).rename_axis("number").reset_index()
    case["eta"] = CASES @ SLOPES
    response = " + ".join(f"(latent > {threshold})::TINYINT" for threshold in THRESHOLDS)
    file = folder / "responses.parquet"
    with duckdb.connect(config={"memory_limit": memory, "temp_directory": str(folder)}) as database:
        database.register("person", person)
        database.register("cases", case)
        database.execute("SELECT setseed(0.5)")
        database.execute(f"""
            COPY (
                SELECT id, action, contact, intention, (1 + {response})::TINYINT AS response
                FROM (
                    SELECT person.id::SMALLINT AS id, action, contact, intention,
                           alpha + eta + ln(u / (1 - u)) AS latent
                    FROM (
                        SELECT i % {PEOPLE} AS id, floor(random() * {len(CASES)}) AS number,
                               1e-12 + random() * (1 - 2e-12) AS u
                        FROM range({responses}) AS each(i)
                    )
                    JOIN person USING (id) JOIN cases USING (number)
                )
            ) TO '{file}' (FORMAT parquet)
        """)
    return {"file_mb": file.stat().st_size / 1e6}


def count(folder: Path, responses: int, memory: str) -> dict[str, float]:
    """Reduce the responses to distinct rows with counts."""
    table = ml.count_rows(folder / "responses.parquet", COLUMNS, memory)
    table.to_parquet(folder / "counts.parquet")
    if table["count"].sum() != responses:
        sys.exit(f"{table['count'].sum()} responses were counted, not {responses}.")
    return {"distinct_rows": len(table)}


def fit(folder: Path, responses: int, memory: str) -> dict[str, float]:
    """Fit the ordered model with varying intercepts to the counts."""
    table = pd.read_parquet(folder / "counts.parquet")
    scale = pd.CategoricalDtype(list(range(1, 8)), ordered=True)
    table["response"] = table["response"].astype(int).astype(scale)
    model = ml.ordered_logit(table, "response", PREDICTORS, "id", count="count")
    posterior = ml.fit(model, seed=SEED)["posterior"]
    slopes = {name: float(posterior["beta"].sel(predictor=name).mean()) for name in PREDICTORS}
    return slopes | {"sigma_id": float(posterior["sigma_id"].mean())}


def peak_mb() -> float:
    """Return the largest memory of this process so far, in megabytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def main(name: str, folder: Path, responses: int, memory: str) -> None:
    """Do the stage."""
    found: dict[str, Any] = {"responses": responses, "memory": memory, "import_mb": peak_mb()}
    with clock() as took:
        found |= {"simulate": simulate, "count": count, "fit": fit}[name](folder, responses, memory)
    print(json.dumps(found | took))


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] not in ("simulate", "count", "fit"):
        sys.exit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
