"""Run all tests, or those that take seconds."""

import subprocess
import sys
from collections.abc import Sequence

from bookmaking.book import BUILD_LOCK, build_if_changed, execute_outdated
from bookmaking.environments import set_up
from bookmaking.locking import only_one
from bookmaking.paths import EXECUTED, PROCESSES, ROOT, pages

LINT = [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
PYTEST = ["pytest", "--dist", "loadfile", "--no-loadscope-reorder", "-n"]
JAX_TESTS = ["pytest", "tests/test_jax.py"]


def lint(arguments: list[str]) -> int:
    """Lint, format and types."""
    return _run(LINT)


def quick(arguments: list[str]) -> int:
    """Lint, types, and the tests that need no kernel, browser, cluster, compiler or built book."""
    beside = _start([sys.executable, "-m", "bookmaking", "lint"])
    failed = _run([[*PYTEST, str(PROCESSES - 1), "-m", "not slow", *arguments]])
    return _wait(beside) or failed


def test(arguments: list[str]) -> int:
    """Execute what changed, build the pages, and run lint, types and all tests on them."""
    set_up("grading")
    jax = set_up("jax")
    with only_one(*BUILD_LOCK):
        execute_outdated()
        # Building takes one core; so do lint, types and the tests of JAX, which run meanwhile.
        beside = _start([sys.executable, "-m", "bookmaking", "lint"], [str(jax), "-m", *JAX_TESTS])
        build_if_changed([EXECUTED / f"{name}.ipynb" for name in pages()])
        return _wait(beside) or _run([[*PYTEST, str(PROCESSES), *arguments]])


def _start(*commands: list[str]) -> list[subprocess.Popen[bytes]]:
    """Start commands in the background."""
    return [subprocess.Popen(command, cwd=ROOT) for command in commands]


def _wait(processes: list[subprocess.Popen[bytes]]) -> int:
    """Wait for commands; return 1 if any failed."""
    codes = [process.wait() for process in processes]
    return int(any(codes))


def _run(commands: Sequence[Sequence[str]]) -> int:
    """Run modules one after the other, until one fails; return its exit code."""
    for command in commands:
        print(f"python -m {' '.join(command)}", flush=True)
        if failed := subprocess.run([sys.executable, "-m", *command], cwd=ROOT).returncode:
            print(f"failed: python -m {' '.join(command)}", file=sys.stderr, flush=True)
            return failed
    return 0
