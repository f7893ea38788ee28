"""The library and the book work where the locale or the home folder is another."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bookmaking.paths import ROOT

pytestmark = pytest.mark.slow


def run(folder: Path, prefix: list[str], **environment: str) -> str:
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "tests.small_book", str(folder)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, said
    assert "built" in said
    return said


@pytest.mark.skipif(
    shutil.which("localedef") is None or not Path("/usr/share/i18n/charmaps/CP1252.gz").exists(),
    reason="there is nothing here to make another locale of (on Debian: apt-get install locales)",
)
def test_in_a_locale_of_windows_without_utf8_mode(tmp_path: Path) -> None:
    name = "en_US.CP1252"
    subprocess.run(["localedef", "-i", "en_US", "-f", "CP1252", tmp_path / name], check=True)
    said = run(tmp_path, [], LOCPATH=str(tmp_path), LC_ALL=name, PYTHONUTF8="0")
    assert "CP1252" in said


@pytest.mark.skipif(
    shutil.which("bwrap") is None, reason="no bubblewrap here: apt-get install bubblewrap"
)
def test_for_a_user_without_a_writable_home(tmp_path: Path) -> None:
    folder = str(tmp_path)
    container = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    container += ["--bind", folder, folder, "--setenv", "HOME", "/nonexistent"]
    container += [
        "--setenv",
        "TMPDIR",
        folder,
        "--unsetenv",
        "PYTENSOR_FLAGS",
        "--unshare-user",
        "--uid",
        "1000",
        "--gid",
        "1000",
    ]
    said = run(tmp_path, container)
    assert "home" in said
