"""Remove everything that can be made again."""

import shutil

from bookmaking.paths import BUILD, CHAPTERS, DIST, ROOT

CACHES = [".pytest_cache", ".mypy_cache", ".ruff_cache"]


def main(arguments: list[str]) -> int:
    """Remove environments, builds, caches and stored fits."""
    folders = [ROOT / ".venv", BUILD, DIST, CHAPTERS / "fits", *(ROOT / name for name in CACHES)]
    sources = [ROOT / name for name in ("lib", "bookmaking", "tests")]
    for pattern in ("__pycache__", "*.egg-info"):
        folders += [folder for source in sources for folder in source.rglob(pattern)]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return 0
