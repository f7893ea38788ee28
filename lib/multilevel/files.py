"""Write files atomically, and tell whether code changed."""

import ast
import hashlib
import inspect
import json
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from uuid import uuid4


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Write a file atomically: whoever reads it finds the old one or the new one, never half.

    Parameters
    ----------
    path
        The file; its folder is made if need be.

    Yields
    ------
    A temporary path beside it to write to. When the block ends without an error, it takes the place
    of ``path``; otherwise it is removed.

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
    """Return a checksum of what code does: comments, docstrings and layout do not change it.

    Parameters
    ----------
    sources
        Texts of Python programs.

    Returns
    -------
    The first 16 hexadecimal digits of the SHA-256 of their syntax trees

    Examples
    --------
    >>> code_state(["x = 1"]) == code_state(["x=1  # one"])
    True
    >>> code_state(["x = 1"]) == code_state(["x = 2"])
    False
    """
    code = [_structure(ast.parse(source)) for source in sources]
    return hashlib.sha256(repr(code).encode()).hexdigest()[:16]


def module_state(*files: Path) -> str:
    """Return the checksum (:func:`code_state`) of Python files."""
    return code_state(file.read_text(encoding="utf-8") for file in files)


def sources_of(function: Callable[..., Any]) -> list[str]:
    """Return the code of a function, and of everything of the user's or the library's that it uses.

    Parameters
    ----------
    function
        Any Python function, of a notebook for example.

    Returns
    -------
    The texts of the function, of the functions and classes that it names, directly or through
    others, and the values of the plain constants among them; installed software is left out
    """
    found: dict[str, str] = {}
    _collect(function.__qualname__, function, found)
    return [found[name] for name in sorted(found)]


def _collect(name: str, thing: Any, found: dict[str, str]) -> None:
    """Add the code behind a name, and behind the names that it uses in turn."""
    if isinstance(thing, dict | list | tuple):
        parts = thing.values() if isinstance(thing, dict) else thing
        for part in parts:
            _collect(name, part, found)
    if isinstance(thing, partial):
        thing = thing.func
    if _is_plain(thing):
        found[name] = f"{name} = {thing!r}"
    if not (inspect.isfunction(thing) or inspect.isclass(thing)) or not _is_ours(thing):
        return
    key = f"{thing.__module__}.{thing.__qualname__}"
    if key in found:
        return
    found[key] = textwrap.dedent(inspect.getsource(thing))
    for function in vars(thing).values() if inspect.isclass(thing) else [thing]:
        function = inspect.unwrap(function) if callable(function) else function
        if inspect.isfunction(function):
            for used in _names(function.__code__):
                for value in _resolve(used, function.__globals__):
                    _collect(f"{function.__module__}.{used}", value, found)


def _names(code: CodeType) -> set[str]:
    """Return the names that a function uses, functions inside it included."""
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


def _resolve(name: str, scope: dict[str, Any]) -> list[Any]:
    """Return what a name may stand for: a global, or an attribute of one of our modules."""
    modules = [value for value in scope.values() if isinstance(value, ModuleType)]
    ours = [module for module in modules if _is_ours(module)]
    candidates = [scope.get(name), *(getattr(module, name, None) for module in ours)]
    return [candidate for candidate in candidates if not isinstance(candidate, ModuleType)]


def _is_plain(value: Any) -> bool:
    """Say whether a value is a number, a text, or a list or dict of such."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return value is not None


def _is_ours(thing: Any) -> bool:
    """Say whether code is the user's or this library's, rather than installed software."""
    try:
        file = inspect.getsourcefile(thing)
    except TypeError:  # built in
        return False
    if file is None or "<frozen" in file:
        return False
    of_library = Path(__file__).parent in Path(file).parents
    installed = "site-packages" in file or Path(sys.base_prefix) in Path(file).parents
    return of_library or not installed


def _structure(node: Any) -> Any:
    """Bring a syntax tree into a form that is the same in all versions of Python."""
    if isinstance(node, list):
        return [_structure(part) for part in node if not _is_docstring(part)]
    if not isinstance(node, ast.AST):
        return node
    fields = [(name, _structure(value)) for name, value in ast.iter_fields(node)]
    # Empty fields are left out: a new version may have more of them.
    return type(node).__name__, [(name, value) for name, value in fields if value not in (None, [])]


def _is_docstring(node: Any) -> bool:
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant and isinstance(node.value.value, str)
