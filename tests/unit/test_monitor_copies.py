"""What is found out in copies of the process."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from pytest_leakguard.clock import now, wait
from pytest_leakguard.forkable import CAN_COPY
from pytest_leakguard.identity import identity_of
from pytest_leakguard.monitor import copies
from pytest_leakguard.monitor.copies import Copy
from pytest_leakguard.monitor.look import look, name_holders
from pytest_leakguard.monitor.looks import Look

needs_copies = pytest.mark.skipif(not CAN_COPY, reason="this platform copies no processes")
STORE: list[object] = [None] * 4
NESTED = {"inner": [None] * 5}
RING: list[object] = []


class Bounded:
    maxsize = 1_000

    def __init__(self):
        self.items = [None] * 4


BOUNDED = Bounded()
FAR = Bounded()


def answer_of(copy):
    """Wait for what a copy finds, half a minute at most."""
    deadline = now() + 30
    try:
        while (found := copy.answer()) is None and now() < deadline:
            wait(0.005)
        return found
    finally:
        copy.close()


@needs_copies
def test_a_copy_answers_with_what_it_has_found():
    assert answer_of(Copy(lambda: b"found " * 100_000)) == b"found " * 100_000


@needs_copies
def test_a_copy_sees_the_heap_as_it_was():
    items = [1, 2, 3]
    copy = Copy(lambda: str(len(items)).encode())
    items.append(4)

    assert answer_of(copy) == b"3"


@needs_copies
def test_a_copy_is_no_child_of_this_process():
    copy = Copy(lambda: str(os.getppid()).encode())

    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert answer_of(copy) != str(os.getpid()).encode()


@needs_copies
def test_a_copy_that_fails_is_told_once_its_time_is_up(monkeypatch):
    monkeypatch.setattr(copies, "LIMIT_SECONDS", 0)

    def fail():
        raise RuntimeError

    copy = Copy(fail)
    with pytest.raises(OSError, match="gave no answer"):
        answer_of(copy)


@needs_copies
def test_a_copy_shares_no_descriptor_with_the_session():
    before = sorted(os.listdir("/proc/self/fd"))
    reading, writing = os.pipe()
    copy = Copy(lambda: str(os.listdir("/proc/self/fd")).encode())
    os.close(writing)

    assert os.read(reading, 1) == b""  # nobody else has the other end
    os.close(reading)
    assert answer_of(copy) == b"['0']"  # that of the listing
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_where_no_copies_are_made_it_is_said(monkeypatch):
    monkeypatch.setattr(copies, "CAN_COPY", False)

    with pytest.raises(OSError, match="copies no processes"):
        Copy(lambda: b"")


@needs_copies
def test_a_process_is_not_copied_where_its_end_would_be_heard():
    former = signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        with pytest.raises(OSError, match="handled by code of the session's"):
            Copy(lambda: b"")
    finally:
        signal.signal(signal.SIGCHLD, former)


@needs_copies
def test_a_process_that_collects_orphans_is_not_copied(monkeypatch):
    monkeypatch.setattr(copies, "_getpid", lambda: 1)

    assert "collects orphans" in copies.obstacle()


@needs_copies
def test_a_process_that_is_large_for_its_memory_is_not_copied(monkeypatch):
    monkeypatch.setattr(copies, "memory_limit", lambda: 1_000_000)

    assert copies.obstacle() == "the process is too large for the memory that it may use"


def looked(tests, earlier=None):
    return answer_of(Copy(lambda: look(dict, tests, earlier)))


@needs_copies
def test_a_look_names_what_has_grown_since_the_last_one_and_the_way_to_it():
    first = looked(10)
    STORE.extend([None] * 30)
    BOUNDED.items.extend([None] * 30)
    second = Look.from_bytes(looked(40, first))
    del STORE[4:], BOUNDED.items[4:]

    found = {one.holder: one for one in second.candidates}
    told = found[f"{__name__}.STORE"]
    assert (told.type, told.before, told.items) == ("list", 4, 34)
    assert told.way[0] == identity_of(sys.modules[__name__])
    assert told.way[-1] == identity_of(STORE)
    assert "maxsize" in found[f"{__name__}.BOUNDED.items"].bound
    assert second.tests == 40
    assert second.reached > 1_000


@needs_copies
def test_a_container_that_was_not_there_before_has_not_grown():
    first = looked(10)
    NESTED["new"] = [None] * 50
    try:
        second = Look.from_bytes(looked(40, first))
    finally:
        del NESTED["new"]

    assert not [one for one in second.candidates if "NESTED" in one.holder]


@needs_copies
def test_what_the_interpreter_imports_is_not_told():
    first = looked(1)
    names = [f"not_imported_{number}" for number in range(50)]
    sys.modules.update(dict.fromkeys(names, sys.modules[__name__]))
    try:
        second = Look.from_bytes(looked(2, first))
    finally:
        for name in names:
            del sys.modules[name]

    assert not [one for one in second.candidates if one.holder.startswith("sys.modules")]


def test_holders_are_named_by_one_walk():
    loose = [None]

    named = name_holders(dict, [NESTED["inner"], FAR.items, loose], far=True)

    assert named[identity_of(NESTED["inner"])].holder == f"{__name__}.NESTED['inner']"
    assert named[identity_of(FAR.items)].holder == f"{__name__}.FAR.items"
    assert identity_of(loose) not in named


def test_a_holder_near_to_the_user_s_modules_is_named_without_a_look_at_the_heap(monkeypatch):
    monkeypatch.setattr("pytest_leakguard.monitor.look.Reached", None)

    named = name_holders(dict, [STORE], far=True)

    assert named[identity_of(STORE)].holder == f"{__name__}.STORE"
