"""Judge answers that came out of the sandbox against the right ones.

usage: judge.py ANSWERS RIGHT NAME...

ANSWERS and RIGHT are folders; for each NAME, a line of JSON is printed: passed, feedback.
"""

import json
import sys
import zipfile
from pathlib import Path

from multilevel.answers import Verdict, judge, load, load_question


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
        answer = load(path) if path.is_file() else None
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
        return Verdict(False, f"{name}: what was handed in cannot be read. Hand in by ml.hand_in.")
    return judge(answer, load_question(name, right))


def main(answers: Path, right: Path, names: list[str]) -> None:
    """Print the verdicts."""
    for name in names:
        verdict = verdict_on(name, answers, right)
        print(json.dumps({"passed": verdict.passed, "feedback": verdict.feedback}))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
