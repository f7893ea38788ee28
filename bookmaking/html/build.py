"""Build the HTML from executed notebooks, from scratch, with warnings as errors."""

import re
import shutil
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

from fontTools.subset import Subsetter
from fontTools.ttLib import TTFont

from bookmaking.html import slides
from bookmaking.paths import BOOKMAKING, BUILD, ROOT, TOC

HERE = BOOKMAKING / "html"
COPIED = ["_config.yml"]
ASSETS = ["static", "templates", "favicon.svg"]
ICON = re.compile(r"fa-[a-z-]+")
DRAWN = re.compile(r'(?<![\w"-])"?([\w-]+)"?:\[\d+,\d+,\[[^\]]*\],"\w+",(?:"[^"]*"|\[[^\]]*\])\],?')
"""An icon among those of FontAwesome, with its name."""
WRITTEN = re.compile(r"(?:\.fa-[\w-]+::?before,?)+\{content:[^}]*\}")
"""The same icon for style sheets, which would write it in a font."""
LETTER = re.compile(r"\\f[0-9a-f]{3}\b|[\ue000-\uf8ff]")
"""An icon that a style sheet does write, as a letter of the font or as its number."""
EARLY = re.compile(r'<link rel="preload" as="script"[^>]*>\s*')
FONT = re.compile(r"url\(\.\./(vendor[^)]+solid[^)]+)\.woff2\) format\(.woff2.\)")


def build(notebooks: Sequence[Path], folder: Path = BUILD, toc: Path = TOC) -> Path:
    """Build the pages of a book.

    Parameters
    ----------
    notebooks
        The executed notebooks of the chapters.
    folder
        Folder to work in. Files of an earlier build are removed.
    toc
        The table of contents.

    Returns
    -------
    The folder of the pages, ``html``

    Raises
    ------
    SystemExit
        Sphinx warned or failed, or a page is missing; its log is printed.
    """
    source, html = folder / "source", folder / "html"
    for old in (source, html, folder / "_build"):
        shutil.rmtree(old, ignore_errors=True)
    (source / "chapters").mkdir(parents=True)
    for name in COPIED:
        shutil.copy(ROOT / name, source)
    for name in ASSETS:
        copy = shutil.copytree if (HERE / name).is_dir() else shutil.copy
        copy(HERE / name, source / name)
    shutil.copy(toc, source / "_toc.yml")
    for notebook in notebooks:
        shutil.copy(notebook, source / "chapters")

    options = ["-W", "-n", "--keep-going"]
    done = _jupyter_book(["build", str(source), "--path-output", str(folder), *options])
    expected = [html / "index.html"]
    expected += [html / "chapters" / f"{notebook.stem}.html" for notebook in notebooks]
    made = folder / "_build" / "html"
    if done.returncode == 0 and made.is_dir():
        made.replace(html)
    missing = [page.name for page in expected if not page.is_file() or not page.stat().st_size]
    if done.returncode != 0 or missing:
        sys.exit(f"{done.stdout}{done.stderr}\nThe pages were not built: {', '.join(missing)}")
    _lighten(html)
    slides.make(html, toc)
    print(f"built {len(notebooks)} pages: open {html / 'index.html'}", flush=True)
    return html


def _lighten(html: Path) -> None:
    """Leave out what no page needs: maps of the theme's code, haste, and all icons but a few."""
    for unused in html.rglob("*.map"):
        unused.unlink()
    for page in html.rglob("*.html"):
        _edit(page, EARLY, lambda link: "")
    scripts = html / "_static" / "scripts"
    users = [*html.rglob("*.html"), *scripts.glob("*theme*.js")]
    used = {name for file in users for name in ICON.findall(file.read_text(encoding="utf-8"))}
    _edit(scripts / "fontawesome.js", DRAWN, lambda icon: icon[0] * (f"fa-{icon[1]}" in used))

    static = html / "_static"
    theme = static / "styles" / "pydata-sphinx-theme.css"
    _edit(theme, WRITTEN, lambda icon: "")
    styles = [file.read_text(encoding="utf-8") for file in static.rglob("*.css")]
    letters = {letter for text in styles for letter in LETTER.findall(text)}
    numbers = [int(letter[1:], 16) if letter[1:] else ord(letter) for letter in letters]
    _edit(theme, FONT, lambda font: _inlined(static / f"{font[1]}.ttf", numbers))


def _edit(file: Path, pattern: re.Pattern[str], wanted: Callable[[re.Match[str]], str]) -> None:
    file.write_text(pattern.sub(wanted, file.read_text(encoding="utf-8")), encoding="utf-8")


def _inlined(font: Path, letters: list[int]) -> str:
    """Return a font with these letters alone, to stand in a style sheet."""
    loaded, part, packed = TTFont(font), Subsetter(), BytesIO()
    part.populate(unicodes=letters)
    part.subset(loaded)
    loaded.flavor = "woff"
    loaded.save(packed)
    return f'url("data:font/woff;base64,{b64encode(packed.getvalue()).decode()}") format("woff")'


def _jupyter_book(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    program = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


def links(arguments: list[str]) -> int:
    """Check the external links."""
    options = ["--path-output", str(BUILD / "links"), "--builder", "linkcheck"]
    done = _jupyter_book(["build", str(BUILD / "source"), *options])
    print(done.stdout + done.stderr)
    return done.returncode
