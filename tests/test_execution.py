"""Chapters are executed once, by nbval; what fails is not built, and what differs is said."""

import base64
import hashlib
import os
import re
import subprocess
from pathlib import Path
from textwrap import dedent

import nbformat
import pytest

from bookmaking.notebooks import derivation, execution
from bookmaking.notebooks.execution import nbval_command
from bookmaking.paths import ROOT

pytestmark = pytest.mark.slow

# A notebook like a chapter, small enough to be run several times ----------------------------------

CELLS = {
    "setup": """
        import pymc as pm
        import multilevel as ml
        from multilevel import figures
        figures.set_theme()
        mlm = ml.load_mlm().query("id < 80")
        model = ml.partial_pooling(mlm, "con", "id")
        """,
    "fit": "fit = ml.fit(model, seed=1)\nml.diagnose(fit)",
    "model": "ml.summarise(fit)",
    "labels": 'levels = fit["posterior"]["alpha"]\nml.interval(levels)',
    "rows": "ml.interval(levels).head(7)",
    "mass": "ml.interval(levels, prob=0.95)",
    "figure": "_ = figures.forest(ml.summarise(fit, prob=0.95), 'con')",
    "glued": """
        sigma = ml.summarise(fit).loc["sigma"]
        ml.glue("sigma", ml.Quoted(sigma["mean"], sigma["mcse"], ".3f"))
        """,
    "draws": "ml.peek(ml.tidy(levels))",
    "sentence": 'print("Person 6 is near the mean.")',
    "claim": 'assert fit.attrs["seed"] > 0\nprint("The seed is positive.")',
}
PRIOR = 'ml.partial_pooling(mlm, "con", "id", sigma_alpha=ml.Prior(pm.Exponential, 40))'
NUMBER = r"-?\d+\.\d+(e-\d+)?"
# What is changed in a cell, and the message that must follow.
WRONG = {
    "model": (
        "ml.summarise(fit)",
        f"ml.summarise(ml.fit({PRIOR}, seed=1))",
        rf"row 'sigma_alpha', column 'mean': stored {NUMBER}, fresh {NUMBER}, may differ by 0\.0",
    ),
    "labels": (
        "ml.interval(levels)",
        "i = levels['id'].to_numpy().copy()\ni[[0, 2]] = i[[2, 0]]\n"
        "ml.interval(levels.assign_coords(id=i))",
        r"row '0', column 'id': stored 6, fresh 34, may differ by 0",
    ),
    "rows": ("head(7)", "head(6)", r"index: 7 stored, 6 fresh; .* stored '6', fresh None"),
    "mass": (
        "0.95",
        "0.90",
        rf"row '\d+', column '(lower|upper)': stored {NUMBER}, fresh {NUMBER}, may differ by 0\.0",
    ),
    "figure": (
        "0.95",
        "0.90",
        rf"row 'alpha\[\d+\]', column '(lower|upper)': "
        rf"stored {NUMBER}, fresh {NUMBER}, may differ by 0\.0",
    ),
    "glued": (
        '["sigma"]',
        '["sigma_alpha"]',
        rf"column 'value': stored {NUMBER}, fresh {NUMBER}, may differ by 0\.00",
    ),
    "sentence": ("near", "far from", r"stored .*Person 6 is near.* fresh .*Person 6 is far from"),
}


def notebook(changed: dict[str, str] | None = None) -> nbformat.NotebookNode:
    sources = {name: dedent(source).strip() for name, source in CELLS.items()} | (changed or {})
    cells = [nbformat.v4.new_code_cell(sources[name], id=name) for name in CELLS]
    cells[-1].metadata["tags"] = ["raises-exception"]
    return nbformat.v4.new_notebook(cells=cells)


def nbval(folder: Path, notebooks: dict[str, nbformat.NotebookNode]) -> tuple[Path, str]:
    """Execute notebooks; return the folder of what was executed, and what was said."""
    files = [folder / f"{name}.ipynb" for name in notebooks]
    for file, made in zip(files, notebooks.values(), strict=True):
        nbformat.write(made, file)
    executed = folder / "executed"
    command = nbval_command(files, processes=0, executed=executed)
    ran = subprocess.run(
        [*command, "--color=no", "-v"],
        cwd=ROOT,
        env=os.environ | {"MPLBACKEND": "Agg"},  # as in a shell that shows no figures
        capture_output=True,
        text=True,
        check=False,
    )
    return executed, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    executed, said = nbval(tmp_path_factory.mktemp("stored"), {"a-chapter": notebook()})
    assert f"{len(CELLS)} passed" in said, said
    return nbformat.read(executed / "a-chapter.ipynb", as_version=4)


@pytest.fixture(scope="module")
def again(
    stored: nbformat.NotebookNode, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """Execute the notebook again as it is, with another seed, and wrong in every cell of WRONG."""
    wrong = {
        name: dedent(CELLS[name]).strip().replace(right, false)
        for name, (right, false, _) in WRONG.items()
    }
    assert all(wrong[name] != dedent(CELLS[name]).strip() for name in WRONG)
    seed = {"fit": CELLS["fit"].replace("seed=1", "seed=2")}
    made = {"same": notebook(), "seed": notebook(seed), "wrong": notebook(wrong)}
    for each in made.values():
        for cell, old in zip(each.cells, stored.cells, strict=True):
            cell.outputs = old.outputs
    failing = {
        "false-claim": "assert 1 > 2",
        "noisy": "import sys; print('a log', file=sys.stderr)",
    }
    for name, source in failing.items():
        tags = {"tags": ["raises-exception"]}
        cells = [nbformat.v4.new_code_cell(text, metadata=tags) for text in (source, "1 + 1")]
        made[name] = nbformat.v4.new_notebook(cells=cells)
    return nbval(tmp_path_factory.mktemp("again"), made)


def test_a_figure_is_kept_as_vectors_beside_its_notebook_which_has_pixels(
    stored: nbformat.NotebookNode, again: tuple[Path, str]
) -> None:
    data = [output.get("data", {}) for cell in stored.cells for output in cell.get("outputs", [])]
    pictures = [each["image/png"] for each in data if "image/png" in each]
    names = {hashlib.sha256(base64.b64decode(picture)).hexdigest() for picture in pictures}
    drawings = [*(again[0] / "vectors" / "same").iterdir()]
    assert {file.stem for file in drawings} == names
    assert len(names) > 0
    assert all("<svg" in file.read_text(encoding="utf-8") for file in drawings)
    assert not any("image/svg+xml" in each for each in data)


def test_the_same_seed_on_the_same_machine_gives_the_same_outputs(
    stored: nbformat.NotebookNode, again: tuple[Path, str]
) -> None:
    executed, said = again
    fresh = nbformat.read(executed / "same.ipynb", as_version=4)
    for cell, other in zip(stored.cells, fresh.cells, strict=True):
        assert cell.outputs == other.outputs  # figures to the pixel
        assert cell.execution_count == other.execution_count > 0
    assert "same.ipynb, cell" not in said


def test_another_seed_agrees(again: tuple[Path, str]) -> None:
    assert "seed.ipynb, cell" not in again[1]


@pytest.mark.parametrize("name", CELLS)
def test_what_is_wrong_is_said_and_the_message_says_where(
    again: tuple[Path, str], name: str
) -> None:
    number, said = list(CELLS).index(name), again[1]
    where = rf"^wrong\.ipynb, cell {number}: .*"
    if name in WRONG:
        assert re.search(where + WRONG[name][2], said, re.MULTILINE), said
    else:
        assert not re.search(where, said, re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "reason"), [("false-claim", "AssertionError"), ("noisy", "wrote to standard error")]
)
def test_a_page_whose_cell_fails_or_writes_to_standard_error_is_not_made(
    again: tuple[Path, str], name: str, reason: str
) -> None:
    """Whatever its tags say: after such a cell only a reader's run goes on."""
    executed, said = again
    assert re.search(rf"{name}\.ipynb, cell 0:", said), said
    assert reason in said
    assert "2 skipped" in said  # the cells after the two that failed
    assert not (executed / f"{name}.ipynb").exists()
    assert (executed / "same.ipynb").exists()


def test_streams_are_merged(stored: nbformat.NotebookNode, tmp_path: Path) -> None:
    source = "import sys\nfor k in range(3):\n    print(k); sys.stdout.flush()"
    cells = [nbformat.v4.new_code_cell(source)]
    executed, _ = nbval(tmp_path, {"streams": nbformat.v4.new_notebook(cells=cells)})
    (cell,) = nbformat.read(executed / "streams.ipynb", as_version=4).cells
    assert [output.text for output in cell.outputs] == ["0\n1\n2\n"]


# What is executed again, and what is not ----------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a small project, with two chapters that are up to date."""
    for folder in ("chapters", "data", "lib", "executed"):
        (tmp_path / folder).mkdir()
    for name in ("one", "two"):
        (tmp_path / "chapters" / f"{name}.md").write_text(f"# {name}\n")
        (tmp_path / "executed" / f"{name}.ipynb").write_text("{}")
    (tmp_path / "data" / "table.csv").write_text("a\n1\n")
    (tmp_path / "lib" / "models.py").write_text('"""Models."""\nx = 1\n')
    (tmp_path / "lock").write_text("numpy==2\n")
    places = {"CHAPTERS": "chapters", "DATA": "data", "LIBRARY": "lib", "EXECUTED": "executed"}
    for constant, place in (places | {"LOCK": "lock"}).items():
        monkeypatch.setattr(execution, constant, tmp_path / place)
    monkeypatch.setattr(derivation, "CHAPTERS", tmp_path / "chapters")
    for name in ("one", "two"):
        (tmp_path / "executed" / f"{name}.key").write_text(execution.key_of(name))
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "again"),
    [
        ("chapters/one.md", "# One", []),
        ("chapters/one.md", "```{code-cell}\nx = 1\n```\n", ["one"]),
        ("data/table.csv", "a\n2\n", ["one", "two"]),
        ("lib/models.py", "x = 2\n", ["one", "two"]),
        ("lib/models.py", "# Only a comment.\nx = 1\n", []),
        ("lock", "numpy==3\n", ["one", "two"]),
        ("executed/two.key", "", ["two"]),
        ("README.md", "other", []),
    ],
)
def test_a_chapter_is_executed_again_where_something_changed(
    project: Path, file: str, text: str, again: list[str]
) -> None:
    assert execution.outdated(["one", "two"]) == []
    (project / file).write_text(text)
    assert execution.outdated(["one", "two"]) == again
    for path in project.rglob("*"):  # a date alone changes nothing
        os.utime(path)
    assert execution.outdated(["one", "two"]) == again


def test_a_notebook_that_was_edited_alone_stops_what_would_replace_it(project: Path) -> None:
    source, stored = project / "chapters" / "one.md", project / "chapters" / "one.ipynb"
    source.write_text("# One\n\n```{code-cell}\n1 + 1\n```\n")
    notebook = derivation.derive(source)
    derivation.write(notebook, stored)
    derivation.refuse_edited_notebooks(["one"])
    source.write_text("# One\n\n```{code-cell}\n1 + 2\n```\n")  # the usual way round
    derivation.refuse_edited_notebooks(["one"])
    notebook.cells[1].source = "1 + 3"
    derivation.write(notebook, stored)
    before = stored.read_bytes()
    with pytest.raises(
        SystemExit, match=r"(?s)one\.ipynb contains edits \(cell 2\).*jupytext --to md:myst"
    ):
        derivation.refuse_edited_notebooks(["one"])
    assert stored.read_bytes() == before
    source.write_text("# One\n\n```{code-cell}\n1 + 3\n```\n")  # both halves saved alike
    derivation.refuse_edited_notebooks(["one"])
