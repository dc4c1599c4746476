"""Does the code drop what a container holds beyond a bound? Read from its source, not run.

A home-made ring or cache seldom states its bound by a name that could be known. What tells it is
the code beside the line that adds: ``if len(self.items) > self.size: self.items.pop(0)``.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator, Sequence

from pytest_leakguard.counters.containers import sized
from pytest_leakguard.diagnosis.source import (
    FUNCTIONS,
    UNKNOWN,
    Growing,
    Running,
    bound_names,
    called_name,
    empties,
    growing,
    removes,
    running_with,
    value_of,
)
from pytest_leakguard.model import Bound, Frame

#: A larger bound is none.
_LARGEST = 1_000_000
#: How many more items are tried where the value of a bound could not be read.
_FAR = 1_000
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)


def eviction_bound(frames: Sequence[Frame], chain: Sequence[object]) -> Bound:
    """Return the bound that the code keeps of a container, if it is not passed already.

    Args:
        frames: Lines that made the container grow, and that called such a line.
        chain: The objects from a root to the container, both included.
    """
    container = next((obj for obj in reversed(chain[-2:]) if sized(obj) is not None), None)
    if container is None or (length := sized(container)) is None:
        return Bound()
    fill = length(container)
    unknown = Bound()
    for growth in growing(frames, chain):
        for line, bound, names in _bounds(growth, chain):
            text = ast.unparse(bound)
            place = f"{os.path.basename(growth.frame.file)}:{line} keeps no more than {text}"
            value = value_of(bound, growth.frame.file, chain, names)
            if value is UNKNOWN:
                unknown = unknown or Bound(text=f"{place} items: {fill} now", room=_FAR)
            # A container that has passed a bound does not keep it.
            elif type(value) is int and max(fill - 1, 1) <= value <= _LARGEST:
                equal = "" if text == str(value) else f" = {value}"
                words = f"{place}{equal} items: {fill} now"
                return Bound(text=words, room=value + 2 - fill, kept=True)
        for line, condition in _emptied(growth, chain):
            place = f"{os.path.basename(growth.frame.file)}:{line}"
            unknown = unknown or Bound(
                text=f"{place} takes items out if {condition}: {fill} now", room=_FAR
            )
    return unknown


def compares_with(frames: Sequence[Frame], chain: Sequence[object], name: str) -> bool:
    """Tell whether the code beside a container compares something with an attribute.

    A cache may count its items by itself, or weigh them: ``while self.total > self.maxsize``.

    Args:
        frames: Lines that made the container grow, and that called such a line.
        chain: The objects from a root to the container, both included.
        name: The attribute, by its name in the namespace.
    """
    spelled = {name, *(name.removeprefix(f"_{owner}") for owner in _class_names(chain))}
    return any(
        _compares(called, spelled)
        for growth in growing(frames, chain)
        for called, _, _ in running_with(growth, chain)
    )


def _class_names(chain: Sequence[object]) -> Iterator[str]:
    """Yield the names that those of private attributes may be mangled with."""
    for obj in chain:
        yield from (cls.__name__.lstrip("_") for cls in type(obj).__mro__)


def _compares(function: ast.AST, names: set[str]) -> bool:
    """Tell whether a branch or loop of a function depends on how something compares with names."""

    def is_named(part: ast.AST) -> bool:
        return getattr(part, "attr", getattr(part, "id", None)) in names

    bound = bound_names(function).items()
    names = names.union(
        name for name, value in bound if any(is_named(part) for part in ast.walk(value))
    )
    return any(
        isinstance(compared, ast.Compare)
        and isinstance(compared.ops[0], _ORDERS)
        and any(is_named(part) for part in ast.walk(compared))
        for node in ast.walk(function)
        if isinstance(node, (ast.If, ast.IfExp, ast.While))
        for compared in ast.walk(node.test)
    )


def _bounds(
    growth: Growing, chain: Sequence[object]
) -> Iterator[tuple[int, ast.expr, dict[str, ast.expr]]]:
    """Yield each bound that a function, or one that it calls, puts on what grows.

    Yields:
        Its line, its value, and what the names in it stand for.
    """
    running = list(running_with(growth, chain))
    dropping = _dropping(running[1:], removes)
    for called, targets, names in running:
        adding = growth.frame.line if called is growth.function else 0
        for line, bound in _bounds_in(called, targets, adding, dropping):
            yield line, bound, names


def _emptied(growth: Growing, chain: Sequence[object]) -> Iterator[tuple[int, str]]:
    """Yield where what grows is emptied, or loses its oldest, by a condition on some number.

    That is how a buffer is flushed on every so many calls, or when its time has come, and how notes
    on the items of a store go with these. A condition on the one item that is asked for is none.
    """
    running = list(running_with(growth, chain))
    emptying = _dropping(running[1:], empties)
    for called, targets, _ in running:
        for node in ast.walk(called):
            if not isinstance(node, (ast.If, ast.While)):
                continue
            if not (_is_numeric(node.test) or _is_of_a_sibling(node.test, targets, called)):
                continue
            if any(
                empties(child, targets)
                or (isinstance(child, ast.Call) and called_name(child) in emptying)
                for child in _below(node)
            ):
                yield node.lineno, ast.unparse(node.test)


def _is_numeric(test: ast.expr) -> bool:
    """Tell whether a number decides, and not a length: that is a bound, of whatever it is."""
    parts = [*ast.walk(test)]
    if any(isinstance(node, ast.Call) and called_name(node) == "len" for node in parts):
        return False
    return any(
        (isinstance(node, ast.Compare) and isinstance(node.ops[0], _ORDERS))
        or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod))
        for node in parts
    )


def _is_of_a_sibling(test: ast.expr, targets: set[str], function: ast.AST) -> bool:
    """Tell whether the length of a store decides that the same function adds to as well."""
    stores = {
        ast.unparse(one.value)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for one in node.targets
        if isinstance(one, ast.Subscript)
    }
    siblings = stores - targets
    return any(True for _ in _compared_lengths(test, siblings))


def _dropping(running: Sequence[Running], drops: Callable[[ast.AST, set[str]], bool]) -> set[str]:
    """Return the names of those functions that take something out of what grows."""
    return {
        called.name
        for called, targets, _ in running
        if isinstance(called, FUNCTIONS)
        and any(
            drops(node, targets)
            for node in ast.walk(called)
            if not isinstance(node, (ast.Return, ast.Raise))
        )
    }


def _bounds_in(
    function: ast.AST, targets: set[str], adding: int, dropping: set[str]
) -> Iterator[tuple[int, ast.expr]]:
    for node in ast.walk(function):
        if isinstance(node, (ast.If, ast.While)):
            for bound in _compared_lengths(node.test, targets):
                inside = node.lineno <= adding <= (node.body[-1].end_lineno or 0)
                if inside or any(
                    removes(child, targets)
                    or (isinstance(child, ast.Call) and called_name(child) in dropping)
                    for child in _below(node)
                ):
                    yield node.lineno, bound
        elif (kept := _kept_by_slice(node, targets)) is not None:
            yield getattr(node, "lineno", 0), kept


def _below(node: ast.If | ast.While) -> Iterator[ast.AST]:
    for statement in node.body:
        yield from ast.walk(statement)


def _compared_lengths(test: ast.expr, targets: set[str]) -> Iterator[ast.expr]:
    """Yield what the length of a target is compared with."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and len(node.comparators) == 1:
            sides = [node.left, node.comparators[0]]
            for side, other in (sides, sides[::-1]):
                if any(
                    isinstance(part, ast.Call)
                    and called_name(part) == "len"
                    and [*map(ast.unparse, part.args)][:1]
                    and ast.unparse(part.args[0]) in targets
                    for part in ast.walk(side)
                ):
                    yield other


def _kept_by_slice(node: ast.AST, targets: set[str]) -> ast.expr | None:
    """Return how many items ``del x[:-n]``, ``x[:-n] = []`` or ``x = x[-n:]`` leave."""
    if isinstance(node, ast.Delete) or (
        isinstance(node, ast.Assign) and isinstance(node.value, (ast.List, ast.Tuple))
    ):
        for one in node.targets:
            if isinstance(one, ast.Subscript) and ast.unparse(one.value) in targets:
                return _from_the_end(one.slice, "upper")
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
        bound_to = {ast.unparse(one).partition("[")[0] for one in node.targets}
        if ast.unparse(node.value.value) in targets & bound_to:
            return _from_the_end(node.value.slice, "lower")
    return None


def _from_the_end(part: ast.expr, side: str) -> ast.expr | None:
    limit = getattr(part, side, None)
    if isinstance(limit, ast.UnaryOp) and isinstance(limit.op, ast.USub):
        return limit.operand
    return None
