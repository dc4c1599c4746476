"""Do command line, ini files and markers say the same things, and who wins?"""

from __future__ import annotations

import re

import pytest

_SHOWS = """
from dataclasses import asdict

from pytest_leakguard.plugin import markers, options_of

def pytest_report_header(config):
    options = options_of(config)
    shown = {"mode": options.mode, **asdict(options.settings)}
    shown["reports"] = [f"{form}:{path.name}" for form, path in options.reports]
    return [f"resolved {name}={value!r}" for name, value in shown.items()]

def pytest_collection_modifyitems(config, items):
    for item in items:
        plan = markers.read_plan(item, options_of(config).settings)
        if plan is not None:
            print(f"resolved runs={plan.settings.runs!r}")
"""
_DEFAULTS = {
    "mode": "'marked'",
    "runs": "3",
    "warmup": "1",
    "max_objects": "None",
    "max_bytes": "None",
    "confirm": "10.0",
    "trace": "'auto'",
    "track": "None",
    "reports": "[]",
}
_GIVEN = {
    "mode": "'all'",
    "runs": "5",
    "warmup": "2",
    "max_objects": "7",
    "max_bytes": "4096",
    "confirm": "0.5",
    "trace": "'always'",
    "track": "('fds', 'threads')",
    "reports": "['json:one.json', 'json:two.json']",
}
_INI = """
leak_mode = all
leak_runs = 5
leak_warmup = 2
leak_max_objects = 7
leak_max_bytes = 4 KiB
leak_confirm = 500 ms
leak_trace = always
leak_track = threads, fds
leak_report =
    json:one.json
    json:two.json
"""
_TOML_STRINGS = """
leak_mode = "all"
leak_runs = "5"
leak_warmup = "2"
leak_max_objects = "7"
leak_max_bytes = "4 KiB"
leak_confirm = "500 ms"
leak_trace = "always"
leak_track = "threads fds"
leak_report = ["json:one.json", "json:two.json"]
"""
_TOML_VALUES = """
leak_mode = "all"
leak_runs = 5
leak_warmup = 2
leak_max_objects = 7
leak_max_bytes = 4096
leak_confirm = 0.5
leak_trace = "always"
leak_track = ["threads", "fds"]
leak_report = ["json:one.json", "json:two.json"]
"""
_NATIVE = pytest.mark.skipif(  # pytest 8.4 has no such form of the file
    int(pytest.__version__.partition(".")[0]) < 9, reason="native TOML came with pytest 9"
)
_ARGS = (
    "--leak-check",
    "--leak-runs=5",
    "--leak-warmup=2",
    "--leak-max-objects=7",
    "--leak-max-bytes=4 KiB",
    "--leak-confirm=500 ms",
    "--leak-trace=always",
    "--leak-track=threads,fds",
    "--leak-report=json:one.json",
    "--leak-report=json:two.json",
)


def resolved(session) -> dict[str, str]:
    assert session.ret in (0, pytest.ExitCode.NO_TESTS_COLLECTED), session.err
    return {
        name: value
        for name, value in re.findall(r"(?m)^resolved (\w+)=(.*)$", session.raw)
        if name in _DEFAULTS
    }


def test_defaults_are_those_of_the_help_text(lab):
    lab.write({"conftest.py": _SHOWS})

    assert resolved(lab.pytest()) == _DEFAULTS


def test_every_option_is_read_from_the_command_line(lab):
    lab.write({"conftest.py": _SHOWS})

    assert resolved(lab.pytest(*_ARGS)) == _GIVEN


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", f"[pytest]{_INI}"),
        ("tox.ini", f"[pytest]{_INI}"),
        ("setup.cfg", f"[tool:pytest]{_INI}"),
        ("pyproject.toml", f"[tool.pytest.ini_options]{_TOML_STRINGS}"),
        ("pyproject.toml", f"[tool.pytest.ini_options]{_TOML_VALUES}"),
        pytest.param("pyproject.toml", f"[tool.pytest]{_TOML_STRINGS}", marks=_NATIVE),
        pytest.param("pyproject.toml", f"[tool.pytest]{_TOML_VALUES}", marks=_NATIVE),
        pytest.param("pytest.toml", f"[pytest]{_TOML_VALUES}", marks=_NATIVE),
    ],
    ids=[
        "pytest.ini",
        "tox.ini",
        "setup.cfg",
        "ini_options",
        "ini_options values",
        "native strings",
        "native values",
        "pytest.toml",
    ],
)
def test_every_option_has_a_twin_in_every_ini_file_and_none_is_warned_of(
    lab, monkeypatch, name, text
):
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    lab.write({"conftest.py": _SHOWS, name: text})

    assert resolved(lab.pytest("--strict-config")) == _GIVEN


def test_an_ini_value_is_overridden_with_o(lab):
    lab.write({"conftest.py": _SHOWS, "pytest.ini": "[pytest]\nleak_runs = 4\n"})

    assert resolved(lab.pytest("-o", "leak_runs=6"))["runs"] == "6"


@_NATIVE
def test_a_native_value_is_overridden_with_o(lab):
    lab.write({"conftest.py": _SHOWS, "pytest.toml": f"[pytest]{_TOML_VALUES}"})

    shown = resolved(lab.pytest("-o", "leak_runs=6", "-o", "leak_track=blocks, fds"))

    assert (shown["runs"], shown["track"]) == ("6", "('blocks', 'fds')")


@_NATIVE
def test_a_toml_file_of_any_name_may_hold_native_values(lab):
    lab.write({"conftest.py": _SHOWS, "odd.toml": f"[tool.pytest]{_TOML_VALUES}"})

    assert resolved(lab.pytest("-c", "odd.toml")) == _GIVEN


def test_the_command_line_beats_the_ini_file(lab):
    lab.write({"conftest.py": _SHOWS, "pytest.ini": "[pytest]\nleak_runs = 4\nleak_mode = all\n"})

    shown = resolved(lab.pytest("--leak-runs=6", "--leak-mode=off"))

    assert (shown["runs"], shown["mode"]) == ("6", "'off'")


def test_a_marker_beats_the_command_line(lab):
    lab.write(
        {
            "conftest.py": _SHOWS,
            "pytest.ini": "[pytest]\nleak_runs = 4\n",
            "test_it.py": "import pytest\n\n@pytest.mark.noleak(runs=7)\ndef test_it(): pass\n",
        }
    )

    assert resolved(lab.pytest("--leak-runs=6", "--collect-only", "-s"))["runs"] == "7"


@pytest.mark.parametrize(
    ("args", "mode"),
    [
        (("--leak-check", "--leak-mode=off"), "'off'"),
        (("--leak-mode=off", "--leak-check"), "'all'"),
    ],
    ids=["off last", "check last"],
)
def test_leak_check_is_a_leak_mode_and_the_last_one_given_counts(lab, args, mode):
    lab.write({"conftest.py": _SHOWS})

    assert resolved(lab.pytest(*args))["mode"] == mode


def test_help_names_every_option_and_ini_value(lab):
    text = lab.pytest("--help").raw

    for name in (
        "mode",
        "runs",
        "warmup",
        "max-objects",
        "max-bytes",
        "confirm",
        "trace",
        "track",
        "report",
    ):
        assert f"--leak-{name}=" in text
        assert f"leak_{name.replace('-', '_')} (" in text
    assert "--leak-check" in text
    assert "--leak-native-trace" in text
    assert "leak_native_trace (" in text


def test_markers_are_registered(lab):
    lab.write(
        {
            "test_it.py": """
import pytest

@pytest.mark.leaks("known")
def test_known():
    pass

@pytest.mark.noleak
def test_enforced():
    pass
"""
        }
    )

    session = lab.pytest("--strict-markers", "--leak-mode=off", "--markers")

    assert "@pytest.mark.noleak(runs, warmup" in session.raw
    assert "@pytest.mark.leaks(reason, issue=None, strict=True)" in session.raw
    assert lab.pytest("--strict-markers", "--leak-mode=off").ret == 0


def test_the_plugin_is_named_leakguard_and_can_be_switched_off(lab, monkeypatch):
    lab.write(
        {
            "test_it.py": "import pytest\n\n@pytest.mark.noleak\ndef test_it(): pass\n",
        }
    )
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")

    on = lab.pytest("--leak-check", plugins=("no:asyncio",))
    off = lab.pytest("--leak-check", plugins=("no:leakguard", "no:asyncio"))
    unknown = lab.pytest("-W", "ignore", plugins=("no:leakguard", "no:asyncio"))

    assert on.summary.startswith("leak check: 1 checked")
    assert off.ret == pytest.ExitCode.USAGE_ERROR
    assert "unrecognized arguments: --leak-check" in off.err
    assert unknown.ret == 0
    assert unknown.summary == ""


def test_a_session_that_checks_nothing_imports_little(lab):
    lab.write(
        {
            "conftest.py": """
import sys

def pytest_sessionfinish():
    ours = [name for name in sys.modules if name.startswith("pytest_leakguard")]
    assert not [name for name in ours if "options" in name or "session" in name], ours
    assert len(ours) < 15, ours
    assert not {"psutil", "objgraph", "pympler", "tracemalloc"} & sys.modules.keys()
""",
            "test_it.py": "def test_it(): pass\n",
        }
    )

    session = lab.pytest()

    assert session.ret == 0, session.raw + session.err
    session.result.assert_outcomes(passed=1)
