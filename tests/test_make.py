"""What `make book` does again, and what it leaves alone."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HTML = [["tools/build-html", "."], [".venv/bin/python", "tools/pack.py"]]
CHAPTERS = re.findall(r"chapters/(\S+)", (ROOT / "_toc.yml").read_text())


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Make a tree in which everything is up to date; its files are empty but for the Makefile."""
    for name in ("Makefile", "_toc.yml"):
        shutil.copy(ROOT / name, tmp_path)
    sources = ["_toc.yml", "requirements.txt", "pyproject.toml", "_config.yml", "references.bib"]
    sources += [
        "tools/notebooks.py",
        "tools/build-html",
        "tools/pack.py",
        "tools/set-up",
        "data/README.md",
    ]
    sources += ["lib/multilevel/models.py", "data/mlm.csv", "book/times.py"]
    sources += [f"chapters/{name}.md" for name in CHAPTERS]
    derived = [f"_build/executed/{name}.ipynb" for name in CHAPTERS]
    for age, paths in enumerate([[".venv/bin/ready", "_build/html/.executed"], derived, sources]):
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
            os.utime(tmp_path / path, (1_000_000 - age, 1_000_000 - age))
    return tmp_path


def book(tree: Path) -> list[str]:
    """List what `make book` would do."""
    line = ["make", "--dry-run", "book"]
    variables = {"PATH": os.environ["PATH"]}  # without the settings of a make that runs the tests
    done = subprocess.run(line, cwd=tree, env=variables, capture_output=True, text=True, check=True)
    # A dry run lists what the first step would have done again for the second.
    lines = dict.fromkeys(done.stdout.splitlines())
    return [line for line in lines if not re.match(r"make\b|touch ", line)]


def executed(commands: list[str]) -> list[str]:
    return [found[1] for line in commands if (found := re.search(r"chapters/(\S+)\.md _bu", line))]


def test_nothing_is_done_when_nothing_changed(built: Path) -> None:
    assert book(built) == []


@pytest.mark.parametrize("name", ["estimates", "repeated-measures", "exercise-moral-judgement"])
def test_one_changed_chapter_is_executed_alone_and_the_html_is_built(
    built: Path, name: str
) -> None:
    (built / "chapters" / f"{name}.md").touch()
    commands = book(built)
    assert executed(commands) == [name]
    assert [line.split()[:2] for line in commands[1:]] == HTML


@pytest.mark.parametrize("path", ["lib/multilevel/models.py", "data/mlm.csv", "tools/notebooks.py"])
def test_what_all_chapters_rest_on_executes_them_all(built: Path, path: str) -> None:
    (built / path).touch()
    assert sorted(executed(book(built))) == sorted(CHAPTERS)


@pytest.mark.parametrize("path", ["_config.yml", "book/times.py", "tools/build-html"])
def test_what_concerns_the_html_alone_executes_no_chapter(built: Path, path: str) -> None:
    (built / path).touch()
    assert [line.split()[:2] for line in book(built)] == HTML


def test_chapters_that_read_a_fit_come_after_the_one_that_makes_it(built: Path) -> None:
    (built / "lib/multilevel/models.py").touch()
    order = executed(book(built))
    for reader in ("welcome", "estimates", "agreement", "exercise-another-outcome"):
        assert order.index("repeated-measures") < order.index(reader)
    for reader in ("exercise-moral-predictions", "agreement"):
        assert order.index("exercise-moral-judgement") < order.index(reader)
    for reader in ("predictions", "exercise-one-cluster"):
        assert order.index("crossed-clusters") < order.index(reader)
