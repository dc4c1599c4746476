"""Are leaking tests profiled by memray, and does what is told repeat it?"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from suites import ONE_LEAK
from test_native_trace import _COPIES, _HIDES_MEMRAY, _IS_TRACKED, _TRACKS_ITSELF

_ODD = """
import pytest

kept = []

@pytest.mark.parametrize("name", ["it's/../$HOME `x`", "plain"])
def test_leaks(name):
    kept.append(bytearray(5000))
"""
_ASKS = "[pytest]\nleak_profile = memray\n"
_KNOWN = """
import pytest

kept = []

@pytest.mark.leaks("not ours")
def test_leaks():
    kept.append(object())
"""
_IMPORTED = """
import sys

def pytest_unconfigure():
    mine = ("memray", "pytest_leakguard.profiles")
    print("imported:", [name for name in sys.modules if name.startswith(mine)])
"""
pytestmark = pytest.mark.skipif(
    find_spec("memray") is None, reason="memray is not installed: there is none for this platform"
)


@pytest.fixture
def checked(lab):
    def run(*options: str, plugins: tuple[str, ...] = ()):
        given = ("--leak-confirm=5 s", "--leak-profile=memray", *options)
        return lab.checked(*given, plugins=plugins)

    return run


def profiles(lab) -> dict[str, dict]:
    """Return the profiles of the last session, by test name."""
    return {
        test["nodeid"].rpartition("::")[2]: test["profile"]
        for test in lab.json()["tests"]
        if test["profile"] is not None
    }


def texts(lab, profile: dict) -> dict[str, str]:
    """Read a profile's files, by kind."""
    return {
        entry["kind"]: (lab.path / entry["file"]).read_text("utf-8", errors="replace")
        for entry in profile["files"]
    }


def directories(lab, name: str = "leak-profiles") -> list[str]:
    return sorted(path.name for path in (lab.path / name).iterdir())


@pytest.mark.parametrize(
    ("options", "plugins"),
    [((), ()), (("-n", "2"), ("xdist",)), (("--leak-isolate",), ())],
    ids=["plain", "xdist", "isolated"],
)
def test_a_leak_is_profiled_and_told_of(lab, checked, options, plugins):
    lab.write({"test_a.py": ONE_LEAK})
    session = checked(*options, "--leak-report=html:out/page.html", plugins=plugins)

    ((name, profile),) = profiles(lab).items()
    files = texts(lab, profile)
    (directory,) = directories(lab)
    flame_graph = f"leak-profiles/{directory}/flamegraph.html"
    assert (name, profile["runs"], profile["problem"]) == ("test_leaks", 10, "")
    assert list(files) == ["flamegraph", "table", "text", "capture"]
    assert "test_a.py" in files["flamegraph"]
    assert "test_a.py" in files["table"]
    first = files["text"].splitlines()[4]
    assert first.endswith("test_a.py:7 in test_leaks")
    assert f" profile    {flame_graph}" in session.raw
    assert f" repeat     {profile['command']}" in session.raw
    assert f"profiles: test_a.py::test_leaks: {lab.path / flame_graph}" in session.raw
    page = (lab.path / "out" / "page.html").read_text("utf-8")
    assert f'<a href="../{flame_graph}">' in page


def test_only_the_latest_are_kept_and_what_is_told_repeats_one(lab, checked):
    lab.write(
        {
            "pytest.ini": "[pytest]\nleak_profile_dir = p\nleak_profile_keep = 1\n",
            "sub dir/test_a.py": _ODD,
        }
    )
    session = checked()
    removed, kept = profiles(lab).values()
    (before,) = directories(lab, "p")
    assert (removed["files"], len(kept["files"])) == ([], 4)
    assert "profiles: none of 1 test: removed to make room for later ones" in session.raw

    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    done = subprocess.run(
        removed["command"],
        shell=True,
        cwd=lab.path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    (after,) = directories(lab, "p")
    assert "1 failed" in done.stdout
    assert before.endswith("test_leaks_plain")
    assert after.endswith("test_leaks_it_s_.._HOME_x")


def test_a_leak_of_native_code_is_profiled_with_its_frames(lab, checked):
    lab.write({"test_it.py": _COPIES})
    checked("--leak-track=native_bytes", "--leak-profile-dir=p")

    (profile,) = profiles(lab).values()
    assert "strdup" in texts(lab, profile)["text"].splitlines()[4]
    assert directories(lab, "p")


@pytest.mark.parametrize("already", [_TRACKS_ITSELF, _IS_TRACKED], ids=["each test", "all"])
def test_a_tracker_that_is_at_work_already_is_told_and_the_verdict_stays(lab, checked, already):
    lab.write({"test_a.py": ONE_LEAK, "conftest.py": already})
    session = checked()

    (profile,) = profiles(lab).values()
    assert lab.verdicts()["test_leaks"] == "leak"
    assert profile["files"] == directories(lab) == []
    assert " profile    none: another memray tracker is at work" in session.raw


def test_a_known_leak_is_not_profiled(lab):
    lab.write({"test_a.py": _KNOWN, "conftest.py": _IMPORTED, "pytest.ini": _ASKS})
    session = lab.checked("--leak-confirm=1 s", "-s")

    assert lab.verdicts() == {"test_leaks": "known"}
    assert profiles(lab) == {}
    assert "'memray'" not in session.raw
    assert "pytest_leakguard.profiles.keeping" in session.raw


def test_a_session_that_does_not_ask_for_it_imports_nothing(lab):
    lab.write({"test_a.py": ONE_LEAK, "conftest.py": _IMPORTED})
    session = lab.checked("--leak-confirm=1 s", "-s")

    assert "imported: []" in session.raw
    assert not (lab.path / "leak-profiles").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--leak-profile=heapy",), "--leak-profile: expected memray (got 'heapy')"),
        (
            ("--leak-profile=memray", "--leak-profile-dir=test_a.py"),
            "--leak-profile-dir: expected a path that can be written",
        ),
        (
            ("--leak-profile=memray", "--leak-profile-keep=0"),
            "--leak-profile-keep: expected a whole number of at least 1",
        ),
    ],
)
def test_misuse_ends_the_session_before_the_first_test(lab, options, said):
    lab.write({"test_a.py": ONE_LEAK})
    session = lab.pytest(*options)

    assert session.ret == pytest.ExitCode.USAGE_ERROR
    assert said in session.err


def test_a_missing_memray_is_a_usage_error_that_says_how_to_get_it(lab):
    lab.write({"test_a.py": ONE_LEAK, "hides.py": _HIDES_MEMRAY})
    session = lab.pytest("--leak-profile=memray", plugins=("hides", "leakguard"))

    assert session.ret == pytest.ExitCode.USAGE_ERROR
    assert "--leak-profile: needs memray, which is not installed;" in session.err
    assert "pip install 'pytest-leakguard[native]'" in session.err
