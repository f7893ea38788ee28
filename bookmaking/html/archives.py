"""Pack the built pages, and the notebooks with the files that they need, beside the pages."""

import re
from collections.abc import Iterable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from bookmaking.paths import CHAPTERS, HTML, ROOT, pages
from multilevel.files import atomic

NOTEBOOKS_ZIP, PAGES_ZIP = "multilevel-notebooks.zip", "multilevel-html.zip"
EPUB, BOOK_PDF = "multilevel-models.epub", "multilevel-models.pdf"
"""Names that the pages link to; the second holds the first, but neither itself nor the others."""
OFFLINE = re.compile(r'<span class="offline">.*?</span>')
"""Where a page leads to the archive of the pages, which a page from an archive does not do."""

LIBRARY = ["LICENSE", "README.md", "pyproject.toml", ".python-version"]
LIBRARY += ["lib/multilevel/*.py", "lib/multilevel/*.pyi", "lib/multilevel/py.typed"]
"""Files from which the library is installed, besides data."""
RUNNING = ["requirements/run.txt", "bookmaking/pyproject.toml"]
RUNNING += [f"bookmaking/{name}.py" for name in ("__init__", "__main__", "paths", "locking")]
RUNNING += [f"bookmaking/{name}.py" for name in ("environments", "installation", "ready")]
RUNNING += [f"bookmaking/{name}.py" for name in ("lab", "contents", "report", "recording")]
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
            info = ZipInfo.from_file(file, Path(archive.stem) / file.relative_to(folder))
            content = file.read_bytes()
            if file.suffix == ".html":
                content = OFFLINE.sub("", content.decode("utf-8")).encode()
            packed.writestr(info, content, ZIP_DEFLATED)


def pack_both() -> None:
    """Pack the notebooks of the book, and no others beside them, and the built pages."""
    names = {*pages()}
    files = (file for pattern in NEEDED for file in ROOT.glob(pattern))
    notebooks = (file for file in files if file.parent != CHAPTERS or file.stem in names)
    pack(HTML / NOTEBOOKS_ZIP, ROOT, notebooks)
    pack_pages(HTML)


def pack_pages(html: Path) -> None:
    """Pack built pages, in their own folder."""
    left_out = (PAGES_ZIP, EPUB, BOOK_PDF, ".")
    pages = (file for file in html.rglob("*") if not file.name.startswith(left_out))
    pack(html / PAGES_ZIP, html, pages)


def offer(name: str, words: str, html: Path = HTML) -> None:
    """Link a file beside the pages from each page, where it says what can be read offline."""
    link = f', <a href="../{name}">{words}</a>'
    for page in sorted((html / "chapters").glob("*.html")):
        text = page.read_text(encoding="utf-8")
        if link not in text:
            linked = OFFLINE.sub(lambda line: line[0].replace(".</span>", f"{link}.</span>"), text)
            with atomic(page) as temporary:
                temporary.write_text(linked, encoding="utf-8", newline="\n")
