"""``make check`` says yes to the right answer, and no, with advice, to a wrong one."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import multilevel as ml
from bookmaking import installation
from bookmaking.environments import split
from bookmaking.locking import HELD, only_one
from bookmaking.paths import LOCK, ROOT


@pytest.fixture(scope="module")
def model() -> pm.Model:
    return ml.partial_pooling(ml.load_mlm(), "con", "id")


def test_a_right_installation_is_told_so_and_recorded(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "platforms.csv"
    older = {"system": "Linux 1", "processor": "x", "python": "3.12.0", "versions": "pymc==6.0"}
    pd.DataFrame([older | {"numbers": 188, "wrong": 0, "worst_difference": 3.5}]).to_csv(
        file, index=False
    )
    for _ in "12":  # the second row in place of the first
        assert installation.main(["--to", str(file)]) == 0
    rows = pd.read_csv(file)
    assert rows["python"].tolist() == ["3.12.0", platform.python_version()]
    assert rows["wrong"].tolist() == [0, 0]
    assert 0.5 < rows["worst_difference"][1] < 5
    printed = capsys.readouterr().out
    assert "gives the book's answer: all 188 numbers agree" in printed
    assert "mean of sigma_alpha" in printed
    assert "may differ by" in printed


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "rate"), [("sigma", 200), ("sigma_alpha", 60)])
def test_a_wrong_installation_is_told_so_with_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], scale: str, rate: float
) -> None:
    # An installation that computes something else: here, the posterior of another prior.
    fit, data = ml.fit, ml.load_mlm()
    other: dict[str, Any] = {scale: ml.Prior(pm.Exponential, rate)}
    wrong = ml.partial_pooling(data, "con", "id", **other)
    monkeypatch.setattr(ml, "fit", lambda _, seed: fit(wrong, seed))
    assert installation.main() == 1
    printed = capsys.readouterr().out
    assert "does NOT give the book's answer" in printed
    assert "of 188 numbers are off" in printed
    assert "remove the folder .venv" in printed


@pytest.mark.slow
def test_draws_that_cannot_be_trusted_are_told_so_with_advice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fit = ml.fit
    monkeypatch.setattr(ml, "fit", lambda model, seed: fit(model, seed, draws=20))
    assert installation.main() == 1
    printed = capsys.readouterr().out
    assert "cannot be trusted" in printed
    assert "What to do" in printed


def test_a_single_number_that_is_off_is_found(model: pm.Model) -> None:
    exact = ml.exact_posterior(model)
    ours = exact.assign(mcse_mean=1e-4, mcse_sd=1e-4)
    assert installation.compare(ours, exact)["right"].all()
    ours["mean"] += np.where(ours.index == "alpha[29]", 6e-4, 0)
    table = installation.compare(ours, exact)
    assert table.index[~table["right"]].tolist() == ["mean of alpha[29]"]
    assert "mean of alpha[29]" in installation.in_words(table)


# pip install --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the library as a reader does, but for its dependencies, into a folder of its own."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("lib", "data"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.egg-info"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--target", str(folder), str(source)]
    subprocess.run(command, check=True)
    return folder


@pytest.mark.slow
def test_the_installed_library_has_its_tables_and_types(installed: Path) -> None:
    code = "import multilevel as ml; print(len(ml.load_trolley()), len(ml.load_lecture()))"
    code += "; print(ml.__file__)"
    command = [sys.executable, "-c", code]  # the folder that it runs in comes first
    done = subprocess.run(command, cwd=installed, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["9930", "552", str(installed / "multilevel" / "__init__.py")]
    assert (installed / "multilevel" / "py.typed").is_file()
    assert not list(installed.rglob("calibration.csv"))
    assert not (installed / "bookmaking").exists()


def test_the_installed_library_declares_its_dependencies(installed: Path) -> None:
    (metadata,) = installed.glob("multilevel-*.dist-info/METADATA")
    said = metadata.read_text(encoding="utf-8")
    for name in ("pymc", "nutpie", "arviz", "pandas", "lazy-loader"):
        assert re.search(rf"^Requires-Dist: {name}\b(?!.*extra)", said, re.MULTILINE), name
    for name in ("jax", "duckdb", "distributed"):
        assert re.search(rf"^Requires-Dist: {name}; extra == .scale", said, re.MULTILINE), name
    assert "License-Expression: MIT" in said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["counts", "studies", "compilation"])
def test_modules_that_need_the_extra_are_imported_without_it(name: str) -> None:
    blocked = dict.fromkeys(("duckdb", "dask", "distributed", "jax"))
    code = f"import sys; sys.modules.update({blocked}); import multilevel.{name}"
    subprocess.run([sys.executable, "-c", code], check=True)


# The environments ---------------------------------------------------------------------------------


def test_the_standard_environment_has_all_of_the_lock_but_jax() -> None:
    jax, rest = split(LOCK.read_text(encoding="utf-8"))
    names = [set(re.findall(r"^([\w-]+)==", part, re.MULTILINE)) for part in (jax, rest)]
    assert names[0] == {"jax", "jaxlib", "ml-dtypes", "opt-einsum"}
    assert {"pymc", "numpy", "duckdb", "distributed", "playwright"} <= names[1]
    assert not names[0] & names[1]


def test_what_running_chapters_needs_is_a_part_of_the_lock_with_the_same_versions() -> None:
    def pins(path: Path) -> dict[str, str]:
        found = re.findall(r"^([\w-]+)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        return dict(found)

    everything, run = pins(LOCK), pins(LOCK.parent / "requirements" / "run.txt")
    assert run.items() <= everything.items()
    assert {"pymc", "jupyterlab", "jupytext", "bambi"} <= run.keys()
    assert not {"jax", "duckdb", "distributed", "playwright", "mypy", "sphinx", "nbval"} & set(run)


def test_every_dependency_is_in_its_lock() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = stated["project"], stated["dependency-groups"]
    run = [*project["dependencies"], *groups["run"]]
    everything = run + project["optional-dependencies"]["scale"]
    everything += [line for name in ("book", "test", "browser", "lint") for line in groups[name]]
    locks = {"requirements.txt": everything, "requirements/run.txt": run}
    locks |= {f"requirements/{name}.txt": groups[name] for name in ("grading", "bambi")}
    for lock, dependencies in locks.items():
        text = (ROOT / lock).read_text(encoding="utf-8")
        pins = set(re.findall(r"^([\w-]+)==", text, re.MULTILINE))
        names = {re.split(r"[<>=\[ ]", line)[0] for line in dependencies}
        assert names <= pins, f"{lock} is older than pyproject.toml: run make lock"


def test_a_second_build_says_that_the_first_is_running(tmp_path: Path) -> None:
    lock = tmp_path / "build.lock"
    code = f"""
from pathlib import Path
from bookmaking.locking import only_one
with only_one(Path({str(lock)!r}), "A build"):
    print("built")
"""
    second = [sys.executable, "-c", code]
    with only_one(lock, "A build"):
        others = {name: value for name, value in os.environ.items() if name != HELD}
        done = subprocess.run(second, capture_output=True, text=True, check=False, env=others)
        assert done.returncode == 1
        # What the first one starts itself, and waits for, goes on.
        done = subprocess.run(second, capture_output=True, text=True, check=True)
        assert done.stdout == "built\n"
        done = subprocess.run(second, capture_output=True, text=True, check=False, env=others)
        assert f"A build is already running here, as process {os.getpid()}" in done.stderr
    assert subprocess.run(second, capture_output=True, text=True, check=True).stdout == "built\n"
