"""Write the tables that the project records in ``data``, with their checksums.

usage: python -m bookmaking.recording

writes the checksums of all tables anew, after one was replaced on purpose.
"""

import hashlib
from pathlib import Path

import pandas as pd

from bookmaking.paths import DATA
from multilevel.files import atomic

SUMS = "SHA256SUMS"


def write_table(table: pd.DataFrame, file: Path) -> None:
    """Write a table atomically; in ``data``, its checksum as well, which the tests compare."""
    with atomic(file) as temporary:
        table.to_csv(temporary, index=False)
    if file.parent == DATA:
        write_checksums()


def write_checksums() -> None:
    """Write ``data/SHA256SUMS`` as the tables are now."""
    with atomic(DATA / SUMS) as temporary:
        temporary.write_text(checksums(), encoding="utf-8", newline="\n")


def checksums() -> str:
    """Return the checksums of all tables in ``data``, in the form of ``sha256sum``."""
    files = sorted(DATA.glob("*.csv"))
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files]
    return "".join(lines)


if __name__ == "__main__":
    write_checksums()
