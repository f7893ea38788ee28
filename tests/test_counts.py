"""Counted rows: the same model as from the rows themselves, whatever the memory."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

import multilevel as ml
from multilevel import sampling
from multilevel.priors import PYTHON

PREDICTORS = ["action", "intention", "contact"]
TROLLEY = ml.load_trolley()
CHIMPANZEES = ml.load_chimpanzees()


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """Write the first forty participants, in two files, with their rows in disorder."""
    few = TROLLEY[TROLLEY["id"].isin(TROLLEY["id"].unique()[:40])].sample(frac=1, random_state=1)
    few = few.assign(response=few["response"].astype(int))
    for part, rows in enumerate(np.array_split(np.arange(len(few)), 2)):
        few.iloc[rows].to_parquet(tmp_path / f"part-{part}.parquet")
    return tmp_path / "*.parquet"


def test_rows_are_counted_as_pandas_counts_them(parquet: Path) -> None:
    columns = ["id", *PREDICTORS, "response"]
    counted = ml.count_rows(parquet, columns, memory="50 MB")
    rows = pd.concat(pd.read_parquet(path) for path in parquet.parent.glob("*.parquet"))
    expected = rows.groupby(columns).size().rename("count").reset_index()
    assert counted["count"].sum() == len(rows) == 1200
    pd.testing.assert_frame_equal(counted, expected, check_dtype=False)


MEASURED = """
import re, sys
from pathlib import Path
import duckdb
import multilevel as ml
ml.count_rows, ml.fit  # which imports what they need

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

before = peak()
counted = ml.count_rows(sys.argv[1], ["id", "response"], memory="50 MB")
assert len(counted) == 7000 and (counted["count"] == 8000).all(), counted
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads a process's peak memory from /proc")
def test_more_rows_than_the_memory_allowed_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "many.parquet"
    duckdb.sql(f"""
        COPY (SELECT (i % 1000)::SMALLINT AS id, (i % 7)::TINYINT AS response
              FROM range(56_000_000) AS each(i))
        TO '{file}' (FORMAT parquet, COMPRESSION uncompressed)
    """)
    assert file.stat().st_size > 80e6
    line = [sys.executable, "-c", MEASURED, str(file)]
    kilobytes = int(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    assert 10e6 < kilobytes * 1024 < 80e6  # in memory the rows alone would take twice that
    with pytest.raises(duckdb.OutOfMemoryException):
        ml.count_rows(file, ["id", "response"], memory="1 MB")


def ordered(data: pd.DataFrame, **options: Any) -> xr.DataTree:
    scale = pd.CategoricalDtype(list(range(1, 8)), ordered=True)
    data = data.assign(response=data["response"].astype(int).astype(scale))
    model = ml.ordered_logit(data, "response", PREDICTORS, "id", **options)
    return sampling.sample(model, seed=1, draws=50, tune=100, chains=2)


def test_the_posterior_of_counted_rows_is_that_of_the_rows_exactly(parquet: Path) -> None:
    rows = pd.concat(pd.read_parquet(path) for path in sorted(parquet.parent.glob("*.parquet")))
    one = ordered(rows.reset_index(drop=True))
    counted = ml.count_rows(parquet, ["id", *PREDICTORS, "response"])
    other = ordered(counted, count="count")
    xr.testing.assert_identical(one["posterior"].dataset, other["posterior"].dataset)


def test_counts_are_the_same_for_crossed_clusters(tmp_path: Path) -> None:
    groups = ["actor", "block"]
    columns = [*groups, "treatment", "pulled_left"]
    CHIMPANZEES.assign(treatment=CHIMPANZEES["treatment"].astype(str)).to_parquet(
        tmp_path / "pulls.parquet"
    )
    counted = ml.count_rows(tmp_path / "pulls.parquet", columns)
    order = CHIMPANZEES["treatment"].dtype
    counted = counted.assign(treatment=counted["treatment"].astype(order))
    models = [
        ml.crossed_intercepts(CHIMPANZEES, "pulled_left", groups, "treatment"),
        ml.crossed_intercepts(counted, "pulled_left", groups, "treatment", count="count"),
    ]
    assert len(counted) < len(CHIMPANZEES)
    fits = [sampling.sample(model, seed=1, draws=50, tune=100, chains=2) for model in models]
    xr.testing.assert_identical(*[fit["posterior"].dataset for fit in fits])


COLUMNS = ["id", "con", "time"]
ROUNDED = ml.load_mlm()[COLUMNS].round({"con": 1, "time": 0})
NORMAL: dict[str, Callable[..., pm.Model]] = {
    "no pooling": lambda rows, **options: ml.no_pooling(rows, "con", "id", **options),
    "partial pooling": lambda rows, **options: ml.partial_pooling(rows, "con", "id", **options),
    "varying slopes": lambda rows, **options: ml.varying_slopes(
        rows, "con", ["time"], "id", "time", **options
    ),
}


@pytest.mark.parametrize("name", NORMAL)
def test_counted_measurements_have_the_density_of_the_rows(name: str, tmp_path: Path) -> None:
    pd.concat([ROUNDED, ROUNDED]).to_parquet(tmp_path / "rounded.parquet")
    counted = ml.count_rows(tmp_path / "rounded.parquet", COLUMNS)
    assert len(counted) <= len(ROUNDED)
    assert counted["count"].sum() == 2 * len(ROUNDED)
    one = NORMAL[name](pd.concat([ROUNDED, ROUNDED], ignore_index=True))
    other = NORMAL[name](counted, count="count")
    densities = [model.compile_logp(mode=PYTHON) for model in (one, other)]
    rng = np.random.default_rng(1)
    for _ in range(5):
        point = {name: rng.normal(size=v.shape) for name, v in one.initial_point().items()}
        values = [float(density(point)) for density in densities]
        assert values[0] == pytest.approx(values[1], rel=1e-12)


def test_a_fit_to_counted_measurements_is_kept_and_says_how_often_each_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ROUNDED.to_parquet(tmp_path / "rounded.parquet")
    counted = ml.count_rows(tmp_path / "rounded.parquet", ["id", "con"])
    model = NORMAL["partial pooling"](counted, count="count")
    fit = ml.fit(model, seed=1, file=tmp_path / "fit")
    assert "log_likelihood" not in fit.children
    assert fit["constant_data"]["count_of_row"].to_numpy().tolist() == counted["count"].tolist()
    monkeypatch.delattr(sampling, "sample")  # so that the second is read
    xr.testing.assert_identical(fit, ml.fit(model, seed=1, file=tmp_path / "fit"))
    with pytest.raises(ValueError, match="rows of this fit were counted before"):
        ml.loo(fit)
    with pytest.raises(ValueError, match="rows of this model were counted before"):
        ml.exact_posterior(model)


@pytest.mark.parametrize("name", NORMAL)
def test_counted_measurements_are_fitted_and_predicted(name: str) -> None:
    model = NORMAL[name](ROUNDED.assign(n=2), count="n")
    fit = sampling.sample(model, seed=1, draws=20, tune=50, chains=1)
    for source in (fit, model):  # the posterior, and the prior
        predicted = ml.predict(source, ROUNDED.head(3), clusters="same", seed=1)
        assert predicted.sizes["row"] == 3


def test_counts_beyond_32_bits_are_kept() -> None:
    many = float(3 * 2**31)
    rows = pd.DataFrame({"id": list("aabb"), "y": [0, 1, 0, 1], "arm": list("tctc"), "n": many})
    models = [
        ml.crossed_intercepts(rows, "y", ["id"], "arm", count="n"),
        ml.no_pooling(rows, "y", "id", count="n"),
    ]
    for model in models:
        assert (model["count_of_row"].get_value() == many).all()
    assert (models[0]["count_of_cell"].get_value() == many).all()


def test_loo_of_counted_rows_is_refused(parquet: Path) -> None:
    fit = ordered(ml.count_rows(parquet, ["id", *PREDICTORS, "response"]), count="count")
    with pytest.raises(ValueError, match="rows of this fit were counted before"):
        ml.loo(fit)


ANSWERS = pd.DataFrame(
    {
        "id": ["ann", "bob mia", "ann", "ü", "bob mia"],
        "wave": [1, 1, 2, 2, 3],
        "answer": pd.Categorical(
            ["often", "never", "always", "often", "never"],
            ["never", "seldom", "often", "always"],
            ordered=True,
        ),
    }
)


def test_one_column_may_be_named_alone(tmp_path: Path) -> None:
    ANSWERS.rename(columns={"wave": "gx"}).to_parquet(tmp_path / "a.parquet")
    assert ml.count_rows(tmp_path / "a.parquet", "gx")["count"].tolist() == [2, 2, 1]


@pytest.mark.parametrize("name", ['say "no"', "it's", "two words", "a.b", "π", '"', "select"])
def test_any_name_of_a_column_is_taken(tmp_path: Path, name: str) -> None:
    ANSWERS.rename(columns={"wave": name}).to_parquet(tmp_path / "a.parquet")
    assert ml.count_rows(tmp_path / "a.parquet", [name])[name].tolist() == [1, 2, 3]


@pytest.mark.parametrize("partition", [["id"], ["wave"], ["id", "wave"]])
def test_a_folder_is_taken_partitioned_or_not(tmp_path: Path, partition: list[str]) -> None:
    plain, parts = tmp_path / "plain [1]", tmp_path / "parts [1]"
    plain.mkdir()
    data = ANSWERS.astype({"answer": str})
    data[:3].to_parquet(plain / "a.parquet")
    data[3:].to_parquet(plain / "b [*].parquet")
    data.to_parquet(parts, partition_cols=partition)
    columns = ["id", "wave", "answer"]
    expected = data.groupby(columns).size().rename("count").reset_index()
    for files in (plain, parts, str(parts), [parts], sorted(plain.iterdir())):
        counted = ml.count_rows(files, columns)
        pd.testing.assert_frame_equal(counted, expected, check_dtype=False)
    with pytest.raises(ValueError, match=r"no column 'dose'\. Its columns are: .*id"):
        ml.count_rows(parts, ["id", "dose"])


def test_a_folders_name_with_an_equals_sign_is_no_column_that_the_files_have(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "wave=7"
    folder.mkdir()
    ANSWERS.to_parquet(folder / "a.parquet")
    assert ml.count_rows(folder, ["wave"])["wave"].tolist() == [1, 2, 3]


def test_ordered_categories_keep_their_order(tmp_path: Path) -> None:
    ANSWERS.to_parquet(tmp_path / "a.parquet")
    counted = ml.count_rows(tmp_path / "a.parquet", ["answer", "wave"])
    assert counted["answer"].dtype == ANSWERS["answer"].dtype
    assert counted["answer"].is_monotonic_increasing
    expected = ANSWERS.groupby(["answer", "wave"], observed=True).size()
    pd.testing.assert_frame_equal(
        counted, expected.rename("count").reset_index(), check_dtype=False
    )
    model = ml.ordered_logit(counted, "answer", ["wave"], count="count")
    assert model.coords["category"] == ("never", "seldom", "often", "always")


def test_categories_that_are_numbers_are_numbers(tmp_path: Path) -> None:
    scale = pd.CategoricalDtype([3, 1, 2], ordered=True)
    ANSWERS.astype({"wave": scale}).to_parquet(tmp_path / "a.parquet")
    assert ml.count_rows(tmp_path / "a.parquet", "wave")["wave"].tolist() == [1, 2, 3]


def test_categories_without_an_order_are_text(tmp_path: Path) -> None:
    data = ANSWERS.assign(answer=ANSWERS["answer"].cat.as_unordered())
    data.to_parquet(tmp_path / "a.parquet")
    counted = ml.count_rows(tmp_path / "a.parquet", "answer")
    assert counted["answer"].tolist() == ["always", "never", "often"]
    assert not isinstance(counted["answer"].dtype, pd.CategoricalDtype)


def test_categories_that_only_another_file_has_leave_text(tmp_path: Path) -> None:
    ANSWERS.to_parquet(tmp_path / "a.parquet")
    other = ANSWERS["answer"].cat.rename_categories({"never": "at no time"})
    ANSWERS.assign(answer=other).to_parquet(tmp_path / "b.parquet")
    counted = ml.count_rows(tmp_path, "answer")
    assert counted["answer"].tolist() == ["always", "at no time", "never", "often"]


@pytest.mark.parametrize("kind", ["csv", "empty", "short", "cut"])
def test_a_file_that_is_not_parquet_is_refused_in_words(tmp_path: Path, kind: str) -> None:
    ANSWERS.to_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    content = {"csv": b"id,y\n" * 9, "empty": b"", "short": b"PAR1", "cut": whole[:-20]}[kind]
    (tmp_path / "rows.file").write_bytes(content)
    words = r"rows\.file cannot be read as Parquet: .*pd\.read_csv.*written again"
    with pytest.raises(ValueError, match=words):
        ml.count_rows(tmp_path / "rows.file", ["id"])


def test_files_of_different_tables_are_refused_in_words(tmp_path: Path) -> None:
    ANSWERS.to_parquet(tmp_path / "a.parquet")
    ANSWERS.rename(columns={"wave": "week"}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(ValueError, match=r"not parts of one table.*by naming them"):
        ml.count_rows(tmp_path, ["id", "wave"])


def test_no_columns_no_files_and_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    ANSWERS.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="columns is empty: name the columns"):
        ml.count_rows(tmp_path / "a.parquet", [])
    with pytest.raises(TypeError, match=r"names of columns .*; 3 is not"):
        ml.count_rows(tmp_path / "a.parquet", ["id", 3])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="files is empty"):
        ml.count_rows([], ["id"])
    nothing: list[Any] = [None, ANSWERS, 3, [None]]
    for thing in nothing:
        with pytest.raises(TypeError, match=r"files must be the name .*groupby\(columns"):
            ml.count_rows(thing, ["id"])
        with pytest.raises(TypeError, match=r"columns"):
            ml.count_rows(tmp_path / "a.parquet", thing)
    limits: list[Any] = ["lots", 5, None]
    for limit in limits:
        with pytest.raises(ValueError, match=r"memory must be text such as '500 MB'"):
            ml.count_rows(tmp_path / "a.parquet", ["id"], memory=limit)
    with pytest.raises(FileNotFoundError, match=r"No Parquet files at [^,]*/none\.parquet\."):
        ml.count_rows([tmp_path / "a.parquet", tmp_path / "none.parquet"], ["id"])
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError, match=r"No Parquet files at .*folder"):
        ml.count_rows(tmp_path / "folder", ["id"])


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "y": [1.0, None]})
    frame.to_parquet(tmp_path / "few.parquet")
    with pytest.raises(ValueError, match=r"no column 'dose'\. Its columns are: id, y"):
        ml.count_rows(tmp_path / "few.parquet", ["id", "dose"])
    with pytest.raises(ValueError, match="'y' has 1 missing values"):
        ml.count_rows(tmp_path / "few.parquet", ["id", "y"])
    with pytest.raises(FileNotFoundError, match=r"No Parquet files at .*none\.parquet"):
        ml.count_rows(tmp_path / "none.parquet", ["id"])
    for name in ("count", "Count"):
        with pytest.raises(ValueError, match="'count' must have another name"):
            ml.count_rows(tmp_path / "few.parquet", [name])
    with pytest.raises(ValueError, match="named twice: id, ID"):
        ml.count_rows(tmp_path / "few.parquet", ["id", "ID"])


COUNTED: dict[str, Callable[[pd.DataFrame], pm.Model]] = {
    "no pooling": lambda rows: ml.no_pooling(rows, "y", "id", count="count"),
    "partial pooling": lambda rows: ml.partial_pooling(rows, "y", "id", count="count"),
    "varying slopes": lambda rows: ml.varying_slopes(rows, "y", ["x"], "id", "x", count="count"),
    "crossed intercepts": lambda rows: ml.crossed_intercepts(
        rows, "y", ["id"], "arm", count="count"
    ),
    "ordered logit": lambda rows: ml.ordered_logit(rows, "answer", ["x"], count="count"),
}


@pytest.mark.parametrize("name", COUNTED)
@pytest.mark.parametrize("count", [0, -1, 1.5, None])
def test_counts_must_be_whole_numbers_above_zero(name: str, count: float | None) -> None:
    answer = pd.Categorical([0, 1, 0, 1], ordered=True)
    data = pd.DataFrame({"id": list("aabb"), "y": [0, 1, 0, 1], "arm": list("tctc")})
    data = data.assign(answer=answer, x=[1, 2, 1, 2])
    with pytest.raises(ValueError, match="'count'"):
        COUNTED[name](data.assign(count=pd.Series([1, 2, 3, count], dtype=float)))
