"""Before handing in, a student learns what is still missing."""

from pathlib import Path

import nbformat
import pytest

from bookmaking import ready

START = 'import numpy as np\nimport multilevel as ml\nSTUDENT = "{}"\nml.variant(STUDENT)'
DRAWS = "effect = np.random.default_rng(1).normal(size=(4, {}))"
HAND_IN = [
    'ml.hand_in(\n    "effect", effect, draws=()\n)',
    "ml.hand_in('share', share)",
]


def notebook(path: Path, words: str, *code: str) -> Path:
    task = nbformat.v4.new_markdown_cell("**To write**")
    task.metadata["nbgrader"] = {"task": True, "grade_id": "report"}
    cells = [task, nbformat.v4.new_markdown_cell(words)]
    made = nbformat.v4.new_notebook(cells=cells + list(map(nbformat.v4.new_code_cell, code)))
    nbformat.write(made, path)
    return path


@pytest.mark.slow
def test_what_is_ready_may_be_handed_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = START.format("s417"), DRAWS.format(500), "share = 0.5", *HAND_IN
    path = notebook(tmp_path / "x.ipynb", "People differ.", *code)
    before = path.read_bytes()
    assert ready.main([str(path)]) == 0
    said = capsys.readouterr().out
    assert "effect: 4 chains of 500 draws of 1" in said
    assert "report: 2 words" in said
    assert "worked out for the id 's417'" in said
    assert said.endswith("Ready: hand in x.ipynb, this one file.\n")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The cells were run in another order than they stand in.
    code = START.format("demo"), "share = half", "half = 0.5", DRAWS.format(50), *HAND_IN
    path = notebook(tmp_path / "x.ipynb", ready.EMPTY, *code)
    assert ready.main([str(path)]) == 1
    said = capsys.readouterr().out
    assert "the cell that begins “share = half” fails. NameError" in said
    assert "effect: R-hat" in said
    assert "at least 1000" in said
    assert "share: nothing handed in yet" in said
    assert "report: nothing is written below this task" in said
    assert "STUDENT: put your own id" in said
    assert said.endswith("Not ready yet.\n")


def test_a_file_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        ready.main(["nowhere.ipynb"])
    assert "no file nowhere.ipynb" in capsys.readouterr().err


def test_a_damaged_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.ipynb").write_text("<html>")
    with pytest.raises(SystemExit):
        ready.main([str(tmp_path / "x.ipynb")])
    assert "x.ipynb is damaged or not a notebook" in capsys.readouterr().err
