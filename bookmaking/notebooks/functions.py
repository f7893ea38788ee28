"""Set the reference of the library's functions as Markdown, from their docstrings.

The code is read and not imported, so that neither filling in a page nor a test loads PyMC.
"""

import ast
import copy
import doctest
import re
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from operator import itemgetter
from textwrap import dedent
from typing import NamedTuple

from bookmaking.paths import LIBRARY

FIGURES = "figures"
"""The module that pages import by its name; those of its functions that have an example are in."""

SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
MATH = re.compile(r"^\.\. math::\n((?:(?: +.*)?\n?)*)", re.MULTILINE)
ROLE = re.compile(r":(?P<role>\w+):`(?P<of>[^`]+)`|``(?P<code>.+?)``(?!`)", re.DOTALL)
DIRECTIVE = re.compile(r" *# doctest:.*")
IMPORTS = re.compile(r"\A(?:(?:import|from) .+\n)+(?=.)")

type Definition = ast.FunctionDef | ast.ClassDef


class Entry(NamedTuple):
    """A public name as code writes it, such as ``ml.fit``, with its definition."""

    written: str
    node: Definition

    @property
    def heading(self) -> str:
        """Its name without that of a module."""
        return self.written.removeprefix("ml.").removeprefix(f"{FIGURES}.")

    @property
    def docstring(self) -> str:
        """Its docstring, without indentation."""
        return ast.get_docstring(self.node) or ""

    @property
    def summary(self) -> str:
        """What it does, in a line of plain text."""
        return self.docstring.partition("\n")[0].replace("``", "")


@cache
def entries() -> dict[str, list[Entry]]:
    """Return the entries of the reference, by module, as their code is ordered."""
    stub = ast.parse((LIBRARY / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [line for line in stub.body if isinstance(line, ast.ImportFrom)]
    public = {str(line.module): {each.name for each in line.names} for line in imports}
    found = {}
    for module, names in public.items():
        nodes = [node for node in _defined(module) if node.name in names]
        methods = [(node, each) for node in nodes for each in _with_example(node.body)]
        found[module] = [Entry(f"ml.{node.name}", node) for node in nodes]
        found[module] += [Entry(f"{node.name}.{each.name}", each) for node, each in methods]
    drawing = _with_example(_defined(FIGURES))
    return found | {FIGURES: [Entry(f"{FIGURES}.{node.name}", node) for node in drawing]}


def _defined(module: str) -> list[Definition]:
    tree = ast.parse((LIBRARY / f"{module}.py").read_text(encoding="utf-8"))
    return [node for node in tree.body if isinstance(node, Definition.__value__)]


def _with_example(body: list[ast.stmt] | list[Definition]) -> list[ast.FunctionDef]:
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    return [node for node in functions if ">>> " in (ast.get_docstring(node) or "")]


def reference(module: str) -> str:
    """Return the entries of a module, as Markdown.

    Parameters
    ----------
    module
        One of the modules of the library that have public names.

    Raises
    ------
    ValueError
        It is none of them.
    """
    if module not in entries():
        raise ValueError(f"no public function is defined in {module!r}")
    return "\n\n".join(part for entry in entries()[module] for part in _entry(entry))


def _entry(entry: Entry) -> Iterator[str]:
    """Set an entry: its name, how it is called, what it does, and the sections of its docstring."""
    signature, types = called(entry.node)
    yield f"### {entry.heading}"
    yield f"`{entry.written}{signature}`"
    first, *sections = SECTION.split(entry.docstring)
    yield from _paragraphs(first)
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        yield f"**{title}**"
        if title == "Examples":
            yield from _examples(body)
        elif title in ("Notes", "References"):
            yield from _paragraphs(body)
        else:
            yield from _definitions(body, title, types)


def called(node: Definition) -> tuple[str, dict[str, str]]:
    """Return the arguments of a function, or those that make an object, and their types by name."""
    if isinstance(node, ast.ClassDef):
        starts = [each for each in node.body if isinstance(each, ast.FunctionDef)]
        return next((called(each) for each in starts if each.name == "__init__"), ("", {}))
    arguments, types = copy.deepcopy(node.args), {}
    arguments.args = [each for each in arguments.args if each.arg not in ("self", "cls")]
    plain = _Plain(node)
    for each in ast.walk(arguments):
        if isinstance(each, ast.arg) and each.annotation is not None:
            types[each.arg] = ast.unparse(plain.visit(each.annotation)).strip("()")
            each.annotation = None
    return f"({ast.unparse(arguments)})".replace("'", '"'), types


@cache
def _aliases() -> dict[str, ast.expr | None]:
    texts = [file.read_text(encoding="utf-8") for file in sorted(LIBRARY.glob("*.py"))]
    lines = [line for text in texts for line in ast.parse(text).body]
    return {line.name.id: line.value for line in lines if isinstance(line, ast.TypeAlias)}


class _Plain(ast.NodeTransformer):
    """Write a type without names of the library's own: the text says which words it may be."""

    def __init__(self, node: ast.FunctionDef) -> None:
        bound = {x.name: x.bound for x in node.type_params if isinstance(x, ast.TypeVar)}
        self.named = _aliases() | bound

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replace a name of the library's by what it stands for."""
        known = self.named.get(node.id)
        return self.visit(copy.deepcopy(known)) if known else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Replace a choice of words by text."""
        if ast.unparse(node.value) == "Literal":
            return ast.Name("str")
        return self.generic_visit(node)


def _definitions(body: str, title: str, types: dict[str, str]) -> Iterator[str]:
    """Set parameters, results or errors with what is said of each, if anything is."""
    for item in re.split(r"\n(?=\S)", body.strip()):
        head, _, text = item.partition("\n")
        term = _plain(head)
        if title != "Returns":
            known = types if title == "Parameters" else {}
            term = ", ".join(
                f"**`{name}`**" + f" (`{known.get(name)}`)" * (known.get(name, "Any") != "Any")
                for name in head.split(", ")
            )
        words = "\n\n  ".join(_paragraphs(dedent(text)))
        yield f"{term}\n: {words}" if words else term


def _examples(body: str) -> Iterator[str]:
    """Set examples: code without prompts, what it shows, and what is said between them."""
    for kind, parts in groupby(_pieces(body), itemgetter(0)):
        text = "".join(part for _, part in parts)
        if kind:
            yield f"```{kind}\n{IMPORTS.sub(r'\g<0>\n', text)}```"
        else:
            yield from _paragraphs(text)


def _pieces(body: str) -> Iterator[tuple[str, str]]:
    for part in doctest.DocTestParser().parse(body):
        if isinstance(part, doctest.Example):
            yield "python", DIRECTIVE.sub("", part.source)
            if part.want:
                yield "text", part.want.replace("<BLANKLINE>", "")
        elif part.strip():
            yield "", part


def _paragraphs(text: str) -> Iterator[str]:
    """Set paragraphs, each in a line, and formulas."""
    for number, part in enumerate(MATH.split(text)):
        if number % 2:
            yield _formula(dedent(part).strip())
        else:
            yield from (_plain(each) for each in re.split(r"\n\n+", part) if each.strip())


def _formula(tex: str) -> str:
    """Set a formula, and where its lines end in a space, one below the other."""
    lines = tex.split("\\quad\n")
    if len(lines) > 1:
        aligned = " \\\\\n".join(f"& {line.strip()}" for line in lines)
        tex = f"\\begin{{aligned}}\n{aligned}\n\\end{{aligned}}"
    return f"$$\n{tex}\n$$"


def _plain(text: str) -> str:
    return ROLE.sub(_role, " ".join(text.split()))


def _role(found: re.Match[str]) -> str:
    """Set code and formulas; a public name links to its entry."""
    if found["role"] == "math":
        return f"${found['of']}$"
    full = found["code"] or found["of"]
    name = full.removeprefix("multilevel.")
    public = {entry.node.name for each in entries().values() for entry in each}
    return (
        f"[`{name}`](functions.ipynb#{name.lower()})"
        if found["role"] and name in public
        else f"`{full}`"
    )
