"""What all tests share: figures are drawn without a screen, and the longest file comes first."""

import matplotlib
import pytest

matplotlib.use("Agg")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with grading: two processes share the files, and neither should wait at the end."""
    items.sort(key=lambda item: item.path.name != "test_grading.py")
