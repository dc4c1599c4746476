"""What the user's own hooks keep of each test, which is no test's leak."""

from __future__ import annotations

import pytest

CONFTEST = """
import pytest

class Recorder:
    def __init__(self):
        self.outcomes = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        self.outcomes.append((item.nodeid, call.when, call.duration))
        return report

recorder = Recorder()
durations = []

def pytest_configure(config):
    config.pluginmanager.register(recorder)

def pytest_runtest_logreport(report):
    durations.append(float(report.duration) + 1)

def pytest_runtest_setup(item):
    durations.append([item.name])
"""
SOUND = """
def test_it():
    pass
"""
LEAKING = """
import pytest

kept = []

@pytest.fixture(autouse=True)
def keeps():
    kept.append(bytearray(1024))
"""


HELPED = """
import pytest
from support import Recorder, note

RESULTS = {}

def pytest_configure(config):
    config.pluginmanager.register(Recorder())

def pytest_runtest_setup(item):
    note(item)

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    RESULTS.setdefault(item.nodeid, []).append(report)
    return report
"""
SUPPORT = """
import time

log = []

def note(item):
    log.append((item.nodeid, time.time()))

class Recorder:
    def __init__(self):
        self.seen = []

    def pytest_runtest_teardown(self, item):
        self.seen.append((item.nodeid, time.time()))
"""
RUNNER = """
def pytest_pyfunc_call(pyfuncitem):
    names = pyfuncitem._fixtureinfo.argnames
    pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    return True
"""
APP = """
kept = []

def keep():
    kept.append(bytearray(1024))
"""


def test_what_hooks_keep_by_helpers_or_of_pytest_s_own_is_no_test_s_leak(lab):
    lab.write({"conftest.py": HELPED, "support.py": SUPPORT, "test_sound.py": SOUND})

    session = lab.checked()

    assert lab.verdicts() == {"test_it": "clean"}
    assert session.ret == 0


def test_what_a_test_leaks_that_a_hook_runs_is_the_test_s(lab):
    tests = "import app\n\ndef test_it():\n    app.keep()\n"
    lab.write({"conftest.py": RUNNER, "app.py": APP, "test_leaking.py": tests})

    lab.checked()

    assert lab.verdicts() == {"test_it": "leak"}


def test_what_hooks_of_the_suite_note_is_listed_and_no_test_s_leak(lab):
    lab.write({"conftest.py": CONFTEST, "test_sound.py": SOUND})

    session = lab.checked()

    assert lab.verdicts() == {"test_it": "clean"}
    assert session.ret == 0
    assert "kept by pytest_runtest_makereport of conftest.py for itself" in session.raw
    assert "kept by pytest_runtest_setup of conftest.py for itself" in session.raw


@pytest.mark.parametrize("hook", ["", CONFTEST])
def test_what_a_fixture_of_the_suite_keeps_is_a_leak(lab, hook):
    lab.write({"conftest.py": f"{LEAKING}\n{hook}", "test_leaking.py": SOUND})

    session = lab.checked()

    assert lab.verdicts() == {"test_it": "leak"}
    (test,) = lab.json()["tests"]
    assert [finding["holder"] for finding in test["findings"]] == ["conftest.kept"]
    assert session.ret == 1
