"""Does ``check`` judge callables without pytest? In a process of its own, on real memory."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pytest_leakguard import InvalidSettingError, check
from pytest_leakguard.counters import native

_PRELUDE = """
import json
import sys

import pytest_leakguard

kept = []

class Thing:
    __slots__ = ()

def report(function, **settings):
    result = pytest_leakguard.check(function, **settings)
    print(json.dumps(result.to_plain()))
"""


def judged(tmp_path, code: str) -> dict:
    script = tmp_path / "script.py"
    script.write_text(f"{_PRELUDE}{code}", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_sound_callable_is_clean_after_few_executions(tmp_path):
    result = judged(tmp_path, "report(lambda: [Thing() for _ in range(100)])")

    assert result["verdict"] == "clean"
    assert result["executions"] <= 9
    assert result["findings"] == []
    assert result["growth"]["gc_objects"] == 0


def test_a_leak_is_told_with_its_holder_type_and_line(tmp_path):
    result = judged(
        tmp_path,
        """
def leak():
    kept.append(Thing())

report(leak, confirm="2 s")
""",
    )

    (finding,) = result["findings"]
    assert result["verdict"] == "leak"
    assert result["growth"]["blocks"] == 1
    assert (finding["type"], finding["holder"]) == ("__main__.Thing", "__main__.kept")
    assert finding["objects_per_run"] == 1
    assert finding["allocated"][0]["source"] == "kept.append(Thing())"


def test_a_leak_within_the_limit_is_clean(tmp_path):
    result = judged(tmp_path, "report(lambda: kept.append(Thing()), max_objects=1)")

    assert result["verdict"] == "clean"


def test_a_leaked_descriptor_is_never_excused(tmp_path):
    result = judged(
        tmp_path,
        """
import os

report(lambda: os.open(os.devnull, os.O_RDONLY), max_objects=99, max_bytes="1 MiB", confirm="2 s")
""",
    )

    assert result["verdict"] == "leak"
    assert result["growth"]["fds"] == 1


_NATIVE = """
import ctypes
import random

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

def use_native_memory():
    pointers = [libc.malloc(random.randrange(1, 2_000)) for _ in range(50)]
    random.shuffle(pointers)
    for pointer in pointers:
        libc.free(pointer)
"""
needs_exact_heap = pytest.mark.skipif(
    not native._waiting, reason="the C library's thread cache is not found here"
)


@needs_exact_heap
def test_native_memory_of_random_sizes_that_is_freed_is_clean_at_once(tmp_path):
    result = judged(tmp_path, f"{_NATIVE}report(use_native_memory)")

    assert (result["verdict"], result["growth"]["native_bytes"]) == ("clean", 0)
    assert result["executions"] <= 9


@needs_exact_heap
def test_the_smallest_native_leak_is_seen_beside_heavy_use(tmp_path):
    result = judged(
        tmp_path,
        f"""{_NATIVE}
def forget_one():
    use_native_memory()
    libc.malloc(16)

report(forget_one)
""",
    )

    assert result["verdict"] == "leak"
    assert result["growth"]["native_bytes"] >= 24


def test_what_is_let_go_does_not_hide_what_is_retained(tmp_path):
    result = judged(
        tmp_path,
        """
ballast = [[] for _ in range(10)]

def leak():
    kept.append([])
    if len(kept) == 4:
        ballast.clear()

report(leak, confirm="2 s")
""",
    )

    assert (result["verdict"], result["growth"]["gc_objects"]) == ("leak", 1)


def test_a_full_cache_is_bounded_by_what_it_states(tmp_path):
    result = judged(
        tmp_path,
        """
import functools
import itertools

@functools.lru_cache(maxsize=100_000)
def cached(number):
    return [number]

numbers = itertools.count(1000)
report(lambda: cached(next(numbers)), confirm="2 s")
""",
    )

    assert result["verdict"] == "bounded"
    assert result["reason"].startswith("functools.lru_cache: ")


def test_a_callable_that_fails_later_is_inconclusive(tmp_path):
    result = judged(
        tmp_path,
        """
def once():
    kept.append(1)
    if len(kept) > 1:
        raise ValueError("only once")

report(once)
""",
    )

    assert result["verdict"] == "inconclusive"
    assert result["reason"].endswith("ValueError: only once")


def test_no_module_of_pytest_is_imported(tmp_path):
    result = judged(
        tmp_path,
        """
result = pytest_leakguard.check(lambda: kept.append([]), confirm="1 s")
print(json.dumps([name for name in sys.modules if "pytest" in name and "leakguard" not in name]))
""",
    )

    assert result == []


def test_what_the_first_call_raises_is_the_callers(tmp_path):
    def broken() -> None:
        raise LookupError("first")

    with pytest.raises(LookupError, match="first"):
        check(broken)


@pytest.mark.parametrize("settings", [{"runs": 1}, {"rums": 3}, {"max_bytes": "4 KB"}])
def test_settings_are_checked_before_the_first_call(settings):
    calls = []

    with pytest.raises(InvalidSettingError):
        check(lambda: calls.append(1), **settings)

    assert calls == []


def test_a_soak_without_pytest_finds_what_threads_leak_together(tmp_path):
    result = judged(
        tmp_path,
        """
import threading

meeting = threading.Barrier(3)

def leak():
    if threading.current_thread() is not threading.main_thread() and meeting.wait(30) == 0:
        kept.append(Thing())

report(leak, duration="1 s", workers=3, track="gc_objects")
""",
    )

    assert result["verdict"] == "leak"
    assert [finding["holder"] for finding in result["findings"]] == ["__main__.kept"]
    assert result["soak"]["workers"] == 3
    assert result["soak"]["trends"]["gc_objects"]["slope"] == 1


def test_an_interrupt_of_a_soak_without_pytest_returns_what_is_known(tmp_path):
    result = judged(
        tmp_path,
        """
numbers = iter(range(10_000))

def body():
    if next(numbers) == 2_000:
        raise KeyboardInterrupt

report(body, duration="1 h", track="gc_objects")
""",
    )

    assert result["verdict"] == "inconclusive"
    assert result["reason"] == "interrupted after 1,999 runs: flat so far"
    assert result["soak"]["ended"] == "interrupt"


def test_runs_that_take_twice_as_long_each_time_end_soon(tmp_path):
    result = judged(
        tmp_path,
        """
class Doubled:
    inner = staticmethod(int)

    def __call__(self):
        self.inner()
        self.inner()

def wrap_again():
    outer = Doubled()
    outer.inner = Doubled.inner
    Doubled.inner = outer
    outer()

report(wrap_again)
""",
    )

    assert result["verdict"] == "inconclusive"
    assert result["reason"].startswith("each re-run takes a multiple of the time of the one before")
    assert result["executions"] < 40


def test_a_class_that_the_collector_cannot_free_is_told_by_its_name(tmp_path):
    result = judged(
        tmp_path,
        """
class Sentinel(type):
    def __new__(cls, name, bases, namespace):
        made = super().__new__(cls, name, bases, namespace)
        made.__class__ = made
        return made

def make_one():
    class Missing(Sentinel, metaclass=Sentinel):
        pass

report(make_one, confirm="2 s")
""",
    )
    [finding] = result["findings"]

    assert result["verdict"] == "leak"
    assert finding["pattern"] == "native memory"
    assert "taken make_one.<locals>.Missing apart and could not free it" in finding["note"]
    assert finding["advice"] == "make such a class once, or by another metaclass"
