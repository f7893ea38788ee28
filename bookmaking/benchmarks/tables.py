"""Write the book's three tables in a form that any program reads, into a folder."""

import sys
from pathlib import Path

import multilevel as ml


def main(folder: Path) -> None:
    """Write ``mlm.csv``, ``chimpanzees.csv`` and ``trolley.csv``, the last in long form."""
    for name, table in {
        "mlm": ml.load_mlm(),
        "chimpanzees": ml.load_chimpanzees(),
        "trolley": ml.load_trolley(),
    }.items():
        table.to_csv(folder / f"{name}.csv", index=False)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bookmaking.benchmarks.tables FOLDER")
    main(Path(sys.argv[1]))
