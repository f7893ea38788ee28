"""Keep the notebooks that nbval executes, and compare outputs by our rule: a pytest plugin.

usage: pytest -p bookmaking.notebooks.nbval_plugin _build/run/chapters/NAME.ipynb

A cell that raises, or that writes to standard error, fails: such a page is not built, whatever the
tags of the cell. Outputs that differ from the stored ones do not stop a build, since a reader may
have changed a prior; they are listed at the end, and ``make test`` refuses them.
"""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from bookmaking.notebooks.derivation import write
from bookmaking.notebooks.outputs import disagreements
from bookmaking.notebooks.storing import as_stored, keep_vector
from bookmaking.paths import EXECUTED

STEP = 5  # s: the next run does not change a time that is rounded to it
VECTOR = "image/svg+xml"
DIFFERS = "differs from the stored notebook"


class CellFailure(Exception):
    """A cell raised, or wrote to standard error."""


class ExecutedFile(IPyNbFile):  # type: ignore[misc]
    """A notebook that is written to ``_build/executed`` when all its cells ran."""

    start = 0.0
    failed = False

    def collect(self) -> Iterator[pytest.Item]:
        """Collect all code cells; nbval would compare only those that were executed before."""
        for item in super().collect():
            item.cell["execution_count"] = 0
            yield item

    def setup(self) -> None:
        """Start the clock and the kernel."""
        self.start = time.monotonic()
        shutil.rmtree(self.vectors, ignore_errors=True)
        super().setup()

    @property
    def vectors(self) -> Path:
        """Folder of the figures of this chapter as vectors, which its notebook has as pixels."""
        return Path(self.config.getoption("executed")) / "vectors" / self.path.stem

    def teardown(self) -> None:
        """Write the executed notebook, if every cell ran, and stop the kernel."""
        code = [cell for cell in self.nb.cells if cell.cell_type == "code"]
        if not self.failed and all("fresh" in cell for cell in code):
            for number, cell in enumerate(code, start=1):
                cell["outputs"], cell["execution_count"] = cell.pop("fresh"), number
                for output in cell.outputs:
                    if output.output_type == "execute_result":
                        output["execution_count"] = number
            seconds = time.monotonic() - self.start
            self.nb.metadata["seconds_to_run"] = STEP * max(1, round(seconds / STEP))
            write(self.nb, Path(self.config.getoption("executed")) / self.path.name)
        super().teardown()


def keep_outputs(self: IPyNbCell, test: list[Any], ref: list[Any], _: object = None) -> bool:
    """Replace nbval's comparison: keep the outputs, and record differences."""
    for output in test:
        if output["output_type"] == "error":
            raise CellFailure("\n".join(output["traceback"]))
        if output.get("name") == "stderr":
            raise CellFailure(f"The cell wrote to standard error:\n{output['text']}")
    vectors = [output.get("data", {}).pop(VECTOR, None) for output in test]
    self.cell["fresh"] = [as_stored(output) for output in test]
    for output, vector in zip(self.cell["fresh"], vectors, strict=True):
        if vector:
            keep_vector(vector, output.data["image/png"], self.parent.vectors)
    for line in disagreements(ref, test) if ref else []:
        self.user_properties.append((DIFFERS, f"{self.path.name}, cell {self.cell_num}: {line}"))
    return True


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the folder of the executed notebooks."""
    parser.addoption("--executed", default=str(EXECUTED), help="where executed notebooks go")


def pytest_configure(config: pytest.Config) -> None:
    """Let nbval keep outputs, and kernels show figures, whatever the user's environment."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    os.environ["ALSO_AS"] = "svg"
    IPyNbCell.compare_outputs = keep_outputs


def pytest_collect_file(file_path: Path, parent: Any) -> Any:
    """Collect notebooks; nbval's collection is switched off."""
    return (
        ExecutedFile.from_parent(parent, path=file_path) if file_path.suffix == ".ipynb" else None
    )


def pytest_runtest_setup(item: Any) -> None:
    """Skip the cells after a cell that failed."""
    if item.parent.failed:
        pytest.skip("a cell before this one failed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: Any, call: pytest.CallInfo[None]) -> Any:
    """Record that a cell failed, with the message of the error."""
    report = yield
    if call.excinfo is not None and report.failed:
        item.parent.failed = True
        if isinstance(call.excinfo.value, CellFailure):
            where = f"{item.path.name}, cell {item.cell_num}:\n{item.cell.source}"
            report.longrepr = f"{where}\n\n{call.excinfo.value}"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List the differences from the stored notebooks."""
    reports = terminalreporter.stats.get("passed", [])
    lines = [text for report in reports for name, text in report.user_properties if name == DIFFERS]
    if lines:
        terminalreporter.section("outputs that differ from the stored ones", sep="-")
        terminalreporter.write_line("\n".join(lines))
