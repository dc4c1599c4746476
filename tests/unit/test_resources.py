"""Is growth without a Python object told with what is known of it? Injected growth, no leak."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys

import pytest

from pytest_leakguard.counters import descriptors
from pytest_leakguard.diagnosis.resources import Resources, memory_findings
from pytest_leakguard.diagnosis.watch import Watched
from pytest_leakguard.model import Finding, Frame


@pytest.mark.parametrize(
    ("source", "is_told"),
    [
        ('os.environ["REQUEST"] = identity', True),
        ("environ.update(REQUEST=identity)", True),
        ("os.environ |= {name: identity}", True),
        ("os.environb[b'REQUEST'] = identity", True),
        ('os.putenv("REQUEST", identity)', True),
        ('libc.setenv(b"REQUEST", identity, 1)', True),
        ('library.open(os.environ["HOME"])', False),
        ('if os.environ["MODE"] == "fast": library.open()', False),
        ("library.open(environ.get('HOME'))", False),
    ],
)
def test_native_memory_of_variables_is_told_from_code_that_only_reads_them(source, is_told):
    line = Frame(file="shop.py", line=1, function="tag", source=source, module="shop")

    (finding,) = memory_findings(
        {"native_bytes": 80}, Watched(taken={"native_bytes": (line,)}), "searched"
    )

    assert ("keeps each distinct value" in finding.meaning) == is_told


def test_resources_that_do_not_grow_are_no_finding():
    assert Resources({"fds": 0, "threads": None}).findings(Watched(), ()) == []


@pytest.mark.skipif(not descriptors.describe_open(), reason="descriptors are not told here")
def test_a_descriptor_that_was_opened_since_is_named_with_what_it_refers_to(tmp_path):
    resources = Resources({"fds": 1})
    path = tmp_path / "kept.txt"

    with path.open("w") as kept:
        number = kept.fileno()
        (finding,) = resources.findings(Watched(), ())

    assert (finding.type, finding.objects_per_run) == ("file descriptor", 1)
    assert finding.note == f"there now: fd {number} {path}"


def test_a_descriptor_is_told_with_the_holder_of_the_file_that_it_belongs_to(tmp_path):
    resources = Resources({"fds": 1})
    finding = Finding(
        type="io.TextIOWrapper", objects_per_run=1, bytes_per_run=0, holder="app.KEPT"
    )

    with (tmp_path / "kept.txt").open("w") as kept:
        (attached,), explained = resources.attach([finding], [[kept, kept.buffer.raw]], runs=1)

    assert [(share.type, share.objects_per_run) for share in attached.held] == [
        ("file descriptor", 1)
    ]
    assert explained == {"fds"}


@pytest.mark.skipif(not descriptors.describe_open(), reason="descriptors are not told here")
def test_each_kind_of_descriptor_is_told_in_words():
    with contextlib.ExitStack() as opened:
        server = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = opened.enter_context(socket.create_connection(server.getsockname()))
        pipe = os.pipe()
        for end in pipe:
            opened.callback(os.close, end)
        described = descriptors.describe_open()

        here, there = (
            ":".join(map(str, address)) for address in (client.getsockname(), client.getpeername())
        )
        assert described[client.fileno()] == f"fd {client.fileno()} socket {here} -> {there}"
        assert described[pipe[0]] == f"fd {pipe[0]} pipe"
        assert client.fileno() >= 0  # looking at a socket has not closed it


def test_native_memory_is_weighed_and_has_the_line_that_takes_it():
    line = Frame(file="app.py", line=3, function="work", source="malloc(16)")
    watched = Watched(taken={"native_bytes": (line,)})

    (finding,) = memory_findings({"native_bytes": 4096, "mapped_bytes": 0}, watched, "a note")

    assert (finding.type, finding.bytes_per_run) == ("native memory", 4096)
    assert (finding.objects_per_run, finding.note) == (0, "a note")
    assert finding.allocated == (line,)


_EXPLAINS = """
import sys

from pytest_leakguard.diagnosis.explaining import explain
from pytest_leakguard.diagnosis.roots import Roots
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.heap import Heap
from pytest_leakguard.settings import Settings
from pytest_leakguard.runner import Trial

class Sound:
    runs = 0

    def run(self):
        Sound.runs += 1

confirm, run_seconds = map(float, sys.argv[1:])
with Heap() as heap:
    trial = Trial(subject=Sound(), settings=Settings(confirm=confirm), heap=heap)
    trial.run_seconds = run_seconds
    (finding,) = explain(trial, Roots(), {"native_bytes": 4096}, Sources()).findings
print(Sound.runs, finding.note)
"""


@pytest.mark.parametrize(
    ("confirm", "run_seconds", "told"),
    [
        (1000, 0, "11 9 more runs; no Python object holds it"),
        (1000, 1000, "4 3 more runs; no Python object holds it"),
        (0, 0, "1 holders were not looked for: a traced run takes "),
    ],
    ids=["fast", "slow", "too slow"],
)
def test_the_runs_that_were_searched_are_told_as_they_were(tmp_path, confirm, run_seconds, told):
    script = tmp_path / "script.py"
    script.write_text(_EXPLAINS, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, str(script), str(confirm), str(run_seconds)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(told)


_LOOSE = """
import ctypes
import os
import sys

from pytest_leakguard.diagnosis.explaining import explain
from pytest_leakguard.diagnosis.roots import Roots
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.heap import Heap
from pytest_leakguard.settings import Settings
from pytest_leakguard.runner import Trial

class Subject:
    def run(self):
        os.open(os.devnull, os.O_RDONLY)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object([self]))

with Heap() as heap:
    trial = Trial(subject=Subject(), settings=Settings(), heap=heap)
    growth = dict.fromkeys(sys.argv[1:], 1.0)
    print(*[finding.type for finding in explain(trial, Roots(), growth, Sources()).findings])
"""


@pytest.mark.parametrize(
    ("counters", "types"),
    [(["fds"], "file descriptor"), (["fds", "gc_objects"], "list file descriptor")],
)
def test_objects_without_a_holder_are_told_only_where_objects_grow(tmp_path, counters, types):
    script = tmp_path / "script.py"
    script.write_text(_LOOSE, encoding="utf-8")

    done = subprocess.run(
        [sys.executable, str(script), *counters],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert sorted(done.stdout.split()) == sorted(types.split()), done.stderr
