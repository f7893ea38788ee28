"""Pack the built pages, and the notebooks with the files that they need, beside the pages."""

from collections.abc import Iterable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from bookmaking.paths import HTML, ROOT
from multilevel.files import atomic

NOTEBOOKS_ZIP, PAGES_ZIP = "multilevel-notebooks.zip", "multilevel-html.zip"
"""Names that the pages link to; the second holds the first, but not itself."""

LIBRARY = ["LICENSE", "README.md", "pyproject.toml", ".python-version"]
LIBRARY += ["lib/multilevel/*.py", "lib/multilevel/*.pyi", "lib/multilevel/py.typed"]
"""Files from which the library is installed, besides data."""
RUNNING = ["requirements/run.txt", "bookmaking/pyproject.toml"]
RUNNING += [f"bookmaking/{name}.py" for name in ("__init__", "__main__", "paths", "locking")]
RUNNING += [f"bookmaking/{name}.py" for name in ("environments", "installation", "ready")]
RUNNING += [f"bookmaking/{name}.py" for name in ("lab", "contents")]
"""Files that set up an environment, check it, open JupyterLab and check an exercise."""
NEEDED = [*LIBRARY, *RUNNING, "Makefile", "_toc.yml", "data/*", "chapters/*.md"]
NEEDED += ["chapters/*.ipynb", "bookmaking/grading/__init__.py", "bookmaking/grading/marking.py"]
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
    """Pack the notebooks, and the built pages."""
    notebooks = (file for pattern in NEEDED for file in ROOT.glob(pattern))
    pack(HTML / NOTEBOOKS_ZIP, ROOT, notebooks)
    pack_pages(HTML)


def pack_pages(html: Path) -> None:
    """Pack built pages, in their own folder."""
    left_out = (PAGES_ZIP, ".")
    pages = (file for file in html.rglob("*") if not file.name.startswith(left_out))
    pack(html / PAGES_ZIP, html, pages)
