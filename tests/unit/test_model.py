"""What do settings tolerate, how are they read, and do results survive a journey?"""

from __future__ import annotations

import json
import sys

import pytest

from pytest_leakguard.errors import (
    InvalidSettingError,
    LeakguardError,
    MissingPackageError,
)
from pytest_leakguard.exemptions import Exemption
from pytest_leakguard.model import Finding, Frame, NativeFrame, Result, Share, Step
from pytest_leakguard.settings import (
    COUNTER_NAMES,
    PARSERS,
    Settings,
    parse_setting,
    parse_settings,
)

_OBJECTS = ("gc_objects", "blocks", "container_items")
_BYTES = ("native_bytes", "mapped_bytes", "traced_bytes")
_NEVER_EXCUSED = ("fds", "threads", "tasks", "children", "temp_files")


@pytest.mark.parametrize(
    ("settings", "objects", "size_bytes"),
    [
        (Settings(), 0, 0),
        (Settings(max_objects=3), 3, float("inf")),
        (Settings(max_bytes=64), float("inf"), 64),
        (Settings(max_objects=3, max_bytes=64), 3, 64),
        (Settings(max_objects=0), 0, float("inf")),
    ],
)
def test_one_limit_lifts_the_other_unless_both_are_given(settings, objects, size_bytes):
    assert {settings.allowed(name) for name in _OBJECTS} == {objects}
    assert {settings.allowed(name) for name in _BYTES} == {size_bytes}
    assert {settings.allowed(name) for name in _NEVER_EXCUSED} == {0}


def test_every_counter_has_a_limit():
    assert {*_OBJECTS, *_BYTES, *_NEVER_EXCUSED} == set(COUNTER_NAMES)


@pytest.mark.parametrize(
    ("setting", "value", "parsed"),
    [
        ("runs", "3", 3),
        ("warmup", 2, 2),
        ("max_objects", "0", 0),
        ("max_bytes", "4 KiB", 4096),
        ("confirm", "500 ms", 0.5),
        ("trace", "always", "always"),
        ("track", "threads, fds", ("fds", "threads")),
        ("track", ["fds"], ("fds",)),
        ("track", {"fds", "blocks"}, ("blocks", "fds")),
        ("ignore", "app.*: kept: #7", (Exemption("app.*", "kept: #7"),)),
        ("ignore", ["7f3c9a1e:  why "], (Exemption("7f3c9a1e", "why"),)),
        (
            "ignore",
            {"a[1]": "why", "b:c": "why"},
            (Exemption("a[1]", "why"), Exemption("b:c", "why")),
        ),
        ("native_trace", False, False),
        ("native_trace", "False", False),
        ("native_trace", "off", False),
        ("isolate", "yes", True),
        ("isolate", True, True),
    ],
)
def test_settings_are_read(setting, value, parsed):
    assert parse_setting(setting, value) == parsed


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("runs", 1),
        ("warmup", 0),
        ("max_objects", -1),
        ("max_bytes", "4 KB"),
        ("confirm", "soon"),
        ("trace", "never"),
        ("trace", None),
        ("track", "heap"),
        ("track", ""),
        ("track", []),
        ("track", 3),
        ("ignore", "*: all"),
        ("ignore", " ** : all"),
        ("ignore", "app.*"),
        ("ignore", {"app.*": " "}),
        ("ignore", {3: "why"}),
        ("ignore", {"*": "all"}),
        ("ignore", [""]),
        ("ignore", 3),
        ("ignore", [3]),
        ("native_trace", "memray"),
        ("native_trace", None),
        ("isolate", "fork"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_value(setting, value):
    with pytest.raises(
        InvalidSettingError, match=rf"^{setting}: expected .* \(got .*\)$"
    ) as caught:
        parse_setting(setting, value)

    assert isinstance(caught.value, LeakguardError)


def test_a_setting_is_named_as_the_user_spelled_it():
    with pytest.raises(InvalidSettingError, match=r"^--leak-runs: "):
        parse_setting("runs", 1, place="--leak-runs")


def test_a_setting_whose_package_is_missing_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "memray", None)

    with pytest.raises(MissingPackageError, match=r"^native_trace: needs memray, .*\[native\]"):
        parse_setting("native_trace", True)  # noqa: FBT003  # as a user gives it


def test_an_unknown_setting_is_refused_with_the_known_ones():
    with pytest.raises(InvalidSettingError, match=r"one of runs, warmup, .* \(got 'rums'\)"):
        parse_setting("rums", 1)


def test_every_setting_is_read_by_a_parser():
    assert set(PARSERS) == set(Settings.__dataclass_fields__)


def test_a_result_survives_a_journey_as_json():
    result = Result(
        verdict="leak",
        reason="because",
        executions=26,
        seconds=1.25,
        growth={"gc_objects": 2, "fds": None},
        series={"gc_objects": (1, 3, 5)},
        batches=(5, 7),
        findings=(
            Finding(
                type="app.Thing",
                objects_per_run=1,
                bytes_per_run=64,
                holder="app.kept",
                path=(Step(via="app.kept", type="list"), Step(via="[*]", type="app.Thing")),
                allocated=(Frame(file="/app.py", line=3, function="make", source="Thing()"),),
                grown=(Frame(file="/app.py", line=4, function="keep", source="append"),),
                native=(NativeFrame(function="take", file="a.c", line=4, library="/a.so"),),
                held=(Share(type="str", objects_per_run=1, bytes_per_run=50),),
                fingerprint="0123abcd",
            ),
        ),
        evidence="exactly 2 per run",
        not_isolated="thread 'server' runs, which a fork does not carry",
    )

    assert Result.from_plain(json.loads(json.dumps(result.to_plain()))) == result
    assert Result.from_plain(result.to_plain()) == result


@pytest.mark.parametrize(
    ("objects", "said"), [(1, "added on every run"), (0.02, "added on some runs")]
)
def test_a_pattern_speaks_of_every_run_only_where_it_is_on_every_run(objects, said):
    finding = Finding(type="T", objects_per_run=objects, bytes_per_run=8, holder="h")

    assert finding.with_pattern("accumulation", "added on every run", "").meaning == said


@pytest.mark.parametrize(("given", "crew"), [({}, 1), ({"duration": 5.0}, 4)])
def test_workers_say_nothing_where_nothing_is_soaked(given, crew):
    assert Settings(workers=4, **given).crew == crew


@pytest.mark.parametrize("given", [{"duration": 0.0}, {"duration": -1.0}, {"workers": 0}])
def test_a_soak_takes_time_and_a_worker(given):
    with pytest.raises(InvalidSettingError):
        Settings(**given)


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        ({"duration": "10 min"}, {"duration": 600.0}),
        ({"duration": 5, "workers": "3"}, {"duration": 5.0, "workers": 3}),
    ],
)
def test_a_soak_is_read_as_users_write_it(given, parsed):
    assert parse_settings(given) == parsed


def test_workers_need_a_duration_beside_them():
    with pytest.raises(InvalidSettingError, match="workers: expected a duration beside it"):
        parse_settings({"workers": 3})
