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
