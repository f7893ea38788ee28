"""Collect the submissions of a class on a learning platform, and identify the students.

Moodle (*Download all submissions*) and Canvas (*Download Submissions*) give an archive in which the
names of folders or files begin with a student's name and number. The roster lists the id for each
number: Moodle's grading worksheet, Canvas's exported gradebook, or any other table with a column
``id``.
"""

import csv
import datetime as dt
import json
import re
import shutil
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from multilevel.files import atomic

MAX_ARCHIVE = 20 * 1024**3
"""Bytes that the archive of a class may unpack to."""
MAX_SUBMISSION = 100 * 1024**2
"""Bytes of all files of a submission."""
MOODLE = re.compile(
    r"(?P<who>[^/_]*_(?P<key>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?)/?(?P<file>.+)"
)
CANVAS = re.compile(r"_(?P<late>LATE_)?(?P<key>\d+)_\d+_(?=[^/]+$)")
"""How names in the archive begin: with a student's name (on Canvas before this) and number."""
KEYS = {"moodle": "Identifier", "canvas": "ID", "plain": "id"}
"""The column of a roster with this number."""
IDS = {
    "moodle": ["ID number", "Username", "Email address"],
    "canvas": ["SIS User ID", "SIS Login ID", "ID"],
    "plain": ["id"],
}
"""Columns with the text that a student puts into ``STUDENT``: the first that exists is used."""
NAMES = {"moodle": "Full name", "canvas": "Student", "plain": "name"}
ONLINE = "online text"
HANDED_IN = "Last modified (submission)"
"""Moodle's column of when."""
Platform = Literal["moodle", "canvas", "plain"]


class CollectingError(ValueError):
    """Raised for an archive or a roster of unknown form; the message says what to do."""


# The roster ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Student:
    """A line of the roster."""

    id: str
    """The text that the student puts into ``STUDENT``."""
    key: str
    """The platform's number."""
    name: str
    handed_in: str
    """The time, in the platform's words."""
    row: dict[str, str]


@dataclass(frozen=True)
class Roster:
    """All students in the class."""

    platform: Platform
    columns: list[str]
    students: list[Student]
    left_out: list[str]
    """Lines without an id, in words: test students, guests."""

    def by_key(self) -> dict[str, Student]:
        """Return the students by the platform's number."""
        return {student.key: student for student in self.students}


def read_roster(path: Path, column: str | None = None) -> Roster:
    """Return all students in the class.

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
        The file is none of these; or an id is missing or occurs twice.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restval="")
        try:
            rows, columns = list(reader), list(reader.fieldnames or [])
        except UnicodeDecodeError:
            raise CollectingError(f"{path.name} is not in UTF-8: save it as CSV UTF-8.") from None
    platform = _platform(path, columns)
    ids = column or next((each for each in IDS[platform] if each in columns), "")
    if ids not in columns:
        raise CollectingError(
            f"{path.name} has no column {ids or IDS[platform][0]!r}; it has {', '.join(columns)}. "
            "Name the column with the ids that students put into STUDENT by --id-column."
        )
    students, left_out = [], []
    for number, row in enumerate(rows, start=2):
        if not row[KEYS[platform]].strip():
            continue  # Canvas has a line of the points possible
        if not row[ids].strip():
            left_out.append(f"{path.name}, line {number}: no {ids}")
            continue
        key = row[KEYS[platform]]
        students.append(
            Student(
                _folder_name(row[ids], path.name, number),
                re.sub(r"\D", "", key) if platform == "moodle" else key,
                row.get(NAMES[platform], ""),
                row.get(HANDED_IN, ""),
                row,
            )
        )
    for what in ("id", "key"):
        values = [getattr(student, what).casefold() for student in students]
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise CollectingError(f"{path.name} has {twice[0]!r} twice.")
    return Roster(platform, columns, students, left_out)


def _platform(path: Path, columns: list[str]) -> Platform:
    if {"Identifier", "Grade"} <= set(columns):
        return "moodle"
    if {"Student", "ID", "Section"} <= set(columns):
        return "canvas"
    if "id" in columns:
        return "plain"
    raise CollectingError(
        f"{path.name} is not a roster: its columns are {', '.join(columns) or 'none'}. Moodle's "
        "grading worksheet has Identifier and Grade, Canvas's gradebook has Student, ID and "
        "Section, and any other table needs the column id."
    )


def _folder_name(said: str, file: str, line: int) -> str:
    """Return an id, which is also the name of a folder; refuse one that cannot be."""
    name = said.strip()
    if not name or name.startswith(".") or set(name) & set('/\\:*?"<>|[]\0'):
        raise CollectingError(f"{file}, line {line}: {said!r} cannot be the id of a student.")
    return name


# The archive --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handed:
    """The submission of one student in the archive."""

    student: Student
    who: str
    """Beginning of the names in the archive; feedback is returned under it."""
    late: bool
    """Whether it is late, according to the platform."""
    files: list[tuple[str, zipfile.ZipInfo]]


def collect(archive: Path, roster: Roster, course: Path, assignment: str) -> list[str]:
    """Unpack a class's archive into ``received``, a folder for each student.

    Parameters
    ----------
    archive
        The file from Moodle or Canvas.
    roster
        The students, from the same platform.
    course
        nbgrader's course folder.
    assignment
        The exercise.

    Returns
    -------
    What was left out, in words: files of people who are not in the roster, or that cannot be read

    Raises
    ------
    CollectingError
        The file is not such an archive, or the roster does not come from a platform.
    """
    if roster.platform == "plain":
        raise CollectingError(
            "An archive needs Moodle's worksheet or Canvas's gradebook as roster."
        )
    left_out: list[str] = []
    try:
        with zipfile.ZipFile(archive) as packed:
            entries = [entry for entry in packed.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > MAX_ARCHIVE:
                raise CollectingError(f"{archive.name} unpacks to more than a class hands in.")
            for handed in _by_student(entries, roster, left_out):
                try:
                    problem = _unpack(packed, handed, course, assignment)
                except (OSError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
                    problem = f"cannot be unpacked: {error!r}"
                _note(course, assignment, handed, problem)
                left_out += [f"{handed.student.id}: {problem}"] if problem else []
    except zipfile.BadZipFile as error:
        raise CollectingError(f"{archive.name} is not a zip file: {error}.") from error
    return left_out


def _by_student(
    entries: list[zipfile.ZipInfo], roster: Roster, left_out: list[str]
) -> Iterator[Handed]:
    find = _on_moodle if roster.platform == "moodle" else _on_canvas
    found, shared = dict[str, Handed](), _shared_folder(entries)
    for entry in entries:
        name = entry.filename.removeprefix(shared)
        match find(name, roster.by_key()):
            case str() as problem:
                left_out.append(f"{name!r}: {problem}")
            case student, who, late, file:
                handed = found.setdefault(student.id, Handed(student, who, late, []))
                handed.files.append((file, entry))
    yield from found.values()


Found = tuple[Student, str, bool, str] | str
"""The student, how the name begins, whether it is late, and the file; or what is wrong."""


def _on_moodle(name: str, students: dict[str, Student]) -> Found:
    match = MOODLE.fullmatch(name)
    if match is None:
        return "not named as Moodle does"
    student = students.get(match["key"])
    if student is None:
        return f"no one in the roster has the number {match['key']}"
    return student, match["who"], False, match["file"] if match["kind"] == "file" else ONLINE


def _on_canvas(name: str, students: dict[str, Student]) -> Found:
    """Find the student of a file, whose name begins with the student's name."""
    unknown = "not named as Canvas does"
    for match in CANVAS.finditer(name):
        student = students.get(match["key"])
        if student is not None and _letters(name[: match.start()]) == _letters(student.name):
            return student, name[: match.end()], bool(match["late"]), name[match.end() :]
        unknown = f"no one in the roster has this name and the number {match['key']}"
    return unknown


def _letters(name: str) -> str:
    """Return the part of a name that all platforms keep: Latin letters, unaccented, and digits."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return "".join(filter(str.isalnum, plain))


def _shared_folder(entries: list[zipfile.ZipInfo]) -> str:
    """Return the folder that all names begin with, where a program packed the archive again."""
    first = {entry.filename.partition("/")[0] for entry in entries if "/" in entry.filename}
    alone = len(first) == 1 and all("/" in entry.filename for entry in entries)
    return f"{first.pop()}/" if alone and not MOODLE.match(f"{min(first)}/x") else ""


def _unpack(packed: zipfile.ZipFile, handed: Handed, course: Path, assignment: str) -> str | None:
    """Write a student's files; return the problem with them, if any."""
    folder = course / "received" / handed.student.id / assignment
    shutil.rmtree(folder, ignore_errors=True)
    size = sum(entry.file_size for _, entry in handed.files)
    if size > MAX_SUBMISSION:
        return f"{size / 1024**2:.0f} MB, too large"
    files = [(name, entry) for name, entry in handed.files if name != ONLINE]
    if not files:
        return "written as text on the platform: ask for the notebook as a file"
    folder.mkdir(parents=True)
    for number, (name, entry) in enumerate(files, start=1):
        *folders, file = re.split(r"[/\\]", name)
        if not any(part.startswith((".", "__MACOSX")) for part in [*folders, file]):
            plain = re.sub(r"[^\w.\- ()]", "_", file)
            with (
                packed.open(entry) as source,
                (folder / f"{number}-{plain[-60:]}").open("wb") as to,
            ):
                shutil.copyfileobj(source, to)
    return None


def _note(course: Path, assignment: str, handed: Handed, problem: str | None) -> None:
    """Write the information in the archive beside a student's folder."""
    when = _when(handed.student.handed_in)
    about = {"who": handed.who, "late": handed.late, "when": when and when.isoformat(" ")}
    path = course / "received" / handed.student.id / f"{assignment}.json"
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(about | {"problem": problem}), encoding="utf-8")


def _when(said: str) -> dt.datetime | None:
    """Return the time that Moodle writes in English; None if it is in another language."""
    for form in ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M"):
        try:
            return dt.datetime.strptime(said.strip(), form)
        except ValueError:
            continue
    return None


def about(course: Path, assignment: str, student: str) -> dict[str, Any]:
    """Return the information about a submission from the archive; nothing if there is none."""
    path = course / "received" / student / f"{assignment}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def days_late(said: dict[str, Any], due: dt.datetime | None) -> int | None:
    """Return how many days late a submission was, begun days included; None if unknown.

    Canvas only records that a submission is late, which counts as one day.
    """
    if due is None or not said.get("when"):
        return 1 if said.get("late") else 0 if said else None
    seconds = (dt.datetime.fromisoformat(said["when"]) - due).total_seconds()
    return max(-int(-seconds // 86400), int(said["late"]), 0)


def due_time(said: str) -> dt.datetime:
    """Return a time, for a whole day its last minute; raise ValueError if it is not a time."""
    time = dt.datetime.fromisoformat(said)
    if time.tzinfo is not None:
        raise ValueError(f"{said} has a time zone: give the time of the platform, without one")
    return time.replace(hour=23, minute=59) if len(said) <= 10 else time
