"""Is every misuse a clear error of the right kind, before any test runs?"""

from __future__ import annotations

import pytest

_RUNS = """
from pathlib import Path

def test_runs():
    Path("ran").touch()
"""


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--leak-mode=some"], "--leak-mode: expected one of off, marked, all (got 'some')"),
        (["--leak-mode="], "--leak-mode: expected one of off, marked, all (got '')"),
        (["--leak-runs=1"], "--leak-runs: expected a whole number of at least 2 (got 1)"),
        (["--leak-runs=-3"], "--leak-runs: expected a whole number of at least 2 (got '-3')"),
        (["--leak-runs=few"], "--leak-runs: expected a whole number of at least 2 (got 'few')"),
        (["--leak-warmup=0"], "--leak-warmup: expected a whole number of at least 1 (got 0)"),
        (["--leak-max-objects=-1"], "--leak-max-objects: expected a whole number of at least 0"),
        (["--leak-max-objects=1.5"], "--leak-max-objects: expected a whole number of at least 0"),
        (["--leak-max-bytes=-4 KiB"], "--leak-max-bytes: expected a size such as '4 KiB'"),
        (["--leak-max-bytes=4 KB"], "--leak-max-bytes: expected a size such as '4 KiB'"),
        (["--leak-max-bytes=much"], "(got 'much')"),
        (["--leak-confirm=-1"], "--leak-confirm: expected a time such as '500 ms'"),
        (["--leak-confirm=soon"], "(got 'soon')"),
        (["--leak-confirm=inf"], "(got 'inf')"),
        (["--leak-trace=never"], "--leak-trace: expected one of auto, suspects, always"),
        (["--leak-track=heap"], "--leak-track: expected one or more of gc_objects, blocks"),
        (["--leak-track=fds,heap"], "(got 'heap')"),
        (["--leak-track="], "--leak-track: expected one or more of gc_objects, blocks"),
        (["--leak-report=leaks.json"], "--leak-report: expected FORMAT:PATH with a format of json"),
        (["--leak-report=yaml:leaks"], "(got 'yaml:leaks')"),
        (["--leak-report=json:"], "(got 'json:')"),
        (["--leak-report=json:."], "expected a path that can be written, not a directory"),
        (["--leak-report=json:test_it.py/x"], "expected a path that can be written"),
        (["--leak-confirm=1e3"], "(got '1e3')"),
        (["-o", "leak_runs=1"], "leak_runs"),
        (["-o", "leak_mode=some"], "leak_mode"),
        (["-o", "leak_report=yaml:x"], "leak_report"),
        (["-o", "leak_max_bytes=4 KB"], "(got '4 KB')"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_misused_option_is_a_usage_error_before_any_test_runs(lab, args, complaint):
    lab.write({"test_it.py": _RUNS})

    session = lab.pytest(*args)

    assert session.ret == pytest.ExitCode.USAGE_ERROR
    assert complaint in session.err
    assert "Traceback" not in session.raw + session.err
    assert not (lab.path / "ran").exists()


def test_an_option_in_an_ini_file_is_named_with_its_file(lab):
    lab.write({"test_it.py": _RUNS, "tox.ini": "[pytest]\nleak_runs = 1\n"})

    session = lab.pytest()

    assert session.ret == pytest.ExitCode.USAGE_ERROR
    assert "leak_runs in tox.ini: expected a whole number of at least 2 (got 1)" in session.err


def test_no_option_swallows_the_path_that_follows_it(lab):
    lab.write({"test_it.py": _RUNS})

    session = lab.pytest("--leak-check", "test_it.py")

    assert session.ret == 0
    assert session.summary.startswith("leak check: 1 checked, 0 leaking")


_MISUSED = {
    "keyword": (
        "noleak(rums=3)",
        "@pytest.mark.noleak: keyword: expected one of runs, warmup, max_objects, max_bytes,"
        " confirm, track, ignore, duration, workers (got 'rums')",
    ),
    "positional": ("noleak(3)", "expected keywords only: runs, warmup"),
    "runs": ("noleak(runs=1)", "runs: expected a whole number of at least 2 (got 1)"),
    "flag": ("noleak(runs=True)", "runs: expected a whole number of at least 2 (got True)"),
    "warmup": ("noleak(warmup=0)", "warmup: expected a whole number of at least 1 (got 0)"),
    "objects": ("noleak(max_objects=-1)", "max_objects: expected a whole number of at least 0"),
    "size": ("noleak(max_bytes='4 KB')", "max_bytes: expected a size such as '4 KiB'"),
    "negative": ("noleak(max_bytes=-1)", "not negative (got"),
    "time": ("noleak(confirm='soon')", "confirm: expected a time such as '500 ms'"),
    "no soak": ("noleak(duration=0)", "duration: expected a time above 0, such as '30 s'"),
    "no worker": ("noleak(duration=1, workers=0)", "workers: expected a whole number of at least"),
    "workers alone": ("noleak(workers=2)", "workers: expected a duration beside it"),
    "counter": ("noleak(track='heap')", "track: expected one or more of gc_objects"),
    "everything": ("noleak(ignore='*: all')", "not a bare '*' (got '*: all')"),
    "any character": ("noleak(ignore={'?*': 'all'})", "not a bare '*' (got {'?*': 'all'})"),
    "ignored without a reason": ("noleak(ignore='app.*')", "ignore: expected 'PATTERN: REASON'"),
    "ignored for nothing": ("noleak(ignore={'app.*': ''})", "(got {'app.*': ''})"),
    "ignored otherwise": ("noleak(ignore=3)", "ignore: expected 'PATTERN: REASON'"),
    "no_reason": ("leaks()", "@pytest.mark.leaks: arguments: expected reason, issue=None, strict"),
    "empty": ("leaks('')", "reason: expected a sentence that says why it leaks (got '')"),
    "bare": ("leaks", "@pytest.mark.leaks: arguments: expected reason"),
    "issue": ("leaks('cache', issue=3)", "issue: expected a link or a number as text"),
    "strict": ("leaks('cache', strict='no')", "strict: expected True or False (got 'no')"),
    "unknown": ("leaks('cache', until='2030')", "expected reason, issue=None, strict=True"),
}
_BOTH = {
    "test_on_a_function.py": """
import pytest

@pytest.mark.noleak
@pytest.mark.leaks("known")
def test_it():
    pass
""",
    "test_on_a_class.py": """
import pytest

@pytest.mark.noleak
@pytest.mark.leaks("known")
class TestIt:
    def test_it(self):
        pass
""",
    "test_on_a_module.py": """
import pytest

pytestmark = [pytest.mark.noleak, pytest.mark.leaks("known")]

def test_it():
    pass
""",
}


@pytest.fixture(scope="module")
def misused(tmp_path_factory):
    """Let one session collect a file for each misuse; returns its output and exit code."""
    import os
    import subprocess
    import sys

    directory = tmp_path_factory.mktemp("misused")
    for name, (marker, _) in _MISUSED.items():
        text = f"import pytest\n\n@pytest.mark.{marker}\ndef test_it():\n    open('ran', 'w')\n"
        (directory / f"test_{name}.py").write_text(text)
    for name, text in _BOTH.items():
        (directory / name).write_text(text)
    (directory / "test_fine.py").write_text(_RUNS)
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "500"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "leakguard", "-c", os.devnull, "--rootdir=."],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout, done.returncode, (directory / "ran").exists()


@pytest.mark.parametrize("name", _MISUSED)
def test_a_misused_marker_is_a_collection_error_that_says_what_is_accepted(misused, name):
    output, code, ran = misused

    lines = [line for line in output.splitlines() if line.startswith(f"test_{name}.py::test_it: ")]

    assert len(lines) == 1
    assert _MISUSED[name][1] in lines[0]
    assert code == pytest.ExitCode.INTERRUPTED
    assert not ran


@pytest.mark.parametrize("name", _BOTH)
def test_both_markers_on_one_node_are_a_collection_error(misused, name):
    output, code, ran = misused

    assert [
        line
        for line in output.splitlines()
        if line.startswith(f"{name}::") and "noleak or leaks, not both" in line
    ]
    assert code == pytest.ExitCode.INTERRUPTED
    assert not ran


def test_a_misused_marker_is_a_collection_error_in_distributed_sessions_too(lab):
    lab.write(
        {
            "test_bad.py": "import pytest\n\n@pytest.mark.noleak(rums=1)\ndef test_it(): pass\n",
            "test_it.py": _RUNS,
        }
    )

    session = lab.pytest("-n2", plugins=("leakguard", "xdist"))

    assert session.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert "test_bad.py::test_it: @pytest.mark.noleak: keyword" in session.out
    assert "INTERNALERROR" not in session.out


def test_a_misused_marker_that_a_plugin_adds_late_is_an_error_before_any_test_runs(lab):
    lab.write(
        {
            "test_it.py": _RUNS,
            "conftest.py": """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.noleak(rums=1))
""",
        }
    )

    session = lab.pytest()

    assert session.ret == pytest.ExitCode.USAGE_ERROR
    assert "test_it.py::test_runs: @pytest.mark.noleak: keyword: expected one of" in session.err
    assert not (lab.path / "ran").exists()


def test_markers_are_not_read_where_the_plugin_is_off(lab):
    lab.write({"test_it.py": "import pytest\n\n@pytest.mark.noleak(rums=1)\ndef test_it(): pass\n"})

    session = lab.pytest("--leak-mode=off", "--strict-markers")

    assert session.ret == 0


@pytest.mark.skipif(  # pytest 8.4 has no such form of the file
    int(pytest.__version__.partition(".")[0]) < 9, reason="native TOML came with pytest 9"
)
@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("leak_runs = true", "leak_runs in pyproject.toml: expected a whole number of at least 2"),
        ("leak_mode = 3", "leak_mode in pyproject.toml: expected one of off, marked, all (got 3)"),
        ("leak_max_bytes = [1]", "leak_max_bytes in pyproject.toml: expected a size"),
        ("leak_report = 3", "leak_report in pyproject.toml: expected FORMAT:PATH"),
        ("leak_report = 'yaml:x'", "leak_report in pyproject.toml: expected FORMAT:PATH"),
        ("leak_track = [1]", "leak_track in pyproject.toml: expected one or more of gc_objects"),
        ("leak_track = 1", "leak_track in pyproject.toml: expected one or more of gc_objects"),
    ],
    ids=lambda value: value if "=" in value else "",
)
def test_a_native_value_of_the_wrong_type_is_a_usage_error(lab, line, complaint):
    lab.write({"test_it.py": _RUNS, "pyproject.toml": f"[tool.pytest]\n{line}\n"})

    session = lab.pytest()

    assert session.ret == pytest.ExitCode.USAGE_ERROR
    assert complaint in session.err
    assert not (lab.path / "ran").exists()
