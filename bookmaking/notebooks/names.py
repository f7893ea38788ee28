"""Find the names that code makes, changes and uses, on which other parts of a notebook depend."""

import ast
import symtable
from collections.abc import Iterator


def made(source: str) -> set[str]:
    """Return the names that code assigns, imports or defines, other than inside functions."""
    symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    return {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}


def changed(source: str) -> set[str]:
    """Return the names whose values code changes, other than by making them again.

    Values are changed by assignments to a part, and by calls of a method as a separate statement:
    ``rows.append(1)``.
    """
    parts = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store()):
                parts.append(node)
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method)):
                parts.append(method)
    return {name for part in parts if (name := _first_name(part))}


def _first_name(part: ast.expr) -> str | None:
    """Return the name that ``name.part[0].other`` begins with."""
    while isinstance(part, ast.Attribute | ast.Subscript | ast.Call):
        part = part.func if isinstance(part, ast.Call) else part.value
    return part.id if isinstance(part, ast.Name) else None


def used(source: str) -> set[str]:
    """Return the names of the notebook that code uses, in functions, too."""
    top = symtable.symtable(source, "cell", "exec")
    return {
        symbol.get_name()
        for table in _scopes(top)
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (table is top or symbol.is_global())
    }


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)
