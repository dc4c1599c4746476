"""Is nothing asked of the collector that it does not survive?"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import types

import pytest

from pytest_leakguard.diagnosis.roots import Root
from pytest_leakguard.diagnosis.walk import Reached, referents_of
from pytest_leakguard.referents import referents_of_all

_WAITS = """
import asyncio
import sys

from pytest_leakguard.referents import referents_of_all

async def main():
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_result, None)
    await future  # the iterator of the future is kept for later

import _asyncio

for _ in range(3):
    asyncio.run(main())
    referents_of_all([_asyncio, asyncio, sys])
print("over")
"""


def test_what_c_code_of_a_module_keeps_for_later_is_not_asked_for():
    done = subprocess.run(
        [sys.executable, "-c", _WAITS], capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout == "over\n"


def test_a_lazy_module_is_not_loaded_by_being_looked_at(tmp_path):
    (tmp_path / "lazily.py").write_text("raise RuntimeError('loaded')")
    spec = importlib.util.spec_from_file_location("lazily", tmp_path / "lazily.py")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    [names] = referents_of(module)
    reached = Reached([Root("holder", [module])])

    assert names["__name__"] == "lazily"
    assert reached.entry_of(names) is not None
    with pytest.raises(RuntimeError, match="loaded"):
        module.anything  # noqa: B018  # loads it


def test_all_but_modules_tell_what_they_refer_to():
    class Module(types.ModuleType):
        pass

    one, other = object(), object()

    assert referents_of_all([[one], Module("name"), (other,), sys]) == [one, other]
