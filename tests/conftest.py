"""What all tests share: figures are drawn without a screen, and the longest files come first."""

from collections.abc import Iterator
from typing import Any, NoReturn

import matplotlib
import pytest

from multilevel import compilation
from tests.chromium import CHROMIUM, FLAGS

matplotlib.use("Agg")
matplotlib.rcParams["figure.max_open_warning"] = 0  # examples in docstrings leave theirs open

collect_ignore = ["submissions"]  # what students hand in

LONGEST = ["test_grading.py", "test_browser.py", "test_nbgrader.py", "test_calibration.py"]
LONGEST += ["test_refit.py", "test_studies.py", "test_compilation.py", "test_sandbox.py"]
LONGEST += ["test_exact.py", "test_own_data.py", "test_lab.py", "test_storage.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest: two processes share the files, and neither waits at the end."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))


@pytest.fixture(scope="session", autouse=True)
def skip_what_compiles_a_model(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave out of ``make quick`` every test that compiles a model, which takes seconds."""

    def leave_out(*_: Any, **__: Any) -> NoReturn:
        pytest.skip("compiles a model: make test runs it")

    with pytest.MonkeyPatch.context() as patch:
        if request.config.option.markexpr == "not slow":
            patch.setattr(compilation, "density_and_gradient", leave_out)
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Open Chromium, of which each test takes a page."""
    from playwright.sync_api import sync_playwright  # which the environment of JAX does not have

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()
