"""Is every kind of test judged, and reported as ever: sound ones clean, leaking ones caught?

In each kind's files the tests with ``leak`` in their names leave an object behind on each run, and
the others do not, whatever they build up and take down. Each session runs plainly and checked;
what reaches reporters of the sound ones has to be the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Kind:
    """Tests of one kind, and how they are collected.

    Attributes:
        rows: What they are called in the documentation's table.
    """

    rows: tuple[str, ...]
    files: Mapping[str, str]
    args: tuple[str, ...] = ()
    subtests: bool = False


_FUNCTIONS = """
import pytest

kept = []

def test_function():
    [[number] for number in range(10)]

def test_leaky_function():
    kept.append([1])

@pytest.mark.parametrize("number", [1, [2], "three", pytest.param({4}, id="four")])
@pytest.mark.parametrize("other", [None, object()])
def test_parametrised(number, other):
    [number, other]

@pytest.mark.parametrize("number", [1, 2])
def test_leaky_parametrised(number):
    kept.append([number])

class TestClass:
    made = None

    @classmethod
    def setup_class(cls):
        cls.made = [1]

    @classmethod
    def teardown_class(cls):
        del cls.made

    def setup_method(self, method):
        self.name = [method.__name__]

    def test_method(self):
        self.result = [self.name, self.made]

    def test_leaky_method(self):
        kept.append([self.name])

    @staticmethod
    def test_static():
        [1]

    @classmethod
    def test_of_the_class(cls):
        [cls]

class TestOuter:
    class TestInner:
        def test_nested(self):
            [1]
"""

_UNITTEST = """
import asyncio
import unittest

kept = []

def setUpModule():
    kept.clear()

class TestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = [1]
        cls.addClassCleanup(setattr, cls, "made", None)

    def setUp(self):
        self.opened = [1]
        self.addCleanup(self.opened.clear)

    def test_cleaned_up(self):
        self.addCleanup(kept.pop)
        kept.append([1])
        self.assertEqual(self.opened, self.made)

    def test_enters_a_context(self):
        with self.assertRaises(ValueError) as caught:
            int("x")
        self.error = caught.exception

    def test_parts(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertLess(number, 3)

    def test_leaky_parts(self):
        with self.subTest(part=1):
            kept.append([1])

    def test_leaky_method(self):
        kept.append([1])

class TestAsynchronous(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.queue = asyncio.Queue()
        self.addAsyncCleanup(self.drain)

    async def drain(self):
        self.queue.get_nowait()

    async def test_awaits(self):
        await self.queue.put([1])
        await asyncio.sleep(0)

    async def test_leaky_task(self):
        await self.queue.put([1])
        kept.append(asyncio.ensure_future(asyncio.sleep(0)))
        await kept[-1]
"""

_SUBTESTS = """
kept = []

def test_parts(subtests):
    for number in range(3):
        with subtests.test("a part", number=number):
            assert number < 3

def test_leaky_parts(subtests):
    with subtests.test("a part"):
        kept.append([1])
"""

_DOCTESTS = {
    "counting.py": '''
"""Doctests of a module.

>>> len(numbers(3))
3
"""

kept = []

def numbers(count):
    """Count.

    >>> result = numbers(2)
    >>> result
    [0, 1]
    """
    return list(range(count))

class Leaky:
    """Keep each one that is made.

    >>> Leaky() and None
    """

    def __init__(self):
        kept.append(self)
''',
    "text.txt": """
>>> from counting import numbers
>>> numbers(1)
[0]
""",
    "leak.txt": """
>>> import counting
>>> counting.kept.append([1])
""",
    "conftest.py": """
import pytest

@pytest.fixture(autouse=True)
def around(doctest_namespace):
    doctest_namespace["given"] = [1]
    yield
""",
}

_FIXTURES = {
    "conftest.py": """
import pytest

kept = []

@pytest.fixture(scope="session")
def of_the_session(tmp_path_factory):
    yield tmp_path_factory.mktemp("wide")

@pytest.fixture(scope="package")
def of_the_package():
    yield [1]

@pytest.fixture(scope="module", params=["one", "two"])
def of_the_module(request, of_the_session):
    yield [request.param]

@pytest.fixture(scope="class")
def of_the_class(of_the_package):
    made = [of_the_package]
    yield made
    made.clear()

@pytest.fixture(autouse=True)
def around(request):
    request.addfinalizer([].clear)
    yield

@pytest.fixture
def narrow(request):
    made = []
    request.addfinalizer(made.clear)
    request.addfinalizer(lambda: made.append(1))
    return made

@pytest.fixture
def doubled(request):
    return [request.param, request.param]

@pytest.fixture(params=[1, 2])
def of_two(request):
    return [request.param]

@pytest.fixture
def leaky():
    kept.append([1])
    yield
""",
    "test_it.py": """
import pytest

pytestmark = pytest.mark.usefixtures("narrow")

def test_every_scope(of_the_session, of_the_package, of_the_module, of_the_class, narrow):
    narrow.append([1])

def test_with_two(of_two, narrow):
    assert of_two

@pytest.mark.parametrize("doubled", [1, 2], indirect=True)
def test_indirect(doubled):
    assert doubled[0] == doubled[1]

def test_asks_for_one(request):
    assert request.getfixturevalue("narrow") == []
    request.getfixturevalue("of_the_class").append(1)

def test_finalizer(request):
    made = [1]
    request.addfinalizer(made.clear)
    request.node.addfinalizer(made.clear)

class TestClass:
    @pytest.fixture
    def own(self, narrow):
        self.made = narrow
        yield narrow

    def test_own(self, own):
        assert own is self.made

@pytest.mark.usefixtures("leaky")
def test_leaky_fixture():
    pass

def test_leaky_fixture_asked_for(request):
    request.getfixturevalue("leaky")
""",
}

_BUILT_IN = """
import logging
import os
import subprocess
import sys
import warnings

import pytest

kept = []

def test_tmp_path(tmp_path, tmp_path_factory):
    (tmp_path / "file").write_text("text")
    tmp_path_factory.mktemp("other")

def test_tmpdir(tmpdir):
    tmpdir.join("file").write("text")

def test_monkeypatch(monkeypatch, tmp_path):
    monkeypatch.setenv("NAME", "value")
    monkeypatch.setattr(os, "name", "other")
    monkeypatch.setitem(sys.modules, "nowhere", [1])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)

def test_caplog(caplog):
    with caplog.at_level(logging.INFO):
        logging.getLogger("here").info("noted %s", [1])
    assert caplog.records

def test_capsys(capsys):
    print("printed")
    assert capsys.readouterr().out == "printed\\n"

def test_capsysbinary(capsysbinary):
    sys.stdout.buffer.write(b"printed")
    assert capsysbinary.readouterr().out == b"printed"

def test_capfd(capfd):
    os.write(1, b"written")
    assert capfd.readouterr().out == "written"

def test_capfdbinary(capfdbinary):
    subprocess.run(["echo", "said"], check=True)
    assert capfdbinary.readouterr().out == b"said\\n"

def test_recwarn(recwarn):
    warnings.warn("careful")
    assert len(recwarn) == 1

def test_warns():
    with pytest.warns(UserWarning, match="careful"):
        warnings.warn("careful")

def test_raises():
    with pytest.raises(ValueError, match="invalid") as caught:
        int("x")
    assert caught.value.args

def test_records(record_property, record_testsuite_property):
    record_property("name", [1])

def test_cache(cache):
    cache.set("here/value", [1])

def test_config(pytestconfig, request):
    assert pytestconfig is request.config

def test_leaky_path(tmp_path):
    kept.append(tmp_path)

def test_leaky_log(caplog):
    logging.getLogger("here").warning("noted")
    kept.extend(caplog.records)
"""

_PYTESTER = {
    "conftest.py": "pytest_plugins = ['pytester']",
    "test_it.py": """
kept = []

def test_inside(pytester, capsys):
    pytester.makepyfile("def test_inner(): pass")
    pytester.runpytest_subprocess("-p", "no:leakguard").assert_outcomes(passed=1)
    capsys.readouterr()  # it names the directory, which is another one in each session

def test_leaky_inside(pytester):
    kept.append([pytester.makepyfile("def test_inner(): pass")])
""",
}

_CUSTOM = {
    "conftest.py": """
import pytest

kept = []

def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".calc":
        return CalcFile.from_parent(parent, path=file_path)

class CalcFile(pytest.File):
    def collect(self):
        for number, line in enumerate(self.path.read_text().splitlines()):
            name, _, sum_ = line.partition(":")
            yield CalcItem.from_parent(self, name=name, sum_=sum_)

class CalcItem(pytest.Item):
    def __init__(self, *, sum_, **kwargs):
        super().__init__(**kwargs)
        self.sum = sum_

    def setup(self):
        self.made = [self.sum]

    def runtest(self):
        left, _, right = self.sum.partition("=")
        if eval(left) != int(right):
            raise WrongSum(left, right)
        if "leak" in self.name:
            kept.append([self.sum])

    def teardown(self):
        del self.made

    def repr_failure(self, excinfo):
        return f"wrong: {excinfo.value}"

    def reportinfo(self):
        return self.path, 0, f"sum: {self.name}"

class WrongSum(Exception):
    pass
""",
    "sums.calc": "small:1 + 1 = 2\nlarge:9 * 9 = 81\nleaky:2 + 2 = 4\nfalse:1 + 1 = 3\n",
    "test_it.py": "def test_beside():\n    pass\n",
}

_PACKAGES = {
    "tests/__init__.py": "",
    "tests/conftest.py": "import pytest\n\n@pytest.fixture(scope='package')\ndef whole():\n"
    "    yield [1]\n",
    "tests/unit/__init__.py": "",
    "tests/unit/test_it.py": "def test_one(whole):\n    pass\n",
    "tests/other/__init__.py": "",
    "tests/other/test_it.py": "kept = []\n\ndef test_same_name(whole):\n    pass\n\n"
    "def test_leaky_same_name(whole):\n    kept.append([1])\n",
}

_DOCTEST_ROWS = ("doctests of modules and of text files",)
_PACKAGE_ROWS = ("packages: the same file names, fixtures of a package",)
KINDS = {
    "functions and classes": Kind(
        (
            "functions",
            "classes: nested, set-up and tear-down, static and class methods",
            "parametrised tests",
        ),
        {"test_it.py": _FUNCTIONS},
    ),
    "unittest": Kind(
        (
            "`unittest.TestCase`: `addCleanup`, `setUpClass`, `setUpModule`, class clean-ups",
            "`unittest.TestCase.subTest`",
            "`unittest.IsolatedAsyncioTestCase`",
        ),
        {"test_it.py": _UNITTEST},
        subtests=True,
    ),
    "subtests": Kind(("`subtests` of pytest",), {"test_it.py": _SUBTESTS}, subtests=True),
    "doctests": Kind(_DOCTEST_ROWS, _DOCTESTS, ("--doctest-modules", "--doctest-glob=*.txt")),
    "doctests, first failure only": Kind(
        _DOCTEST_ROWS, _DOCTESTS, ("--doctest-modules", "--doctest-continue-on-failure")
    ),
    "fixtures": Kind(
        (
            "fixtures: generators, autouse, `usefixtures`",
            "fixtures of a class, module, package and session",
            "fixtures with parameters, indirect parameters",
            "`request.getfixturevalue`, `request.addfinalizer`",
        ),
        _FIXTURES,
    ),
    "built-in fixtures": Kind(
        (
            "`tmp_path`, `tmp_path_factory`, `tmpdir`",
            "`monkeypatch`",
            "`caplog`",
            "`capsys`, `capsysbinary`, `capfd`, `capfdbinary`",
            "`recwarn`, `pytest.warns`, `pytest.raises`",
            "`record_property`, `record_testsuite_property`",
            "`cache`, `pytestconfig`",
        ),
        {"test_it.py": _BUILT_IN},
    ),
    # What it writes is below the current directory.
    "pytester": Kind(("`pytester`",), _PYTESTER, ("test_it.py",)),
    "collectors of a conftest": Kind(
        ("custom `Item` and `File` collectors of a `conftest.py`",), _CUSTOM
    ),
    "packages": Kind(_PACKAGE_ROWS, _PACKAGES),
    "packages, imported by path": Kind(_PACKAGE_ROWS, _PACKAGES, ("--import-mode=importlib",)),
    "packages, imported last": Kind(_PACKAGE_ROWS, _PACKAGES, ("--import-mode=append",)),
}


def _marks(kind: Kind) -> list[pytest.MarkDecorator]:
    marks = [pytest.mark.row("kinds", *kind.rows)]
    if any(arg.startswith("--import-mode") for arg in kind.args):
        marks.append(pytest.mark.row("options", "`--import-mode=importlib`, `append`"))
    return marks


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=_marks(kind), id=name) for name, kind in KINDS.items()],
)
def test_each_kind_of_test_is_judged_and_reported_as_ever(lab, kind):
    lab.write(kind.files)
    plugins = lab.subtests if kind.subtests else ()

    plain = lab.plain(*kind.args, plugins=plugins)
    checked = lab.checked(*kind.args, plugins=plugins)
    judged = {
        test["nodeid"]: test["verdict"] for test in lab.json()["tests"] if test["executions"] > 1
    }
    passed = {
        entry["nodeid"]
        for entry in plain.stream
        if entry["event"] == "report" and entry["when"] == "call" and entry["outcome"] == "passed"
    }

    assert judged == {name: "leak" if leaks(name) else "clean" for name in passed}
    assert any(leaks(name) for name in judged)
    assert checked.ret == 1
    assert of_sound_tests(checked) == of_sound_tests(plain)


def leaks(nodeid: str) -> bool:
    return "leak" in nodeid.lower()


def of_sound_tests(session: Any) -> list[dict[str, Any]]:
    entries = [entry for entry in session.stream if entry["event"] != "sessionfinish"]
    return [entry for entry in entries if not leaks(entry.get("nodeid", ""))]
