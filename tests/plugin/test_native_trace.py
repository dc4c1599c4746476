"""Does --leak-native-trace name the native code that takes memory, and stay out of the way?"""

from __future__ import annotations

import shutil
import subprocess
from importlib.util import find_spec

import pytest

_NATIVE = """
#include <stdlib.h>

static void *last;

static void *grab(size_t size) { return malloc(size); }
void take(size_t size) { grab(size); }
void rotate(size_t size) { free(last); last = grab(size); }
"""
_LEAKS = """
import ctypes
from pathlib import Path

import pytest

native = ctypes.CDLL(str(Path(__file__).with_name("native.so")))


@pytest.mark.noleak
def test_take():
    native.rotate(700)
    native.take(3000)
"""
_KEEPS = """
void *PyList_New(long);

void keep(void) { PyList_New(3); }
"""
_LEAKS_A_LIST = """
import ctypes
from pathlib import Path

import pytest

native = ctypes.PyDLL(str(Path(__file__).with_name("native.so")))


@pytest.mark.noleak
def test_keep():
    native.keep()
"""
#: The C library's own strdup() calls malloc() for us, so that no compiler is needed.
_COPIES = """
import ctypes

import pytest

libc = ctypes.CDLL(None)


@pytest.mark.noleak
def test_copy():
    libc.strdup(b"x" * 400)
"""
_SHOWS_IMPORTED = """
import sys

def pytest_unconfigure():
    print("imported:", [name for name in sys.modules if name.partition(".")[0] == "memray"])
"""
_SHOWS_SETTING = """
from pytest_leakguard.plugin import options_of

def pytest_report_header(config):
    return f"native_trace={options_of(config).settings.native_trace}"
"""
_HIDES_MEMRAY = """
import sys

sys.modules["memray"] = None
"""
_TRACKS_ITSELF = """
import memray
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    with memray.Tracker("/dev/null"):
        return (yield)
"""
_IS_TRACKED = """
import memray

def pytest_configure(config):
    tracker = memray.Tracker("/dev/null")
    tracker.__enter__()
    config.add_cleanup(lambda: tracker.__exit__(None, None, None))
"""

_TOML = pytest.mark.skipif(  # pytest 8.4 has no such form of the file
    int(pytest.__version__.partition(".")[0]) < 9, reason="native TOML came with pytest 9"
)
pytestmark = pytest.mark.skipif(
    find_spec("memray") is None, reason="memray is not installed: there is none for this platform"
)


def build(lab, *flags: str, native: str = _NATIVE, test: str = _LEAKS) -> None:
    if (compiler := shutil.which("cc") or shutil.which("gcc")) is None:
        pytest.skip("there is no C compiler")
    lab.write({"native.c": native, "test_it.py": test})
    command = [compiler, *flags, "-fno-inline", "-shared", "-fPIC", "-o", "native.so", "native.c"]
    subprocess.run(command, cwd=lab.path, check=True, timeout=60)


def finding_of(lab, *options: str, plugins: tuple[str, ...] = ()):
    session = lab.checked("--leak-native-trace", *options, plugins=plugins)
    (test,) = lab.json()["tests"]
    (finding,) = test["findings"]
    return session, finding


def test_the_function_that_takes_the_memory_is_named_with_its_line(lab):
    build(lab, "-g", "-O0")

    session, finding = finding_of(lab)

    assert [(frame["function"], frame["file"], frame["line"]) for frame in finding["native"]] == [
        ("grab", "native.c", 5),
        ("take", "native.c", 6),
    ]
    assert {frame["library"] for frame in finding["native"]} == {"native.so"}
    session.result.stdout.fnmatch_lines(
        [
            "     taken      test_it.py:12 in test_take      native.take(3000)",
            "     native     native.c:5 in grab      native.so",
            "                native.c:6 in take      native.so",
        ]
    )


def test_the_library_is_named_where_it_has_no_symbols(lab):
    build(lab, "-O0", "-s")

    _, finding = finding_of(lab)

    assert [(frame["function"], frame["line"]) for frame in finding["native"]] == [
        ("", 0),
        ("take", 0),
    ]
    assert {frame["library"] for frame in finding["native"]} == {"native.so"}


def test_native_code_that_makes_an_object_and_keeps_its_reference_is_named(lab):
    build(lab, "-g", "-O0", native=_KEEPS, test=_LEAKS_A_LIST)

    _, finding = finding_of(lab)

    assert (finding["type"], finding["holder"]) == ("list", "no named holder")
    assert finding["native"][0]["function"] == "PyList_New"
    assert (finding["native"][-1]["function"], finding["native"][-1]["line"]) == ("keep", 3)


def test_a_function_of_the_c_library_is_named(lab):
    lab.write({"test_it.py": _COPIES})

    _, finding = finding_of(lab)

    assert "strdup" in finding["native"][0]["function"]
    assert "libc" in finding["native"][0]["library"]
    assert finding["allocated"][0]["source"] == 'libc.strdup(b"x" * 400)'


def test_nothing_of_memray_is_imported_unless_asked_for(lab):
    lab.write({"test_it.py": _COPIES, "conftest.py": _SHOWS_IMPORTED})

    without = lab.checked("-s")
    with_it = lab.checked("-s", "--leak-native-trace")

    assert "imported: []" in without.raw
    assert "'memray'" in with_it.raw


def test_what_is_reported_is_the_same_but_for_the_native_code(lab):
    lab.write({"test_it.py": _COPIES})

    plain = lab.checked()
    traced = lab.checked("--leak-native-trace")

    added = set(traced.raw.splitlines()) - set(plain.raw.splitlines())
    assert [line for line in added if line.startswith("     native  ")]
    assert traced.err == plain.err == ""
    assert [entry["event"] for entry in traced.stream] == [entry["event"] for entry in plain.stream]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\nleak_native_trace = true\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\nleak_native_trace = "on"\n'),
        ("pyproject.toml", "[tool.pytest.ini_options]\nleak_native_trace = true\n"),
        pytest.param("pyproject.toml", "[tool.pytest]\nleak_native_trace = true\n", marks=_TOML),
    ],
    ids=["ini", "text", "value", "native value"],
)
def test_an_ini_file_can_ask_for_it_and_the_command_line_can_take_it_back(lab, name, text):
    lab.write({"conftest.py": _SHOWS_SETTING, name: text})

    assert "native_trace=True" in lab.pytest("--strict-config").raw
    assert "native_trace=False" in lab.pytest("-o", "leak_native_trace=false").raw


def test_a_value_that_is_neither_is_a_usage_error(lab):
    lab.write({"pytest.ini": "[pytest]\nleak_native_trace = memray\n"})

    session = lab.pytest()

    assert session.ret == pytest.ExitCode.USAGE_ERROR
    assert "leak_native_trace in pytest.ini: expected true or false (got 'memray')" in session.err


@pytest.mark.parametrize("place", ["--leak-native-trace", "leak_native_trace in pytest.ini"])
def test_a_missing_memray_is_a_usage_error_that_says_how_to_get_it(lab, place):
    lab.write({"test_it.py": _COPIES, "hides.py": _HIDES_MEMRAY})
    args = (place,) if place.startswith("--") else ()
    if not args:
        lab.write({"pytest.ini": "[pytest]\nleak_native_trace = true\n"})

    session = lab.pytest(*args, plugins=("hides", "leakguard"))

    assert session.ret == pytest.ExitCode.USAGE_ERROR
    assert f"{place}: needs memray, which is not installed;" in session.err
    assert "pip install 'pytest-leakguard[native]'" in session.err


@pytest.mark.parametrize("already", [_TRACKS_ITSELF, _IS_TRACKED], ids=["each test", "all"])
def test_a_tracker_that_is_at_work_already_is_told(lab, already):
    lab.write({"test_it.py": _COPIES, "conftest.py": already})

    _, finding = finding_of(lab, "--leak-track=native_bytes")

    assert finding["native"] == []
    assert "native code not looked for: another memray tracker is at work" in finding["note"]
