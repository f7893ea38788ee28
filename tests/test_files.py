"""Files are written atomically, and only what code does changes its checksum."""

from pathlib import Path

import numpy as np
import pytest

import multilevel as ml
from multilevel.files import atomic, code_state, module_state, sources_of
from tests import replicates

TIMES = 3


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.csv"
    with atomic(path) as temporary:
        temporary.write_text("a", encoding="utf-8")
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "a"
    assert [file.name for file in path.parent.iterdir()] == ["table.csv"]


def test_what_fails_while_it_is_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old", encoding="utf-8")

    def fail() -> None:
        with atomic(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_text(encoding="utf-8") == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]


def test_comments_docstrings_and_layout_are_no_other_code(tmp_path: Path) -> None:
    source = Path(str(ml.partial_pooling.__code__.co_filename))
    copy = tmp_path / "models.py"
    text = source.read_text(encoding="utf-8")
    before = module_state(source)
    copy.write_text("# A comment.\n" + text.replace("Estimate every cluster", "Estimate clusters"))
    assert copy.read_text(encoding="utf-8") != text
    assert module_state(copy) == before
    copy.write_text(text.replace("Prior(pm.Exponential, 1)", "Prior(pm.Exponential, 2)"))
    assert module_state(copy) != before


def helper(x: float) -> float:
    return TIMES * x


def outer(rng: np.random.Generator) -> float:
    return sum(helper(x) for x in rng.normal(size=2))


def test_the_functions_and_constants_that_a_function_uses_are_part_of_its_code() -> None:
    sources = sources_of(outer)
    assert any("def outer" in source for source in sources)
    assert any("def helper" in source for source in sources)
    assert "tests.test_files.TIMES = 3" in sources
    assert not any("def test_" in source for source in sources)


def test_a_change_of_what_is_called_or_of_a_constant_changes_the_checksum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = code_state(sources_of(outer))
    monkeypatch.setattr("tests.test_files.TIMES", 4)
    assert code_state(sources_of(outer)) != before


def test_the_library_that_a_replicate_calls_is_part_of_its_code_and_what_it_does_not_is_not() -> (
    None
):
    sources = "\n".join(sources_of(replicates.fit))
    for called in ("def no_pooling", "def sample", "def compile_with_numba"):
        assert called in sources
    for other in ("def forest", "def count_rows", "class NUTS"):
        assert other not in sources
