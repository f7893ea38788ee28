"""The template of a report: written without outputs, over nothing, and of use for other tables."""

import re
import shutil
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest

from bookmaking import report
from bookmaking.paths import CHAPTERS

CONNECTIVITY = {
    "TABLE = ": """
TABLE = "../data/mlm.csv"
OUTCOME, CLUSTER = "con", "id"
WITHIN, OTHER = ["dan"], ["time"]
build = ml.linear


def reported(outcome):
    return outcome
""",
    "table = raw.copy()": "table = raw.astype({CLUSTER: str})",
}
"""Cells for a table with another kind of outcome, by what the template's cells contain."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of chapters, with the template alone, in which the command writes."""
    shutil.copy(CHAPTERS / f"{report.TEMPLATE}.ipynb", tmp_path)
    monkeypatch.setattr(report, "CHAPTERS", tmp_path)
    return tmp_path


def test_the_template_is_written_without_outputs(folder: Path) -> None:
    assert report.main(["my-study"]) == 0
    written = nbformat.read(folder / "my-study.ipynb", as_version=4)
    nbformat.validate(written)
    code = [cell for cell in written.cells if cell.cell_type == "code"]
    assert len(code) > 15
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert "fits/my-study" in "".join(cell.source for cell in code)
    assert "jupytext" not in written.metadata  # or JupyterLab would write a second file


def test_no_file_is_written_over(folder: Path) -> None:
    report.main([])
    (folder / "my-report.ipynb").write_text("an evening's work")
    for taken in ([], ["my-report"], ["report-template"], ["welcome"]):
        with pytest.raises(SystemExit, match="was not changed; choose another name"):
            report.main(taken)
    assert (folder / "my-report.ipynb").read_text() == "an evening's work"


@pytest.mark.parametrize("wrong", [["../my-report"], ["a b"], ["one", "two"], ["--help"]])
def test_what_is_no_name_is_refused(folder: Path, wrong: list[str]) -> None:
    with pytest.raises(SystemExit, match="usage"):
        report.main(wrong)
    assert [file.name for file in folder.iterdir()] == [f"{report.TEMPLATE}.ipynb"]


@pytest.mark.slow
def test_the_template_runs_with_another_table(monkeypatch: pytest.MonkeyPatch) -> None:
    template = nbformat.read(CHAPTERS / f"{report.TEMPLATE}.ipynb", as_version=4)
    sources = [cell.source for cell in template.cells if cell.cell_type == "code"]
    contrasts = '{"dan": average(dan_within=0.1) - average(dan_within=0)}'
    monkeypatch.chdir(CHAPTERS)
    variables: dict[str, Any] = {}
    with plt.rc_context():
        for source in sources:
            ours = next((cell for part, cell in CONNECTIVITY.items() if part in source), source)
            ours = re.sub(r"(?<=contrasts = )\{.*?\n\}", contrasts, ours, flags=re.S)
            exec(ours.replace(', file="fits/my-report"', ""), variables)
        plt.close("all")
    pd.reset_option("^display")
    change = variables["changes"].loc["dan"]
    rows = variables["table"]
    slope, _ = np.polyfit(rows["dan_within"], rows["con"], 1)  # least squares
    assert change["lower"] < 0.1 * slope < change["upper"]
    assert change["mean"] == pytest.approx(0.1 * slope, abs=0.3 * change["upper"])
