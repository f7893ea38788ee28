"""Record which submissions are graded, so that an interrupted grading can be resumed."""

import hashlib
import json
from pathlib import Path
from typing import Any

from bookmaking.grading.collecting import MAX_SUBMISSION
from multilevel.files import atomic


def fingerprint(submission: Path) -> str:
    """Return a checksum of a submission's contents.

    Parameters
    ----------
    submission
        Its folder.

    Returns
    -------
    The SHA-256 of names and contents of all its files

    Raises
    ------
    ValueError
        It contains a link, which could lead out of the folder; or it is too large to be read.
    """
    digest, paths = hashlib.sha256(), sorted(submission.rglob("*"))
    for path in paths:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ValueError(f"{path.name} is neither a file nor a folder: refused.")
    if (size := sum(path.stat().st_size for path in paths)) > MAX_SUBMISSION:
        raise ValueError(
            f"The submission has {size / 1024**2:.0f} MB, more than {MAX_SUBMISSION // 1024**2}: "
            "refused."
        )
    for path in paths:
        if path.is_file():
            name = str(path.relative_to(submission)).encode()
            digest.update(f"{len(name)} {path.stat().st_size} ".encode() + name)
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
    return digest.hexdigest()


def remember(record: Path, submission: str, problem: str | None, seconds: float) -> None:
    """Record that a submission was graded, or the reason why it was not, atomically."""
    state = {"submission": submission, "problem": problem, "seconds": round(seconds, 1)}
    write(record, json.dumps(state))


def waiting(course: Path, assignment: str) -> list[str]:
    """Return the students whose submission is not graded yet, or changed since."""
    return [s for s in students(course, assignment) if not is_graded(course, assignment, s)]


def students(course: Path, assignment: str) -> list[str]:
    """Return the students who handed in, sorted."""
    found = (course / "received").glob(f"*/{assignment}")
    return sorted(folder.parent.name for folder in found if folder.is_dir())


def is_graded(course: Path, assignment: str, student: str) -> bool:
    """Return whether a submission is graded, and unchanged since."""
    remembered = recorded(course, assignment, student)
    try:
        key = fingerprint(course / "received" / student / assignment)
    except ValueError:
        key = ""
    return bool(remembered.get("submission") == key) and remembered["problem"] is None


def recorded(course: Path, assignment: str, student: str) -> dict[str, Any]:
    """Return the record of a submission; nothing if it was not graded."""
    record = record_of(course, assignment, student)
    return json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}


def record_of(course: Path, assignment: str, student: str) -> Path:
    """Return the file of the record of a submission."""
    return course / "graded" / assignment / f"{student}.json"


def write(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
