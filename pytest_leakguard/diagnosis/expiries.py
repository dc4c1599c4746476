"""Does the code drop what a container holds as time passes? Read from its source, not run.

What tells it is a loop that compares with a clock and takes out what is too old, beside the line
that adds or called there: ``while queue and queue[0].due < time.monotonic(): queue.popleft()``.
What is dropped only when somebody asks for the same key again is no such loop.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping, Sequence

from pytest_leakguard.diagnosis.source import (
    bound_names,
    called_name,
    growing,
    removes,
    running_with,
    value_of,
)
from pytest_leakguard.model import Bound, Frame
from pytest_leakguard.units import format_duration

#: Functions that read a clock, with the seconds that one of their units is.
_CLOCKS = {
    **dict.fromkeys(("time", "monotonic", "perf_counter", "now", "utcnow", "clock"), 1.0),
    **dict.fromkeys(("time_ns", "monotonic_ns", "perf_counter_ns"), 1e-9),
}
_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp)


def expiry(frames: Sequence[Frame], chain: Sequence[object]) -> Bound:
    """Return how the code drops what is old, and from which age on if that could be read.

    Args:
        frames: Lines that made the container grow, and that called such a line.
        chain: The objects from a root to the container, both included.
    """
    for growth in growing(frames, chain):
        functions = list(running_with(growth, chain))
        file = growth.frame.file
        for called, targets, _ in functions:
            if (line := _sweep(called, targets)) is None:
                continue
            seconds = max(_age(one, names, file, chain) for one, _, names in functions)
            after = f" after {format_duration(seconds)}" if seconds else ""
            place = f"{os.path.basename(file)}:{line}"
            words = f"{place} drops what is old{after}"
            return Bound(text=words, lifetime=seconds, kept=True)
    return Bound()


def _sweep(function: ast.AST, targets: set[str]) -> int | None:
    """Return the line of a loop that takes out of a target what a clock says is old."""
    bound = bound_names(function)
    timed = _timed_names(function, bound)
    for node in ast.walk(function):
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            iterated = [] if isinstance(node, ast.While) else _iterated(node.iter, bound)
            parts = [node, *iterated]
            removing = any(
                removes(child, targets)
                for child in ast.walk(node)
                if not isinstance(child, (ast.Return, ast.Raise))
            )
        elif isinstance(node, ast.Assign) and isinstance(node.value, _LOOPS):
            parts = [node.value]
            begun = {ast.unparse(one).partition("[:")[0] for one in node.targets} & targets
            removing = any(ast.unparse(child) in begun for child in ast.walk(node.value))
        else:
            continue
        if removing and any(_compares_time(part, timed) for part in parts):
            return node.lineno
    return None


def _iterated(expression: ast.expr, bound: Mapping[str, ast.expr]) -> list[ast.expr]:
    """Return what a loop goes through; for a name, what was bound to it."""
    if isinstance(expression, ast.Name) and expression.id in bound:
        return [bound[expression.id]]
    return [expression]


def _timed_names(function: ast.AST, bound: Mapping[str, ast.expr]) -> set[str]:
    """Return the names that stand for a time in a function."""
    timed = {"now"}
    for _ in range(2):  # deadline = now - age, and now = monotonic()
        timed |= {name for name, value in bound.items() if _reads_clock(value, timed)}
    for node in ast.walk(function):  # with self.timer as time:
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            name = node.optional_vars.id
            timed |= {name} & {"now", "time"}
    return timed


def _reads_clock(expression: ast.AST, timed: set[str]) -> bool:
    return any(
        (isinstance(node, ast.Call) and called_name(node).lstrip("_") in _CLOCKS)
        or (isinstance(node, ast.Name) and node.id in timed)
        for node in ast.walk(expression)
    )


def _compares_time(part: ast.AST, timed: set[str]) -> bool:
    return any(
        isinstance(node, ast.Compare) and _reads_clock(node, timed) for node in ast.walk(part)
    )


def _age(
    function: ast.AST, bound: Mapping[str, ast.expr], file: str, chain: Sequence[object]
) -> float:
    """Return the longest time in seconds that a function adds to, takes from or compares with one.

    0 if none is known.
    """
    timed = _timed_names(function, bound)
    unit = min((_unit(node) for node in ast.walk(function)), default=1.0)
    ages = (
        value
        for expression in _beside_clocks(function, timed)
        if type(value := value_of(expression, file, chain, bound)) in (int, float)
        and isinstance(value, (int, float))
    )
    return max((age * unit for age in ages if age > 0), default=0.0)


def _unit(node: ast.AST) -> float:
    return _CLOCKS.get(called_name(node).lstrip("_"), 1.0) if isinstance(node, ast.Call) else 1.0


def _beside_clocks(function: ast.AST, timed: set[str]) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            sides = [node.left, node.right]
        elif isinstance(node, ast.Compare) and len(node.comparators) == 1:
            sides = [node.left, *node.comparators]
        else:
            continue
        for side, other in (sides, sides[::-1]):
            if _reads_clock(side, timed) and not _reads_clock(other, timed):
                yield from _seconds_in(other)


def _seconds_in(expression: ast.expr) -> Iterator[ast.expr]:
    """Yield an expression; of a timedelta, its seconds."""
    if isinstance(expression, ast.Call) and called_name(expression) == "timedelta":
        scale = {"milliseconds": 0.001, "seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
        for keyword in expression.keywords:
            if keyword.arg in scale:
                factor = ast.Constant(scale[keyword.arg])
                yield ast.BinOp(keyword.value, ast.Mult(), factor)
    else:
        yield expression
