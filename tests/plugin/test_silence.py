"""Does nothing that a re-run prints, logs, warns or records reach a terminal or a file?

Each session runs without the plugin and with every test checked; what was printed and written must
be equal but for times and our own lines.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from xml.etree import ElementTree as ET

import pytest

_NOISY = """
import logging
import os
import subprocess
import sys
import warnings

import pytest

log = logging.getLogger("noisy")

@pytest.fixture(scope="module")
def wide():
    print("wide up")
    log.warning("wide up")
    yield
    print("wide down")

@pytest.fixture
def narrow(wide):
    print("narrow up")
    log.error("narrow up")
    sys.stderr.write("narrow up to stderr\\n")

def test_prints(narrow):
    print("printed")
    print("to stderr", file=sys.stderr)
    sys.__stdout__.write("to the original stdout\\n")
    sys.__stdout__.flush()
    sys.stderr.flush()

def test_writes_to_descriptors(narrow):
    os.write(1, b"to descriptor one\\n")
    os.write(2, b"to descriptor two\\n")
    subprocess.run([sys.executable, "-S", "-c", "print('from a child')"], check=True)

def test_logs(narrow):
    log.info("info")
    log.critical("critical")

def test_warns(narrow):
    warnings.warn("careful")

def test_disabled(capsys):
    with capsys.disabled():
        print("around capturing", flush=True)
    print("captured")

def test_disabled_descriptors(capfd):
    with capfd.disabled():
        os.write(1, b"around capturing descriptors\\n")

def test_keeps_a_stream(keeps=[]):
    if not keeps:
        keeps.append(1)
        os.write(os.dup(1), b"through a copy made by the test\\n")
"""
_INI = "[pytest]\nlog_level = INFO\n"


_S, _SYS, _LOG_CLI = "`-s`", "`--capture=sys`, `--capture=tee-sys`", "`log_cli`"
_ALL = "`-rA`"


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(args, marks=pytest.mark.row("options", *rows), id=" ".join(args))
        for args, rows in (
            ((), ()),
            (("-s",), (_S,)),
            (("-s", "-v"), (_S,)),
            (("--capture=sys",), (_SYS,)),
            (("--capture=tee-sys",), (_SYS,)),
            (("-rA",), (_ALL,)),
            (("-o", "log_cli=true"), (_LOG_CLI,)),
            (("-o", "log_cli=true", "-s", "-q"), (_LOG_CLI, _S)),
            (("--log-cli-level=DEBUG", "-v"), (_LOG_CLI,)),
            (("--show-capture=no", "-rA"), (_ALL,)),
            (("-p", "no:logging", "-s"), (_S,)),
            (("-p", "no:terminal"), ()),
            (("-W", "always", "-v"), ()),
        )
    ],
)
def test_the_terminal_shows_nothing_of_a_rerun(lab, args):
    lab.write({"test_it.py": _NOISY, "pytest.ini": _INI})

    plain = lab.plain(*args)
    checked = lab.checked(*args)

    assert len(lab.rerun()) == 7
    assert checked.out == plain.out
    assert checked.err == plain.err
    assert checked.stream == plain.stream


@pytest.mark.parametrize("capture", ["--capture=tee-sys", "--capture=no", "--capture=fd"])
def test_what_a_stream_holds_back_is_neither_a_leak_nor_written_twice(lab, monkeypatch, capture):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    lab.write(
        {
            "test_it.py": """
kept = []

def test_first():
    pass

def test_holds_back(capsys):
    with capsys.disabled():
        print("held back")

def test_leaks():  # and is judged again in a copy of the process
    kept.append([])
""",
        }
    )

    session = lab.checked(capture)

    assert session.raw.count("held back") == 1
    assert session.raw.count("test session starts") == 1
    assert lab.verdicts() == {
        "test_first": "clean",
        "test_holds_back": "clean",
        "test_leaks": "leak",
    }


@pytest.mark.row(
    "options",
    "`-s`",
    "`log_cli`",
    difference="a passed test's letter comes after what its tear-down shows",
)
def test_what_a_tear_down_prints_is_shown_once(lab):
    lab.write(
        {
            "test_it.py": """
import logging

import pytest

@pytest.fixture
def narrow():
    yield
    print("narrow down")
    logging.getLogger("here").warning("narrow logs")

def test_one(narrow):
    pass

def test_two(narrow):
    pass
""",
        }
    )

    for args in (("-s",), ("-o", "log_cli=true"), ("--capture=tee-sys",)):
        plain = lab.plain(*args)
        checked = lab.checked(*args)

        # A passed test's letter waits for the verdict, which comes after the tear-down.
        pattern = r"PASSED|narrow \w+|live log \w+"
        assert sorted(re.findall(pattern, checked.out)) == sorted(re.findall(pattern, plain.out))


@pytest.mark.row("options", "`--log-file`")
@pytest.mark.parametrize("mode", ["w", "a"])
def test_a_log_file_holds_only_first_runs(lab, mode):
    lab.write({"test_it.py": _NOISY})
    args = ("--log-file=log.txt", "--log-file-level=DEBUG", "-o", f"log_file_mode={mode}")

    lab.plain(*args)
    plain = (lab.path / "log.txt").read_text()
    (lab.path / "log.txt").unlink()
    lab.checked(*args)

    assert "narrow up" in plain
    assert (lab.path / "log.txt").read_text() == plain


@pytest.mark.row("options", "`--junitxml`", difference="a verdict is added as properties")
def test_a_junit_file_holds_only_first_runs(lab):
    lab.write(
        {
            "test_it.py": """
import pytest

@pytest.fixture
def records(record_property):
    record_property("fixture", "set up")

def test_properties(records, record_property):
    record_property("inside", 1)
    print("printed")

def test_attributes(record_xml_attribute):
    record_xml_attribute("assertions", "3")

def test_suite(record_testsuite_property):
    record_testsuite_property("suite", "value")

def test_fails(record_property):
    record_property("inside", 2)
    assert 0

class TestClass:
    def test_method(self, records, request):
        request.node.user_properties.append(("by", "hand"))
""",
        }
    )
    args = ("--junitxml=junit.xml", "-o", "junit_logging=all", "-o", "junit_log_passing_tests=true")

    def written() -> str:
        text = (lab.path / "junit.xml").read_text(encoding="utf-8")
        text = re.sub(r' (time|timestamp|hostname)="[^"]*"|0x[0-9a-f]+', "", text)
        ours = r'<property name="leak_[^>]*/>'
        return re.sub(rf"<properties>({ours})+</properties>|{ours}", "", text)

    for family in ("xunit1", "legacy"):
        extra = (*args, "-o", f"junit_family={family}", "-W", "ignore")
        lab.plain(*extra)
        plain = written()
        lab.checked(*extra)

        assert written() == plain
        assert plain.count('name="suite"') == 1


@pytest.mark.row("options", "`--junitxml`")
@pytest.mark.parametrize(
    "workers", [(), ("-n2", "--dist=loadfile")], ids=["in one process", "two workers"]
)
def test_a_junit_file_has_the_verdict_of_each_checked_test_as_properties(lab, workers):
    lab.write(
        {
            "test_it.py": """
import pytest

kept = []

def test_clean(record_property):
    record_property("own", 1)

def test_leaks():
    kept.append(object())

def test_fails():
    assert 0

@pytest.mark.noleak
def test_skips_on_rerun(runs=[]):
    runs.append(1)
    if len(runs) > 1:
        pytest.skip("once is enough")
""",
            "test_last.py": """
import pytest

kept = []

@pytest.fixture(scope="module")
def broken():
    yield
    raise RuntimeError

def test_leaks_and_breaks_its_tear_down(broken):
    kept.append(object())
""",
        }
    )
    session = lab.checked("--junitxml=junit.xml", *workers, plugins=("xdist",) if workers else ())
    cases = defaultdict(list)
    for case in ET.parse(lab.path / "junit.xml").iter("testcase"):
        cases[case.get("name")].append(
            [(one.get("name"), one.get("value")) for one in case.iter("property")]
        )

    assert session.ret == 1
    [clean] = cases["test_clean"]
    executions = str(lab.json()["tests"][0]["executions"])
    assert clean == [("own", "1"), ("leak_verdict", "clean"), ("leak_executions", executions)]
    [leak] = cases["test_leaks"]
    stated = dict(leak)
    [finding] = lab.json()["tests"][1]["findings"]
    assert list(stated) == ["leak_verdict", "leak_executions", "leak_finding"]
    assert stated["leak_verdict"] == "leak"
    assert stated["leak_finding"] == (
        "object in test_it.kept: +1/run, +16 B/run; global accumulation; "
        f"fingerprint {finding['fingerprint']}"
    )
    # One for the failure and one for the error: each says it whole.
    failure, error = cases["test_leaks_and_breaks_its_tear_down"]
    assert failure == error
    assert dict(error)["leak_verdict"] == "leak"
    assert cases["test_fails"] == [[]]
    [skips] = cases["test_skips_on_rerun"]
    assert dict(skips)["leak_verdict"] == "inconclusive"


@pytest.mark.row("options", "`--durations`", difference="they are those of first runs")
def test_durations_are_those_of_first_runs(lab):
    lab.write(
        {
            "conftest.py": """
import json

phases = []

def pytest_runtest_logreport(report):
    phases.append((report.when, report.duration))

def pytest_unconfigure(config):
    (config.rootpath / "phases").write_text(json.dumps(phases))
""",
            "test_it.py": """
import time

import pytest

@pytest.fixture(scope="module")
def wide():
    yield
    time.sleep(0.05)

def test_sleeps(wide):
    time.sleep(0.5)
""",
        }
    )

    session = lab.checked("--durations=0", "--durations-min=0.01")
    phases = dict(json.loads((lab.path / "phases").read_text()))
    shown = re.findall(r"(?m)^([0-9.]+)s (\w+) +test_it\.py::test_sleeps$", session.raw)

    # Four re-runs of half a second each are in none of them, whatever the machine's pace.
    assert 0.5 <= phases["call"] < 1.5
    assert 0.05 <= phases["teardown"] < 1.5
    assert {phase: float(seconds) for seconds, phase in shown} == {
        phase: pytest.approx(phases[phase], abs=0.005) for phase in ("call", "teardown")
    }


def test_what_a_plugin_prints_around_capturing_is_shown_once(lab):
    lab.write(
        {
            "conftest.py": """
import sys

import pytest

@pytest.fixture
def announced(request):
    capture = request.config.pluginmanager.getplugin("capturemanager")
    reporter = request.config.pluginmanager.getplugin("terminalreporter")
    with capture.global_and_fixture_disabled():
        print("\\nannounced")
        sys.stderr.write("announced to stderr\\n")
    reporter.write_line("by the reporter")
    request.config.get_terminal_writer().line("by the writer")

def pytest_runtest_call(item):
    print("hook prints")
""",
            "test_it.py": "def test_it(announced): pass\n\ndef test_again(announced): pass\n",
        }
    )

    plain = lab.plain()
    checked = lab.checked()

    assert plain.out.count("announced") == 2
    assert checked.out == plain.out
    assert checked.err == plain.err


@pytest.mark.row("options", "`-p no:NAME`, for plugins of pytest itself")
@pytest.mark.parametrize(
    "absent",
    [
        "logging",
        "capture",
        "junitxml",
        "faulthandler",
        "warnings",
        "threadexception",
        "unraisableexception",
        "cacheprovider",
        "doctest",
        "unittest",
        "skipping",
        "subtests",
        "tmpdir",
        "monkeypatch",
        "terminal",
    ],
)
def test_a_session_without_a_plugin_of_pytest_is_checked_too(lab, absent):
    lab.write({"test_it.py": "kept = []\n\ndef test_it():\n    print('x')\n"})

    session = lab.checked("-p", f"no:{absent}", "-W", "ignore")

    assert session.ret == 0, session.raw + session.err
    assert lab.verdicts() == {"test_it": "clean"}


def test_sessions_inside_a_test_report_as_ever(lab):
    lab.write(
        {
            "conftest.py": "pytest_plugins = ['pytester']\n",
            "test_it.py": '''
def test_inside(pytester):
    pytester.makepyfile("""
        def test_passes():
            print("inner")

        def test_fails():
            assert 0
    """)
    result = pytester.runpytest("-p", "no:recorder")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*1 failed, 1 passed*"])

def test_inline(pytester):
    pytester.makepyfile("def test_passes(): pass")
    reports = pytester.inline_run("-p", "no:recorder").getreports("pytest_runtest_logreport")
    assert [report.when for report in reports] == ["setup", "call", "teardown"]
''',
        }
    )

    # What sessions inside leave in the interpreter's own caches is not the matter here.
    plain = lab.plain("test_it.py")
    checked = lab.checked("test_it.py", "--leak-track=threads")

    assert plain.ret == 0
    assert checked.ret == 0
    assert lab.verdicts().keys() == {"test_inside", "test_inline"}
    assert "fails on re-run" not in checked.raw
    assert checked.reports == plain.reports
