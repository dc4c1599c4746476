"""Are verdicts right however CPython is started, and are other interpreters refused?"""

from __future__ import annotations

import subprocess
import sys

import pytest

_TWINS = """
import pytest

kept = []

class Thing:
    pass

def test_sound():
    {number: [str(number)] for number in range(100)}

@pytest.mark.noleak
def test_marked(tmp_path):
    (tmp_path / "file").write_text("text")

def test_leaky_object():
    kept.append(Thing())

def test_leaky_bytes():
    kept.append(b"x" * (100 + len(kept)))
"""
_NO_BLOCKS = "memory blocks cannot be counted, which the header says"


def _row(name, difference=""):
    return pytest.mark.row("starts", name, difference=difference)


_VERDICTS = {
    "test_sound": "clean",
    "test_marked": "clean",
    "test_leaky_object": "leak",
    "test_leaky_bytes": "leak",
}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("PYTHONDEVMODE", "1", marks=_row("`python -X dev`")),
        pytest.param("PYTHONOPTIMIZE", "1", marks=_row("`python -O`, `-OO`")),
        pytest.param("PYTHONOPTIMIZE", "2", marks=_row("`python -O`, `-OO`")),
        pytest.param("PYTHONMALLOC", "malloc", marks=_row("`PYTHONMALLOC=malloc`", _NO_BLOCKS)),
        pytest.param("PYTHONMALLOC", "debug", marks=_row("`PYTHONMALLOC=debug`")),
        ("PYTHONMALLOC", "malloc_debug"),
        pytest.param("PYTHONTRACEMALLOC", "5", marks=_row("`PYTHONTRACEMALLOC=5`")),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("PYTHONNODEBUGRANGES", "1"),
        ("PYTHONFAULTHANDLER", "1"),
    ],
)
def test_verdicts_are_right_however_the_interpreter_is_started(lab, monkeypatch, variable, value):
    lab.write({"test_it.py": _TWINS})
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv(variable, value)

    session = lab.checked("-p", "no:cacheprovider")

    assert lab.verdicts() == _VERDICTS
    assert session.ret == 1
    assert "held by test_it.kept" in session.raw


_AS_PYPY = """
import sys
from types import SimpleNamespace

sys.implementation = SimpleNamespace(**{**vars(sys.implementation), "name": "pypy"})
"""
_REFUSED = "pytest-leakguard measures CPython's own memory, and this is"


@pytest.mark.row(
    "starts",
    "an interpreter that is not CPython",
    difference="what is to be checked is refused with a sentence; all else runs as ever",
)
@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--leak-check",), "def test_it(): pass"),
        (("--leak-mode=marked",), "def test_it(): pass"),
        ((), "import pytest\n\n@pytest.mark.noleak\ndef test_it(): pass"),
    ],
    ids=["all", "marked", "a marker"],
)
def test_another_interpreter_is_refused_where_something_is_to_be_checked(lab, args, text):
    lab.write({"as_pypy.py": _AS_PYPY, "test_it.py": text})

    session = lab.pytest(*args, plugins=("as_pypy", "leakguard"))

    assert session.ret == pytest.ExitCode.USAGE_ERROR
    [line] = [line for line in session.result.stderr.lines if _REFUSED in line]
    assert line.endswith(": run these tests with CPython, or with --leak-mode=off")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((), "def test_it(): pass"),
        (
            ("--leak-mode=off",),
            "import pytest\n\n@pytest.mark.noleak\ndef test_it(): pass",
        ),
    ],
    ids=["nothing asked for", "switched off"],
)
def test_another_interpreter_runs_tests_that_nobody_checks(lab, args, text):
    lab.write({"as_pypy.py": _AS_PYPY, "test_it.py": text})

    session = lab.pytest(*args, plugins=("as_pypy", "leakguard"))

    assert session.ret == 0
    session.result.assert_outcomes(passed=1)


def test_the_package_refuses_another_interpreter_in_plain_python():
    code = f"{_AS_PYPY}\nimport pytest_leakguard\npytest_leakguard.check"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert f"UnsupportedInterpreterError: {_REFUSED}" in done.stderr
