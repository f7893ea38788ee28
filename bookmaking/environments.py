"""Set up the project's environments from hash-locked requirements, with the standard library alone.

usage: python -m bookmaking set-up [book | run | grading | jax | bambi]
"""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bookmaking.locking import only_one
from bookmaking.paths import BUILD, LOCK, ROOT, python_of

OLDEST = (3, 12)
REQUIREMENTS = ROOT / "requirements"
JAX = "jax"


class Environment(NamedTuple):
    """A virtual environment and its contents."""

    folder: Path
    lock: Path
    projects: tuple[Path, ...] = ()
    """Folders of the project, installed as links to them."""
    jax: bool = False
    """Whether JAX is installed, and nothing else: all other packages are those of ``.venv``."""


ENVIRONMENTS = {
    "book": Environment(ROOT / ".venv", LOCK, (ROOT, ROOT / "bookmaking")),
    "run": Environment(ROOT / ".venv", REQUIREMENTS / "run.txt", (ROOT, ROOT / "bookmaking")),
    # ArviZ imports JAX wherever it is installed, which costs every process half a second.
    "jax": Environment(BUILD / "jax", LOCK, jax=True),
    "grading": Environment(
        BUILD / "nbgrader", REQUIREMENTS / "grading.txt", (ROOT, ROOT / "bookmaking")
    ),
    "bambi": Environment(BUILD / "bambi", REQUIREMENTS / "bambi.txt", (ROOT / "bookmaking",)),
}


def set_up(name: str) -> Path:
    """Make an environment, or make it again if its lock or Python changed.

    Parameters
    ----------
    name
        One of ``ENVIRONMENTS``.

    Returns
    -------
    Its interpreter

    Raises
    ------
    SystemExit
        Python is too old, a package cannot be installed, or another process is setting up.
    """
    if name == "jax":
        set_up("book")
    if name == "book" and not LOCK.is_file():  # an edition for students
        name = "run"
    environment = ENVIRONMENTS[name]
    python = python_of(environment.folder)
    if is_ready(name):
        return python
    with only_one(BUILD / "set-up.lock", "A set-up"):
        if not is_ready(name):
            _make(environment, name)
    return python


def is_ready(name: str) -> bool:
    """Return whether an environment exists and agrees with its lock."""
    if name == "run" and _recorded(ENVIRONMENTS["run"])[:1] == ["book"]:  # which includes it
        return is_ready("book")
    return _recorded(ENVIRONMENTS[name]) == _state(name)


def _make(environment: Environment, name: str) -> None:
    """Make an environment again; if its packages have not changed, only link the project."""
    if _recorded(environment)[:2] != _state(name)[:2]:
        _install(environment)
    python = python_of(environment.folder)
    for project in environment.projects:
        _pip(python, "--no-deps", "--no-build-isolation", "--editable", str(project))
    _mark(environment).write_text(" ".join(_state(name)), encoding="utf-8")


def _install(environment: Environment) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        sys.exit(
            f"This book needs Python {'.'.join(map(str, OLDEST))} or newer; this is {version}. "
            "Install one, and name it: make PYTHON=python3.13 ..., or python3.13 -m bookmaking ..."
        )
    folder = environment.folder
    print(
        f"setting up {folder.relative_to(ROOT)} with Python {version}, from the hash-locked "
        f"{environment.lock.relative_to(ROOT).as_posix()} (a few minutes)",
        flush=True,
    )
    shutil.rmtree(folder, ignore_errors=True)
    # Not the interpreter of the environment that is being replaced.
    base = getattr(sys, "_base_executable", sys.executable)
    if subprocess.run([base, "-m", "venv", str(folder)]).returncode != 0:
        sys.exit(
            "Python's module venv is missing or broken; on Debian: apt-get install python3-venv"
        )
    python = python_of(folder)
    jax, others = split(environment.lock.read_text(encoding="utf-8"))
    wanted = folder / "requirements.txt"
    wanted.write_text(jax if environment.jax else others, encoding="utf-8")
    options = ["--no-deps"] if environment.jax else []
    _pip(python, "--require-hashes", *options, "--requirement", str(wanted))
    if environment.jax:
        here, there = (_packages(python_of(each)) for each in (folder, ROOT / ".venv"))
        Path(here, "book.pth").write_text(f"{there}\n{ROOT / 'lib'}\n", encoding="utf-8")


def _pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*command, *arguments]).returncode != 0:
        sys.exit("The set-up failed for the reason that pip gives above. Nothing else was changed.")


def _packages(python: Path) -> str:
    """Return the folder of an environment's packages."""
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _mark(environment: Environment) -> Path:
    return environment.folder / "ready"


def _recorded(environment: Environment) -> list[str]:
    mark = _mark(environment)
    return mark.read_text(encoding="utf-8").split() if mark.is_file() else []


def _state(name: str) -> list[str]:
    """Return an environment's name, and checksums of its packages and of the project's metadata."""
    environment = ENVIRONMENTS[name]
    # An environment cannot be moved: its programs contain the absolute path of the interpreter.
    packages = environment.lock.read_bytes() + str(environment.folder).encode()
    metadata = [project / "pyproject.toml" for project in environment.projects]
    project = b"".join(file.read_bytes() for file in metadata if file.is_file())
    return [name, *(hashlib.sha256(part).hexdigest() for part in (packages, project))]


def split(lock: str) -> tuple[str, str]:
    """Split a lock in two: JAX with what only JAX needs, and the rest.

    Parameters
    ----------
    lock
        A requirements file with hashes, as uv writes it, with a comment below each package that
        lists its dependents.

    Returns
    -------
    Both parts, as requirements files
    """
    blocks = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)[1:]
    needed_by = {_name(block): set(_vias(block)) for block in blocks}
    jax = {JAX}
    while more := {name for name, vias in needed_by.items() if vias and vias <= jax} - jax:
        jax |= more
    parts = [[block for block in blocks if (_name(block) in jax) is side] for side in (True, False)]
    return "".join(parts[0]), "".join(parts[1])


def _name(block: str) -> str:
    return re.split(r"[=\s;\[]", block, maxsplit=1)[0]


def _vias(block: str) -> Iterable[str]:
    comments = re.findall(r"^ +# (?:via)? *(\S.*)?$", block, flags=re.MULTILINE)
    return [comment.strip() for comment in comments if comment.strip()]


def main(arguments: list[str]) -> int:
    """Set up the environments that are named, by default the book's."""
    unknown = [name for name in arguments if name not in ENVIRONMENTS]
    if unknown:
        sys.exit(
            f"Unknown environment {unknown[0]!r}; the environments are {', '.join(ENVIRONMENTS)}."
        )
    for name in arguments or ["book"]:
        set_up(name)
    return 0


def lock(arguments: list[str]) -> int:
    """Solve the dependencies that pyproject.toml lists: requirements.txt and requirements/."""
    uv = BUILD / "uv"
    subprocess.run([sys.executable, "-m", "venv", uv], check=True)
    _pip(python_of(uv), "uv")
    shared = ["--universal", "--python-version", ".".join(map(str, OLDEST)), "--generate-hashes"]
    shared += ["--quiet", "--custom-compile-command", "make lock"]
    everything = ["pyproject.toml", "--all-extras", "--group", "dev"]
    run = ["pyproject.toml", "--group", "run", "--constraint", "requirements.txt"]
    for output, inputs in {
        "requirements.txt": everything,
        "requirements/run.txt": run,
        "requirements/grading.txt": ["--group", "pyproject.toml:grading"],
        "requirements/bambi.txt": ["--group", "pyproject.toml:bambi"],
    }.items():
        command = [str(python_of(uv)), "-m", "uv", "pip", "compile", *shared, *arguments]
        subprocess.run([*command, *inputs, "--output-file", output], cwd=ROOT, check=True)
    return 0
