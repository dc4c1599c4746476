"""Does the code drop what a container holds beyond a bound? Read from its source, not run.

A home-made ring or cache seldom states its bound by a name that could be known. What tells it is
the code beside the line that adds: ``if len(self.items) > self.size: self.items.pop(0)``.
"""

from __future__ import annotations

import ast
import linecache
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_leakguard.counters.containers import sized
from pytest_leakguard.diagnosis.naming import attributes_of, slots_of
from pytest_leakguard.model import Frame

#: A larger bound is none.
_LARGEST = 1_000_000
#: Methods that take something out, and functions that add to or take out of their first argument.
_REMOVERS = frozenset({"pop", "popitem", "popleft", "clear", "remove", "discard"})
_ADDING = frozenset({"heappush", "insort", "insort_left", "insort_right"})
_REMOVING = frozenset({"heappop", "heapreplace", "heappushpop"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def eviction_bound(frames: Sequence[Frame], chain: Sequence[object]) -> str:
    """Return the bound of a container in words; empty when the code has none, or it is passed.

    Args:
        frames: Lines that made the container grow, and that called such a line.
        chain: The objects from a root to the container, both included.
    """
    container = next((obj for obj in reversed(chain[-2:]) if sized(obj) is not None), None)
    if container is None or (length := sized(container)) is None:
        return ""
    fill = length(container)
    targets: set[str] = set()
    for frame in frames:
        if (tree := _parse(frame.file)) is None:
            continue
        function = _function_at(tree, frame.line)
        targets |= set(_growing(function, frame.line))
        for line, bound in _bounds(tree, function, targets, frame.line):
            value = _value(bound, frame.file, chain, _bound_names(function))
            # A container that has passed a bound does not keep it.
            if type(value) is not int or not max(fill - 1, 1) <= value <= _LARGEST:
                continue
            text = ast.unparse(bound)
            known = "" if text == str(value) else f" = {value}"
            return (
                f"{os.path.basename(frame.file)}:{line} keeps no more than {text}{known} items:"
                f" {fill} now"
            )
    return ""


def _parse(file: str) -> ast.Module | None:
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None


def _function_at(tree: ast.Module, line: int) -> ast.AST:
    """Return the innermost function around a line; the module if there is none."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, _FUNCTIONS) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return max(around, key=lambda node: node.lineno, default=tree)


def _growing(function: ast.AST, line: int) -> Iterator[str]:
    """Yield, as text, what a line adds to."""
    for node in ast.walk(function):
        first = getattr(node, "lineno", 0)
        if not first or not first <= line <= (getattr(node, "end_lineno", first) or first):
            continue
        if isinstance(node, ast.Call):
            if _called_name(node) in _ADDING:
                yield from map(ast.unparse, node.args[:1])
            elif isinstance(node.func, ast.Attribute):
                yield ast.unparse(node.func.value)
        elif isinstance(node, ast.Assign):
            yield from (
                ast.unparse(target.value)
                for target in node.targets
                if isinstance(target, ast.Subscript)
            )
        elif isinstance(node, ast.AugAssign):
            yield ast.unparse(node.target)


def _bounds(
    tree: ast.Module, function: ast.AST, targets: set[str], growing: int
) -> Iterator[tuple[int, ast.expr]]:
    """Yield line and value of each bound that a function, or one that it calls, puts on a target.

    Args:
        tree: The module.
        function: The function.
        targets: What grows, as text.
        growing: The line that adds.
    """
    yield from _bounds_in(function, targets, growing)
    methods, functions = _functions_of(_class_around(tree, function)), _functions_of(tree)
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            of_itself = isinstance(node.func, ast.Attribute)
            called = (methods if of_itself else functions).get(_called_name(node))
            if called is not None:
                yield from _bounds_in(called, targets | _passed_on(node, called, targets), 0)


def _class_around(tree: ast.Module, function: ast.AST) -> ast.AST | None:
    """Return the class that a function is a method of."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return next((node for node in classes if function in node.body), None)


def _functions_of(node: ast.AST | None) -> dict[str, _Function]:
    return {one.name: one for one in getattr(node, "body", ()) if isinstance(one, _FUNCTIONS)}


def _called_name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _passed_on(call: ast.Call, called: _Function, targets: set[str]) -> set[str]:
    """Return the parameters by which a function gets what grows."""
    parameters = [parameter.arg for parameter in called.args.args]
    if isinstance(call.func, ast.Attribute) and parameters[:1] in (["self"], ["cls"]):
        del parameters[0]
    return {
        parameter
        for parameter, given in zip(parameters, call.args, strict=False)
        if ast.unparse(given) in targets
    }


def _bounds_in(
    function: ast.AST, targets: set[str], growing: int
) -> Iterator[tuple[int, ast.expr]]:
    for node in ast.walk(function):
        if isinstance(node, (ast.If, ast.While)):
            for bound in _compared_lengths(node.test, targets):
                inside = node.lineno <= growing <= (node.body[-1].end_lineno or 0)
                if inside or any(_removes(child, targets) for child in _below(node)):
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
                    and _called_name(part) == "len"
                    and [*map(ast.unparse, part.args)][:1]
                    and ast.unparse(part.args[0]) in targets
                    for part in ast.walk(side)
                ):
                    yield other


def _removes(node: ast.AST, targets: set[str]) -> bool:
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in _REMOVERS:
            return ast.unparse(node.func.value) in targets
        given = [ast.unparse(argument) for argument in node.args[:1]]
        return _called_name(node) in _REMOVING and not targets.isdisjoint(given)
    if isinstance(node, ast.Delete):
        return any(
            isinstance(one, ast.Subscript) and ast.unparse(one.value) in targets
            for one in node.targets
        )
    if isinstance(node, ast.Assign):  # begun anew
        return any(ast.unparse(target) in targets for target in node.targets)
    return isinstance(node, (ast.Return, ast.Raise))  # before anything is added


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


def _bound_names(function: ast.AST) -> dict[str, ast.expr]:
    """Return the names that a function binds to one expression: parameters, local variables."""
    if not isinstance(function, _FUNCTIONS):
        return {}
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args)]
    defaults = dict(zip(names[::-1], given.defaults[::-1], strict=False))
    for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        if default is not None:
            defaults[one.arg] = default
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            defaults[node.targets[0].id] = node.value
    return defaults


def _value(
    expression: ast.expr,
    file: str,
    chain: Sequence[object],
    defaults: Mapping[str, ast.expr] | None = None,
) -> object:
    """Return what an expression stands for, looked up without running user code; or ``None``."""
    defaults = defaults or {}
    if isinstance(expression, ast.Constant):
        return expression.value
    if isinstance(expression, ast.Name):
        default = defaults.get(expression.id)
        return _global(file, expression.id) if default is None else _value(default, file, chain)
    if isinstance(expression, ast.Attribute):
        if (value := _attribute(expression.attr, chain)) is not None:
            return value
        if isinstance(expression.value, ast.Name):
            owner = _global(file, expression.value.id)
            return (attributes_of(owner) or {}).get(expression.attr)
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Mult):
        sides = (expression.left, expression.right)
        factors = [_value(side, file, chain, defaults) for side in sides]
        return math.prod(one if type(one) is int else 0 for one in factors)
    return None


def _global(file: str, name: str) -> object:
    for module in [*sys.modules.values()]:
        namespace: Any = attributes_of(module) or {}
        if namespace.get("__file__") == file and name in namespace:
            found: object = namespace[name]
            return found
    return None


def _attribute(name: str, chain: Sequence[object]) -> object:
    """Return the number that an object on the way to the container has under a name."""
    for owner in reversed(chain):
        classes = owner.__mro__ if isinstance(owner, type) else type(owner).__mro__
        namespaces = [attributes_of(owner) or {}, dict(slots_of(owner))]
        for namespace in (*namespaces, *(vars(cls) for cls in classes)):
            if type(namespace.get(name)) is int:
                return namespace[name]
    return None
