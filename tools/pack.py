"""Pack the built pages, and the notebooks with all that they need, into two zip files in _build.

usage: pack.py
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
NOTEBOOKS = [
    *("Makefile", "LICENSE", "README.md", "_toc.yml", ".python-version"),
    *("pyproject.toml", "requirements.txt", "chapters/*.md", "chapters/*.ipynb"),
    *("data/*", "lib/multilevel/*.py", "tools/*"),
]
"""With these, `make lab` and `make check` work where the archive is unpacked."""


def pack(archive: Path, folder: Path, files: Iterable[Path]) -> None:
    """Write files into an archive, under one folder named as the archive, whole or not at all.

    Parameters
    ----------
    archive
        The zip file.
    folder
        What the files' names in the archive are relative to.
    files
        The files.
    """
    temporary = archive.with_suffix(f".{os.getpid()}.tmp")
    try:
        with ZipFile(temporary, "w", ZIP_DEFLATED) as packed:
            for file in sorted(files):
                packed.write(file, Path(archive.stem) / file.relative_to(folder))
        temporary.replace(archive)
    finally:
        temporary.unlink(missing_ok=True)


def main() -> None:
    """Pack both."""
    html = BUILD / "html"
    pages = (file for file in html.rglob("*") if file.is_file() and not file.name.startswith("."))
    pack(BUILD / "multilevel-html.zip", html, pages)
    notebooks = (file for pattern in NOTEBOOKS for file in ROOT.glob(pattern) if file.is_file())
    pack(BUILD / "multilevel-notebooks.zip", ROOT, notebooks)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    main()
