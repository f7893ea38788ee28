"""Time the panels of the built pages beside the library: data/benchmark_browser.csv.

In each round a browser opens a page from the file system and samples the model as it stands, and
the library fits the same model with everything compiled already. CPU seconds of a browser are those
of all its processes between the press of the button and the answer.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from playwright.sync_api import Page, sync_playwright

from bookmaking.benchmarks.compare import Failure, machine, measure, script
from bookmaking.benchmarks.measuring import CHAINS
from bookmaking.paths import DATA, HTML
from bookmaking.recording import write_table

TABLE = DATA / "benchmark_browser.csv"
ROUNDS = 3
PANELS = {
    "no pooling": ("repeated-measures", "no_pooling"),
    "partial pooling": ("repeated-measures", "partial_pooling"),
    "crossed intercepts": ("crossed-clusters", "crossed_intercepts"),
    "varying slopes": ("varying-slopes", "varying_slopes"),
    "ordered logit": ("exercise-moral-judgement", "ordered_logit"),
    "ordered logit, varying": ("exercise-moral-judgement", "ordered_logit_varying"),
}
"""Page and panel of each model."""
OPEN = "document.querySelectorAll('.toggle-button-hidden').forEach(button => button.click())"
"""Opens solutions: what is in them cannot be pressed before."""
READ = """root => [...root.querySelectorAll("td[data-parameter]")].map(
    ({ dataset: { parameter, statistic, value } }) => [parameter, statistic, Number(value)])"""


def cpu_seconds() -> float:
    """Return the CPU seconds of all processes that this one has started, and of itself."""
    own = psutil.Process()
    spent = [process.cpu_times() for process in [own, *own.children(recursive=True)]]
    return sum(each.user + each.system for each in spent)


def sample(page: Page, model: str, seed: int) -> dict[str, Any]:
    """Sample a model of the open page; return times and the worst diagnostics.

    Raises
    ------
    Failure
        The panel did not sample.
    """
    root = page.locator(f'[data-refit="{PANELS[model][1]}"]')
    root.locator("[name=seed]").fill(str(seed))
    cpu, wall = cpu_seconds(), time.monotonic()
    root.locator("[data-action=sample]").click()
    page.wait_for_selector(f'[data-refit="{PANELS[model][1]}"]:not([data-state=sampling])')
    took = {"cpu_seconds": cpu_seconds() - cpu, "wall_seconds": time.monotonic() - wall}
    if root.get_attribute("data-state") != "done":
        raise Failure(f"{model}: {root.locator('[role=status]').text_content()}")
    cells = pd.DataFrame(root.evaluate(READ), columns=["parameter", "statistic", "value"])
    table = cells.pivot_table(index="parameter", columns="statistic", values="value")
    return took | {"ess_bulk": table["ess_bulk"].min(), "r_hat": table["r_hat"].max()}


def in_browser(model: str, seed: int) -> dict[str, Any]:
    """Open the page of a model in a new browser, and sample it."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium
        path = shutil.which("chromium") or shutil.which("google-chrome")
        with closing(chromium.launch(executable_path=path, args=["--no-sandbox"])) as browser:
            page = browser.new_page()
            page.set_default_timeout(120_000)
            page.goto((HTML / "chapters" / f"{PANELS[model][0]}.html").as_uri())
            page.evaluate(OPEN)
            return sample(page, model, seed) | {"versions": f"Chromium {browser.version}"}


def in_python(model: str, seed: int, compiled: Path) -> dict[str, Any]:
    """Fit a model twice, and return how long the second time took, with everything compiled."""
    folders = {"PYTENSOR_FLAGS": f"base_compiledir={compiled}", "NUMBA_CACHE_DIR": str(compiled)}
    line = [*script("ours"), model, str(DATA), str(seed)]
    found = [measure(line, os.environ | folders) for _ in range(2)][-1]
    names = ["cpu_seconds", "wall_seconds", "ess_bulk", "r_hat", "versions"]
    return {name: found[name] for name in names}


def main() -> None:
    """Do all runs, one after the other, and write the table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, ROUNDS + 1):
            for model in PANELS:
                runs = {
                    "browser": in_browser(model, number),
                    "multilevel": in_python(model, number, Path(folder)),
                }
                for program, found in runs.items():
                    rows.append({"model": model, "program": program, "round": number, **found})
                    print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    table = pd.DataFrame(rows).round(
        {"cpu_seconds": 2, "wall_seconds": 2, "ess_bulk": 0, "r_hat": 4}
    )
    table = table.assign(chains=CHAINS, draws=1000, machine=machine())
    write_table(table.assign(date=datetime.now(UTC).date().isoformat()), TABLE)


if __name__ == "__main__":
    main()
