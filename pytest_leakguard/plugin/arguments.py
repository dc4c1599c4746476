"""Which options are there, on the command line and in ini files?"""

from __future__ import annotations

from typing import Literal

import pytest

from pytest_leakguard.settings import COUNTER_NAMES, TRACE_MODES

Mode = Literal["off", "marked", "all"]
MODES: tuple[Mode, ...] = ("off", "marked", "all")
FailOn = Literal["leak", "worse", "inconclusive", "unchecked"]
FAIL_ON: tuple[FailOn, ...] = ("leak", "worse", "inconclusive", "unchecked")
REPORT_FORMATS = (
    "json",
    "html",
    "markdown",
    "gitlab",
    "sarif",
    "openmetrics",
    "prometheus",
)
#: Signals that mean nothing to Python or pytest.
SNAPSHOT_SIGNALS = ("SIGUSR1", "SIGUSR2", "SIGHUP", "SIGQUIT")
#: What can profile a leaking test.
PROFILERS = ("memray",)
#: Where its profiles go, below the root directory, if no directory is given.
PROFILE_DIRECTORY = "leak-profiles"
#: Where known leaks are looked for, below the root directory, if no path is given.
KNOWN_FILE = "leakguard.toml"
_AUTO, _SUSPECTS, _ALWAYS = TRACE_MODES

#: Setting, metavar, and what it means; option ``--leak-<name>`` and ini ``leak_<name>`` alike.
SETTINGS: tuple[tuple[str, str, str], ...] = (
    (
        "runs",
        "N",
        "sampled re-runs that must show no growth before a test counts as clean, at least 2"
        " (default: 3, after one baseline run)",
    ),
    (
        "warmup",
        "N",
        "how often a test runs before the baseline is taken, its ordinary run included"
        " (default: 1)",
    ),
    (
        "max-objects",
        "N",
        "objects, and likewise blocks of memory, that each run may leave behind (default: 0); given"
        " alone, bytes are not limited",
    ),
    (
        "max-bytes",
        "SIZE",
        "memory that each run may leave behind, such as '4 KiB' (default: 0); given alone, objects"
        " are not limited",
    ),
    (
        "confirm",
        "TIME",
        "extra time that a suspected leak may be run for, such as '10 s' (default: 10 s)",
    ),
    (
        "trace",
        "WHEN",
        f"when allocations are traced, which is slow: {_AUTO!r} (suspects and marked tests),"
        f" {_SUSPECTS!r} or {_ALWAYS!r} (default: {_AUTO})",
    ),
    (
        "track",
        "NAMES",
        f"what is counted, separated by commas: {', '.join(COUNTER_NAMES)} (default: all that this"
        " platform can count)",
    ),
)


_IGNORE = (
    "leave out findings whose type, holder, fingerprint or allocating module fits a pattern with *"
    " and ?, for the reason given, such as 'click._compat.*: kept upstream, #1234'; repeatable"
)
_NATIVE_TRACE = (
    "run a leaking test a few times more under memray where only native memory shows the leak, and"
    " tell the native code that takes it; needs memray: pip install 'pytest-leakguard[native]'"
)
#: The options of a soak: name, metavar and meaning.
_SOAK = (
    (
        "soak",
        "TIME",
        "run each checked test for so long, such as '10 min', and judge the trend: what leaks"
        " rarely or slowly shows; a leak that is certain ends it early",
    ),
    (
        "soak-workers",
        "N",
        "have so many threads, or tasks of a coroutine test, run the test's body together in each"
        " run of a soak (default: 1)",
    ),
)
#: Options that leave tests out of a whole-suite check: name, metavar and meaning.
_CHOICES = (
    (
        "budget",
        "TIME",
        "spend no more than this on checking in all, such as '2 min', on the cheapest tests first;"
        " what is left out is listed (per process under pytest-xdist)",
    ),
    (
        "sample",
        "N%",
        "check this share of the tests, drawn at random; the seed is printed",
    ),
    ("sample-seed", "N", "draw the sample that has this seed"),
    (
        "changed",
        "REV",
        "check only tests in files that have changed since a git revision, such as origin/main, and"
        " those below a conftest.py that has",
    ),
)
_EXPORT = (
    "send the session's numbers at its end, such as to pushgateway:https://HOST, statsd:HOST:PORT"
    " (Datadog), otlp:https://HOST (OpenTelemetry) or webhook:https://HOST/PATH; what cannot be"
    " sent is a warning; repeatable"
)
_GRAPH = (
    "draw each cause's retention path by objgraph, in files called as its fingerprint: DOT, and SVG"
    " and PNG where Graphviz is installed"
)
_KNOWN = (
    f"the file of known leaks, which do not fail (default: {KNOWN_FILE} in the root directory, if"
    " there is one)"
)
_UPDATE_KNOWN = (
    "record this session's leaks as known, raise the limits of those that grow faster, and remove"
    " entries that nothing fits any more"
)
_COMPARE = (
    "hold this session against an earlier one, such as the base branch's, by its JSON report: leaks"
    " that it has pass unless they are worse; what is new, worse, better and gone is listed"
)
_HISTORY = (
    "keep verdicts and growth per commit in this SQLite file; 'python -m pytest_leakguard history'"
    " lists, plots and exports them"
)
_FAIL_ON = (
    f"what fails where all tests are checked, separated by commas: {', '.join(FAIL_ON)}; or 'none';"
    " 'worse' is a known leak that grows faster than recorded or has expired, and part of 'leak'"
    " (default: leak)"
)
_SNAPSHOTS = (
    "save the heap of a leaking test before and after some of its runs, and that of the session"
    " when it is sent a signal; 'python -m pytest_leakguard compare' tells what is different"
)
#: Options that go with it: name, metavar and meaning.
_SNAPSHOT_OPTIONS = (
    (
        "snapshots-keep",
        "N",
        "keep so many of the latest snapshots in that directory, a pair counting as one"
        " (default: 50)",
    ),
    (
        "snapshots-age",
        "TIME",
        "keep snapshots there for so long, such as '24 h' (default: 720 h)",
    ),
    (
        "snapshots-signal",
        "NAME",
        f"the signal that has one taken: {', '.join(SNAPSHOT_SIGNALS)}, or none (default: SIGUSR2"
        " where there is one)",
    ),
)
_MONITOR = (
    "watch the whole session, each test run once: sample its memory after tests, name the tests and"
    " holders that retain most, and warn of steady or rapid growth and of high use"
)
#: Options that go with it: name, metavar and meaning.
_MONITOR_OPTIONS = (
    ("monitor-interval", "TIME", "take a sample also each so often, by a thread, such as '1 s'"),
    (
        "monitor-rapid",
        "SIZE",
        "warn of growth of the resident set by more than this per minute (default: 100 MiB)",
    ),
    (
        "monitor-high",
        "N%",
        "warn of a resident set above this share of what the process may use (default: 80 %%)",
    ),
)
#: Switches that go with it.
_MONITOR_SWITCHES = (
    ("monitor-fail", "fail the session when the monitor warns of something"),
    (
        "monitor-once",
        "run no test again under the monitor: what grows is then listed, and not warned of",
    ),
)
#: Profiles of leaking tests: name, metavar and meaning.
_PROFILE_OPTIONS = (
    (
        "profile",
        "TOOL",
        "run a leaking test some more times under a profiler, 'memray', and write its flame graph"
        " and its report of what these runs have left; needs memray: pip install"
        " 'pytest-leakguard[native]'",
    ),
    (
        "profile-dir",
        "DIR",
        f"where profiles go (default: {PROFILE_DIRECTORY} in the root directory)",
    ),
    ("profile-keep", "N", "keep so many of the latest profiles there (default: 50)"),
)
_ISOLATE = (
    "run a test's re-runs in a forked child, so that the session survives what they do and sees"
    " none of it, but for what is on the disk or in other processes; where a fork does not carry"
    " what a test needs, such as a thread, they happen in the session's process, and it is said"
)


def are_given(config: pytest.Config) -> bool:
    """Tell whether anything is said that a session has to know before its first test is found.

    That is an option, a twin in an ini file, or a file of known leaks where one is looked for.
    Sessions without any of it pay for no more than this question.
    """
    options = {name: value for name, value in vars(config.option).items() if name[:5] == "leak_"}
    return (
        any(value not in (None, False) for value in options.values())
        or any(_is_in_ini_file(config, name) for name in options)
        or (config.rootpath / KNOWN_FILE).exists()
    )


def _is_in_ini_file(config: pytest.Config, name: str) -> bool:
    try:
        return config.getini(name) not in (None, "", [])
    except ValueError:  # it has no twin
        return False
    except (TypeError, pytest.UsageError):  # a value of another type
        return True


def add_options(parser: pytest.Parser) -> None:
    """Declare the options and their ini twins."""
    group = parser.getgroup("leakguard", "memory leaks (pytest-leakguard)")
    group.addoption(
        "--leak-check",
        dest="leak_mode",
        action="store_const",
        const="all",
        default=None,
        help="check every test for leaks; the same as --leak-mode=all",
    )
    group.addoption(
        "--leak-mode",
        dest="leak_mode",
        default=None,
        metavar="MODE",
        help="which tests are checked for leaks: 'off', 'marked' (those with @pytest.mark.noleak or"
        " @pytest.mark.leaks) or 'all' (default: marked)",
    )
    group.addoption(
        "--leak-report",
        dest="leak_report",
        action="append",
        default=None,
        metavar="FORMAT:PATH",
        help=f"write a report at the end of the session, such as json:leaks.json; formats:"
        f" {', '.join(REPORT_FORMATS)}; repeatable",
    )
    group.addoption("--leak-ignore", action="append", metavar="PATTERN: REASON", help=_IGNORE)
    parser.addini("leak_ignore", "twin of --leak-ignore", type="linelist", default=None)
    parser.addini("leak_mode", "twin of --leak-mode", type="string", default=None)
    parser.addini("leak_report", "twin of --leak-report", type="linelist", default=None)
    for name, metavar, text in SETTINGS:
        dest = f"leak_{name.replace('-', '_')}"
        group.addoption(f"--leak-{name}", dest=dest, default=None, metavar=metavar, help=text)
        # The old table of pyproject.toml may hold a list, and "string" warns of one.
        form: Literal["linelist", "string"] = "linelist" if name == "track" else "string"
        parser.addini(dest, f"twin of --leak-{name}", type=form, default=None)
    group.addoption(
        "--leak-native-trace", action="store_const", const=True, default=None, help=_NATIVE_TRACE
    )
    group.addoption("--leak-isolate", action="store_const", const=True, default=None, help=_ISOLATE)
    for name, metavar, text in (*_SOAK, *_CHOICES):
        dest = f"leak_{name.replace('-', '_')}"
        group.addoption(f"--leak-{name}", dest=dest, default=None, metavar=metavar, help=text)
        parser.addini(dest, f"twin of --leak-{name}", type="string", default=None)
    group.addoption(
        "--leak-export", action="append", default=None, metavar="KIND:TARGET", help=_EXPORT
    )
    parser.addini("leak_export", "twin of --leak-export", type="linelist", default=None)
    group.addoption("--leak-graph", default=None, metavar="DIR", help=_GRAPH)
    parser.addini("leak_graph", "twin of --leak-graph", type="string", default=None)
    group.addoption("--leak-snapshots", default=None, metavar="DIR", help=_SNAPSHOTS)
    parser.addini("leak_snapshots", "twin of --leak-snapshots", type="string", default=None)
    for name, metavar, text in _SNAPSHOT_OPTIONS:
        dest = f"leak_{name.replace('-', '_')}"
        group.addoption(f"--leak-{name}", dest=dest, default=None, metavar=metavar, help=text)
        parser.addini(dest, f"twin of --leak-{name}", type="string", default=None)
    for name, metavar, text in _PROFILE_OPTIONS:
        dest = f"leak_{name.replace('-', '_')}"
        group.addoption(f"--leak-{name}", dest=dest, default=None, metavar=metavar, help=text)
        parser.addini(dest, f"twin of --leak-{name}", type="string", default=None)
    group.addoption("--leak-monitor", action="store_const", const=True, default=None, help=_MONITOR)
    for name, text in _MONITOR_SWITCHES:
        group.addoption(f"--leak-{name}", action="store_const", const=True, default=None, help=text)
    for name, metavar, text in _MONITOR_OPTIONS:
        dest = f"leak_{name.replace('-', '_')}"
        group.addoption(f"--leak-{name}", dest=dest, default=None, metavar=metavar, help=text)
        parser.addini(dest, f"twin of --leak-{name}", type="string", default=None)
    group.addoption("--leak-known", default=None, metavar="PATH", help=_KNOWN)
    group.addoption("--leak-update-known", action="store_true", help=_UPDATE_KNOWN)
    group.addoption("--leak-fail-on", default=None, metavar="WHAT", help=_FAIL_ON)
    group.addoption("--leak-compare", default=None, metavar="REPORT", help=_COMPARE)
    group.addoption("--leak-history", default=None, metavar="FILE", help=_HISTORY)
    parser.addini("leak_history", "twin of --leak-history", type="string", default=None)
    parser.addini("leak_compare", "twin of --leak-compare", type="string", default=None)
    parser.addini("leak_known", "twin of --leak-known", type="string", default=None)
    parser.addini("leak_fail_on", "twin of --leak-fail-on", type="linelist", default=None)
    for name in ("native-trace", "isolate", "monitor", "monitor-fail", "monitor-once"):
        text = f"twin of --leak-{name}: true or false"
        parser.addini(f"leak_{name.replace('-', '_')}", text, type="string", default=None)
