"""Work that is alike is listed, and work that is not is left alone."""

import csv
from pathlib import Path

import nbformat
import pytest

from bookmaking.grading import alike

GIVEN = "import multilevel as ml\ndata = ml.load_mlm()\neffect = None"
MODEL = """
with pm.Model(coords={"id": labels, "row": mlm.index}) as model:
    alpha_bar = pm.Normal("alpha_bar", 0, 1.5)
    sigma_alpha = pm.Exponential("sigma_alpha", 1)
    alpha = pm.Normal("alpha", alpha_bar, sigma_alpha, dims="id")
    pm.Normal("con", alpha[person], 1, observed=con, dims="row")
"""
OTHER = """
fit = ml.fit(ml.partial_pooling(mlm, "con", "id"), seed=5, draws=3000)
posterior = fit["posterior"].dataset
names = ["alpha_bar", "sigma_alpha", "sigma"]
effect = {name: posterior[name] for name in names}
people = posterior["alpha"].sel(id=["s1", "s2", "s3"])
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    _write(tmp_path / "release" / "groups", GIVEN)
    for student, code in {
        "ada": MODEL,
        "bob": f"# my own work\n{MODEL}",
        "eve": MODEL.replace("1.5", "2.5"),
        "zoe": OTHER,
        "tim": "",
    }.items():
        _write(tmp_path / "submitted" / student / "groups", GIVEN + code)
    (tmp_path / "graded" / "groups").mkdir(parents=True)
    for student, draws in {"ada": b"1", "zoe": b"1", "bob": b"2"}.items():
        path = tmp_path / "graded" / "groups" / f"{student}.digests"
        alike.save_digests({"effect": draws}, path)
    return tmp_path


def _write(folder: Path, code: str) -> None:
    folder.mkdir(parents=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(notebook, folder / "exercise-groups.ipynb")


def test_the_same_draws_and_nearly_the_same_code_are_listed(course: Path) -> None:
    path = alike.report(course, "groups", ["ada", "bob", "eve", "tim", "zoe", "absent"])
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["what"], row["students"]) for row in csv.DictReader(file)]
    assert rows[:2] == [
        ("the same draws of effect", "ada zoe"),
        ("nearly the same code", "ada bob"),  # comments and what was handed out do not count
    ]
    assert set(rows[2:]) == {
        ("nearly the same code", "ada eve"),
        ("nearly the same code", "bob eve"),
    }
