"""Judge answers that came out of the sandbox against the right ones.

usage: judge.py ANSWERS RIGHT NAME...

ANSWERS and RIGHT are folders; for each NAME, a line of JSON is printed: passed, feedback.
"""

import json
import sys
import zipfile
from pathlib import Path

from multilevel.answers import Answer, Verdict, judge, load, load_question

MAX_BYTES = 1024**3


def verdict_on(name: str, answers: Path, right: Path) -> Verdict:
    """Judge one answer.

    Parameters
    ----------
    name
        The name of the answer.
    answers, right
        The folders of what was handed in and of the right answers.

    Returns
    -------
    The verdict; a file that cannot be read is no answer
    """
    path = answers / f"{name}.npz"
    try:
        answer = small(path) if path.is_file() else None
    except Exception:  # a submission may have written anything into it
        return Verdict(False, f"{name}: what was handed in cannot be read. Hand in by ml.hand_in.")
    return judge(answer, load_question(name, right))


def small(path: Path) -> Answer:
    """Load an answer, unless it unpacks to more than an answer can hold.

    Raises
    ------
    ValueError
        It does, or it is no answer.
    """
    with zipfile.ZipFile(path) as archive:
        if sum(part.file_size for part in archive.infolist()) > MAX_BYTES:
            raise ValueError(f"{path.name} is too large.")
    return load(path)


def main(answers: Path, right: Path, names: list[str]) -> None:
    """Print the verdicts."""
    for name in names:
        verdict = verdict_on(name, answers, right)
        print(json.dumps({"passed": verdict.passed, "feedback": verdict.feedback}))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
