"""Where was something allocated? From tracemalloc's lines to frames with names and source."""

from __future__ import annotations

import ast
import inspect
import linecache
import os
import sys
import sysconfig
from collections.abc import Iterable

from pytest_leakguard.diagnosis.traces import traceback_of
from pytest_leakguard.model import Frame

_SITE = ("site-packages", "dist-packages")
_STDLIB = tuple(
    {
        spelt + os.sep
        for key in ("stdlib", "platstdlib")
        if (path := sysconfig.get_path(key))
        for spelt in (path, os.path.realpath(path))
    }
)
_HARNESS_PACKAGES = ("_pytest", "pytest", "pluggy", "pytest_leakguard", "xdist", "execnet")


def _harness_directories() -> tuple[str, ...]:
    pluggy = getattr(sys.modules.get("pluggy"), "__file__", None) or __file__
    directories = [os.path.dirname(os.path.dirname(__file__))]
    site = os.path.dirname(os.path.dirname(pluggy))
    directories += [os.path.join(site, name) for name in _HARNESS_PACKAGES]
    return tuple(
        {spelt + os.sep for path in directories for spelt in (path, os.path.realpath(path))}
    )


_HARNESS = _harness_directories()


def is_machinery(file: str) -> bool:
    """Tell whether a file belongs to the interpreter, its library or the test runner.

    By its name alone: this is asked in the middle of a run, where a test may have replaced the
    functions that look at files.
    """
    if file.startswith("<"):
        return not file.startswith("<doctest")
    if file.startswith(_HARNESS):
        return True
    return file.startswith(_STDLIB) and not any(part in file for part in _SITE)


class Sources:
    """Function names and source lines of files, read once each."""

    def __init__(self) -> None:
        self._functions: dict[str, list[tuple[int, int, str]]] = {}
        self._machinery: dict[str, bool] = {}
        self._modules: dict[str, str] = {}

    def is_machinery(self, file: str) -> bool:
        """Tell whether a file belongs to the interpreter, its library or the test runner."""
        if (known := self._machinery.get(file)) is None:
            known = self._machinery[file] = is_machinery(file)
        return known

    def frame(self, file: str, line: int) -> Frame:
        """Return a line with the function that it stands in."""
        return Frame(
            file=file,
            line=line,
            function=self._function_at(file, line),
            source=linecache.getline(file, line).strip(),
            module=self._module_of(file),
        )

    def frames(self, lines: Iterable[tuple[str, int]]) -> tuple[Frame, ...]:
        """Return the lines that are not the machinery's, in the order given.

        The last one is the test's own: a test class may run its methods by itself, further out.
        When all of them are the machinery's, the first one stands for itself.
        """
        given = list(lines)
        chosen = [place for place in given if not self.is_machinery(place[0])]
        frames = [self.frame(*place) for place in chosen or given[:1]]
        tests = [number for number, frame in enumerate(frames, start=1) if _is_test(frame)]
        return tuple(frames[: max(tests, default=len(frames))])

    def allocation(self, obj: object) -> tuple[Frame, ...]:
        """Return where a traced object was allocated, innermost line first."""
        return self.frames(traceback_of(obj) or ())

    def _module_of(self, file: str) -> str:
        if file not in self._modules:
            loaded = [
                (path, name)
                for name, module in list(sys.modules.items())
                # Statically: a module that is loaded lazily would load now.
                if isinstance(path := inspect.getattr_static(module, "__file__", None), str)
            ]
            # The script that runs is a module of another name as well.
            self._modules = {path: name for path, name in loaded if name != "__main__"}
            self._modules.setdefault(file, "")
        return self._modules[file]

    def _function_at(self, file: str, line: int) -> str:
        if file not in self._functions:
            self._functions[file] = list(_read_functions(file))
        inside = [
            (first, last, name)
            for first, last, name in self._functions[file]
            if first <= line <= last
        ]
        return max(inside)[2] if inside else "<module>"


def _is_test(frame: Frame) -> bool:
    return frame.function.rpartition(".")[2].startswith("test")


def _read_functions(file: str) -> Iterable[tuple[int, int, str]]:
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):
        return
    pending: list[tuple[ast.AST, str]] = [(tree, "")]
    while pending:
        node, prefix = pending.pop()
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{prefix}{child.name}"
                # The line of the def itself runs in the enclosing function.
                yield child.body[0].lineno, child.end_lineno or child.lineno, name
                name += ".<locals>."
            elif isinstance(child, ast.ClassDef):
                name = f"{prefix}{child.name}."
            pending.append((child, name))
