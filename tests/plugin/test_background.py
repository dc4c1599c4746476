"""Is what a thread of a fixture gathers by itself told from what a test leaves behind?"""

from __future__ import annotations

import pytest

_METRICS = """
import threading
import time

import pytest

class Metrics(threading.Thread):
    def __init__(self):
        super().__init__(name="metrics", daemon=True)
        self.stopped = threading.Event()
        self.gathered = threading.Event()
        self.points = []

    def run(self):
        while not self.stopped.wait(0.004):
            self.points.append({point})
            self.gathered.set()

    def await_point(self):
        self.gathered.clear()
        self.gathered.wait()

@pytest.fixture(scope="module")
def metrics():
    thread = Metrics()
    thread.start()
    yield thread
    thread.stopped.set()
    thread.join()

kept = []

def test_before():
    pass
"""


@pytest.fixture
def judged(lab):
    """Check a test beside the thread; returns what its report says of it."""

    def run(body: str, *options: str, point: str = "[time.time()]"):
        text = f"{_METRICS.format(point=point)}\ndef test_it(metrics):\n    {body}\n"
        lab.write({"test_it.py": text})
        lab.checked("--leak-confirm=5 s", *options)
        return next(test for test in lab.json()["tests"] if test["nodeid"].endswith("test_it"))

    return run


@pytest.mark.parametrize("point", ["[time.time()]", "None"])
def test_a_thread_that_gathers_by_itself_is_not_the_tests(judged, point):
    test = judged("metrics.await_point()", point=point)

    assert test["verdict"] == "clean"
    assert test["findings"] == []
    assert "what grows does so while the test does not run, too: " in test["reason"]


@pytest.mark.parametrize("point", ["[time.time()]", "None"])
def test_an_item_that_is_no_new_object_is_told_beside_it(judged, point):
    test = judged("kept.append(None); metrics.await_point()", point=point)

    assert test["verdict"] == "leak"
    assert [finding["holder"] for finding in test["findings"]] == ["test_it.kept"]


@pytest.mark.parametrize("wait", ["metrics.await_point()", "pass"])
def test_a_leak_beside_it_has_its_own_holder_alone(judged, wait):
    test = judged(f"kept.append([1]); {wait}")

    assert test["verdict"] == "leak"
    assert [finding["holder"] for finding in test["findings"]] == ["test_it.kept"]


def test_what_a_thread_does_for_a_test_is_the_tests(judged):
    test = judged(
        """done = threading.Event()
    def work():
        kept.append([1])
        done.set()
    threading.Thread(target=work).start()
    done.wait()
    metrics.await_point()"""
    )

    assert test["verdict"] == "leak"
    assert [finding["holder"] for finding in test["findings"]] == ["test_it.kept"]


def test_beside_a_thread_that_conftest_started_tests_are_judged(lab):
    lab.write(
        {
            "conftest.py": """
import threading

points = []

def gather():
    while not threading.Event().wait(0.004):
        points.append([len(points)])

threading.Thread(target=gather, daemon=True).start()
""",
            "test_it.py": """
kept = []

def test_sound():
    [[number] for number in range(100)]

def test_leaks():
    kept.append([1])
""",
        }
    )

    session = lab.checked("--leak-confirm=5 s")

    verdicts = lab.verdicts()
    assert verdicts["test_leaks"] == "leak"
    # The thread may gather something in some batches and nothing in others: that has faded.
    assert verdicts["test_sound"] in ("clean", "bounded")
    assert "moved; other threads run: what grows while no test does is left out" in session.raw
