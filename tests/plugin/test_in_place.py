"""Does a whole-suite check see what grows in place, or leaves no object at all behind?"""

from __future__ import annotations

import os
import tempfile

import pytest

_IN_PLACE = """
import io

import pytest

import bus

KEPT = []
TEXT = io.StringIO()


@pytest.fixture(scope="module")
def shared():
    return {"seen": []}


def test_none():
    KEPT.append(None)


def test_same_handler():
    bus.subscribe("price", print)


def test_same_handler_on_a_topic_that_an_earlier_test_has_made():
    bus.subscribe("price", print)


def test_text():
    TEXT.write("more")


def test_fixture(shared):
    shared["seen"].append(True)


def test_sound(shared):
    own = []
    own.append(None)
    shared["seen"].append(True)
    shared["seen"].pop()
"""
_BUS = """
_subscribers = {}


def subscribe(topic, handler):
    _subscribers.setdefault(topic, []).append(handler)
"""


def findings_by_test(lab):
    return {
        test["nodeid"].rpartition("::")[2]: test["findings"]
        for test in lab.json()["tests"]
        if test["verdict"] == "leak"
    }


def test_containers_near_to_the_tests_are_seen_to_gain_items(lab):
    lab.write({"test_it.py": _IN_PLACE, "bus.py": _BUS})

    lab.checked("--leak-confirm=5 s")

    holders = {name: found[0]["holder"] for name, found in findings_by_test(lab).items()}
    assert holders == {
        "test_none": "test_it.KEPT",
        "test_same_handler": "bus._subscribers['price']",
        "test_same_handler_on_a_topic_that_an_earlier_test_has_made": "bus._subscribers['price']",
        "test_text": "test_it.TEXT",
        "test_fixture": "fixture shared['seen']",
    }


_LIFETIMES = """
import gc
import weakref

import pytest

registry = []


class Thing:
    pass


def test_first():
    registry.append(Thing())
    registry.pop()


def test_what_was_replaced_is_gone():
    global registry
    thing = Thing()
    registry = [thing]
    seen = weakref.ref(thing)
    del thing
    registry = []
    assert seen() is None


@pytest.mark.parametrize("number", range(2))
def test_nothing_else_refers_to_the_registry(number):
    assert [one for one in gc.get_referrers(registry) if one is not globals()] == []
"""


def test_no_container_is_held_while_a_test_looks_at_what_is_alive(lab):
    lab.write({"test_it.py": _LIFETIMES})

    session = lab.checked("--leak-confirm=2 s")

    assert session.ret == 0, session.raw


_RESOURCES = """
import os
import socket
import tempfile

KEPT = []


def open_a_pipe():
    return os.pipe()


def test_pipe():
    open_a_pipe()


def test_socket():
    KEPT.append(socket.socket())


def test_zombie():
    if not os.fork():
        os._exit(0)


def test_file():
    descriptor, _ = tempfile.mkstemp(dir=os.environ["SCRATCH"])
    os.close(descriptor)


def test_directory_of_the_test(tmp_path):
    (tmp_path / "kept").mkdir()


def test_sound():
    with tempfile.TemporaryDirectory(dir=os.environ["SCRATCH"]), tempfile.TemporaryFile():
        pass
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_what_stays_open_is_told_with_the_line_that_opened_it(lab, monkeypatch):
    lab.write({"test_it.py": _RESOURCES})

    with tempfile.TemporaryDirectory() as scratch:  # what is in tmp_path is pytest's own
        monkeypatch.setenv("SCRATCH", scratch)
        lab.checked("--leak-confirm=5 s")

    found = findings_by_test(lab)
    told = {
        name: (one["type"], one["allocated"][0]["function"], one["pattern"])
        for name, (one,) in found.items()
    }
    assert told == {
        "test_pipe": ("file descriptor", "open_a_pipe", "stream"),
        "test_socket": ("socket.socket", "test_socket", "stream"),
        "test_zombie": ("child process", "test_zombie", "child process"),
        "test_file": ("temporary file", "test_file", "temporary file"),
    }
    assert ("file descriptor", 1) in [
        (share["type"], share["objects_per_run"]) for share in found["test_socket"][0]["held"]
    ]


_FIXTURES = """
import pytest

KEPT = []


@pytest.fixture
def client():
    def connect():
        KEPT.append(object())

    connect()
    return KEPT[-1]


@pytest.fixture
def database(client):
    yield
    KEPT.append([])


def test_set_up(client):
    pass


class TestAround:
    @pytest.fixture
    def server(self):
        KEPT.append({})

    def test_in_class(self, server):
        pass


def test_itself():
    KEPT.append([])
"""


def test_a_leak_in_a_fixture_is_said_to_be_there(lab):
    lab.write({"test_it.py": _FIXTURES})

    session = lab.checked("--leak-confirm=5 s")

    told = {name: found[0]["allocated"] for name, found in findings_by_test(lab).items()}
    assert {name: frames[0]["fixture"] for name, frames in told.items()} == {
        "test_set_up": "client",
        "test_in_class": "server",
        "test_itself": "",
    }
    assert "in fixture client, held by test_it.KEPT" in session.raw
    assert "in fixture client      KEPT.append(object())" in session.raw
