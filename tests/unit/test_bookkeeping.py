"""Is what other plugins keep for themselves told from what a test leaves behind?"""

from __future__ import annotations

import importlib.metadata
import sys
import types
from dataclasses import replace

import pytest

from pytest_leakguard.exemptions import Exempted
from pytest_leakguard.model import Finding, Frame, Result
from pytest_leakguard.plugin import bookkeeping
from pytest_leakguard.plugin.bookkeeping import Keepers, without_bookkeeping

_SITE = "/venv/lib/python3/site-packages"
CONFTEST = "/project/conftest.py"
WHO = Keepers(packages={"pictures": "pytest-pictures"}, files=frozenset({CONFTEST}))


def line(file: str, module: str) -> Frame:
    return Frame(file=file, line=3, function="keep", source="kept.append(it)", module=module)


PLUGIN = line(f"{_SITE}/pictures/plugin.py", "pictures.plugin")
LIBRARY = line(f"{_SITE}/colours/paint.py", "colours.paint")
TEST = line("/project/test_it.py", "test_it")


def finding(*allocated: Frame) -> Finding:
    return Finding(
        type="dict",
        objects_per_run=1,
        bytes_per_run=64,
        holder="pictures.taken",
        allocated=allocated,
        fingerprint=str(len(allocated)),
    )


def leak(*findings: Finding, **growth: float) -> Result:
    growth = {"gc_objects": 1, "fds": 0, **growth}
    return Result(verdict="leak", findings=findings, growth=growth, executions=59)


@pytest.mark.parametrize("allocated", [(PLUGIN,), (LIBRARY, PLUGIN)])
def test_what_a_plugin_keeps_for_itself_is_ignored_and_listed(allocated):
    result = without_bookkeeping(leak(finding(*allocated)), WHO)

    assert result.verdict == "clean"
    assert result.reason == "only the plugin pytest-pictures keeps something"
    assert result.findings == ()
    assert result.ignored == (
        Exempted("pictures.taken", "kept by the plugin pytest-pictures for itself", 1),
    )


def test_what_a_plugin_makes_and_a_test_keeps_is_a_leak(monkeypatch):
    by_test = replace(finding(PLUGIN), grown=(TEST,))
    of_user = types.ModuleType("shop")
    of_user.__file__ = "/project/shop.py"
    monkeypatch.setitem(sys.modules, "shop", of_user)
    in_shop = replace(finding(PLUGIN), holder="shop.Bus.listeners")

    assert without_bookkeeping(leak(by_test), WHO) == leak(by_test)
    assert without_bookkeeping(leak(in_shop), WHO) == leak(in_shop)


def test_what_a_plugin_runs_and_another_package_keeps_is_a_leak(monkeypatch):
    distributions = {"shop": ["Shop_App"], "colours": ["colours"], "pictures": ["pytest-pictures"]}
    needs = {
        "shop-app": ["pytest-pictures>=2"],
        "pytest-pictures": ["Colours ~= 1.0; extra == 'x'"],
    }
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: distributions)
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: needs.get(name, []))
    for cached in (bookkeeping._distributions, bookkeeping._needed_by):
        cached.cache_clear()
    in_shop = replace(finding(line(f"{_SITE}/shop/app.py", "shop.app"), PLUGIN), holder="shop.SEEN")
    by_colours = finding(LIBRARY, PLUGIN)

    assert without_bookkeeping(leak(in_shop), WHO) == leak(in_shop)
    assert without_bookkeeping(leak(by_colours), WHO) == leak(by_colours)  # an extra is no need
    needs["pytest-pictures"] = ["Colours ~= 1.0"]
    bookkeeping._needed_by.cache_clear()
    assert without_bookkeeping(leak(by_colours), WHO).verdict == "clean"
    for cached in (bookkeeping._distributions, bookkeeping._needed_by):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("holder", "innermost"),
    [
        ("coverage.files.CANONICAL_FILENAME_CACHE", LIBRARY),
        ("threading._trace_hook.__self__.tracers", line("coverage/c.py", "coverage.collector")),
    ],
)
def test_what_coverage_notes_of_the_user_s_lines_is_ignored_too(holder, innermost):
    kept = replace(finding(innermost, TEST), holder=holder)

    result = without_bookkeeping(
        leak(kept), replace(WHO, packages={**WHO.packages, "coverage": "coverage"})
    )

    assert (result.verdict, result.reason) == ("clean", "only the plugin coverage keeps something")
    assert [one.pattern for one in result.ignored] == [holder]


HOOK = Frame(
    file=CONFTEST,
    line=6,
    function="Recorder.pytest_runtest_makereport",
    source="self.durations.append(call.duration)",
    module="conftest",
)
HELPER = replace(HOOK, function="note")
BESIDE = replace(HELPER, file="/project/helpers.py", module="helpers")
PYTEST = line(f"{_SITE}/_pytest/reports.py", "_pytest.reports")
FIXTURE = replace(HOOK, function="app")


@pytest.mark.parametrize("frames", [(HOOK,), (HELPER, HOOK), (BESIDE, HOOK)])
@pytest.mark.parametrize("kind", ["allocated", "grown"])
def test_what_a_hook_of_the_user_s_own_notes_is_ignored_and_listed(frames, kind):
    result = without_bookkeeping(leak(replace(finding(), **{kind: frames})), WHO)

    keeper = "pytest_runtest_makereport of conftest.py"
    assert (result.verdict, result.reason) == ("clean", f"only {keeper} keeps something")
    assert result.ignored == (Exempted("pictures.taken", f"kept by {keeper} for itself", 1),)


def test_what_pytest_makes_and_a_hook_keeps_is_the_hook_s():
    kept = replace(finding(PYTEST), grown=(HOOK,))

    assert without_bookkeeping(leak(kept), WHO).verdict == "clean"
    assert without_bookkeeping(leak(replace(kept, grown=(TEST,))), WHO).verdict == "leak"


@pytest.mark.parametrize(
    "frames",
    [
        (FIXTURE,),
        (HOOK, TEST),
        (TEST, HOOK),
        (BESIDE, replace(HOOK, function="pytest_pyfunc_call")),
        (LIBRARY, HOOK),
        (replace(HOOK, file="/project/tools.py"),),
    ],
    ids=["a fixture", "a test", "a test in a hook", "a runner", "a library", "no plugin"],
)
def test_what_else_is_kept_from_a_conftest_file_is_told(frames):
    judged = leak(finding(*frames))

    assert without_bookkeeping(judged, WHO) == judged


def test_where_coverage_does_not_measure_it_is_code_like_any_other():
    kept = replace(finding(TEST), holder="coverage.files.CANONICAL_FILENAME_CACHE")

    assert without_bookkeeping(leak(kept), WHO).findings == (kept,)


def test_what_else_leaks_is_still_told():
    own = finding(TEST)

    result = without_bookkeeping(leak(finding(PLUGIN), own), WHO)

    assert (result.verdict, result.findings) == ("leak", (own,))
    assert [one.findings for one in result.ignored] == [1]


@pytest.mark.parametrize(
    "judged",
    [
        leak(finding(PLUGIN, TEST)),
        leak(finding(PLUGIN, TEST, PLUGIN)),
        leak(finding(LIBRARY)),
        leak(finding()),
        leak(finding(replace(PLUGIN, file="/project/pictures/plugin.py"))),
        leak(finding(PLUGIN), fds=1),
        leak(finding(PLUGIN), threads=1),
        replace(leak(finding(PLUGIN)), verdict="bounded"),
        leak(),
    ],
    ids=[
        "through a line of the test",
        "a line of the test between",
        "no plugin",
        "unknown",
        "the plugin is under test",
        "descriptors",
        "threads",
        "no leak",
        "no finding",
    ],
)
def test_what_is_not_only_a_plugins_is_left_as_it_is(judged):
    assert without_bookkeeping(judged, WHO) is judged
