"""Are profiles of leaking tests taken, told and kept, whatever the profiler and the disk do?"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from test_reports import LEAK

from pytest_leakguard.api import Checker
from pytest_leakguard.diagnosis.recording import Leftover, UntraceableError
from pytest_leakguard.diagnosis.traces import PACKAGE
from pytest_leakguard.evidence import Profile
from pytest_leakguard.heap import Heap, is_in_use
from pytest_leakguard.keeping import Retention
from pytest_leakguard.model import NOWHERE, Result
from pytest_leakguard.profiles import text
from pytest_leakguard.profiles.keeping import Cabinet
from pytest_leakguard.profiles.taking import RUNS, Profiler
from pytest_leakguard.reports.text import failure_page
from pytest_leakguard.runner import BrokenRunError, Trial
from pytest_leakguard.settings import Settings

DAY_ONE = 1_800_000_000.0
DAY = 24 * 3600.0
COMMAND = "python -m pytest 'test_a.py::test_it[a b]' --leak-profile=memray"
UNHELD = replace(LEAK, findings=(replace(LEAK.findings[0], holder=NOWHERE),))
LEFT = Leftover(size_bytes=3000, number=10, frames=(("leak", "/project/a.py", 3),))


class Subject:
    """Counts its runs, and where told to lets time pass or does not pass."""

    def __init__(self, seconds: float = 0.0, breaks_at: int = 0) -> None:
        self.seconds = seconds
        self.breaks_at = breaks_at
        self.runs = 0
        self.time = 0.0
        self.was_measured = True

    def run(self) -> None:
        self.runs += 1
        self.time += self.seconds
        self.was_measured = self.was_measured and is_in_use()
        if self.runs == self.breaks_at:
            raise BrokenRunError("failed in call: no more")


class Tool:
    """A profiler that is slow, refuses or cannot write, as it is told to."""

    def __init__(
        self,
        subject: Subject,
        *,
        seconds: float = 0.0,
        refuses: Exception | None = None,
        trouble: str = "",
    ) -> None:
        self.subject = subject
        self.seconds = seconds
        self.refuses = refuses
        self.trouble = trouble
        self.native: list[bool] = []

    @contextmanager
    def record(self, path: Path, *, native: bool) -> Iterator[None]:
        if self.refuses is not None:
            raise self.refuses
        self.native.append(native)
        slower, self.subject.seconds = self.subject.seconds, self.seconds
        yield
        self.subject.seconds = slower
        path.write_bytes(b"recorded")

    def leftovers(self, path: Path, *, native: bool) -> list[Leftover]:
        assert path.read_bytes() == b"recorded"
        return [LEFT]

    def render(self, page: str, path: Path, output: Path) -> str:
        if page == "table" and self.trouble:
            return self.trouble
        output.write_text(f"{page} of {path.name}", encoding="utf-8")
        return ""


def profiled(
    directory: Path,
    *,
    subject: Subject | None = None,
    result: Result = LEAK,
    confirm: float = 10.0,
    **tool,
) -> Profile:
    subject = subject or Subject()
    profiler = Profiler(
        Cabinet(directory, Retention(), clock=lambda: DAY_ONE),
        test="tests/test_a.py::test_it[a/../b \u202e]",
        command=COMMAND,
        tool=Tool(subject, **tool),
        clock=lambda: subject.time,
    )
    with Heap(frozen=False) as heap:
        return profiler.profile(
            Trial(subject=subject, settings=Settings(confirm=confirm), heap=heap), result
        )


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_ten_runs_are_recorded_and_all_files_lie_in_one_directory(tmp_path):
    subject = Subject()
    profile = profiled(tmp_path / "new" / "profiles", subject=subject)

    paths = {kind: Path(file) for kind, file in profile.files.items()}
    (directory,) = {path.parent for path in paths.values()}
    assert subject.runs == RUNS + 1  # one to see how long it takes
    assert (profile.runs, profile.problem, profile.command) == (RUNS, "", COMMAND)
    assert list(paths) == ["flamegraph", "table", "text", "capture"]
    assert directory.parent == tmp_path / "new" / "profiles"
    assert directory.name.startswith("20270115T080000Z-")
    assert directory.name.endswith(f"-1-{LEAK.findings[0].fingerprint}_test_it_a_.._b")
    assert paths["flamegraph"].read_text(encoding="utf-8") == "flamegraph of capture.bin"
    assert "/project/a.py:3 in leak" in paths["text"].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("result", "native"), [(LEAK, False), (UNHELD, True), (replace(LEAK, findings=()), True)]
)
def test_native_frames_are_recorded_where_no_python_object_explains_the_leak(
    tmp_path, result, native
):
    subject = Subject()
    tool = Tool(subject)
    profiler = Profiler(Cabinet(tmp_path, Retention()), test="t", command="", tool=tool)
    with Heap(frozen=False) as heap:
        profiler.profile(Trial(subject=subject, settings=Settings(), heap=heap), result)

    assert tool.native == [native]


def test_no_more_runs_are_begun_once_the_time_is_over(tmp_path):
    profile = profiled(tmp_path, confirm=10.0, seconds=3.0)

    assert profile.runs == 4
    assert profile.seconds == pytest.approx(12.0)


def test_two_runs_are_recorded_however_long_they_take(tmp_path):
    assert profiled(tmp_path, confirm=10.0, seconds=300.0).runs == 2


def test_a_test_too_slow_for_it_is_not_recorded(tmp_path):
    subject = Subject(seconds=1.0)
    profile = profiled(tmp_path, subject=subject, confirm=10.0)

    assert subject.runs == 1
    assert profile.problem.startswith("its runs are too slow for memray; a longer --leak-confirm")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("refuses", "said"),
    [
        (UntraceableError("another tracker is at work"), "another tracker is at work"),
        (OSError(errno.ENOSPC, "No space left on device"), "could not be written: No space left"),
    ],
)
def test_what_keeps_it_from_being_recorded_is_told_and_leaves_nothing(tmp_path, refuses, said):
    profile = profiled(tmp_path, refuses=refuses)

    assert said in profile.problem
    assert profile.files == {}
    assert profile.command == COMMAND
    assert names(tmp_path) == []


@pytest.mark.parametrize("breaks_at", [1, 5], ids=["before", "under memray"])
def test_a_run_that_does_not_pass_is_told_and_leaves_nothing(tmp_path, breaks_at):
    profile = profiled(tmp_path, subject=Subject(breaks_at=breaks_at))

    assert profile.problem == "a run under memray does not pass: failed in call: no more"
    assert names(tmp_path) == []


def test_a_directory_that_is_lost_is_told(tmp_path):
    (tmp_path / "file").touch()

    assert "could not be written: Not a directory" in profiled(tmp_path / "file" / "x").problem


def test_a_page_that_cannot_be_written_leaves_the_others(tmp_path):
    profile = profiled(tmp_path, trouble="memray failed at leaks.html: MemoryError")

    assert list(profile.files) == ["flamegraph", "text", "capture"]
    assert profile.problem == "memray failed at leaks.html: MemoryError"


def test_the_verdict_stays_and_the_time_is_told(tmp_path):
    subject = Subject()
    profiler = Profiler(
        Cabinet(tmp_path, Retention()), test="t", command=COMMAND, tool=Tool(subject)
    )
    result = Checker().profile(profiler, subject, Settings(), LEAK)

    assert result.profile is not None
    assert result.seconds > LEAK.seconds
    assert replace(result, profile=None, seconds=LEAK.seconds) == LEAK
    assert subject.was_measured
    assert Result.from_plain(json.loads(json.dumps(result.to_plain()))) == result


# What is told


def page(profile: Profile) -> list[str]:
    result = replace(LEAK, profile=profile)
    return failure_page(result, Settings(), where="a:1", root=Path("/project")).splitlines()


def test_a_failure_ends_with_the_files_and_what_repeats_it():
    profile = Profile(
        tool="memray",
        runs=10,
        files={"flamegraph": "/project/x/flamegraph.html", "text": "/project/x/leaks.txt"},
        command=COMMAND,
    )

    assert page(profile)[-3:] == [
        " profile    x/flamegraph.html",
        "            10 runs under memray; beside it leaks.txt",
        f" repeat     {COMMAND}",
    ]


def test_a_failure_says_why_there_is_no_profile():
    profile = Profile(tool="memray", command=COMMAND, problem="another tracker is at work")

    assert page(profile)[-2:] == [
        " profile    none: another tracker is at work",
        f" repeat     {COMMAND}",
    ]


def test_what_runs_leave_again_and_again_comes_first_and_the_measurers_own_not_at_all():
    runner = ("call", "/lib/_pytest/python.py", 187)
    once = Leftover(size_bytes=9000, number=1, frames=(("warm", "/project/b.py", 1), runner))
    ours = Leftover(size_bytes=70, number=10, frames=(("run", f"{PACKAGE}/runner.py", 9),))
    unknown = Leftover(size_bytes=8, number=1, frames=())
    odd = replace(LEFT, frames=(("f", "/project/\u202e.py", 0), ("g", "/project/g.py", 2), runner))

    lines = text.render([once, LEFT, odd, ours, unknown], test="t", runs=10).splitlines()

    assert lines[0] == "10 runs of t left 14.7 KiB at 4 places, by memray"
    assert [line.split()[-3:] for line in lines[4:]] == [
        ["/project/a.py:3", "in", "leak"],
        ["10", "1", "f"],
        ["/project/g.py:2", "in", "g"],
        ["/project/b.py:1", "in", "warm"],
        ["no", "Python", "code"],
    ]
    assert lines[4].split()[:6] == ["2.9", "KiB", "300", "B", "10", "1"]


# What stays


def cabinet(directory: Path, *, most: int = 50, age: float = 1e9, at: float = DAY_ONE) -> Cabinet:
    return Cabinet(directory, Retention(most=most, age=age), clock=lambda: at)


def fill(directory: Path) -> None:
    (directory / "capture.bin").write_bytes(b"x")


def test_the_oldest_profiles_go_first(tmp_path):
    one = cabinet(tmp_path, most=2)
    kept = [one.add(label, fill)[0].name for label in "abc"]

    assert names(tmp_path) == sorted(kept[1:])


def test_what_is_older_than_the_age_goes(tmp_path):
    cabinet(tmp_path).add("a", fill)
    cabinet(tmp_path, age=DAY, at=DAY_ONE + DAY + 1).prune()

    assert names(tmp_path) == []


def test_what_is_not_a_profiles_stays(tmp_path):
    one = cabinet(tmp_path, most=1)
    old, _ = one.add("old", fill)
    (old / "notes.txt").touch()
    (tmp_path / "20200101T000000Z-1-1-file").touch()
    (tmp_path / "20200101T000000Z-1-2-link").symlink_to(old)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "capture.bin").touch()
    before = names(tmp_path)

    new, _ = one.add("new", fill)

    assert names(tmp_path) == sorted([*before, new.name])
    assert names(old) == ["notes.txt"]
    assert names(tmp_path / "mine") == ["capture.bin"]


def test_what_a_killed_process_has_left_goes_after_a_day_and_what_is_being_made_stays(tmp_path):
    for name in (".20270113T080000Z-1-1-killed", ".20270115T075000Z-2-1-at_work"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name)

    cabinet(tmp_path, most=1).add("new", fill)

    assert [name for name in names(tmp_path) if name.startswith(".")] == [
        ".20270115T075000Z-2-1-at_work"
    ]
