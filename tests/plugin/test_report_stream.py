"""Does everything that reaches reporters under --leak-check equal what a plain session reports?

Each scenario runs twice in the same directory, without the plugin and with every test checked. The
streams of log starts, reports (node, phase, outcome, sections, texts), warnings and log finishes
are compared entry by entry, and so are the exit code and what the terminal showed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pprint import pformat

import pytest


@dataclass(frozen=True)
class Scenario:
    """Test files, and how pytest is started on them."""

    name: str
    files: Mapping[str, str]
    args: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    sessions: int = 1
    subtests: bool = False
    judges: bool = True
    late_letters: bool = False  # a verdict comes after the tear-down, and so do its letters


def tree(**files: str) -> dict[str, str]:
    return {f"{name}.py": text for name, text in files.items()}


_AFTER = """
def test_after():
    print("after")
"""

_FUNCTION = """
import pytest

@pytest.fixture
def thing():
    print("up")
    yield
    print("down")
    raise RuntimeError("function tear-down")

def test_first(thing):
    print("first")

def test_second():
    print("second")
"""

_CLASS = """
import logging
import pytest

@pytest.fixture(scope="class")
def thing():
    print("up")
    logging.getLogger("here").warning("up")
    yield
    print("down")
    logging.getLogger("here").warning("down")
    raise RuntimeError("class tear-down")

class TestClass:
    def test_first(self, thing):
        print("first")

    def test_second(self, thing):
        logging.getLogger("here").warning("second")

def test_outside():
    print("outside")
"""

_MODULE = """
import logging
import pytest

@pytest.fixture(scope="module")
def thing():
    print("up")
    yield
    print("down")
    logging.getLogger("here").warning("down")
    raise RuntimeError("module tear-down")

@pytest.fixture
def other():
    yield
    print("other down")
    logging.getLogger("here").warning("other down")

def test_first(thing):
    print("first")

def test_second(thing, other):
    print("second")
"""

_SESSION = """
import pytest

@pytest.fixture(scope="session")
def whole():
    print("up")
    yield
    print("session down")
    raise RuntimeError("session tear-down")
"""

_USES_SESSION = """
def test_first(whole):
    print("first")

def test_second(whole):
    print("second")
"""

_PACKAGE = """
import pytest

@pytest.fixture(scope="package", autouse=True)
def package():
    yield
    print("package down")
    raise RuntimeError("package tear-down")
"""

_EVERY_SCOPE = """
import pytest

def ending(scope):
    @pytest.fixture(scope=scope)
    def fixture():
        yield
        print(scope, "down")
        raise RuntimeError(f"{scope} tear-down")
    return fixture

of_function, of_class, of_module = ending("function"), ending("class"), ending("module")

class TestClass:
    def test_first(self, of_function):
        print("first")

    def test_last(self, of_function, of_class, of_module):
        print("last")
"""

_XUNIT = """
import unittest

def setup_module():
    print("module up")

def teardown_module():
    print("module down")
    raise RuntimeError("teardown_module")

class TestPlain:
    def setup_class(cls):
        print("class up")

    def teardown_class(cls):
        print("class down")
        raise RuntimeError("teardown_class")

    def teardown_method(self):
        print("method down")

    def test_first(self):
        print("first")

    def test_second(self):
        print("second")

class TestCase(unittest.TestCase):
    @classmethod
    def tearDownClass(cls):
        print("case down")
        raise RuntimeError("tearDownClass")

    def tearDown(self):
        print("method down")

    def test_first(self):
        print("first")

    def test_second(self):
        self.addCleanup(print, "cleaned")
"""

_SKIP_IN_TEARDOWN = """
import pytest

@pytest.fixture(scope="module")
def thing():
    yield
    pytest.skip("skipped by a module tear-down")

@pytest.fixture
def own():
    yield
    pytest.skip("skipped by a function tear-down")

def test_first(own):
    pass

def test_second(thing):
    pass
"""

_OUTCOMES = """
import unittest
import warnings
import pytest

def test_passes():
    print("out")

def test_fails():
    print("out")
    assert [1, 2] == [1, 3]

@pytest.fixture
def broken():
    print("set-up")
    raise RuntimeError("set-up")

def test_broken_setup(broken):
    pass

@pytest.mark.skip(reason="not now")
def test_skipped():
    pass

def test_skips_itself():
    pytest.skip("here")

@pytest.mark.xfail(reason="expected")
def test_xfails():
    assert 0

@pytest.mark.xfail(reason="expected")
def test_xpasses():
    pass

@pytest.mark.xfail(strict=True, reason="expected")
def test_xpasses_strictly():
    pass

@pytest.mark.xfail(run=False, reason="never")
def test_not_run():
    raise AssertionError

def test_xfails_itself():
    pytest.xfail("here")

def test_warns():
    warnings.warn("careful")

@pytest.mark.parametrize("number", [1, 2, pytest.param(3, marks=pytest.mark.xfail)])
def test_numbers(number):
    assert number < 3

class TestCase(unittest.TestCase):
    def test_passes(self):
        pass

    def test_fails(self):
        self.assertEqual(1, 2)

    @unittest.expectedFailure
    def test_xfails(self):
        self.fail("expected")

    @unittest.expectedFailure
    def test_xpasses(self):
        pass

    @unittest.skip("not now")
    def test_skipped(self):
        pass

def test_last():
    print("last")
"""

_SUBTESTS = """
import unittest

def test_all_pass(subtests):
    for number in range(3):
        with subtests.test(msg="number", number=number):
            print("inside", number)

def test_one_fails(subtests):
    for number in range(3):
        with subtests.test(number=number):
            assert number != 1

class TestCase(unittest.TestCase):
    def test_all_pass(self):
        for number in range(3):
            with self.subTest(number=number):
                print("inside", number)

    def test_one_fails(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)

    def test_one_skips(self):
        for number in range(3):
            with self.subTest(number=number):
                if number == 1:
                    self.skipTest("one")

def test_after():
    pass
"""

_RERUNS = """
import pytest

attempts = []

def test_passes():
    print("passes")

def test_second_attempt():
    attempts.append(1) if attempts.count(1) < 2 else None
    print("attempt", len(attempts))
    enough = len(attempts) > 1
    assert enough

def test_always_fails():
    print("fails")
    assert 0

@pytest.fixture
def flaky_down():
    yield
    attempts.append(2) if attempts.count(2) < 2 else None
    enough = attempts.count(2) > 1
    assert enough

def test_flaky_teardown(flaky_down):
    pass

@pytest.fixture(scope="module")
def module_down():
    yield
    raise RuntimeError("module tear-down")

def test_last(module_down):
    pass
"""

_FAILING_SECOND = """
def test_first():
    print("first")

def test_second():
    assert 0

def test_third():
    print("third")
"""

_FIXTURES = """
import logging
import pytest

counted = []

@pytest.fixture(scope="module", params=["a", "b"])
def module_thing(request):
    logging.getLogger("here").info("up")
    yield request.param
    print("down", request.param)

@pytest.fixture(scope="class")
def class_thing(module_thing):
    return [module_thing]

@pytest.fixture
def thing(class_thing, tmp_path, monkeypatch, caplog, record_property, request):
    caplog.set_level("DEBUG")
    monkeypatch.setenv("THING", "1")
    record_property("thing", "recorded")
    request.addfinalizer(lambda: print("finalized"))
    (tmp_path / "file").write_text("x")
    return class_thing

class TestFixtures:
    def test_one(self, thing, capsys):
        print("captured")
        assert capsys.readouterr().out == "captured\\n"

    def test_two(self, thing, caplog):
        logging.getLogger("here").debug("seen")
        assert "seen" in caplog.text

    @pytest.mark.parametrize("number", [1, 2])
    def test_three(self, thing, number, request):
        request.applymarker(pytest.mark.noticed)
        request.node.add_report_section("call", "extra", "text")

@pytest.fixture(scope="module")
def other_module_thing():
    yield
    print("other down")

def test_dynamic(request, tmp_path_factory):
    request.getfixturevalue("other_module_thing")
    tmp_path_factory.mktemp("dir")

def test_outside(module_thing):
    print("outside")
"""

_FOREIGN_REPORTS = {
    "conftest.py": """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.sections.append(("of a plugin", f"{item.name} {call.when}"))
    report.user_properties.append(("phase", call.when))
    if item.name == "test_turned" and call.when == "call":
        report.outcome = "failed"
        report.longrepr = "turned by a plugin"
    return report

@pytest.hookimpl(wrapper=True)
def pytest_runtest_logreport(report):
    yield
    print("logged", report.nodeid, report.when)
""",
    "test_it.py": """
def test_first():
    print("first")

def test_turned():
    print("turned")

def test_third():
    print("third")
""",
}

_SELF_REPORTING = {
    "conftest.py": """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    if "own_protocol" not in item.keywords:
        return None
    from _pytest.runner import runtestprotocol

    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
""",
    "test_it.py": """
import pytest

@pytest.fixture(scope="module")
def thing():
    yield
    print("down")

def test_first(thing, own_protocol=None):
    print("first")

def test_second(thing):
    print("second")

test_first = pytest.mark.own_protocol(test_first)
""",
    "pytest.ini": "[pytest]\nmarkers = own_protocol\n",
}

_STOPPING = {
    "conftest.py": """
def pytest_runtest_logreport(report):
    if report.when == "call" and "stop" in report.nodeid:
        stop.append(report.nodeid)

stop = []

def pytest_runtest_teardown(item):
    if item.name == "test_stop":
        item.session.shouldstop = "by a plugin"
""",
    "test_it.py": """
import pytest

@pytest.fixture(scope="module")
def thing():
    yield
    print("down")
    raise RuntimeError("module tear-down")

def test_stop(thing):
    pass

def test_never(thing):
    pass
""",
}

_TEARDOWNS: tuple[tuple[str, dict[str, str]], ...] = (
    ("function tear-down fails", tree(test_a=_FUNCTION, test_b=_AFTER)),
    ("class tear-down fails", tree(test_a=_CLASS, test_b=_AFTER)),
    ("module tear-down fails", tree(test_a=_MODULE, test_b=_AFTER)),
    ("session tear-down fails", tree(conftest=_SESSION, test_a=_USES_SESSION, test_b=_AFTER)),
    (
        "package tear-down fails",
        {
            "pack/__init__.py": "",
            "pack/conftest.py": _PACKAGE,
            "pack/test_a.py": _AFTER,
            "test_b.py": _AFTER,
        },
    ),
    ("tear-downs of all scopes fail", tree(test_a=_EVERY_SCOPE, test_b=_AFTER)),
    ("xunit tear-downs fail", tree(test_a=_XUNIT, test_b=_AFTER)),
    ("tear-downs skip", tree(test_a=_SKIP_IN_TEARDOWN, test_b=_AFTER)),
)

SCENARIOS = (
    *(Scenario(name, files) for name, files in _TEARDOWNS),
    *(
        Scenario(f"{name}, -x", files, ("-x",), judges="function" not in name and "all" not in name)
        for name, files in _TEARDOWNS
    ),
    Scenario(
        "module tear-down fails, maxfail 2", tree(test_a=_MODULE, test_b=_CLASS), ("--maxfail=2",)
    ),
    Scenario("outcomes", tree(test_a=_OUTCOMES), ("-rA",)),
    Scenario("outcomes, verbose", tree(test_a=_OUTCOMES), ("-vv", "--tb=short")),
    Scenario("outcomes, runxfail", tree(test_a=_OUTCOMES), ("--runxfail",)),
    Scenario("outcomes, warnings are errors", tree(test_a=_OUTCOMES), ("-W", "error")),
    Scenario(
        "outcomes, two workers",
        tree(test_a=_OUTCOMES, test_b=_CLASS),
        ("-n2", "--dist=loadfile"),
        ("xdist",),
    ),
    Scenario(
        "module tear-down fails, two workers",
        tree(test_a=_MODULE, test_b=_CLASS, test_c=_AFTER),
        ("-n2", "--dist=loadfile"),
        ("xdist",),
    ),
    Scenario("subtests", tree(test_a=_SUBTESTS), subtests=True),
    Scenario("subtests, -x", tree(test_a=_SUBTESTS), ("-x",), subtests=True),
    Scenario("subtests, two workers", tree(test_a=_SUBTESTS), ("-n2",), ("xdist",), subtests=True),
    Scenario("reruns", tree(test_a=_RERUNS), ("--reruns=1",), ("rerunfailures",)),
    Scenario("reruns, -x", tree(test_a=_RERUNS), ("--reruns=1", "-x"), ("rerunfailures",)),
    Scenario(
        "reruns, two workers",
        tree(test_a=_RERUNS),
        ("--reruns=1", "-n2", "--dist=loadfile"),
        ("rerunfailures", "xdist"),
    ),
    *(
        Scenario(f"outcomes, {' '.join(args)}", tree(test_a=_OUTCOMES, test_b=_CLASS), args)
        for args in (
            ("-q",),
            ("-qq",),
            ("-v", "--no-header", "--no-summary"),
            ("--tb=long", "--showlocals"),
            ("--tb=line",),
            ("--tb=native",),
            ("--tb=no", "-rN"),
            ("--color=yes", "--code-highlight=yes"),
            ("--color=no",),
            ("--full-trace",),
            ("-rA", "--show-capture=stdout"),
            ("--disable-warnings",),
            ("-o", "console_output_style=count"),
            ("-o", "faulthandler_timeout=60"),
            ("-o", "xfail_strict=true"),
            ("--capture=no", "-rfE"),
            ("-k", "first or passes"),
            ("--deselect=test_a.py::test_fails",),
            ("--strict-config", "--strict-markers"),
            ("-p", "no:faulthandler"),
            ("-p", "no:unraisableexception", "-p", "no:threadexception"),
        )
    ),
    Scenario("set-up planned", tree(test_a=_FIXTURES), ("--setup-plan",), judges=False),
    Scenario("fixtures told", tree(test_a=_FIXTURES), ("--fixtures-per-test",), judges=False),
    Scenario("new ones first", tree(test_a=_MODULE, test_b=_AFTER), ("--nf",), sessions=2),
    Scenario(
        "stepwise, skipping the first",
        tree(test_a=_FAILING_SECOND, test_b=_AFTER),
        ("--sw", "--sw-skip"),
        sessions=3,
    ),
    Scenario("stepwise", tree(test_a=_FAILING_SECOND, test_b=_AFTER), ("--sw",), sessions=2),
    Scenario("last failed", tree(test_a=_FAILING_SECOND, test_b=_AFTER), ("--lf",), sessions=2),
    Scenario("failed first", tree(test_a=_MODULE, test_b=_AFTER), ("--ff",), sessions=2),
    Scenario("fixtures", tree(test_a=_FIXTURES), ("-rA", "--strict-markers"), ()),
    Scenario(
        "fixtures, set-up shown", tree(test_a=_FIXTURES), ("--setup-show",), late_letters=True
    ),
    Scenario("fixtures, set-up only", tree(test_a=_FIXTURES), ("--setup-only",), judges=False),
    Scenario("fixtures, collected only", tree(test_a=_FIXTURES), ("--collect-only",), judges=False),
    Scenario("reports changed by a plugin", _FOREIGN_REPORTS, ("-rA",)),
    Scenario("a plugin runs the protocol", _SELF_REPORTING),
    Scenario("a plugin stops the session", _STOPPING),
)
_MARKERS = {"pytest.ini": "[pytest]\nmarkers = noticed\n"}


def assert_equal(plain: object, checked: object) -> None:
    """Fail with the lines in which two sessions differ."""
    __tracebackhide__ = True
    texts = [value if isinstance(value, str) else pformat(value) for value in (plain, checked)]
    one, other = (text.splitlines() for text in texts)
    difference = "\n".join(unified_diff(one, other, "plain", "checked", lineterm="", n=2))
    if difference:
        pytest.fail(difference, pytrace=False)


#: Which options are tried by a scenario: the table's row, by what its arguments begin with.
_ROWS = {
    "-x": "`-x`",
    "--maxfail": "`--maxfail`",
    "--lf": "`--lf`",
    "--ff": "`--ff`, `--nf`",
    "--nf": "`--ff`, `--nf`",
    "--sw": "`--sw`",
    "--setup-show": "`--setup-show`",
    "--setup-plan": "`--setup-plan`, `--setup-only`",
    "--setup-only": "`--setup-plan`, `--setup-only`",
    "--collect-only": "`--collect-only`",
    "--capture=no": "`-s`",
    "error": "`-W error`",
    "--strict": "`--strict-markers`, `--strict-config`",
    "-rA": "`-rA`",
    "-q": "`-q`",
    "-v": "`-v`, `-vv`",
    "--tb": "`--tb=auto`, `long`, `short`, `line`, `native`, `no`",
    "--color": "`--color`, `NO_COLOR`, `FORCE_COLOR`",
    "faulthandler_timeout": "`faulthandler_timeout`",
    "no:": "`-p no:NAME`, for plugins of pytest itself",
}


def _marks(scenario: Scenario) -> list[pytest.MarkDecorator]:
    rows = {row for arg in scenario.args for start, row in _ROWS.items() if arg.startswith(start)}
    late = "a passed test's letter comes after what its tear-down shows"
    difference = late if scenario.late_letters else ""
    return [pytest.mark.row("options", *sorted(rows), difference=difference)] if rows else []


@pytest.mark.parametrize(
    "scenario",
    [pytest.param(one, marks=_marks(one), id=one.name) for one in SCENARIOS],
)
def test_reports_equal_those_of_a_plain_session(lab, scenario):
    lab.write({**_MARKERS, **scenario.files})
    plugins = (*scenario.plugins, *(lab.subtests if scenario.subtests else ()))
    side_by_side = "xdist" in plugins

    plain = [lab.plain(*scenario.args, plugins=plugins)]
    plain += [lab.pytest(*scenario.args, plugins=plugins) for _ in range(1, scenario.sessions)]
    checked = [lab.checked(*scenario.args, plugins=plugins)]
    judged = lab.rerun()
    checked += [
        lab.check_again(*scenario.args, plugins=plugins) for _ in range(1, scenario.sessions)
    ]

    for one, other in zip(plain, checked, strict=True):
        if side_by_side:
            assert_equal(one.by_test(), other.by_test())
            assert_equal(one.out.splitlines()[-1], other.out.splitlines()[-1])
        else:
            assert_equal(one.stream, other.stream)
            texts = [one.out, other.out]
            if scenario.late_letters:
                texts = [re.sub(r" ?\.?(?=\n)", "", text) for text in texts]
            assert_equal(*texts)
        assert_equal(one.err, other.err)
        assert other.ret == one.ret
    assert bool(judged) == scenario.judges


def test_what_a_reporter_raises_in_a_test_is_shown_as_ever(lab):
    lab.write(
        {
            "conftest.py": """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    if getattr(report, "context", None) is not None:
        raise RuntimeError("cannot send it")  # as xdist's workers do with some parameters
""",
            "test_it.py": """
import unittest

class TestCase(unittest.TestCase):
    def test_parts(self):
        with self.subTest(part=1):
            pass
""",
        }
    )

    plain = lab.plain("--tb=native", plugins=lab.subtests)
    checked = lab.checked("--tb=native", plugins=lab.subtests)
    frames = [re.findall(r", in (\w+)", session.raw) for session in (plain, checked)]

    assert "RuntimeError: cannot send it" in checked.raw
    assert frames[1] == frames[0]
