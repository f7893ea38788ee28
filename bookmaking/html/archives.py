"""Pack the built pages, and the notebooks with the files that they need, as archives in _build."""

from collections.abc import Iterable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from bookmaking.paths import BUILD, HTML, ROOT
from multilevel.files import atomic

LIBRARY = ["LICENSE", "README.md", "pyproject.toml", ".python-version"]
LIBRARY += ["lib/multilevel/*.py", "lib/multilevel/*.pyi", "lib/multilevel/py.typed"]
"""Files from which the library is installed, besides data."""
RUNNING = ["requirements/run.txt", "bookmaking/pyproject.toml"]
RUNNING += [f"bookmaking/{name}.py" for name in ("__init__", "__main__", "paths", "locking")]
RUNNING += [f"bookmaking/{name}.py" for name in ("environments", "installation", "ready")]
RUNNING += [f"bookmaking/{name}.py" for name in ("lab", "contents")]
"""Files that set up an environment, check it, open JupyterLab and check an exercise."""
NOTEBOOKS = [*LIBRARY, *RUNNING, "Makefile", "_toc.yml", "data/*", "chapters/*.md"]
NOTEBOOKS += ["chapters/*.ipynb", "bookmaking/grading/__init__.py", "bookmaking/grading/marking.py"]
"""With these, ``make lab`` and ``make check`` work where the archive is unpacked."""


def pack(archive: Path, folder: Path, files: Iterable[Path]) -> None:
    """Write files into an archive, under one folder named as the archive, atomically.

    Parameters
    ----------
    archive
        The zip file.
    folder
        Folder to which the files' names in the archive are relative.
    files
        The files.
    """
    with atomic(archive) as temporary, ZipFile(temporary, "w", ZIP_DEFLATED) as packed:
        for file in sorted(file for file in files if file.is_file()):
            packed.write(file, Path(archive.stem) / file.relative_to(folder))


def pack_both() -> None:
    """Pack the built pages, and the notebooks."""
    pages = (file for file in HTML.rglob("*") if not file.name.startswith("."))
    pack(BUILD / "multilevel-html.zip", HTML, pages)
    notebooks = (file for pattern in NOTEBOOKS for file in ROOT.glob(pattern))
    pack(BUILD / "multilevel-notebooks.zip", ROOT, notebooks)
