"""Explain why the sandbox does not work on a machine, and what to do about it."""

import os
import sys
from pathlib import Path

README = "bookmaking/grading/README.md"
SECTION = f'{README}, section "What the sandbox needs"'
SETTINGS = {  # of the kernel: the value that forbids user namespaces, and what helps
    "kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "AppArmor lets only programs with a profile make a sandbox, as on Ubuntu since 24.04: "
        "put the profile into /etc/apparmor.d/bwrap",
    ),
    "kernel/unprivileged_userns_clone": (
        "0",
        "The kernel lets only root make a sandbox: sudo sysctl -w "
        "kernel.unprivileged_userns_clone=1",
    ),
    "user/max_user_namespaces": (
        "0",
        "The kernel makes no user namespaces: sudo sysctl -w user.max_user_namespaces=10000",
    ),
}
MARKS = [".dockerenv", "run/.containerenv"]
"""Files that Docker and Podman put into a container."""


def advice(
    complaint: str, system: str = sys.platform, root: Path = Path("/"), user: int | None = None
) -> str:
    """Return advice for a machine on which the sandbox does not work.

    Parameters
    ----------
    complaint
        The error message of bubblewrap.
    system
        The operating system, as ``sys.platform``.
    root
        Root of the file system with the files that show the reason.
    user
        Number of the user; by default, the current one.
    """
    return f"There is no sandbox here ({complaint or 'nothing was run'}). " + (
        f"{_reason(complaint, system, root, os.geteuid() if user is None else user)} ({SECTION})."
    )


def _reason(complaint: str, system: str, root: Path, user: int) -> str:
    if not system.startswith("linux"):
        return "It needs Linux: grade in a container, from bookmaking/grading/Containerfile"
    if complaint == "bubblewrap is missing":
        return (
            "Install the package bubblewrap: apt-get install bubblewrap (Debian, Ubuntu), "
            "dnf install bubblewrap (Fedora) or pacman -S bubblewrap (Arch)"
        )
    if "Unknown option" in complaint:
        return "It needs bubblewrap 0.8 or newer"
    if any((root / mark).exists() for mark in MARKS):
        return "A container must be started with the options that let it make namespaces"
    for name, (forbids, help_) in SETTINGS.items():
        setting = root / "proc/sys" / name
        concerned = user != 0 or name == "user/max_user_namespaces"  # the others spare root
        if (
            concerned
            and setting.is_file()
            and setting.read_text(encoding="utf-8").strip() == forbids
        ):
            return help_
    return "bubblewrap says why"
