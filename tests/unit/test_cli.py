"""Do the commands answer in words, numbers and exit codes as documented?"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from sample import facts

from pytest_leakguard.cli import main
from pytest_leakguard.history.exporting import COLUMNS
from pytest_leakguard.history.storing import record
from pytest_leakguard.model import Finding, Result
from pytest_leakguard.reports import TestOutcome
from pytest_leakguard.repository import Revision
from pytest_leakguard.settings import COUNTER_NAMES

HOSTILE = "=cmd|' /C calc'!A0\x1b[2J\u202e\r\n,\""


def outcome(nodeid: str, verdict: str, *findings: Finding, **growth: float) -> TestOutcome:
    result = Result(verdict=verdict, executions=5, findings=findings, growth=growth)
    return TestOutcome(nodeid=nodeid, kind="suite", result=result)


def finding(objects: float, *, holder: str = "shop.kept", fingerprint: str = "7f3c9a1e") -> Finding:
    return Finding(
        type="shop.Tag",
        objects_per_run=objects,
        bytes_per_run=objects * 1024,
        holder=holder,
        pattern="global accumulation",
        fingerprint=fingerprint,
        status="new",
    )


def add(path: Path, number: int, *tests: TestOutcome) -> None:
    session = facts(*tests, counters=("gc_objects", "fds"))
    record(path, session, Revision(commit=f"{number}" * 40, branch="main", dirty=number == 2))


@pytest.fixture
def file(tmp_path) -> str:
    """A history of a leak that grows, beside a test that is clean."""
    path = tmp_path / "leaks.db"
    for number in (1, 2, 3):
        leak = outcome("test_a.py::test[a]", "leak", finding(number), gc_objects=number)
        add(path, number, leak, outcome("test_a.py::test_b", "clean"))
    return str(path)


@pytest.fixture
def hostile(tmp_path) -> str:
    path = tmp_path / "hostile.db"
    add(path, 1, outcome(HOSTILE, "leak", finding(1, holder=HOSTILE)))
    return str(path)


@pytest.fixture
def run(capsys):
    def answer(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return answer


def test_sessions_are_listed_the_latest_first(run, file):
    code, out, err = run("history", "list", file)

    heading, *lines = [line.split() for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert " ".join(heading) == (
        "session time (UTC) commit branch checked clean leaking new known causes"
    )
    assert [line[0] for line in lines] == ["3", "2", "1"]
    assert [line[3] for line in lines] == ["33333333", "22222222+", "11111111"]
    assert lines[0][4:] == ["main", "2", "1", "1", "1", "0", "1"]


def test_verdicts_that_are_seldom_have_columns_where_there_are_some(run, tmp_path):
    path = tmp_path / "leaks.db"
    add(path, 1, outcome("a", "inconclusive"), outcome("b", "unchecked"), outcome("c", "known"))

    _, out, _ = run("history", "list", str(path))

    heading, line = [line.split() for line in out.splitlines()]
    named = dict(zip(heading[5:], line[5:], strict=True))
    assert named == {
        "checked": "3",
        "clean": "0",
        "inconclusive": "1",
        "unchecked": "1",
        "leaking": "1",
        "new": "0",
        "known": "1",
        "causes": "0",
    }


def test_a_test_is_listed_over_time(run, file):
    code, out, _ = run("history", "list", file, "--test", "*test[a]", "--limit=2")

    heading, *lines, more = out.splitlines()
    assert code == 0
    assert heading.split()[5:] == ["verdict", "test", "growth", "per", "run"]
    assert [line.split()[5:] for line in lines] == [
        ["leak", "test_a.py::test[a]", "gc_objects", f"+{number}"] for number in (3, 2)
    ]
    assert more == "... and more (--limit=4 shows twice as many)"


@pytest.mark.parametrize(
    "chosen", [("--holder=shop.*",), ("--fingerprint=7f3c9a1e",), ("--holder=*", "--test=*[a]")]
)
def test_a_cause_is_listed_over_time(run, file, chosen):
    code, out, _ = run("history", "list", file, *chosen)

    assert code == 0
    assert [line.split(maxsplit=5)[5] for line in out.splitlines()[1:]] == [
        f"7f3c9a1e     new         1       +{number}  +{number} KiB  shop.kept (shop.Tag)"
        for number in (3, 2, 1)
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--test=nothing"),
        ("list", "--holder=nothing"),
        ("list", "--fingerprint=7f3c9a1e", "--test=*test_b"),
        ("plot", "--test=nothing"),
        ("plot", "--test=*test_b", "--counter=threads"),
        ("plot", "--fingerprint=ffffffff"),
    ],
    ids=" ".join,
)
def test_what_is_not_found_is_told_by_the_exit_code(run, file, arguments):
    command, *options = arguments

    assert run("history", command, file, *options) == (1, "", "nothing found\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("history",), "the following arguments are required: COMMAND"),
        (("history", "list"), "the following arguments are required: FILE"),
        (("history", "list", "FILE", "--limit=0"), "a whole number of at least 1 (got '0')"),
        (("history", "plot", "FILE", "--counter=fds"), "--counter: expected together with --test"),
        (("history", "plot", "FILE", "--bytes"), "--bytes: expected together with --fingerprint"),
        (("history", "plot", "FILE", "--test=*"), "(it fits test_a.py::test[a], test_a.py::test_b"),
        (("history", "export", "FILE"), "the following arguments are required: --format"),
        (("history", "export", "FILE", "--format=csv", "--output=FILE"), "expected another file"),
        (
            ("history", "export", "FILE", "--format=csv", "--output=FILE/no"),
            "--output: expected a path that can be written (Not a directory) (got '",
        ),
        (("history", "prune", "FILE"), "the following arguments are required: --keep"),
        (("history", "prune", "FILE", "--keep=-1"), "a whole number of at least 1 (got '-1')"),
        (("history", "prune", "nowhere", "--keep=1"), "nowhere: there is no such file"),
        (("history", "list", "nowhere"), "list: error: nowhere: there is no such file"),
        (("history", "list", __file__), ": file is not a database"),
    ],
)
def test_misuse_is_told_and_changes_nothing(run, file, arguments, said):
    before = Path(file).read_bytes()

    code, out, err = run(*(argument.replace("FILE", file) for argument in arguments))

    assert (code, out) == (2, "")
    assert said in err
    assert "error: " in err
    assert Path(file).read_bytes() == before
    assert os.listdir(Path(file).parent) == ["leaks.db"]


def test_the_commands_of_a_history_that_is_empty(run, tmp_path):
    (tmp_path / "leaks.db").touch()

    code, out, err = run("history", "list", str(tmp_path / "leaks.db"))

    assert (code, out) == (2, "")
    assert "nothing has been recorded in it yet" in err


@pytest.fixture
def plotted(run, file, monkeypatch):
    pytest.importorskip("plotille")
    monkeypatch.setenv("COLUMNS", "72")

    def answer(*options: str) -> list[str]:
        code, out, err = run("history", "plot", file, *options)
        assert (code, err) == (0, "")
        return out.splitlines()

    return answer


def heights(lines: list[str]) -> dict[str, int]:
    """Say how many points lie beside each label of the axis."""
    rows = [line.partition("|") for line in lines if "|" in line]
    return {label.strip(): row.count("o") for label, _, row in rows if row.count("o") in (1, 2, 3)}


@pytest.mark.parametrize(
    ("options", "title", "points"),
    [
        ((), "tests that leak, known or not", {"1": 3}),
        (
            ("--fingerprint=7f3c9a1e",),
            "objects per run of shop.Tag held by shop.kept (7f3c9a1e)",
            {"1": 1, "2": 1, "3": 1},
        ),
        (
            ("--fingerprint=7f3c9a1e", "--bytes"),
            "bytes per run of shop.Tag held by shop.kept (7f3c9a1e)",
            {"1 KiB": 1, "2 KiB": 1, "3 KiB": 1},
        ),
        (("--test=*[a]",), "gc_objects per run of test_a.py::test[a]", {"1": 1, "2": 1, "3": 1}),
        (("--test=*test_b", "--counter=fds"), "fds per run of test_a.py::test_b", {"0": 3}),
        (("--limit=2",), "tests that leak, known or not", {"1": 2}),
    ],
)
def test_numbers_are_plotted_over_sessions(plotted, options, title, points):
    first, *lines, last = plotted(*options)

    assert first == title
    assert heights(lines[:-2]) == points
    assert max(map(len, lines)) <= 72
    begin = "2" if "--limit=2" in options else "1"
    assert last.startswith(f"from session {begin} (")
    assert last.endswith(", 33333333, main)")


def test_a_plot_can_do_with_ascii(plotted):
    fine, plain = "\n".join(plotted()), "\n".join(plotted("--ascii"))

    assert not fine.isascii()
    assert plain.isascii()


def test_where_no_session_could_tell_there_is_a_gap(run, tmp_path):
    pytest.importorskip("plotille")
    path = tmp_path / "leaks.db"
    for number in (1, 2, 3, 4):
        name = "a" if number != 3 else "b"
        add(path, number, outcome(name, "leak", gc_objects=2))

    code, out, _ = run("history", "plot", str(path), "--test=a", "--ascii")

    drawn = [line.partition("|")[2] for line in out.splitlines()[2:-3]]
    (line,) = [row for row in drawn if "o" in row]
    first, second, third = line.strip().split("o")[1:]
    assert code == 0
    assert set(first) == {"."}
    assert set(second) == {" "}
    assert not third


def test_a_plot_without_its_library_says_what_is_needed(run, file, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotille", None)

    code, out, err = run("history", "plot", file)

    assert (code, out) == (2, "")
    assert "needs plotille" in err
    assert "pip install 'pytest-leakguard[history]'" in err


def test_everything_comes_out_as_json(run, file):
    code, out, _ = run("history", "export", file, "--format=json")

    entries = json.loads(out)
    assert code == 0
    assert [(entry["session"], entry["test"]) for entry in entries] == [
        (number, name)
        for number in (1, 2, 3)
        for name in ("test_a.py::test[a]", "test_a.py::test_b")
    ]
    assert all(tuple(entry) == (*COLUMNS, "growth") for entry in entries)
    leaking, clean = entries[2:4]
    assert datetime.fromisoformat(leaking["time"]).tzinfo is not None
    assert (leaking["commit"], leaking["dirty"], leaking["whole"]) == ("2" * 40, True, True)
    assert (leaking["holder"], leaking["bytes_per_run"]) == ("shop.kept", 2048)
    assert leaking["growth"] == {"gc_objects": 2, "fds": 0}
    assert (clean["fingerprint"], clean["growth"]) == (None, {"gc_objects": 0, "fds": 0})


def test_everything_comes_out_as_csv(run, file, tmp_path):
    target = tmp_path / "all.csv"

    assert run("history", "export", file, "--format=csv", "--output", str(target)) == (0, "", "")

    with target.open(encoding="utf-8", newline="") as text:
        entries = [*csv.DictReader(text)]
    growth = [f"growth_{counter}" for counter in COUNTER_NAMES]
    assert [*entries[0]] == [*COLUMNS, *growth]
    assert len(entries) == 6
    leaking, clean = entries[2:4]
    assert (leaking["dirty"], clean["test"], clean["holder"]) == ("true", "test_a.py::test_b", "")
    assert [leaking["growth_gc_objects"], leaking["growth_threads"]] == ["2.0", ""]
    assert sorted(os.listdir(tmp_path)) == ["all.csv", "leaks.db"]


def test_a_sheet_takes_no_name_for_a_formula(run, hostile):
    _, out, _ = run("history", "export", hostile, "--format=csv")

    (entry,) = csv.DictReader(io.StringIO(out))
    for column in ("test", "holder"):
        assert entry[column] == "'=cmd|' /C calc'!A0\\x1b[2J\\u202e\\r\\n,\""


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "--test=*"),
        ("list", "--holder=*"),
        ("plot", "--test=*"),
        ("plot", "--fingerprint=7f3c9a1e"),
        ("export", "--format=csv"),
        ("export", "--format=json"),
    ],
    ids=" ".join,
)
def test_no_control_character_reaches_the_terminal(run, hostile, arguments):
    if arguments[0] == "plot":
        pytest.importorskip("plotille")
    command, *options = arguments

    code, out, _ = run("history", command, hostile, *options)

    assert code == 0
    assert all(line.isprintable() for line in out.split("\n"))


def test_json_keeps_names_as_they_are(run, hostile):
    _, out, _ = run("history", "export", hostile, "--format=json")

    assert json.loads(out)[0]["test"] == HOSTILE


def test_pruning_says_what_it_has_done(run, file):
    assert run("history", "prune", file, "--keep=1") == (0, "2 sessions removed, 1 left\n", "")
    assert run("history", "prune", file, "--keep=1") == (0, "0 sessions removed, 1 left\n", "")


def test_who_has_seen_enough_ends_it_quietly(tmp_path):
    path = tmp_path / "leaks.db"
    add(path, 1, *(outcome(f"{number} {'x' * 200}", "clean") for number in range(2000)))
    command = [sys.executable, "-m", "pytest_leakguard", "history", "export", str(path)]
    with subprocess.Popen(
        [*command, "--format=json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        first = process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()

    assert (first, said, process.returncode) == ("[\n", "", 0)


def test_a_terminal_of_ascii_is_given_ascii(file):
    pytest.importorskip("plotille")
    command = [sys.executable, "-m", "pytest_leakguard", "history", "plot", file]

    done = subprocess.run(
        command,
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "50"},
        timeout=60,
    )

    assert done.stdout.isascii()
    assert b"tests that leak" in done.stdout


def test_the_commands_import_neither_pytest_nor_what_measuring_needs(file):
    code = (
        "import sys; from pytest_leakguard.cli import main; main();"
        " print(sorted({'pytest', 'psutil', 'pympler', 'plotille'} & {*sys.modules}))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, "history", "list", file],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.splitlines()[-1] == "[]"
