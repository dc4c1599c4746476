"""What does the source of the code that keeps something say of it? Read, not run."""

from __future__ import annotations

import ast
import linecache
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_leakguard.diagnosis.naming import attributes_of, slots_of
from pytest_leakguard.model import Frame

#: Methods that take something out, and functions that add to or take out of their first argument.
_REMOVERS = frozenset({"pop", "popitem", "popleft", "clear", "remove", "discard"})
_ADDING = frozenset({"heappush", "insort", "insort_left", "insort_right"})
_REMOVING = frozenset({"heappop", "heapreplace", "heappushpop"})
#: What a function is defined by.
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def growing(
    frames: Sequence[Frame],
) -> Iterator[tuple[Frame, ast.Module, ast.AST, set[str]]]:
    """Yield each line that is in a file, with its module, function and what has grown so far.

    Args:
        frames: Lines that made a container grow, and that called such a line.
    """
    targets: set[str] = set()
    for frame in frames:
        if (tree := _parse(frame.file)) is not None:
            function = _function_at(tree, frame.line)
            targets = targets.union(_grown_at(function, frame.line))
            yield frame, tree, function, targets


def _parse(file: str) -> ast.Module | None:
    """Return the syntax tree of a file; ``None`` where it has none."""
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return None


def _function_at(tree: ast.Module, line: int) -> ast.AST:
    """Return the innermost function around a line; the module if there is none."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return max(around, key=lambda node: node.lineno, default=tree)


def _grown_at(function: ast.AST, line: int) -> Iterator[str]:
    """Yield, as text, what a line adds to."""
    for node in ast.walk(function):
        first = getattr(node, "lineno", 0)
        if not first or not first <= line <= (getattr(node, "end_lineno", first) or first):
            continue
        if isinstance(node, ast.Call):
            if called_name(node) in _ADDING:
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


def running_with(
    tree: ast.Module, function: ast.AST, targets: set[str]
) -> Iterator[tuple[ast.AST, set[str]]]:
    """Yield a function and those of its module or class that it calls, with what grows in each.

    Args:
        tree: The module.
        function: The function.
        targets: What grows, as text.
    """
    yield function, targets
    methods, functions = _functions_of(_class_around(tree, function)), _functions_of(tree)
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            of_itself = isinstance(node.func, ast.Attribute)
            called = (methods if of_itself else functions).get(called_name(node))
            if called is not None:
                yield called, targets | _passed_on(node, called, targets)


def _class_around(tree: ast.Module, function: ast.AST) -> ast.AST | None:
    """Return the class that a function is a method of."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return next((node for node in classes if function in node.body), None)


def _functions_of(node: ast.AST | None) -> dict[str, _Function]:
    return {one.name: one for one in getattr(node, "body", ()) if isinstance(one, FUNCTIONS)}


def called_name(call: ast.Call) -> str:
    """Return the name of a called function or method; empty for any other expression."""
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


def removes(node: ast.AST, targets: set[str]) -> bool:
    """Tell whether something is taken out of a target, or given up before it is added."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in _REMOVERS:
            return ast.unparse(node.func.value) in targets
        given = [ast.unparse(argument) for argument in node.args[:1]]
        return called_name(node) in _REMOVING and not targets.isdisjoint(given)
    if isinstance(node, ast.Delete):
        return any(
            isinstance(one, ast.Subscript) and ast.unparse(one.value) in targets
            for one in node.targets
        )
    if isinstance(node, ast.Assign):  # begun anew
        return any(ast.unparse(target) in targets for target in node.targets)
    return isinstance(node, (ast.Return, ast.Raise))  # before anything is added


def bound_names(function: ast.AST) -> dict[str, ast.expr]:
    """Return the names that a function binds to one expression: parameters, local variables."""
    if not isinstance(function, FUNCTIONS):
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


def value_of(
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
        return _global(file, expression.id) if default is None else value_of(default, file, chain)
    if isinstance(expression, ast.Attribute):
        if (value := _attribute(expression.attr, chain)) is not None:
            return value
        if isinstance(expression.value, ast.Name):
            owner = _global(file, expression.value.id)
            return (attributes_of(owner) or {}).get(expression.attr)
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Mult):
        sides = (expression.left, expression.right)
        factors = [value_of(side, file, chain, defaults) for side in sides]
        return math.prod(one if isinstance(one, (int, float)) else 0 for one in factors)
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
            if type(namespace.get(name)) in (int, float):
                return namespace[name]
    return None
