"""JupyterLab itself opens and saves every chapter, and nothing changes."""

import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from subprocess import DEVNULL
from typing import Any
from urllib.parse import urljoin

import jupytext
import nbformat
import pytest
from playwright.sync_api import Error, sync_playwright

from bookmaking.lab import options
from bookmaking.notebooks.derivation import tidy, write
from bookmaking.paths import CHAPTERS, pages
from tests.chromium import CHROMIUM, FLAGS, NEEDS_CHROMIUM

SOURCES = sorted(CHAPTERS.glob("*.md"))
pytestmark = NEEDS_CHROMIUM
VISIT = """async (path) => {
  const shown = await jupyterapp.commands.execute("docmanager:open", {path, factory: "Notebook"});
  await shown.context.ready;
  await shown.sessionContext.ready;
  await shown.sessionContext.session.kernel.info;
  await new Promise((resolve) => setTimeout(resolve, 300));  // which may change the metadata
  const unsaved = shown.context.model.dirty;
  await shown.context.save();
  await jupyterapp.commands.execute("notebook:expand-all-headings");
  const texts = [];
  for (const [number, cell] of shown.content.widgets.entries()) {
    if (cell.model.type !== "markdown") continue;
    const output = () => cell.node.querySelector(".myst");
    for (let wait = 0; wait < 200 && !output()?.childElementCount; wait++) {
      await shown.content.scrollToItem(number);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    output()?.querySelectorAll("code").forEach((code) => code.remove());
    texts.push(output()?.innerText ?? cell.model.sharedModel.getSource());
  }
  await shown.sessionContext.shutdown();
  shown.dispose();
  return {unsaved, texts};
}"""
FOLDED = """async (path) => {
  const shown = await jupyterapp.commands.execute("docmanager:open", {path, factory: "Notebook"});
  await shown.context.ready;
  await shown.revealed;
  await shown.sessionContext.ready;
  const folded = (cell) => cell.model.type === "code"
    ? [(cell.model.getMetadata("tags") ?? []).join(), cell.inputHidden, cell.outputHidden]
    : [cell.headingCollapsed];
  const found = shown.content.widgets.map((cell) => [
    cell.model.sharedModel.getSource().split("\\n")[0], folded(cell)]);
  await shown.sessionContext.shutdown();
  shown.dispose();
  return found;
}"""
RAW = re.compile(
    r"\{[\w:-]+\}`|^:{3,}|^`{3}|^\([\w-]+\)=|<!--|Unknown (Directive|Role)|⚠", re.MULTILINE
)
"""What a reader should not see: roles, fences, labels, comments, and complaints."""
TAGS = {
    "hide-cell,raises-exception": {(True, False)},
    "hide-input": {(True, False)},
    "solution": {(True, True)},
    "check,remove-cell": {(True, True)},
    "starter": {(False, False)},
}
"""What is folded of cells with these tags: their code, their outputs."""


@pytest.fixture(scope="module")
def chapters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the chapters, the sources first, as they come from a checkout or an archive.

    A kernel writes its version of Python into a notebook: that of the last digit is the machine's.
    """
    folder = tmp_path_factory.mktemp("lab") / "chapters"
    folder.mkdir()
    for pattern in ("*.md", "*.ipynb"):
        for file in CHAPTERS.glob(pattern):
            shutil.copyfile(file, folder / file.name)
    for source in folder.glob("*.md"):
        os.utime(source, (time.time() - 60,) * 2)
        path = source.with_suffix(".ipynb")
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata.language_info["version"] = platform.python_version()
        write(notebook, path)
    return folder


@pytest.fixture(scope="module")
def lab(chapters: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Open JupyterLab, as ``make lab`` does, in Chromium."""
    home = tmp_path_factory.mktemp("home")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        *options(chapters, home / "workspaces"),
        "--no-browser",
    ]
    command += ["--allow-root", f"--port={port}", "--IdentityProvider.token=t"]
    environment = os.environ | {"HOME": str(home)}
    command.append("--expose-app-in-browser")
    with (
        subprocess.Popen(command, env=environment, stdout=DEVNULL, stderr=DEVNULL) as jupyter,
        sync_playwright() as playwright,
    ):
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            end = time.monotonic() + 60
            while page.url == "about:blank":
                try:
                    page.goto(f"http://127.0.0.1:{port}/?token=t")
                except Error:
                    assert jupyter.poll() is None
                    assert time.monotonic() < end
                    time.sleep(0.2)
            page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
            yield page
            browser.close()
        finally:
            jupyter.kill()  # a kernel ends when its server does


def test_the_welcome_page_is_open_and_the_list_has_the_notebooks(lab: Any) -> None:
    lab.get_by_role("heading", name="Multilevel models in Python").wait_for()
    lab.locator(".jp-DirListing-item").filter(has_text="welcome.ipynb").wait_for()
    listed = lab.locator(".jp-DirListing-itemName").all_inner_texts()
    assert listed == [f"{name}.ipynb" for name in pages()]


def test_checks_drawing_code_and_solutions_are_folded(lab: Any) -> None:
    cells = lab.evaluate(FOLDED, "exercise-one-cluster.ipynb")
    assert [text for text, folded in cells if folded == [True]] == ["## Solution"]
    code = {text: folded for text, folded in cells if len(folded) == 3}
    folded = {
        tags: {tuple(rest) for tags_, *rest in code.values() if tags_ == tags} for tags in TAGS
    }
    assert folded == TAGS


def test_a_notebook_leads_to_its_panel_in_the_built_page(lab: Any) -> None:
    text = (CHAPTERS / "crossed-clusters.md").read_text(encoding="utf-8")
    (address,) = re.findall(r'<a href="([^"]*)" target="_blank">Open the built page</a>', text)
    page = lab.context.browser.new_page()
    page.goto(urljoin(lab.url, address))
    page.wait_for_selector("[data-refit=crossed_intercepts][data-state=ready]")
    heading = page.get_by_role("heading", name="Refit it yourself")
    assert heading.evaluate("one => one.parentElement.id") == address.partition("#")[2]
    page.close()


@pytest.fixture(scope="module")
def visit(lab: Any) -> Callable[[Path], tuple[bool, list[str], list[str]]]:
    """Open, save, read and close a chapter, once: was it unsaved, its texts, and complaints."""

    @cache
    def once(source: Path) -> tuple[bool, list[str], list[str]]:
        complaints: list[str] = []

        def keep(message: Any) -> None:
            complaints.append(message.text)

        lab.on("console", keep)
        seen = lab.evaluate(VISIT, f"{source.stem}.ipynb")
        lab.remove_listener("console", keep)
        return seen["unsaved"], seen["texts"], complaints

    return once


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_opening_and_saving_a_chapter_changes_nothing(
    visit: Any, chapters: Path, source: Path
) -> None:
    pair = [chapters / f"{source.stem}.{half}" for half in ("md", "ipynb")]
    before = [file.read_text(encoding="utf-8") for file in pair]
    unsaved, *_ = visit(source)
    assert not unsaved
    assert [file.read_text(encoding="utf-8") for file in pair] == before


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_text_of_a_chapter_is_shown_as_markup(visit: Any, source: Path) -> None:
    _, texts, complaints = visit(source)
    assert len(texts) == sum(
        cell.cell_type == "markdown" for cell in jupytext.read(source, fmt="md:myst").cells
    )
    assert [found[0] for text in texts if (found := RAW.search(text))] == []
    assert [text for text in complaints if re.search("not found|No target|Unknown", text)] == []


ELSEWHERE: dict[str, dict[str, Any]] = {
    "VS Code": {
        "kernelspec": {"display_name": ".venv", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "version": "3.13.9"},
    },
    "Colab": {
        "colab": {"provenance": []},
        "kernelspec": {"display_name": "Python 3", "name": "python3"},
        "language_info": {"name": "python"},
    },
}


@pytest.mark.parametrize("program", ELSEWHERE)
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_what_another_program_saved_comes_back_to_the_same_form(source: Path, program: str) -> None:
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    notebook.metadata = nbformat.from_dict(ELSEWHERE[program])
    for number, cell in enumerate(notebook.cells):
        cell.metadata |= {"vscode": {"languageId": "python"}, "id": f"a{number}", "outputId": "b"}
    text = source.read_text(encoding="utf-8")
    assert tidy(jupytext.writes(notebook, fmt="md:myst")) == text
    assert tidy(text) == text


def test_a_header_that_a_notebook_cannot_keep_is_refused() -> None:
    text = SOURCES[0].read_text(encoding="utf-8").replace("kernelspec:", "title: x\nkernelspec:", 1)
    with pytest.raises(ValueError, match="the header has title, which would be lost"):
        tidy(text)
