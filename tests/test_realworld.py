"""Leaks of real applications are caught and explained, and their sound forms are not accused."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.specimens import score

for package in ("aiohttp", "flask", "httpx", "redis", "sqlalchemy", "starlette", "websockets"):
    pytest.importorskip(package, reason="applications need the dependency group 'realworld'")

HERE = Path(__file__).parent / "realworld"
FILES = [
    path.relative_to(HERE).as_posix()
    for folder in score.FOLDERS
    for path in sorted((HERE / folder).glob("test_*.py"))
]
LABELS: dict[str, Any] = score.labels_of(HERE)
GAPS: list[dict[str, str]] = LABELS["known_gap"]
#: What of the score these tests hold.
HELD = {"caught", "holder", "allocation", "pattern", "resource"}
HELD |= {"accused", "inconclusive", "unchecked"}


class Sessions:
    """Sessions of pytest, one for each file, two at a time; each is run once."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool
        self.runs: dict[str, Future[score.FileRun]] = {}

    def start(self, file: str) -> None:
        """Run a file soon, unless that has been asked for before."""
        if file not in self.runs:
            self.runs[file] = self.pool.submit(score._run, HERE / file, sys.executable, None)

    def misses(self, file: str) -> dict[tuple[str, str], str]:
        """Return what falls short of the labels, by what is missed and the test."""
        self.start(file)
        run = self.runs[file].result()
        if run.skipped:
            pytest.skip(run.skipped)
        assert run.error is None
        missed: dict[tuple[str, str], str] = {}
        for miss in score._judge([run], LABELS, everything=True).misses:
            what, test, _ = miss.split(": ", 2)
            if what in HELD:
                missed[what, test] = miss
        return missed


@pytest.fixture(scope="module")
def sessions(request: pytest.FixtureRequest) -> Iterator[Sessions]:
    """Give the sessions; all that this process will need are begun, if it shares with no other."""
    pool = ThreadPoolExecutor(max_workers=2)
    sessions = Sessions(pool)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        for item in request.session.items:
            if (spec := getattr(item, "callspec", None)) and spec.params.get("file") in FILES:
                sessions.start(spec.params["file"])
    yield sessions
    pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("file", FILES)
def test_application_is_judged_as_labelled(file: str, sessions: Sessions) -> None:
    known = {(gap["what"], gap["test"]) for gap in GAPS}

    missed = sessions.misses(file)

    assert [miss for key, miss in missed.items() if key not in known] == []


@pytest.mark.parametrize(
    ("file", "gap"),
    [
        pytest.param(
            gap["test"].partition("::")[0],
            gap,
            id=f"{gap['test'].partition('::')[2]}-{gap['what']}",
            marks=pytest.mark.xfail(strict=True, reason=gap["why"], raises=AssertionError),
        )
        for gap in GAPS
    ],
)
def test_known_gap_is_closed(file: str, gap: dict[str, str], sessions: Sessions) -> None:
    assert (gap["what"], gap["test"]) not in sessions.misses(file)


def test_labels_and_gaps_are_about_files_that_exist() -> None:
    named = {entry["test"].partition("::")[0] for entry in (*LABELS["leak"], *GAPS)}

    assert named <= set(FILES)
    assert len(LABELS["leak"]) >= 64
