"""How is the interpreter brought to rest between two runs?

``lightly`` runs before every sample of the screen; ``deeply`` once something moved. Each cache that
is emptied here was seen to move a counter in a sound test. Nothing is reset that changes behaviour
(warning filters, ``copyreg``, ABC registries); user code's own caches are never touched.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from pytest_leakguard.clock import now, wait
from pytest_leakguard.heap import Heap

#: How long things that are just ending are waited for, in seconds: threads leave, and descriptors
#: that another thread closes were seen to take 0.15 s.
ENDING_SECONDS = 0.2
#: Between two looks it is waited for so long, in seconds: at first, for threads leave within some
#: hundredths of a millisecond, and at most.
_FIRST_STEP_SECONDS, _STEP_SECONDS = 0.00005, 0.005
#: The least that an entry of a dictionary takes, in bytes.
_ENTRY_BYTES = 16
#: CPython 3.10 keeps at most 200 frames, and enlarges one that is too small for its next use.
_FREE_FRAMES = 201
#: A function with a frame of some 2 KiB that calls itself; 3.11 and newer have no such list.
#: Any, since what takes itself has no finite type.
_nest: Any = (
    eval(  # noqa: S307  # a text of our own
        f"lambda again, depth: [depth and again(again, depth - 1){', None' * 200}]"
    )
    if sys.version_info < (3, 11)
    else None
)
#: CPython keeps at most 100 floats, 80 lists and 80 dictionaries.
_FREE_LIST_LENGTH = 104
_FLOATS = [-0.5] * _FREE_LIST_LENGTH
_LISTS: list[list[object]] = [[]] * _FREE_LIST_LENGTH
_DICTS = [{"": None}] * _FREE_LIST_LENGTH

# Looking an attribute up with a string made at run time fills the type attribute cache.
_clear_type_cache: Callable[[], object] = getattr(
    sys, "_clear_internal_caches", getattr(sys, "_clear_type_cache", lambda: None)
)


def lightly(heap: Heap) -> None:
    """Free the last run's garbage and empty the interpreter's attribute cache."""
    _clear_type_cache()
    heap.collect()
    fill_free_lists()


def deeply(heap: Heap) -> None:
    """Empty every known cache of the interpreter and its library, and collect what is new."""
    empty_caches()
    heap.collect()


def empty_caches() -> None:
    """Empty every known cache of the interpreter and its library."""
    _clear_warning_registries()
    for module_name, clear in _CACHES:
        if (module := sys.modules.get(module_name)) is not None:
            try:
                clear(module)
            except (AttributeError, TypeError):  # renamed in another version: nothing to clear
                continue
    _clear_type_cache()


def fill_free_lists() -> None:
    """Fill the interpreter's free lists of floats, lists and dictionaries.

    What lies in them counts as blocks in use. A copied dictionary, for one, is not taken from them
    and yet goes there when it is freed, so that they fill up run by run. Full, they stay full.
    """
    # The maps run in C: this happens before every sample.
    floats = [*map(abs, _FLOATS)]
    lists = [*map(list.copy, _LISTS)]
    dicts = [*map(dict.copy, _DICTS)]
    del floats, lists, dicts
    if _nest is not None:
        _nest(_nest, _FREE_FRAMES)


def renew_environment_table() -> None:
    """Bring the table behind ``os.environ`` to the size at which it stays.

    Each run sets variables and removes them, if only pytest does with ``PYTEST_CURRENT_TEST``. A
    dictionary's table is made anew when its free entries are used up, and may be twice as large
    the first time, after some ten runs.
    """
    table = getattr(os.environ, "_data", None)
    if not isinstance(table, dict) or not table:
        return
    name = type(next(iter(table)))()  # empty: no variable is called so
    for _ in range(sys.getsizeof(table) // _ENTRY_BYTES):
        table[name] = name  # no other thread runs before the next line is done
        del table[name]


def until_ended(grown: Callable[[], bool], seconds: float = ENDING_SECONDS) -> None:
    """Wait for threads and descriptors that are just ending, while something still shows growth.

    Args:
        grown: Tells whether more is there than before; asked again until it says no.
        seconds: How long at most.
    """
    deadline = now() + seconds
    step = _FIRST_STEP_SECONDS
    while grown() and now() < deadline:
        wait(step)
        step = min(2 * step, _STEP_SECONDS)


def _clear_warning_registries() -> None:
    # A module remembers every text that it warned about, so fresh texts grow its registry.
    for module in list(sys.modules.values()):
        registry = getattr(module, "__dict__", {}).get("__warningregistry__")
        if type(registry) is dict:
            registry.clear()


def _clear_typing(module: object) -> None:
    # One lru_cache of 128 per generic alias, filled by tests that make and parametrise classes.
    for clear in list(module._cleanups):  # type: ignore[attr-defined]  # private, absent: skipped
        clear()


def _clear_source_lines(module: object) -> None:
    # Only lines read from files: attrs and doctest keep sources here that exist nowhere else,
    # marked by a missing modification time.
    cache = module.cache  # type: ignore[attr-defined]  # public name of linecache
    for name, entry in list(cache.items()):
        if len(entry) == 1 or entry[1] is not None:
            del cache[name]


def _clear_lru_caches(*names: str) -> Callable[[object], None]:
    def clear(module: object) -> None:
        for name in names:
            getattr(module, name).cache_clear()

    return clear


def _call(name: str) -> Callable[[object], None]:
    return lambda module: getattr(module, name)()


def _empty(*path: str) -> Callable[[object], None]:
    def clear(module: object) -> None:
        for name in path:
            module = getattr(module, name)
        module.clear()  # type: ignore[attr-defined]  # a dict or a list, else AttributeError

    return clear


#: Module, and how its cache is emptied. CPython's own reference-leak test clears the same ones;
#: Hypothesis's take up strategies and labels of the classes that its examples are made of.
_CACHES: tuple[tuple[str, Callable[[object], None]], ...] = (
    ("re", _call("purge")),
    ("_strptime", _empty("_regex_cache")),
    ("urllib.parse", _call("clear_cache")),
    ("linecache", _clear_source_lines),
    ("filecmp", _call("clear_cache")),
    ("struct", _call("_clearcache")),
    ("ctypes", _call("_reset_cache")),
    ("typing", _clear_typing),
    ("fractions", _clear_lru_caches("_hash_algorithm")),
    ("inspect", _clear_lru_caches("_shadowed_dict_from_weakref_mro_tuple")),
    ("fnmatch", _clear_lru_caches("_compile_pattern", "translate")),
    ("tokenize", _clear_lru_caches("_compile")),
    ("hypothesis.strategies._internal.utils", _call("clear_strategy_cache")),
    ("hypothesis.internal.conjecture.data", _empty("STRUCTURAL_COVERAGE_CACHE")),
    ("hypothesis.internal.conjecture.data", _empty("POOLED_CONSTRAINTS_CACHE", "cache")),
    ("importlib.metadata", lambda module: module.FastPath.__new__.cache_clear()),  # type: ignore[attr-defined]  # private, absent: skipped
)
