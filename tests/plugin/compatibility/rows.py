"""Which rows have the documentation's tables of compatibility, whether or not they were tried?

A test that tries one is marked with it: ``@pytest.mark.row("options", "`-x`")``. It may say with
``difference=`` what is different from a plain session, and why.
"""

from __future__ import annotations

from collections.abc import Mapping

KINDS = (
    "functions",
    "classes: nested, set-up and tear-down, static and class methods",
    "parametrised tests",
    "`unittest.TestCase`: `addCleanup`, `setUpClass`, `setUpModule`, class clean-ups",
    "`unittest.TestCase.subTest`",
    "`unittest.IsolatedAsyncioTestCase`",
    "`subtests` of pytest",
    "doctests of modules and of text files",
    "Hypothesis: `@given`",
    "Hypothesis: stateful",
    "asynchronous tests: pytest-asyncio, strict and auto, loop scopes",
    "asynchronous tests: anyio, on asyncio and trio",
    "asynchronous tests: pytest-trio",
    "fixtures: generators, autouse, `usefixtures`",
    "fixtures of a class, module, package and session",
    "fixtures with parameters, indirect parameters",
    "`request.getfixturevalue`, `request.addfinalizer`",
    "`tmp_path`, `tmp_path_factory`, `tmpdir`",
    "`monkeypatch`",
    "`caplog`",
    "`capsys`, `capsysbinary`, `capfd`, `capfdbinary`",
    "`recwarn`, `pytest.warns`, `pytest.raises`",
    "`record_property`, `record_testsuite_property`",
    "`cache`, `pytestconfig`",
    "`pytester`",
    "custom `Item` and `File` collectors of a `conftest.py`",
    "packages: the same file names, fixtures of a package",
    "the `leakguard` fixture",
)

OPTIONS = (
    "`-x`",
    "`--maxfail`",
    "`--lf`",
    "`--ff`, `--nf`",
    "`--sw`",
    "`--pdb`",
    "`--trace`",
    "`--setup-show`",
    "`--setup-plan`, `--setup-only`",
    "`--collect-only`",
    "`--durations`",
    "`-s`",
    "`--capture=sys`, `--capture=tee-sys`",
    "`-W error`",
    "`--strict-markers`, `--strict-config`",
    "`--import-mode=importlib`, `append`",
    "`--junitxml`",
    "`-rA`",
    "`-q`",
    "`-v`, `-vv`",
    "`--tb=auto`, `long`, `short`, `line`, `native`, `no`",
    "`--color`, `NO_COLOR`, `FORCE_COLOR`",
    "`faulthandler_timeout`",
    "`log_cli`",
    "`--log-file`",
    "`-p no:NAME`, for plugins of pytest itself",
    "Ctrl-C",
)

STARTS = (
    "`python -m pytest`",
    "several calls of `pytest.main()` in one process",
    "`python -X dev`",
    "`python -O`, `-OO`",
    "`PYTHONMALLOC=debug`",
    "`PYTHONMALLOC=malloc`",
    "`PYTHONTRACEMALLOC=5`",
    "`coverage run -m pytest`",
    "an interpreter that is not CPython",
)

SECTIONS: Mapping[str, tuple[str, ...]] = {"kinds": KINDS, "options": OPTIONS, "starts": STARTS}

#: What is different on each interpreter, and why.
INTERPRETERS: Mapping[str, str] = {
    "CPython 3.10": (
        "it gives each function a cache at its 1,024th call, which is counted as memory: while code"
        " becomes warm, sound tests take up to some 30 executions, and a leak of less than some"
        " 100 B a run in C may be called clean"
    ),
    "CPython 3.11": "",
    "CPython 3.11, debug build": "",
    "CPython 3.12": "",
    "CPython 3.13": "",
    "CPython 3.13, free-threaded": "",
    "CPython 3.14": "",
    "CPython 3.14, free-threaded": "",
    "PyPy": "refused with a sentence, which is tried where another interpreter is pretended",
}
