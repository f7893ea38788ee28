"""Write files atomically, and compute checksums of code that ignore comments and layout."""

import ast
import hashlib
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from uuid import uuid4


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Write a file atomically: readers see the old file or the new one, never a partial one.

    Parameters
    ----------
    path
        The file; missing folders are created.

    Yields
    ------
    Path
        A temporary file in the same folder to write to. When the block ends without an error, it
        replaces ``path``; otherwise it is deleted.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic(folder / "table.csv") as temporary:
    ...     _ = temporary.write_text("a,b", encoding="utf-8")
    >>> [file.name for file in folder.iterdir()]
    ['table.csv']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def code_state(sources: Iterable[str]) -> str:
    """Return a checksum of the syntax trees of code, which ignores comments, docstrings and layout.

    Parameters
    ----------
    sources
        Source texts of Python code.

    Returns
    -------
    str
        The first 16 hexadecimal digits of the SHA-256 of their syntax trees.

    Examples
    --------
    >>> code_state(["x = 1"]) == code_state(["x=1  # one"])
    True
    >>> code_state(["x = 1"]) == code_state(["x = 2"])
    False
    """
    code = ", ".join(map(_tree_as_text, sources))
    return hashlib.sha256(f"[{code}]".encode()).hexdigest()[:16]


@lru_cache(maxsize=256)
def _tree_as_text(source: str) -> str:
    """Return the syntax tree of code as text; the same files are read for every fit and chapter."""
    return repr(_version_independent_tree(ast.parse(source)))


def module_state(*files: Path) -> str:
    """Return the checksum (:func:`code_state`) of Python files."""
    return code_state(file.read_text(encoding="utf-8") for file in files)


def sources_of(function: Callable[..., Any]) -> list[str]:
    """Return the source of a function and of all code that it uses, except installed packages.

    Parameters
    ----------
    function
        Any Python function, for example one that is defined in a notebook.

    Returns
    -------
    list of str
        The sources of the function and of all functions and classes of the user's or this library's
        that it refers to, directly or indirectly, and the values of constants among them (numbers,
        strings, lists and dicts).
    """
    found: dict[str, str] = {}
    _collect_sources(function.__qualname__, function, found)
    return [found[name] for name in sorted(found)]


def _collect_sources(name: str, thing: Any, found: dict[str, str]) -> None:
    """Add the source of an object, and of the objects that its code refers to, recursively."""
    if isinstance(thing, dict | list | tuple):
        parts = thing.values() if isinstance(thing, dict) else thing
        for part in parts:
            _collect_sources(name, part, found)
    if isinstance(thing, partial):
        thing = thing.func
    if _is_json_value(thing):
        found[name] = f"{name} = {thing!r}"
    if not (inspect.isfunction(thing) or inspect.isclass(thing)) or not _is_own_code(thing):
        return
    key = f"{thing.__module__}.{thing.__qualname__}"
    if key in found:
        return
    found[key] = textwrap.dedent(inspect.getsource(thing))
    for function in vars(thing).values() if inspect.isclass(thing) else [thing]:
        function = inspect.unwrap(function) if callable(function) else function
        if inspect.isfunction(function):
            for used in _names_in_code(function.__code__):
                for value in _resolve_name(used, function.__globals__):
                    _collect_sources(f"{function.__module__}.{used}", value, found)


def _names_in_code(code: CodeType) -> set[str]:
    """Return the names that a code object refers to, including nested functions."""
    inner = [
        _names_in_code(constant) for constant in code.co_consts if isinstance(constant, CodeType)
    ]
    return set(code.co_names).union(*inner)


def _resolve_name(name: str, scope: dict[str, Any]) -> list[Any]:
    """Return what a name may refer to: a global, or an attribute of a module of this library."""
    modules = [value for value in scope.values() if isinstance(value, ModuleType)]
    ours = [module for module in modules if _is_own_code(module)]
    candidates = [scope.get(name), *(getattr(module, name, None) for module in ours)]
    return [candidate for candidate in candidates if not isinstance(candidate, ModuleType)]


def _is_json_value(value: Any) -> bool:
    """Return whether a value is a JSON value: a number, a string, or a list or dict of such."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return value is not None


def _is_own_code(thing: Any) -> bool:
    """Return whether an object is defined in the user's or this library's code, not installed."""
    try:
        file = inspect.getsourcefile(thing)
    except TypeError:  # built-in objects have no source
        return False
    if file is None:  # typed at a prompt, or made by other code
        return getattr(thing, "__module__", None) == "__main__"
    if "<frozen" in file:
        return False
    of_library = Path(__file__).parent in Path(file).parents
    installed = "site-packages" in file or Path(sys.base_prefix) in Path(file).parents
    return of_library or not installed


def _version_independent_tree(node: Any) -> Any:
    """Convert a syntax tree to nested tuples that are the same in all versions of Python."""
    if isinstance(node, list):
        return [_version_independent_tree(part) for part in node if not _is_docstring(part)]
    if not isinstance(node, ast.AST):
        return node
    fields = [(name, _version_independent_tree(value)) for name, value in ast.iter_fields(node)]
    # Empty fields are omitted, as newer versions of Python add some.
    return type(node).__name__, [(name, value) for name, value in fields if value not in (None, [])]


def _is_docstring(node: Any) -> bool:
    """Return whether a statement is a string, such as a docstring."""
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant and isinstance(node.value.value, str)
