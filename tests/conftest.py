"""What all tests share: figures are drawn without a screen, and the longest files come first."""

import matplotlib
import pytest

matplotlib.use("Agg")

collect_ignore = ["submissions"]  # what students hand in

LONGEST = ["test_sandbox.py", "test_browser.py", "test_grading.py", "test_calibration.py"]
LONGEST += ["test_studies.py", "test_compilation.py", "test_storage.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest: two processes share the files, and neither waits at the end."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONGEST)))
