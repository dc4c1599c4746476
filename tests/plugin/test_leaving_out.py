"""Are tests left out of a whole-suite check as asked, and is it said which and why?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter

import pytest

_TESTS = """
import pytest

@pytest.mark.parametrize("number", range(40))
def test_it(number):
    pass

@pytest.mark.noleak
def test_marked():
    pass
"""


@pytest.fixture
def suite(lab):
    lab.write({"test_it.py": _TESTS, "below/conftest.py": "", "below/test_other.py": _TESTS})
    return lab


@pytest.fixture
def git(suite, git_in):
    """Run git where the tests are; they have been committed."""
    run = git_in(suite.path)
    run("init", "-q", "-b", "main")
    run("add", ".")
    run("commit", "-q", "-m", "all")
    return run


def reasons(lab) -> Counter[str]:
    return Counter(test["reason"] for test in lab.json()["tests"] if test["executions"] == 1)


def checked_files(lab) -> set[str]:
    """Name the files of unmarked tests that were checked."""
    return {
        test["nodeid"].partition("::")[0]
        for test in lab.json()["tests"]
        if test["executions"] > 1 and "test_marked" not in test["nodeid"]
    }


def test_a_sample_is_repeated_by_its_seed_also_in_several_processes(suite):
    first = suite.checked("--leak-sample=25%")
    seed = re.search(r"a sample of 25 % is checked, drawn again by (--\S+=\d+)", first.raw).group(1)
    drawn = suite.rerun()
    suite.checked("--leak-sample=25%", seed)
    again = suite.rerun()
    suite.checked("--leak-sample=25%", seed, "-n2", plugins=("xdist",))
    spread = suite.rerun()
    suite.checked("--leak-sample=25%", "-n2", plugins=("xdist",))
    others = suite.rerun()

    assert drawn.count("test_marked") == 2
    assert 2 < len(drawn) < 60
    assert again == drawn
    assert spread == drawn
    assert others.count("test_marked") == 2
    assert f"unchecked: {82 - len(drawn)} tests: not in the sample of 25 %" in first.raw


def test_files_that_have_changed_are_told_by_git(suite, git):
    suite.write({"test_it.py": _TESTS + "\n"})
    session = suite.checked("--leak-changed=HEAD")

    assert checked_files(suite) == {"test_it.py"}
    assert reasons(suite) == {"its file has not changed since HEAD": 40}
    assert "tests in files that have changed since HEAD are checked" in session.raw
    assert suite.rerun().count("test_marked") == 2


@pytest.mark.parametrize("options", [(), ("-n2",)])
def test_what_is_new_or_below_a_changed_conftest_has_changed(suite, git, options):
    suite.write({"below/conftest.py": "import os\n", "deep/er/test_new.py": _TESTS})
    suite.checked("--leak-changed=main", *options, plugins=("xdist",) if options else ())

    assert checked_files(suite) == {"below/test_other.py", "deep/er/test_new.py"}


def test_what_others_have_changed_meanwhile_does_not_count(suite, git):
    git("checkout", "-q", "-b", "ours")
    suite.write({"test_it.py": _TESTS + "\n"})
    git("commit", "-q", "-a", "-m", "ours")
    git("checkout", "-q", "main")
    suite.write({"below/test_other.py": _TESTS + "\n"})
    git("commit", "-q", "-a", "-m", "theirs")
    git("checkout", "-q", "ours")

    suite.checked("--leak-changed=main")

    assert checked_files(suite) == {"test_it.py"}


def test_a_revision_that_git_does_not_know_is_a_usage_error(suite, git):
    session = suite.checked("--leak-changed=nowhere")

    assert session.ret == 4
    assert re.search(
        r"--leak-changed: expected a revision that git knows in \S+ \(.+\) \(got 'nowhere'\)",
        session.err,
    )


def test_tests_outside_a_repository_are_a_usage_error(suite, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(suite.path.parent))
    session = suite.checked("--leak-changed=HEAD")

    assert session.ret == 4
    assert "--leak-changed: expected a revision that git knows in " in session.err


def test_a_budget_is_spent_on_the_cheapest_and_the_rest_is_listed(lab):
    lab.write(
        {
            "test_it.py": """
import time

import pytest

def test_slow():
    time.sleep(0.5)  # four more are beyond the budget

@pytest.mark.parametrize("number", range(20))
def test_quick(number):
    pass

@pytest.mark.noleak
def test_marked():
    time.sleep(0.1)  # not left out, whatever it takes
"""
        }
    )

    session = lab.checked("--leak-budget=1500 ms")
    later = lab.check_again("--leak-budget=0")

    assert "checks may take 1.5 s, the cheapest tests come first" in session.raw
    assert "unchecked: 1 test: beyond the budget of 1.5 s" in session.raw
    assert session.summary.startswith("leak check: 21 checked, ")
    assert session.ret == 0
    assert "unchecked: 21 tests: beyond the budget of 0 ms" in later.raw
    assert lab.rerun() == ["test_marked"]


def test_marked_mode_knows_no_choice(suite):
    session = suite.pytest("--leak-sample=1%", "--leak-budget=0", "--leak-changed=nowhere")

    assert session.ret == 0
    assert session.summary.startswith("leak check: 2 checked, ")


def test_a_long_check_is_shown_on_a_terminal_and_nowhere_else(lab):
    lab.write({"test_it.py": "import time\n\ndef test_it():\n    time.sleep(0.4)  # seen\n"})
    command = [sys.executable, "-m", "pytest", "-p", "leakguard", "--leak-check", "test_it.py"]
    pty = pytest.importorskip("pty")
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    subprocess.run(command, cwd=lab.path, check=True, stdout=terminal, env=environment, timeout=60)
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(controller, 65536):
            shown += part
    except OSError:  # Linux ends it so
        pass
    os.close(controller)
    log = subprocess.run(
        command, cwd=lab.path, check=True, capture_output=True, env=environment, timeout=60
    )

    lines = re.findall(rb"\x1b7 leak check: re-run (\d), \d s\x1b8", shown)
    assert lines
    assert shown.rfind(b"\x1b[K") > shown.rfind(b"\x1b8")
    assert b"\x1b" not in log.stdout
    assert b"re-run" not in log.stdout
