"""Collect what a class handed in on a learning platform, and find out who is who.

Moodle (*Download all submissions*) and Canvas (*Download Submissions*) give an archive in which the
names of folders or files begin with a student's name and number. The roster says which id the
number belongs to: Moodle's grading worksheet, Canvas's exported gradebook, or a table of one's own
with a column ``id``.
"""

import csv
import datetime as dt
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from multilevel.files import atomic

MAX_ARCHIVE = 20 * 1024**3
"""Bytes that the archive of a class may unpack to."""
MAX_SUBMISSION = 100 * 1024**2
"""Bytes of all files of a submission."""
PATTERNS = {
    "moodle": re.compile(r"(?P<who>[^/]*_(?P<key>\d+)_assignsubmission_file_?)/?(?P<file>.+)"),
    "canvas": re.compile(r"(?P<who>[^/_]+_(?P<late>LATE_)?(?P<key>\d+)_\d+_)(?P<file>[^/]+)"),
}
"""How a name in the archive begins; ``key`` is a student's number."""
KEYS = {"moodle": "Identifier", "canvas": "ID", "plain": "id"}
"""The column of a roster that holds this number."""
IDS = {
    "moodle": ["ID number", "Username", "Email address"],
    "canvas": ["SIS User ID", "SIS Login ID", "ID"],
    "plain": ["id"],
}
"""The columns that may hold what a student puts into ``STUDENT``: the first that is there."""
NAMES = {"moodle": "Full name", "canvas": "Student", "plain": "name"}
HANDED_IN = "Last modified (submission)"
"""Moodle's column of when."""
Platform = Literal["moodle", "canvas", "plain"]


class CollectingError(ValueError):
    """An archive or a roster that this does not understand; the message says what to do."""


# The roster ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Student:
    """A line of the roster."""

    id: str
    """What the student puts into ``STUDENT``."""
    key: str
    """The platform's number."""
    name: str
    handed_in: str
    """When, in the platform's words."""
    row: dict[str, str]


@dataclass(frozen=True)
class Roster:
    """Everybody in the class."""

    platform: Platform
    columns: list[str]
    students: list[Student]

    def by_key(self) -> dict[str, Student]:
        """Return the students by the platform's number."""
        return {student.key: student for student in self.students}


def read_roster(path: Path, column: str | None = None) -> Roster:
    """Return everybody in the class.

    Parameters
    ----------
    path
        A CSV file: Moodle's grading worksheet, Canvas's exported gradebook, or a table with the
        column ``id``.
    column
        The column with the ids that students put into ``STUDENT``, if not the usual one.

    Raises
    ------
    CollectingError
        It is none of these; an id is missing, or there twice.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        rows, columns = list(reader), list(reader.fieldnames or [])
    platform = _platform(path, columns)
    ids = column or next((each for each in IDS[platform] if each in columns), "")
    if ids not in columns:
        raise CollectingError(
            f"{path.name} has no column {ids or IDS[platform][0]!r}; it has {', '.join(columns)}. "
            "--id-column says which one holds the ids that students put into STUDENT."
        )
    students = [
        Student(
            _folder_name(row[ids], path.name, number),
            re.sub(r"\D", "", row[KEYS[platform]]) if platform == "moodle" else row[KEYS[platform]],
            row.get(NAMES[platform], ""),
            row.get(HANDED_IN, ""),
            row,
        )
        for number, row in enumerate(rows, start=2)
        if row[KEYS[platform]].strip()  # Canvas has a line of the points possible
    ]
    for what in ("id", "key"):
        values = [getattr(student, what).casefold() for student in students]
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise CollectingError(f"{path.name} has {twice[0]!r} twice.")
    return Roster(platform, columns, students)


def _platform(path: Path, columns: list[str]) -> Platform:
    if {"Identifier", "Grade"} <= set(columns):
        return "moodle"
    if {"Student", "ID", "Section"} <= set(columns):
        return "canvas"
    if "id" in columns:
        return "plain"
    raise CollectingError(
        f"{path.name} is no roster: its columns are {', '.join(columns) or 'none'}. Moodle's "
        "grading worksheet has Identifier and Grade, Canvas's gradebook has Student, ID and "
        "Section, and a table of your own needs the column id."
    )


def _folder_name(said: str, file: str, line: int) -> str:
    """Return an id, which is also the name of a folder; refuse one that cannot be."""
    name = said.strip()
    if not name or name.startswith(".") or set(name) & set('/\\:*?"<>|\0'):
        raise CollectingError(f"{file}, line {line}: {said!r} cannot be the id of a student.")
    return name


# The archive --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handed:
    """What one student handed in, in the archive."""

    student: Student
    who: str
    """How the names begin in the archive; feedback goes back under it."""
    late: bool
    """Whether the platform says so."""
    files: dict[str, zipfile.ZipInfo]


def collect(archive: Path, roster: Roster, course: Path, assignment: str) -> list[str]:
    """Unpack a class's archive into ``received``, a folder for each student.

    Parameters
    ----------
    archive
        What Moodle or Canvas gave.
    roster
        Who is who.
    course
        nbgrader's course folder.
    assignment
        The exercise.

    Returns
    -------
    What was left out, in words: files of somebody who is not in the roster, files too large

    Raises
    ------
    CollectingError
        It is no such archive.
    """
    left_out: list[str] = []
    try:
        with zipfile.ZipFile(archive) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > MAX_ARCHIVE:
                raise CollectingError(f"{archive.name} unpacks to more than a class hands in.")
            for handed in _by_student(entries, roster, left_out):
                size = sum(entry.file_size for entry in handed.files.values())
                if size > MAX_SUBMISSION:
                    left_out.append(f"{handed.student.id}: {size / 1024**2:.0f} MB, too large")
                else:
                    _unpack(packed, handed, course, assignment)
    except zipfile.BadZipFile as error:
        raise CollectingError(f"{archive.name} is no zip file: {error}.") from error
    return left_out


def _by_student(
    entries: list[zipfile.ZipInfo], roster: Roster, left_out: list[str]
) -> Iterator[Handed]:
    students, found = roster.by_key(), dict[str, Handed]()
    for entry in entries:
        for pattern in PATTERNS.values():
            if match := pattern.fullmatch(entry.filename):
                break
        else:
            left_out.append(f"{entry.filename}: not named as Moodle or Canvas do")
            continue
        student = students.get(match["key"])
        if student is None:
            left_out.append(f"{entry.filename}: nobody in the roster has the number {match['key']}")
            continue
        late = bool(match.groupdict().get("late"))
        handed = found.setdefault(student.id, Handed(student, match["who"], late, {}))
        handed.files[match["file"]] = entry
    yield from found.values()


def _unpack(packed: zipfile.ZipFile, handed: Handed, course: Path, assignment: str) -> None:
    """Write a student's files, and beside them what the archive says of them."""
    folder = course / "received" / handed.student.id / assignment
    shutil.rmtree(folder, ignore_errors=True)
    for name, entry in handed.files.items():
        plain = re.sub(r"[^\w.\- ()]", "_", re.split(r"[/\\]", name)[-1]).lstrip(".") or "file"
        target = folder / "fits" / plain if "fits/" in name else folder / plain
        target.parent.mkdir(parents=True, exist_ok=True)
        with packed.open(entry) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
    when = _when(handed.student.handed_in)
    when = when or dt.datetime(*max(entry.date_time for entry in handed.files.values()))
    about = {"who": handed.who, "late": handed.late, "when": when.isoformat(" ")}
    with atomic(folder.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(about), encoding="utf-8")


def _when(said: str) -> dt.datetime | None:
    """Return the time that Moodle writes in English; None if it is in another language."""
    for form in ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M"):
        try:
            return dt.datetime.strptime(said.strip(), form)
        except ValueError:
            continue
    return None


def about(course: Path, assignment: str, student: str) -> dict[str, str | bool]:
    """Return what the archive said of a submission; nothing if it came in another way."""
    path = course / "received" / student / f"{assignment}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def days_late(said: dict[str, str | bool], due: dt.datetime | None) -> int | None:
    """Return how many days late a submission was, begun ones counted; None if one cannot tell."""
    if due is None or not said:
        return 1 if said.get("late") else None
    seconds = (dt.datetime.fromisoformat(str(said["when"])) - due).total_seconds()
    return max(-int(-seconds // 86400), int(bool(said["late"])), 0)
