"""Fit a model, load the tables, make a study, execute a page and build it, all in a folder.

usage: python -m tests.small_book FOLDER
"""

import locale
import subprocess
import sys
from pathlib import Path

import multilevel as ml
from bookmaking.html.build import build
from bookmaking.notebooks.derivation import derive, write
from bookmaking.notebooks.execution import nbval_command
from bookmaking.paths import ensure_home
from tests import replicates

PAGE = """# Größe – α̅

Σ is not “sigma”.

```{code-cell}
import pymc as pm
import multilevel as ml
from multilevel import figures

figures.set_theme()
data = ml.load_mlm()
model = ml.no_pooling(data[data["id"] < 40], "con", "id")
fit = ml.fit(model, seed=1)
print("α − β")
```

```{code-cell}
:tags: [remove-output]

_ = figures.forest(ml.summarise(fit), "con")
```
"""


def main(folder: Path) -> None:
    """Do it, and say so."""
    data = ml.load_mlm()
    fit = ml.fit(ml.no_pooling(data[data["id"] < 40], "con", "id"), seed=1)  # home as it is
    ensure_home(folder / "home")
    print(locale.getencoding(), Path.home(), fit.attrs["sampler"])
    rows = [len(load()) for load in (ml.load_mlm, ml.load_chimpanzees, ml.load_trolley)]
    assert rows == [225, 504, 9930], rows
    for _ in range(2):  # the second time the results are read
        study = ml.run_study(replicates.draw, 2, 1, folder / "study", workers=0, progress=False)
        assert len(study) == 4
    source, notebook = folder / "small.md", folder / "small.ipynb"
    source.write_text(PAGE, encoding="utf-8")
    write(derive(source), notebook)
    command = nbval_command([notebook], processes=0, executed=folder / "executed")
    subprocess.run(command, check=True)
    toc = folder / "_toc.yml"
    toc.write_text("format: jb-book\nroot: chapters/small\n", encoding="utf-8")
    html = build([folder / "executed" / "small.ipynb"], folder / "book", toc)
    page = (html / "chapters" / "small.html").read_text(encoding="utf-8")
    for text in ("Größe – α̅", "“sigma”", "α − β"):
        assert text in page, text


if __name__ == "__main__":
    main(Path(sys.argv[1]))
