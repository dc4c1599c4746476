"""Is what is different between two snapshots told, by whatever is asked for, and written so?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_leakguard.cli import main
from pytest_leakguard.snapshots.comparing import BYS, compare, package_of, runs_between, shortened
from pytest_leakguard.snapshots.model import Header, Snapshot, Tables
from pytest_leakguard.snapshots.table import table
from pytest_leakguard.snapshots.writing import write

ROOT, LIBRARY = "/srv/shop", "/usr/lib/python3.13"
HEADER = Header(
    kind="before",
    time=1_800_000_000.0,
    pid=1,
    python="3.13.1",
    platform="Linux",
    root=ROOT,
    library=LIBRARY,
    test="test_a.py::test_x",
    pair="1-1",
    runs=6,
    fingerprints=("7f3c9a1e",),
    frame_limit=25,
    scope="new",
)
AFTER = replace(HEADER, kind="after", time=1_800_000_001.5)
A = (f"{ROOT}/src/shop/feed.py", 18)
B = (f"{ROOT}/test_a.py", 7)
JSON = (f"{LIBRARY}/json/decoder.py", 353)


def snapshot(traces, types=(), *, header: Header = HEADER, names=()) -> Snapshot:
    """Return one that has traces: frames, bytes and blocks; and types: name, objects and bytes."""
    table = ["", *names]

    def number(name: str) -> int:
        if name not in table:
            table.append(name)
        return table.index(name)

    tables = Tables(names=table)
    frames: list[tuple[str, int]] = []
    for places, size, count in traces:
        for place in places:
            if place not in frames:
                frames.append(place)
                tables.frame_files.append(number(place[0]))
                tables.frame_lines.append(place[1])
            tables.frames.append(frames.index(place))
        tables.depths.append(len(places))
        tables.sizes.append(size)
        tables.counts.append(count)
    for name, count, size in types:
        tables.type_names.append(number(name))
        tables.type_counts.append(count)
        tables.type_sizes.append(size)
    return Snapshot(header=header, tables=tables)


FIRST = snapshot([((A, B), 1000, 10), ((JSON, A, B), 500, 5)], [("shop.Tag", 2, 112)])
SECOND = snapshot(
    [((JSON, A, B), 500, 5), ((A, B), 1600, 16), ((B,), 56, 1), ((A,), 4, 1)],
    [("dict", 1, 64), ("shop.Tag", 8, 448)],
    header=AFTER,
    names=["other", "numbers"],
)


def rows(first, second, by, *, limit=10, order="size"):
    found = compare(first, second, by, limit=limit, order=order)
    return [(one.what, one.size_more, one.count_more, one.size, one.count) for one in found.shown]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("line", [(f"{A[0]}:18", 604, 7, 1604, 17), (f"{B[0]}:7", 56, 1, 56, 1)]),
        ("file", [(A[0], 604, 7, 1604, 17), (B[0], 56, 1, 56, 1)]),
        ("package", [("shop", 604, 7, 1604, 17), ("test_a", 56, 1, 56, 1)]),
        ("type", [("shop.Tag", 336, 6, 448, 8), ("dict", 64, 1, 64, 1)]),
        ("traceback", [((A, B), 600, 6, 1600, 16), ((B,), 56, 1, 56, 1), ((A,), 4, 1, 4, 1)]),
    ],
)
def test_only_what_differs_is_told_the_largest_first(by, expected):
    assert rows(FIRST, SECOND, by) == expected


@pytest.mark.parametrize("by", BYS)
def test_a_snapshot_does_not_differ_from_itself(by):
    assert compare(SECOND, SECOND, by, limit=10, order="size").shown == ()


@pytest.mark.parametrize("by", BYS)
def test_what_is_gone_is_told_as_less(by):
    grown = compare(FIRST, SECOND, by, limit=10, order="size")
    shrunk = compare(SECOND, FIRST, by, limit=10, order="size")

    assert shrunk.size_more == -grown.size_more
    assert [one.size_more for one in shrunk.shown] == [-one.size_more for one in grown.shown]
    assert [one.what for one in shrunk.shown] == [one.what for one in grown.shown]


def test_a_limit_cuts_the_table_and_not_the_totals():
    cut = compare(FIRST, SECOND, "traceback", limit=1, order="size")

    assert [one.what for one in cut.shown] == [(A, B)]
    assert (cut.more, cut.size_more, cut.count_more) == (2, 660, 8)


def test_what_is_largest_may_be_the_number():
    few_large = [((A,), 10_000, 1), ((B,), 50, 5)]

    assert [row[0] for row in rows(snapshot([]), snapshot(few_large), "file", order="count")] == [
        B[0],
        A[0],
    ]


def test_tracebacks_that_come_twice_in_a_file_are_one():
    twice = snapshot([((A, B), 600, 6), ((A, B), 400, 4)])

    assert rows(twice, snapshot([((A, B), 1000, 10)]), "traceback") == []


_FRAMES = st.tuples(st.sampled_from(["a.py", "b.py"]), st.integers(1, 3))
_TRACES = st.lists(
    st.tuples(
        st.lists(_FRAMES, min_size=1, max_size=3).map(tuple), st.integers(0, 9), st.integers(0, 9)
    ),
    max_size=12,
)


@given(_TRACES, _TRACES)
def test_tracebacks_are_compared_as_by_hand(first, second):
    expected: Counter = Counter()
    numbers: Counter = Counter()
    for sign, traces in ((-1, first), (1, second)):
        for places, size, count in traces:
            expected[places] += sign * size
            numbers[places] += sign * count

    found = rows(snapshot(first), snapshot(second), "traceback", limit=99)

    assert {what: (size, count) for what, size, count, _, _ in found} == {
        what: (expected[what], numbers[what])
        for what in expected
        if expected[what] or numbers[what]
    }


@pytest.mark.parametrize(
    ("file", "package"),
    [
        ("/srv/shop/.venv/lib/python3.13/site-packages/django/db/models.py", "django"),
        ("/srv/shop/.venv/lib/python3.13/site-packages/six.py", "six"),
        (r"C:\venv\Lib\site-packages\attr\_make.py", "attr"),
        ("/usr/lib/python3.13/asyncio/tasks.py", "asyncio (standard library)"),
        ("/usr/lib/python3.13/abc.py", "abc (standard library)"),
        ("<frozen importlib._bootstrap>", "importlib (standard library)"),
        ("/srv/shop/src/shop/feed.py", "shop"),
        ("/srv/shop/tests/test_a.py", "tests"),
        ("/srv/shopping/a.py", "/srv/shopping"),
        ("<string>", "<string>"),
    ],
)
def test_a_package_is_told_by_its_file(file, package):
    assert package_of(file, HEADER) == package


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("/srv/shop/.venv/lib/python3.13/site-packages/django/db/models.py", "django/db/models.py"),
        ("/srv/shop/src/shop/feed.py", "src/shop/feed.py"),
        ("/usr/lib/python3.13/abc.py", "abc.py"),
        ("/srv/other/a.py", "/srv/other/a.py"),
        ("/srv/shop", "/srv/shop"),
    ],
)
def test_a_file_is_shown_below_where_its_package_lies(file, shown):
    assert shortened(file, HEADER) == shown


def test_only_a_pair_in_its_order_knows_its_runs():
    assert runs_between(HEADER, AFTER) == 6
    assert runs_between(AFTER, HEADER) == 0
    assert runs_between(HEADER, replace(AFTER, pair="1-2")) == 0


def test_a_table_has_units_and_growth_per_run():
    found = compare(FIRST, SECOND, "line", limit=1, order="size")

    assert [*table(found, AFTER, runs=6)] == [
        "by allocating line: +660 B in all, +8 blocks",
        "    size    total  blocks  total  size/run  blocks/run",
        "  +604 B  1.6 KiB      +7     17  +100.7 B       +1.17  src/shop/feed.py:18",
        "  ... and 1 more (--limit=2 shows twice as many)",
    ]


def test_a_traceback_has_a_line_for_each_frame():
    found = compare(FIRST, SECOND, "traceback", limit=1, order="size")

    assert [*table(found, AFTER, runs=0)][2:4] == [
        "  +600 B  1.6 KiB      +6     16  src/shop/feed.py:18",
        "                                  test_a.py:7",
    ]


@pytest.fixture
def files(tmp_path) -> list[str]:
    paths = [tmp_path / "a.leaksnap", tmp_path / "b.leaksnap"]
    for path, one in zip(paths, (FIRST, SECOND), strict=True):
        write(path, one)
    return [*map(str, paths)]


def test_the_command_says_what_is_compared_and_shows_lines_and_types(files, capsys):
    assert main(["compare", *files]) == 0

    out = capsys.readouterr().out
    assert "6 runs of test_a.py::test_x between them; fingerprint 7f3c9a1e" in out
    assert "by allocating line: +660 B in all" in out
    assert "by type: +400 B in all" in out


def test_the_command_finds_nothing_where_nothing_differs(files, capsys):
    assert main(["compare", files[0], files[0], "--by=package"]) == 1

    assert "no difference" in capsys.readouterr().out


def test_the_command_warns_of_what_may_mislead(files, tmp_path, capsys):
    other = replace(AFTER, pair="", pid=2, python="3.12.0", kind="moment", scope="all", runs=0)
    path = tmp_path / "c.leaksnap"
    write(path, replace(SECOND, header=replace(other, frame_limit=0)))

    main(["compare", files[0], str(path)])
    out = capsys.readouterr().out
    main(["compare", files[1], files[0]])
    swapped = capsys.readouterr().out

    assert "note: they are of two processes" in out
    assert "note: Python 3.13.1 and 3.12.0 differ" in out
    assert "note: types of A are of what is new since tracing began, those of B of the whole" in out
    assert "by line: no traces in B; to have them, start Python with -X tracemalloc=10" in out
    assert "name them the other way round" in swapped


def test_names_that_do_not_print_are_escaped(tmp_path, capsys):
    hostile = snapshot([((("\x1b[2J\u202e\udc80.py", 1),), 9, 1)], [("\x1b]0;x\x07", 1, 9)])
    write(tmp_path / "a", snapshot([]))
    write(tmp_path / "b", hostile)

    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0

    out = capsys.readouterr().out
    assert r"\x1b[2J\u202e\udc80.py:1" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\x89LKS\r\n\x1a\n\xff\0\0\0"])
def test_the_command_refuses_what_it_cannot_read(files, tmp_path, capsys, content):
    path = tmp_path / "c.leaksnap"
    path.write_bytes(content)

    assert main(["compare", files[0], str(path)]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"python -m pytest_leakguard compare: error: {path}: ")


def test_a_name_with_a_line_break_is_named_in_one_line(tmp_path, capsys):
    assert main(["compare", str(tmp_path / "a\nb"), str(Path("x"))]) == 2

    assert r"a\nb: cannot be read" in capsys.readouterr().err
