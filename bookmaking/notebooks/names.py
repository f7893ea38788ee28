"""Find the names that code makes, changes and uses, on which other parts of a notebook depend."""

import ast
import symtable
from collections.abc import Iterator


def made(source: str) -> set[str]:
    """Return the names that code assigns, imports or defines, other than inside functions."""
    return {
        s.get_name() for s in _table(source).get_symbols() if s.is_assigned() or s.is_imported()
    }


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
    top = _table(source)
    return {
        symbol.get_name()
        for table in _scopes(top)
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (table is top or symbol.is_global())
    }


class _Apart(ast.NodeTransformer):
    """Turn comprehensions into generators, whose variables no table of symbols counts outside."""

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp) -> ast.GeneratorExp:
        """Replace a list, or a set."""
        self.generic_visit(node)
        return ast.GeneratorExp(node.elt, node.generators)

    visit_SetComp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> ast.GeneratorExp:
        """Replace a dict."""
        self.generic_visit(node)
        return ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators)


def _table(source: str) -> symtable.SymbolTable:
    return symtable.symtable(ast.unparse(_Apart().visit(ast.parse(source))), "cell", "exec")


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)
