"""Write the template of a report as a notebook without outputs, to be filled in."""

import re
import sys

import nbformat

from bookmaking.paths import CHAPTERS, pages

TEMPLATE = "report-template"
NAME = re.compile(r"\w+(-\w+)*")


def main(arguments: list[str]) -> int:
    """Write the template beside the chapters, under a name; the default is ``my-report``."""
    if len(arguments) > 1 or any(not NAME.fullmatch(name) for name in arguments):
        sys.exit(
            "usage: python -m bookmaking report-template [NAME]; NAME is a word such as my-study"
        )
    name = arguments[0] if arguments else "my-report"
    path = CHAPTERS / f"{name}.ipynb"
    if path.exists() or name in pages():
        sys.exit(f"{path} exists and was not changed; choose another name for the new report.")
    notebook = nbformat.read(CHAPTERS / f"{TEMPLATE}.ipynb", as_version=4)
    kernel, language = notebook.metadata["kernelspec"], notebook.metadata["language_info"]
    notebook.metadata = {"kernelspec": kernel, "language_info": language}
    for cell in notebook.cells:
        cell.source = cell.source.replace('"fits/my-report"', f'"fits/{name}"')
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count, cell.metadata = [], None, {}  # nothing folded
    with path.open("x", encoding="utf-8", newline="\n") as file:  # never over another file
        nbformat.write(notebook, file)
    print(f"{path}: open it in JupyterLab (python -m bookmaking lab), and fill it in.")
    return 0
