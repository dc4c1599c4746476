"""Does code release what it took only if nothing fails on the way?"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

from pytest_leakguard.model import Frame

#: Methods and functions that give something back.
_RELEASES = frozenset(
    {
        "aclose",
        "cancel",
        "checkin",
        "close",
        "deregister",
        "detach",
        "disconnect",
        "dispose",
        "free",
        "give_back",
        "logout",
        "off",
        "putconn",
        "release",
        "release_all",
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
#: Context managers that let a test go on after an exception.
_SWALLOWING = frozenset({"assertRaises", "assertRaisesRegex", "raises", "suppress"})


@final
@dataclass(frozen=True, slots=True)
class _Release:
    """A statement that gives something back, unless an exception before it is raised.

    Attributes:
        line: Where it stands, from 1.
        target: Source of what its method is called on.
        is_swallowed: Such an exception is caught in the same function.
    """

    line: int
    target: str
    is_swallowed: bool


def skips_release(frames: Sequence[Frame]) -> bool:
    """Tell whether one of the functions releases further down, and not in ``finally``.

    What releases is a call on the thing that took, or on what it returned: ``bus.unsubscribe(...)``
    after ``bus.subscribe(...)``, or ``file.close()`` after ``file = open(...)``.

    Args:
        frames: Lines that took what is retained, or that called such a line. A test has passed, so
            that only what an exception skips that it catches itself was skipped in it.
    """
    return any(map(_skips, frames))


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
    is_test = frame.function.rpartition(".")[2].lower().startswith("test")
    return any(
        release.line > frame.line
        and release.target in takers
        and (release.is_swallowed or not is_test)
        for release in _unguarded_in(innermost.body, is_swallowed=False)
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


def _unguarded_in(nodes: Iterable[ast.AST], *, is_swallowed: bool) -> Iterator[_Release]:
    """Yield the releasing statements that an exception before them would skip."""
    for node in nodes:
        if isinstance(node, (*_FUNCTIONS, ast.Lambda)):
            continue
        if isinstance(node, ast.Try):
            yield from _unguarded_in_try(node, is_swallowed=is_swallowed)
            continue
        if isinstance(node, ast.Expr) and (target := _released(node)) is not None:
            yield _Release(node.lineno, target, is_swallowed)
        yield from _unguarded_in(
            ast.iter_child_nodes(node), is_swallowed=is_swallowed or _swallows(node)
        )


def _unguarded_in_try(node: ast.Try, *, is_swallowed: bool) -> Iterator[_Release]:
    """Yield those of a try statement that neither its handlers nor its finally repeat."""
    guarded = {
        _released(part)
        for guard in (*node.handlers, *node.finalbody)
        for part in ast.walk(guard)
        if isinstance(part, ast.Expr)
    }
    is_caught = is_swallowed or bool(node.handlers)
    for release in _unguarded_in((*node.body, *node.orelse), is_swallowed=is_caught):
        if release.target not in guarded:
            yield release


def _released(node: ast.Expr) -> str | None:
    """Return the source of what a statement releases; ``None`` if it releases nothing."""
    call = node.value.value if isinstance(node.value, ast.Await) else node.value
    if (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in _RELEASES
    ):
        return ast.unparse(call.func.value)
    return None


def _swallows(node: ast.AST) -> bool:
    """Tell a with statement that suppresses exceptions."""
    return isinstance(node, (ast.With, ast.AsyncWith)) and any(
        isinstance(call := item.context_expr, ast.Call)
        and ast.unparse(call.func).rpartition(".")[2] in _SWALLOWING
        for item in node.items
    )
