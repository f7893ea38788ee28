"""A class's archive from Moodle or Canvas, and the roster that says who is who."""

import csv
import datetime as dt
import zipfile
from pathlib import Path

import pytest

from bookmaking.grading import collecting
from bookmaking.grading.collecting import CollectingError, about, collect, days_late, read_roster

MOODLE = [
    {
        "Identifier": "Participant 1234567",
        "Full name": "Zoë O'Brien",
        "ID number": "s0417",
        "Email address": "zoe@example.org",
        "Status": "Submitted for grading",
        "Grade": "",
        "Maximum Grade": "10.00",
        "Last modified (submission)": "Thursday, 14 January 2027, 11:05 PM",
    },
    {
        "Identifier": "Participant 1234568",
        "Full name": "学生 Liu",
        "ID number": "s0418",
        "Email address": "liu@example.org",
        "Status": "No submission",
        "Grade": "",
        "Maximum Grade": "10.00",
        "Last modified (submission)": "-",
    },
]
CANVAS = [
    {
        "Student": "    Points Possible",
        "ID": "",
        "SIS User ID": "",
        "SIS Login ID": "",
        "Section": "",
    },
    {
        "Student": "O'Brien, Zoë",
        "ID": "501",
        "SIS User ID": "s0417",
        "SIS Login ID": "zoe",
        "Section": "A",
    },
    {
        "Student": "Liu, 学生",
        "ID": "502",
        "SIS User ID": "s0418",
        "SIS Login ID": "liu",
        "Section": "A",
    },
]


def table(path: Path, rows: list[dict[str, str]]) -> Path:
    """Write a table as the platforms do: with a byte order mark."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def archive(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, (2027, 1, 16, 12, 0, 0))
            packed.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return path


NAMES = {
    "moodle": [
        "Zoë O'Brien_1234567_assignsubmission_file_/x.ipynb",
        "1234567_assignsubmission_file_",
    ],
    "moodle since 4.1": [
        "Zoë O'Brien_1234567_assignsubmission_file/x.ipynb",
        "assignsubmission_file",
    ],
    "moodle in one folder": [
        "Zoë O'Brien_1234567_assignsubmission_file_x.ipynb",
        "submission_file_",
    ],
    "canvas": ["obrienzoe_501_98765_x-1.ipynb", "obrienzoe_501_98765_"],
    "canvas, late": ["obrienzoe_LATE_501_98765_x.ipynb", "obrienzoe_LATE_501_98765_"],
    "canvas with accents": ["obrienzoë_501_98765_x.ipynb", "obrienzoë_501_98765_"],
}


@pytest.mark.parametrize("kind", NAMES)
def test_the_names_of_moodle_and_canvas_say_whose_a_file_is(kind: str, tmp_path: Path) -> None:
    name, who = NAMES[kind]
    platform = kind[:6]
    roster = read_roster(table(tmp_path / "r.csv", MOODLE if platform == "moodle" else CANVAS))
    assert roster.platform == platform
    assert [student.id for student in roster.students] == ["s0417", "s0418"]
    packed = archive(tmp_path / "a.zip", {name: "notebook", "__MACOSX/._x": "?"})
    assert collect(packed, roster, tmp_path, "groups") == [
        f"'__MACOSX/._x': not named as {platform.capitalize()} does"
    ]
    (file,) = (tmp_path / "received" / "s0417" / "groups").iterdir()
    assert (file.suffix, file.read_text()) == (".ipynb", "notebook")
    said = about(tmp_path, "groups", "s0417")
    assert str(said["who"]).endswith(who)
    assert said["late"] == ("late" in kind)
    due = dt.datetime(2027, 1, 13, 23, 59)
    # Moodle's worksheet knows the time. Canvas only marks what is late, and the times of the files
    # in its archive are those of the download.
    assert days_late(said, due) == (1 if platform == "moodle" or "late" in kind else 0)
    assert days_late(said, dt.datetime(2027, 2, 1)) == ("late" in kind)


def test_who_hands_in_again_is_graded_by_the_last_and_nobody_elses_is_touched(
    tmp_path: Path,
) -> None:
    roster = read_roster(table(tmp_path / "r.csv", CANVAS))
    first = {"obrienzoe_501_1_a.ipynb": "1", "liu_502_2_a.ipynb": "2"}
    collect(archive(tmp_path / "1.zip", first), roster, tmp_path, "groups")
    second = {"obrienzoe_501_3_b.ipynb": "3", "obrienzoe_501_4_fits.zip": "4"}
    collect(archive(tmp_path / "2.zip", second), roster, tmp_path, "groups")
    received = tmp_path / "received"
    found = {str(f.relative_to(received)): f.read_text() for f in received.rglob("*.*")}
    del found["s0417/groups.json"], found["s0418/groups.json"]
    assert found == {
        "s0417/groups/1-b.ipynb": "3",
        "s0417/groups/2-fits.zip": "4",
        "s0418/groups/1-a.ipynb": "2",
    }


@pytest.mark.parametrize(
    "name",
    [
        "obrienzoe_501_9_x_502_9_y.ipynb",
        "obrienzoe_501_9_liu_502_9_y.ipynb",
        "obrienzoe_501_9_x_502_assignsubmission_file_y.ipynb",
        "evil_502_501_9_x.ipynb",
        "Zoë O'Brien_1234567_assignsubmission_file_/Liu_1234568_assignsubmission_file_/x.ipynb",
        "Zoë O'Brien_1234567_assignsubmission_file_x_1234568_assignsubmission_file_y.ipynb",
    ],
)
def test_no_file_is_taken_for_somebody_elses_by_its_name(name: str, tmp_path: Path) -> None:
    rows = MOODLE if "1234567" in name else CANVAS
    roster = read_roster(table(tmp_path / "r.csv", rows))
    collect(archive(tmp_path / "a.zip", {name: "x"}), roster, tmp_path, "groups")
    assert not (tmp_path / "received" / "s0418").exists()


@pytest.mark.parametrize(
    "names",
    [
        ["x.ipynb", "old/x.ipynb"],
        ["学" * 100 + ".ipynb", "x.ipynb"],
        ["a/fits", "fits/a.nc"],
        [".ipynb_checkpoints/x-checkpoint.ipynb", "x.ipynb", "y.ipynb"],
    ],
)
def test_no_file_is_lost_and_no_name_stops_the_class(names: list[str], tmp_path: Path) -> None:
    roster = read_roster(table(tmp_path / "r.csv", MOODLE))
    start = "Zoë_1234567_assignsubmission_file_"
    files = {f"class/{start}/{name}": name for name in names}  # packed again, in a folder
    files["class/Liu_1234568_assignsubmission_file_/z.ipynb"] = "z"
    assert collect(archive(tmp_path / "a.zip", files), roster, tmp_path, "groups") == []
    kept = [f.read_text() for f in (tmp_path / "received" / "s0417" / "groups").iterdir()]
    assert sorted(kept) == sorted(name for name in names if name[0] != ".")
    assert (tmp_path / "received" / "s0418" / "groups" / "1-z.ipynb").is_file()


@pytest.mark.parametrize(
    "name",
    [
        "../../../evil.ipynb",
        "..",
        ".",
        "a/../../b.ipynb",
        "\\..\\..\\x.ipynb",
        "C:\\x.ipynb",
        ".hidden",
    ],
)
def test_no_file_leaves_its_students_folder(name: str, tmp_path: Path) -> None:
    course = tmp_path / "a" / "course"
    course.mkdir(parents=True)
    roster = read_roster(table(tmp_path / "r.csv", MOODLE))
    packed = archive(tmp_path / "a.zip", {f"Zoë_1234567_assignsubmission_file_/{name}": "x"})
    before = set(tmp_path.rglob("*"))
    collect(packed, roster, course, "groups")
    new = [path for path in set(tmp_path.rglob("*")) - before if path.is_file()]
    inside = course / "received" / "s0417"
    assert all(path.is_relative_to(inside) for path in new)
    assert {path.parent for path in new} <= {inside, inside / "groups"}
    assert about(course, "groups", "s0417")["problem"] is None


def test_what_is_left_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roster = read_roster(table(tmp_path / "r.csv", CANVAS))
    monkeypatch.setattr(collecting, "MAX_SUBMISSION", 1_000_000)
    files = {
        "someone_999_1_a.ipynb": "",
        "liu学生_502_2_a.ipynb": "0" * 2_000_000,
        "readme.txt": "",
    }
    said = collect(archive(tmp_path / "a.zip", files), roster, tmp_path, "groups")
    assert said == [
        "'someone_999_1_a.ipynb': no one in the roster has this name and the number 999",
        "'readme.txt': not named as Canvas does",
        "s0418: 2 MB, too large",
    ]
    assert about(tmp_path, "groups", "s0418")["problem"] == "2 MB, too large"
    assert not (tmp_path / "received" / "s0418" / "groups").exists()
    monkeypatch.setattr(collecting, "MAX_ARCHIVE", 1_000_000)
    with pytest.raises(CollectingError, match="more than a class hands in"):
        collect(tmp_path / "a.zip", roster, tmp_path, "groups")
    (tmp_path / "b.zip").write_text("no")
    with pytest.raises(CollectingError, match=r"b\.zip is not a zip file"):
        collect(tmp_path / "b.zip", roster, tmp_path, "groups")
    plain = read_roster(table(tmp_path / "p.csv", [{"id": "ada"}]))
    with pytest.raises(CollectingError, match="needs Moodle's worksheet or Canvas's gradebook"):
        collect(tmp_path / "b.zip", plain, tmp_path, "groups")


def test_text_that_was_written_on_the_platform_is_not_taken_for_nothing(tmp_path: Path) -> None:
    roster = read_roster(table(tmp_path / "r.csv", MOODLE))
    name = "Zoë_1234567_assignsubmission_onlinetext_/onlinetext.html"
    (said,) = collect(archive(tmp_path / "a.zip", {name: "<p>"}), roster, tmp_path, "groups")
    assert said == "s0417: written as text on the platform: ask for the notebook as a file"
    assert about(tmp_path, "groups", "s0417")["problem"] in said


def test_who_has_no_id_is_left_out_and_named(tmp_path: Path) -> None:
    guest = CANVAS[1] | {"Student": "Student, Test", "ID": "509", "SIS User ID": ""}
    roster = read_roster(table(tmp_path / "r.csv", [*CANVAS, guest]))
    assert [student.id for student in roster.students] == ["s0417", "s0418"]
    assert roster.left_out == ["r.csv, line 5: no SIS User ID"]
    (tmp_path / "l.csv").write_bytes("id,name\nada,Zo\xeb\n".encode("latin-1"))
    with pytest.raises(CollectingError, match="not in UTF-8"):
        read_roster(tmp_path / "l.csv")


def test_a_table_of_ones_own_is_a_roster_and_another_column_can_hold_the_ids(
    tmp_path: Path,
) -> None:
    plain = read_roster(table(tmp_path / "r.csv", [{"id": " ada ", "name": "Ada L."}]))
    assert (plain.platform, plain.students[0].id, plain.students[0].key) == (
        "plain",
        "ada",
        " ada ",
    )
    emails = read_roster(table(tmp_path / "r.csv", MOODLE), "Email address")
    assert [student.id for student in emails.students] == ["zoe@example.org", "liu@example.org"]


@pytest.mark.parametrize(
    ("rows", "column", "said"),
    [
        (
            [{"name": "Ada"}],
            None,
            "its columns are name. Moodle's grading worksheet has Identifier",
        ),
        (MOODLE, "Matrikel", r"no column 'Matrikel'; it has .* by --id-column"),
        ([{"id": "ada"}, {"id": "ADA"}], None, "has 'ada' twice"),
        ([{"id": "../x"}], None, r"line 2: '\.\./x' cannot be the id"),
        ([{"id": "a"}, {"id": ".."}], None, r"line 3: '\.\.' cannot be the id"),
    ],
)
def test_a_roster_that_says_too_little_is_refused(
    rows: list[dict[str, str]], column: str | None, said: str, tmp_path: Path
) -> None:
    with pytest.raises(CollectingError, match=said):
        read_roster(table(tmp_path / "r.csv", rows), column)


def test_days_begun_count_and_what_came_another_way_has_none() -> None:
    due = dt.datetime(2027, 1, 15, 23, 59)

    def late(when: dt.datetime, flag: bool = False) -> int | None:
        return days_late({"when": when.isoformat(" "), "late": flag, "who": "x"}, due)

    assert late(due) == 0
    assert late(due + dt.timedelta(seconds=1)) == 1
    assert late(due + dt.timedelta(days=1, seconds=1)) == 2
    assert late(due - dt.timedelta(days=1), flag=True) == 1
    assert days_late({}, due) is None
    assert days_late({"late": False, "when": None}, due) == 0  # Canvas would have said so


def test_a_day_is_due_until_its_end_and_a_time_zone_is_refused() -> None:
    assert collecting.due_time("2027-01-15") == dt.datetime(2027, 1, 15, 23, 59)
    assert collecting.due_time("2027-01-15T12:00") == dt.datetime(2027, 1, 15, 12)
    for said in ("2027-01-15T12:00+01:00", "tomorrow"):
        with pytest.raises(ValueError, match=r"time zone|Invalid"):
            collecting.due_time(said)
