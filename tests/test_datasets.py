"""The tables are the published ones; a table that is not is refused, with a reason."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import multilevel as ml
from bookmaking import recording
from bookmaking.studies import diary
from multilevel.datasets import DATA, EDUCATION, TREATMENTS

Loader = Callable[[Path], pd.DataFrame]

LOADERS: dict[str, Loader] = {
    "mlm.csv": ml.load_mlm,
    "chimpanzees.csv": ml.load_chimpanzees,
    "sleep.csv": ml.load_sleep,
    "trolley_cases.csv": ml.load_trolley,
    "trolley_responses.csv": ml.load_trolley,
    "lecture.csv": ml.load_lecture,
}
WITHOUT_LOADER = {"diary.csv"}
"""Simulated, with trouble on purpose; its page reads it as readers read theirs."""
files = pytest.mark.parametrize("file", LOADERS)


# What the tables are ------------------------------------------------------------------------------


def test_mlm_has_225_measurements_of_91_people_in_the_order_of_the_file() -> None:
    mlm = ml.load_mlm()
    assert list(mlm) == ["id", "group", "time", "wave", "con", "dan"]
    assert mlm.index.equals(pd.RangeIndex(225))
    assert mlm["id"].nunique() == 91
    assert list(mlm.loc[0]) == [6, "PD", 4, 1, 0.1929, 0.1619]
    assert mlm.loc[224, "con"] == 0.0789
    raw = pd.read_csv(DATA / "mlm.csv")
    pd.testing.assert_frame_equal(mlm.astype({"group": "str"}), raw)


def test_mlm_people_were_measured_two_to_four_times() -> None:
    measurements = ml.load_mlm()["id"].value_counts()
    assert measurements.value_counts().to_dict() == {2: 54, 3: 31, 4: 6}


def test_mlm_types() -> None:
    mlm = ml.load_mlm()
    assert mlm["group"].dtype == pd.CategoricalDtype(["CTRL", "PD"], ordered=True)
    assert (mlm[["id", "time", "wave"]].dtypes == "int64").all()
    assert (mlm[["con", "dan"]].dtypes == "float64").all()


def test_chimpanzees_pulled_504_times_in_the_order_of_the_file() -> None:
    pulls = ml.load_chimpanzees()
    columns = "actor recipient condition block trial prosoc_left chose_prosoc pulled_left treatment"
    assert list(pulls) == columns.split()
    assert pulls.index.equals(pd.RangeIndex(504))
    assert sorted(pulls["actor"].unique()) == list(range(1, 8))
    assert sorted(pulls["block"].unique()) == list(range(1, 7))
    assert (pulls.groupby(["actor", "block"]).size() == 12).all()
    raw = pd.read_csv(DATA / "chimpanzees.csv", dtype={"recipient": "Int64"})
    pd.testing.assert_frame_equal(pulls.drop(columns="treatment"), raw)


def test_treatment_combines_side_and_partner() -> None:
    pulls = ml.load_chimpanzees()
    assert pulls["treatment"].dtype == pd.CategoricalDtype(TREATMENTS, ordered=True)
    assert TREATMENTS == ["R/N", "L/N", "R/P", "L/P"]
    assert pulls["treatment"].value_counts().tolist() == [126] * 4
    side = pulls["prosoc_left"].map({0: "R", 1: "L"})
    partner = pulls["condition"].map({0: "N", 1: "P"})
    assert (pulls["treatment"].astype(str) == side + "/" + partner).all()


def test_recipient_is_missing_exactly_where_nobody_sat_opposite() -> None:
    pulls = ml.load_chimpanzees()
    assert pulls["recipient"].dtype == "Int64"
    assert (pulls["recipient"].isna() == (pulls["condition"] == 0)).all()


def test_chose_prosoc_says_whether_the_pulled_lever_was_the_prosocial_one() -> None:
    pulls = ml.load_chimpanzees()
    assert ((pulls["pulled_left"] == pulls["prosoc_left"]) == pulls["chose_prosoc"]).all()


def test_trolley_has_9930_answers_of_331_people_to_the_same_30_cases() -> None:
    trolley = ml.load_trolley()
    columns = "id case story action intention contact response age male edu"
    assert list(trolley) == columns.split()
    assert trolley.index.equals(pd.RangeIndex(9930))
    assert trolley["id"].nunique() == 331
    assert trolley["case"].nunique() == 30
    assert not trolley.duplicated(["id", "case"]).any()
    assert not trolley.isna().any(axis=None)


def test_trolley_types() -> None:
    trolley = ml.load_trolley()
    assert trolley["response"].dtype == pd.CategoricalDtype(list(range(1, 8)), ordered=True)
    assert trolley["edu"].dtype == pd.CategoricalDtype(EDUCATION, ordered=True)
    for column in ["case", "story"]:
        assert isinstance(trolley[column].dtype, pd.CategoricalDtype)
    numbers = ["action", "intention", "contact", "age", "male"]
    assert (trolley[numbers].dtypes == "int64").all()


def test_trolley_has_six_combinations_of_action_intention_and_contact() -> None:
    trolley = ml.load_trolley()
    found = trolley[["action", "intention", "contact"]].drop_duplicates()
    combinations = {tuple(map(int, row)) for row in found.to_numpy()}
    assert combinations == {(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 1, 0)}


def test_trolley_answers_are_those_of_the_table_of_people_by_cases() -> None:
    people = pd.read_csv(DATA / "trolley_responses.csv")
    cases = pd.read_csv(DATA / "trolley_cases.csv")
    trolley = ml.load_trolley()
    assert trolley["id"].tolist() == people["id"].repeat(30).tolist()
    assert trolley["case"].tolist() == cases["case"].tolist() * 331
    answers = people[cases["case"].tolist()].to_numpy().ravel()
    assert trolley["response"].tolist() == answers.tolist()
    for column in ["age", "male", "edu"]:
        assert trolley[column].tolist() == people[column].repeat(30).tolist()
    for column in ["story", "action", "intention", "contact"]:
        assert trolley[column].tolist() == cases[column].tolist() * 331


def test_trolley_spot_facts() -> None:
    trolley = ml.load_trolley()
    first = list(trolley.loc[0])
    assert first == ["96;434", "cfaqu", "aqu", 0, 0, 1, 4, 14, 0, "Middle School"]
    answers = trolley["response"].value_counts().sort_index()
    assert answers.tolist() == [1274, 909, 1071, 2323, 1462, 1445, 1446]


def test_sleep_spot_facts() -> None:
    sleep = ml.load_sleep()
    assert list(sleep.loc[0]) == [308, 0, 249.56]
    assert list(sleep.iloc[-1]) == [372, 9, 364.1236]
    for _, days in sleep.groupby("subject")["day"]:
        assert days.tolist() == list(range(10))
    # Ordinary least squares of all rows, as R's lm prints it: 251.405 and 10.467.
    slope, intercept = np.polyfit(sleep["day"], sleep["reaction"], 1)
    assert [round(intercept, 3), round(slope, 3)] == [251.405, 10.467]


def test_the_diary_is_what_its_script_simulates_and_its_page_and_dictionary_say_how() -> None:
    raw = pd.read_csv(DATA / "diary.csv")
    pd.testing.assert_frame_equal(raw, diary.simulate(), check_dtype=False)
    assert len(raw) == 420
    assert (raw.groupby("id")["exam"].sum() == diary.EXAM_DAYS).all()
    assert raw["sleep"].max() == 85
    text = raw["stress"].dropna()
    assert [sum(text != text.str.lower()), sum(text != text.str.strip())] == [5, 3]
    assert (text.str.strip().str.lower().isin(diary.RESPONSES)).all()
    page = (DATA.parent / "chapters" / "table-to-report.md").read_text(encoding="utf-8")
    dictionary = (DATA / "README.md").read_text(encoding="utf-8").replace("−", "-")
    cuts = {f"threshold[{k}]": cut for k, cut in enumerate(diary.THRESHOLDS, 1)}
    for name, value in {**diary.SLOPES, "sigma_id": diary.SIGMA_ID, **cuts}.items():
        parameter = f"beta[{name}]" if name in diary.SLOPES else name
        assert f'"{parameter}": {value}' in page
        assert str(value) in dictionary


# The published files ------------------------------------------------------------------------------


RECORDED = {
    "calibration.csv",
    "acceptance.csv",
    "pooling.csv",
    "platforms.csv",
    "benchmark.csv",
    "benchmark_browser.csv",
    "benchmark_growth.csv",
    "benchmark_scale.csv",
}
"""What the project's own commands made."""


def test_every_table_is_listed_with_its_checksum() -> None:
    advice = "if you changed a table on purpose: python -m bookmaking.recording"
    assert (DATA / recording.SUMS).read_text(encoding="utf-8") == recording.checksums(), advice
    tables = {path.name for path in DATA.glob("*.csv")}
    assert set(LOADERS) | WITHOUT_LOADER | RECORDED == tables


def test_a_recorded_table_is_listed_with_its_new_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "DATA", tmp_path)
    for value in (1, 2):
        recording.write_table(pd.DataFrame({"x": [value]}), tmp_path / "new.csv")
        checksum = hashlib.sha256(f"x\n{value}\n".encode()).hexdigest()
        assert (tmp_path / recording.SUMS).read_text() == f"{checksum}  new.csv\n"


# A table that is not the published one ------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in [*LOADERS, "SHA256SUMS"]:
        shutil.copy(DATA / name, tmp_path)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")


@files
def test_an_exact_copy_is_accepted(folder: Path, file: str) -> None:
    pd.testing.assert_frame_equal(LOADERS[file](folder), LOADERS[file](DATA))


@files
def test_a_missing_file_is_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{file} is missing.*git checkout"):
        LOADERS[file](folder)


@files
def test_missing_checksums_are_named(folder: Path, file: str) -> None:
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(FileNotFoundError, match="SHA256SUMS is missing"):
        LOADERS[file](folder)


@files
def test_an_empty_file_is_named(folder: Path, file: str) -> None:
    (folder / file).write_text("")
    with pytest.raises(ValueError, match=rf"(?s){file} is not the published.*No columns"):
        LOADERS[file](folder)


@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("mlm.csv", 225),
        ("lecture.csv", 552),
        ("chimpanzees.csv", 504),
        ("trolley_cases.csv", 30),
        ("trolley_responses.csv", 331),
    ],
)
def test_a_truncated_file_is_named_with_the_rows_that_it_should_have(
    folder: Path, file: str, rows: int
) -> None:
    lines = (folder / file).read_text().splitlines(keepends=True)
    (folder / file).write_text("".join(lines[:-1]))
    with pytest.raises(ValueError, match=rf"(?s){file} is not the published.*{rows} rows"):
        LOADERS[file](folder)


def test_a_file_cut_within_a_line_is_named(folder: Path) -> None:
    content = (folder / "mlm.csv").read_text()
    (folder / "mlm.csv").write_text(content[:3000])
    with pytest.raises(ValueError, match=r"(?s)mlm\.csv is not the published.*225 rows"):
        ml.load_mlm(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("mlm.csv", "0.1929", "1.929", r"'con': in_range\(-1, 1\): found 1\.929"),
        ("mlm.csv", "0.1929", "high", "'con': dtype.*float64.*: found high"),
        ("mlm.csv", "6,PD,5,2", "6,PD,5,1", "'wave': not unique"),
        ("mlm.csv", "6,PD", "6,PDD", "'group': isin.*: found PDD"),
        ("chimpanzees.csv", "1,,0,1,2,0,1,0", "1,,0,1,2,0,1,2", "'pulled_left': isin.*: found 2"),
        ("chimpanzees.csv", "1,,0,1,2,0,1,0", "1,,0,,2,0,1,0", "'block': missing value"),
        ("chimpanzees.csv", "1,,0,1,2,0,1,0", "8,,0,1,2,0,1,0", "'actor': in_range.*: found 8"),
        ("trolley_cases.csv", "cfaqu,aqu,0,0,1", "cfaqu,aqu,0,0,3", "'contact': isin.*: found 3"),
        ("trolley_responses.csv", "Middle School,4", "Middle School,8", "'cfaqu': isin.*: found 8"),
        (
            "trolley_responses.csv",
            "Middle School,4",
            "Midle School,4",
            "'edu': isin.*: found Midle",
        ),
    ],
)
def test_an_invalid_value_is_named_with_its_file_and_column(
    folder: Path, file: str, old: str, new: str, problem: str
) -> None:
    change(folder / file, old, new)
    with pytest.raises(ValueError, match=rf"(?s){file} is not the published table.*{problem}"):
        LOADERS[file](folder)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("mlm.csv", "0.1929", "0.1928"),
        ("chimpanzees.csv", "1,,0,1,2,0,1,0", "1,,0,1,2,0,1,1"),
        ("trolley_cases.csv", "cfaqu,aqu,0,0,1", "cfaqu,aqu,0,0,0"),
        ("trolley_responses.csv", "Middle School,4", "Middle School,5"),
    ],
)
def test_a_plausible_change_is_noticed_by_the_checksum(
    folder: Path, file: str, old: str, new: str
) -> None:
    change(folder / file, old, new)
    with pytest.raises(ValueError, match=rf"(?s){file} .*right shape, but some value .*changed"):
        LOADERS[file](folder)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("mlm.csv", "time", "week"),
        ("chimpanzees.csv", "prosoc_left", "prosocial"),
        ("trolley_cases.csv", "contact", "touch"),
        ("trolley_responses.csv", "cfaqu", "cfaqa"),
    ],
)
def test_a_renamed_column_is_named(folder: Path, file: str, old: str, new: str) -> None:
    change(folder / file, old, new)
    problem = f"unknown column: found {new}.*missing column: found {old}"
    with pytest.raises(ValueError, match=rf"(?s){file} is not the published table.*{problem}"):
        LOADERS[file](folder)


def test_the_table_that_the_web_address_serves_today_is_refused(folder: Path) -> None:
    # Since 2025 the address that the lecture reads has had 219 rows and `week` instead of `time`.
    table = pd.read_csv(folder / "mlm.csv").head(219).rename(columns={"time": "week"})
    table.to_csv(folder / "mlm.csv", index=False)
    with pytest.raises(ValueError, match=r"(?s)mlm\.csv is not the published.*column: found week"):
        ml.load_mlm(folder)
