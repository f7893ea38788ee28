"""Run a study of small fits with a number of workers, and print a line of JSON.

usage: python -m bookmaking.benchmarks.workers WORKERS FITS

A fit is one of those of ``make calibrate``: partial pooling of eight simulated people.
"""

import json
import sys
import time

import multilevel as ml
from bookmaking.studies import calibration

SEED = 1


def main(workers: int, fits: int) -> None:
    """Time the study, the start of its workers included."""
    start = time.monotonic()
    table = ml.run_study(
        calibration.replicate,
        fits,
        SEED,
        workers=workers,
        progress=False,
        name="partial_pooling",
    )
    seconds = time.monotonic() - start
    print(json.dumps({"workers": workers, "fits": len(table), "seconds": round(seconds, 2)}))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(int(sys.argv[1]), int(sys.argv[2]))
