"""What does the source of the code that keeps something say of it? Read, not run."""

from __future__ import annotations

import ast
import linecache
import math
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from pytest_leakguard.diagnosis.naming import attributes_of, slots_of
from pytest_leakguard.model import Frame

#: Methods that take something out, and functions that add to or take out of their first argument.
_REMOVERS = frozenset({"pop", "popitem", "popleft", "clear", "remove", "discard"})
_EMPTYING = frozenset({"popitem", "popleft", "clear"})
_ADDING = frozenset({"heappush", "insort", "insort_left", "insort_right"})
_REMOVING = frozenset({"heappop", "heapreplace", "heappushpop"})
#: The value of an expression that could not be found out.
UNKNOWN = object()
#: What a function is defined by.
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


#: A function that runs, what grows in it as text, and the names that it binds to one expression.
Running = tuple[ast.AST, set[str], dict[str, ast.expr]]


class Growing(NamedTuple):
    """A line that made a container grow, or that called such a line, with what is around it.

    Attributes:
        frame: The line.
        tree: The module that it is in.
        function: The innermost function around it; the module if there is none.
        targets: What has grown there or in what it called, as text.
        names: What the function binds to one expression, its arguments included.
    """

    frame: Frame
    tree: ast.Module
    function: ast.AST
    targets: set[str]
    names: dict[str, ast.expr]


def growing(frames: Sequence[Frame], chain: Sequence[object]) -> Iterator[Growing]:
    """Yield the lines that have a source.

    Args:
        frames: Lines that made a container grow, and that called such a line.
        chain: The objects from a root to the container, both included.
    """
    targets: set[str] = set()
    for position, frame in enumerate(frames):
        if (tree := _parse(frame.file)) is not None:
            function = _function_at(tree, frame.line)
            targets = targets.union(_grown_at(function, frame.line))
            names = bound_names(function) | _passed_by(frames[position + 1 :], function, chain)
            yield Growing(frame, tree, function, targets, names)


def _passed_by(
    callers: Sequence[Frame], function: ast.AST, chain: Sequence[object]
) -> dict[str, ast.expr]:
    """Return the arguments of a function whose values are known from the line that calls it."""
    if not callers or not isinstance(function, FUNCTIONS):
        return {}
    caller, *others = callers
    if (tree := _parse(caller.file)) is None:
        return {}
    outer = _function_at(tree, caller.line)
    for node in ast.walk(outer):
        if (
            isinstance(node, ast.Call)
            and called_name(node) == function.name
            and node.lineno <= caller.line <= (node.end_lineno or 0)
        ):
            names = bound_names(outer) | _passed_by(others, outer, chain)
            return known(arguments(node, function), caller.file, chain, names)
    return {}


def arguments(call: ast.Call, called: _Function) -> dict[str, ast.expr]:
    """Return what a call gives to the parameters of a function, by their names."""
    parameters = [one.arg for one in (*called.args.posonlyargs, *called.args.args)]
    if isinstance(call.func, ast.Attribute) and parameters[:1] in (["self"], ["cls"]):
        del parameters[0]
    given = dict(zip(parameters, call.args, strict=False))
    return given | {one.arg: one.value for one in call.keywords if one.arg is not None}


def known(
    given: Mapping[str, ast.expr],
    file: str,
    chain: Sequence[object],
    names: Mapping[str, ast.expr],
) -> dict[str, ast.expr]:
    """Return the names of those expressions that have a known value, each with it."""
    values: dict[str, Any] = {
        name: value_of(one, file, chain, names) for name, one in given.items()
    }
    return {name: ast.Constant(value) for name, value in values.items() if value is not UNKNOWN}


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


def running_with(line: Growing, chain: Sequence[object]) -> Iterator[Running]:
    """Yield a function and those of its module or class that it calls.

    Each comes with what grows in it, and with the names that it binds to one expression.

    Args:
        line: The line that adds, in its function.
        chain: The objects from a root to the container, both included.
    """
    tree, function, targets = line.tree, line.function, line.targets
    yield function, targets, line.names
    methods, functions = _functions_of(_class_around(tree, function)), _functions_of(tree)
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            of_itself = isinstance(node.func, ast.Attribute)
            called = (methods if of_itself else functions).get(called_name(node))
            if called is not None:
                given = arguments(node, called)
                passed = {name for name, one in given.items() if ast.unparse(one) in targets}
                values = known(given, line.frame.file, chain, line.names)
                yield called, targets | passed, bound_names(called) | values


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
    if isinstance(node, (ast.Assign, ast.AnnAssign)):  # begun anew
        given_to = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(_whole(one) in targets for target in given_to for one in _each(target))
    return isinstance(node, (ast.Return, ast.Raise))  # before anything is added


def empties(node: ast.AST, targets: set[str]) -> bool:
    """Tell whether a target loses all that it has, or the oldest, and not one item by its name."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr not in _EMPTYING and [*map(ast.unparse, node.args)] != ["0"]:
            return False
    elif isinstance(node, ast.Delete):
        return any(
            isinstance(one, ast.Subscript)
            and isinstance(one.slice, ast.Slice)
            and ast.unparse(one.value) in targets
            for one in node.targets
        )
    elif not isinstance(node, (ast.Assign, ast.AnnAssign, ast.Call)):
        return False
    return removes(node, targets)


def _each(target: ast.expr) -> Iterator[ast.expr]:
    """Yield what is assigned to at once, as in ``batch, self.items = self.items, []``."""
    if isinstance(target, (ast.Tuple, ast.List)):
        for one in target.elts:
            yield from _each(one)
    else:
        yield target


def _whole(target: ast.expr) -> str:
    """Return, as text, what is assigned to; of a whole slice, what it is of."""
    if isinstance(target, ast.Subscript) and ast.unparse(target.slice) == ":":
        target = target.value
    return ast.unparse(target)


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
    names: Mapping[str, ast.expr],
) -> object:
    """Return what an expression stands for, looked up without running user code.

    Args:
        expression: The expression.
        file: Where it stands.
        chain: The objects from a root to the container, both included.
        names: What the function around it binds to one expression.

    Returns:
        ``UNKNOWN`` if that could not be found out.
    """
    if isinstance(expression, ast.Constant):
        return expression.value
    if isinstance(expression, ast.Name):
        return _named(expression.id, file, chain, names)
    if isinstance(expression, ast.Attribute):
        value = _attribute(expression.attr, chain)
        if value is UNKNOWN and isinstance(expression.value, ast.Name):
            owner = _global(file, expression.value.id)
            return (attributes_of(owner) or {}).get(expression.attr, UNKNOWN)
        return value
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Mult):
        sides = (expression.left, expression.right)
        factors = [value_of(side, file, chain, names) for side in sides]
        numbers = [one for one in factors if isinstance(one, (int, float))]
        return math.prod(numbers) if len(numbers) == len(factors) else UNKNOWN
    return UNKNOWN


def _named(name: str, file: str, chain: Sequence[object], names: Mapping[str, ast.expr]) -> object:
    if (bound := names.get(name)) is not None:
        return value_of(bound, file, chain, {})
    enclosed = _enclosed(name, chain)
    return _global(file, name) if enclosed is UNKNOWN else enclosed


def _global(file: str, name: str) -> object:
    for module in [*sys.modules.values()]:
        namespace: Any = attributes_of(module) or {}
        if namespace.get("__file__") == file and name in namespace:
            found: object = namespace[name]
            return found
    return UNKNOWN


def _enclosed(name: str, chain: Sequence[object]) -> object:
    """Return the value that a function on the way to the container has from around it."""
    for obj in reversed(chain):
        if isinstance(obj, types.FunctionType) and name in obj.__code__.co_freevars:
            cell = (obj.__closure__ or ())[obj.__code__.co_freevars.index(name)]
            with suppress(ValueError):  # empty by now
                return cell.cell_contents
    return UNKNOWN


def _attribute(name: str, chain: Sequence[object]) -> object:
    """Return the value that an object on the way to the container has under a name.

    A number is preferred to anything else of that name further down.
    """
    found: list[object] = []
    for owner in reversed(chain):
        classes = owner.__mro__ if isinstance(owner, type) else type(owner).__mro__
        namespaces = [attributes_of(owner) or {}, dict(slots_of(owner))]
        for namespace in (*namespaces, *(vars(cls) for cls in classes)):
            if name in namespace:
                found.append(namespace[name])
                if type(found[-1]) in (int, float):
                    return found[-1]
    return found[0] if found else UNKNOWN
