"""The first cells of a chapter wait for no library that they do not use."""

import subprocess
import sys

import nbformat

from bookmaking.paths import CHAPTERS

SLOW = {"numba", "nutpie", "arviz_plots", "pandera", "bambi", "dask", "jax", "myst_nb", "sphinx"}


def test_the_first_cell_and_a_number_of_the_text_load_no_other_slow_library() -> None:
    notebook = nbformat.read(CHAPTERS / "repeated-measures.ipynb", as_version=4)
    first = next(cell.source for cell in notebook.cells if cell.cell_type == "code")
    code = f"{first}\nml.glue('rows', len(mlm))\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "pymc" in loaded
    assert not loaded & SLOW
