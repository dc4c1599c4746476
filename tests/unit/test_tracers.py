"""Does nobody watch a re-run line by line, and is everybody back afterwards?"""

from __future__ import annotations

import sys
import threading

import pytest

from pytest_leakguard.tracers import OwnTracer, run_unwatched


class Tracer:
    """Notes the functions whose frames it is shown."""

    def __init__(self):
        self.seen = []

    def __call__(self, frame, _event, _arg):
        self.seen.append(frame.f_code.co_name)


class Own(Tracer, OwnTracer):
    pass


@pytest.fixture(params=[Tracer, Own])
def tracer(request):
    before, of_threads = sys.gettrace(), threading.gettrace()
    tracer = request.param()
    sys.settrace(tracer)
    threading.settrace(tracer)
    yield tracer
    sys.settrace(before)
    threading.settrace(of_threads)


def body():
    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()


def in_a_thread():
    pass


def after():
    pass


def test_only_a_tracer_of_this_package_sees_the_run_and_each_is_there_afterwards(tracer):
    run_unwatched(body)
    seen = {*tracer.seen} & {"body", "in_a_thread"}
    after()

    assert seen == ({"body", "in_a_thread"} if isinstance(tracer, OwnTracer) else set())
    assert "after" in tracer.seen
    assert sys.gettrace() is tracer
    assert threading.gettrace() is tracer


def fails():
    raise ValueError("as it is")


def test_tracers_are_back_after_a_run_that_raises(tracer):
    with pytest.raises(ValueError, match="as it is"):
        run_unwatched(fails)

    assert sys.gettrace() is tracer
    assert threading.gettrace() is tracer


def test_what_a_run_sets_itself_stays_where_there_was_nothing():
    before, of_threads = sys.gettrace(), threading.gettrace()
    own = Tracer()
    try:
        sys.settrace(None)
        threading.settrace(None)
        run_unwatched(lambda: sys.settrace(own))
        assert sys.gettrace() is own
    finally:
        sys.settrace(before)
        threading.settrace(of_threads)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is newer")
@pytest.mark.parametrize("tool", ["DEBUGGER_ID", "COVERAGE_ID"])
def test_tools_of_sys_monitoring_are_not_called_meanwhile(tool):
    number = getattr(sys.monitoring, tool)
    if sys.monitoring.get_tool(number) is not None:
        pytest.skip("a tool is there already")
    seen = []
    sys.monitoring.use_tool_id(number, "test")
    try:
        start = sys.monitoring.events.PY_START
        sys.monitoring.register_callback(number, start, lambda code, _: seen.append(code.co_name))
        sys.monitoring.set_events(number, start)
        run_unwatched(body)
        after()
    finally:
        sys.monitoring.set_events(number, 0)
        sys.monitoring.register_callback(number, start, None)
        sys.monitoring.free_tool_id(number)

    assert not {*seen} & {"body", "in_a_thread"}
    assert "after" in seen
