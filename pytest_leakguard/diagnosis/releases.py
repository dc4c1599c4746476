"""Does code release what it took only if nothing fails on the way?"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Sequence

from pytest_leakguard.model import Frame

#: Methods and functions that give something back.
_RELEASES = frozenset(
    {
        "cancel",
        "checkin",
        "close",
        "detach",
        "disconnect",
        "dispose",
        "logout",
        "off",
        "putconn",
        "release",
        "remove_listener",
        "shutdown",
        "stop",
        "terminate",
        "unlink",
        "unmount",
        "unregister",
        "unsubscribe",
    }
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def skips_release(frames: Sequence[Frame]) -> bool:
    """Tell whether one of the functions releases further down, and not in ``finally``.

    What releases is a call on the thing that took, or on what it returned: ``bus.unsubscribe(...)``
    after ``bus.subscribe(...)``, or ``file.close()`` after ``file = open(...)``.

    Args:
        frames: Lines that took what is retained, or that called such a line. A test's own are left
            out: it has passed, so that nothing was skipped in it.
    """
    return any(
        _skips(frame)
        for frame in frames
        if not frame.function.rpartition(".")[2].lower().startswith("test")
    )


def _skips(frame: Frame) -> bool:
    try:
        tree = ast.parse("".join(linecache.getlines(frame.file)))
    except (SyntaxError, ValueError):
        return False
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, _FUNCTIONS)
        and node.body[0].lineno <= frame.line <= (node.end_lineno or node.lineno)
    ]
    if not around:
        return False
    innermost = max(around, key=lambda node: node.lineno)
    takers = set(_takers(innermost, frame.line))
    return any(
        line > frame.line and target in takers for line, target in _unguarded_releases(innermost)
    )


def _takers(function: ast.AST, line: int) -> Iterator[str]:
    """Yield what a line calls methods of, and what it binds the outcome to."""
    for node in ast.walk(function):
        if not _is_at(node, line):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value)
        elif isinstance(node, ast.Assign):
            yield from map(ast.unparse, node.targets)


def _is_at(node: ast.AST, line: int) -> bool:
    """Tell whether a statement or an expression covers a line."""
    first = getattr(node, "lineno", 0)
    return bool(first and first <= line <= (getattr(node, "end_lineno", first) or first))


def _unguarded_releases(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and object of releasing statements that an exception before them would skip."""
    for child in ast.iter_child_nodes(node):
        yield from _unguarded_in(child)


def _unguarded_in(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, (*_FUNCTIONS, ast.Lambda)):
        return
    if isinstance(node, ast.Try):  # what stands in handlers and in finally is guarded
        for part in (*node.body, *node.orelse):
            yield from _unguarded_in(part)
        return
    if (
        isinstance(node, ast.Expr)
        and isinstance(call := node.value, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in _RELEASES
    ):
        yield node.lineno, ast.unparse(call.func.value)
    yield from _unguarded_releases(node)
