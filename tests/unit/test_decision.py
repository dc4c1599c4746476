"""Is growth that has ended called by what it was?"""

from __future__ import annotations

import sys

import pytest

from pytest_leakguard import decision
from pytest_leakguard.confirmation import Confirmed
from pytest_leakguard.heap import Heap
from pytest_leakguard.model import CONTEXT, NOWHERE, Finding, Result, Step
from pytest_leakguard.runner import Trial
from pytest_leakguard.settings import Settings
from pytest_leakguard.verdict import Judgement


class Sound:
    def run(self):
        pass


def ended(**series):
    trial = Trial(subject=Sound(), settings=Settings(), heap=Heap(frozen=False), executions=31)
    return decision.ended(Result(verdict="leak", series=series, growth={"blocks": 1}), trial)


def test_growth_that_has_ended_is_bounded():
    result = ended(blocks=(10, 12, 12), gc_objects=(5, 6, 6))  # an object is no code

    assert (result.verdict, result.executions, result.growth["blocks"]) == ("bounded", 31, 0)


@pytest.mark.parametrize(
    "series",
    [
        {"blocks": (10, 12, 14), "gc_objects": (5, 5, 5), "native_bytes": (0, 576, 576)},
        {"blocks": (10, 26), "native_bytes": (100, 0)},
        {"blocks": (10, 12), "mapped_bytes": (0, 1 << 26, 1 << 27)},
    ],
)
def test_a_few_blocks_of_code_that_became_warm_are_clean(series):
    result = ended(**series)

    assert result.verdict == "clean"
    assert "as code takes that becomes warm" in result.reason


def test_what_allocators_have_taken_for_good_is_no_bound_of_the_test():
    result = ended(native_bytes=(0, 0, 576), mapped_bytes=(0, 1 << 26, 1 << 26))

    assert (result.verdict, result.growth["blocks"]) == ("clean", 0)
    assert result.reason == (
        "growth ended or faded within 31 executions: it was native memory and nothing of Python's"
    )


@pytest.mark.parametrize(
    "series",
    [
        pytest.param(
            {"blocks": (10, 27)},
            marks=pytest.mark.skipif(
                sys.version_info < (3, 11), reason="as much code as there is may become warm"
            ),
        ),
        {"blocks": (10, 12), "gc_objects": (5, 6)},
        {"blocks": (10, 12), "fds": (3, 4)},
        {"native_bytes": (0, 576), "threads": (1, 2)},
    ],
)
def test_more_or_other_growth_that_has_ended_is_bounded_too(series):
    assert ended(**series).verdict == "bounded"


def test_blocks_of_code_that_becomes_warm_are_no_leak_in_few_runs(monkeypatch):
    monkeypatch.setattr(decision, "_OPCODE_CACHED", frozenset({"blocks", "native_bytes"}))

    assert decision.warmth({"blocks", "native_bytes"}, 1_000)
    assert not decision.warmth({"native_bytes"}, 1_000)
    assert not decision.warmth({"blocks", "gc_objects"}, 1_000)
    assert not decision.warmth({"blocks"}, 10_000)


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        ((7, 7), "flat in the last 1 run, after something moved, when the time was up: 31 executi"),
        ((7, 8), "still growing, but not steadily, after 31 executions in "),
    ],
)
def test_what_the_time_did_not_suffice_for_is_told_as_it_was(samples, said):
    trial = Trial(subject=Sound(), settings=Settings(), heap=Heap(frozen=False), executions=31)
    grown = Judgement(status="open", exact=False, per_run=float(samples[1] - samples[0]))
    confirmed = Confirmed(
        status="open",
        judgements={"gc_objects": grown},
        sizes=(1,),
        series={"gc_objects": samples},
        steps={"gc_objects": (1,)},
    )

    result = decision.decide(Result(verdict="leak"), confirmed, (), trial)

    assert result.verdict == "inconclusive"
    assert result.reason.startswith(said)
    assert result.reason.endswith("; --leak-confirm gives more time")


@pytest.mark.parametrize(
    ("exact", "holder", "verdict"),
    [
        (True, NOWHERE, "leak"),
        (False, "app.cache", "leak"),
        (False, NOWHERE, "inconclusive"),  # what is replaced now and then looks like it
    ],
)
def test_growth_that_is_not_exact_convicts_if_something_named_holds_it(exact, holder, verdict):
    trial = Trial(subject=Sound(), settings=Settings(), heap=Heap(frozen=False), executions=31)
    grown = Judgement(status="convicted", exact=exact, per_run=0.83)
    confirmed = Confirmed(
        status="convicted",
        judgements={"gc_objects": grown},
        sizes=(5, 7),
        series={"gc_objects": (7, 12, 17)},
        steps={"gc_objects": (1,)},
    )
    finding = Finding(type="KeyedRef", objects_per_run=0.83, bytes_per_run=80, holder=holder)
    result = Result(verdict="leak", findings=(finding,))

    assert decision.decide(result, confirmed, (finding,), trial).verdict == verdict


@pytest.mark.parametrize(
    ("holder", "type_", "verdict"),
    [
        ("app.seen", "set", "inconclusive"),
        ("app.listeners", "list", "leak"),
        (CONTEXT, "dict", "leak"),  # each new variable is another key
    ],
)
def test_growth_at_random_convicts_what_is_no_store_of_keys_that_may_come_again(
    holder, type_, verdict
):
    trial = Trial(subject=Sound(), settings=Settings(), heap=Heap(frozen=False), executions=191)
    grown = Judgement(status="convicted", exact=False, per_run=0.56, random=True)
    confirmed = Confirmed(
        status="convicted",
        judgements={"gc_objects": grown},
        sizes=(5, 7),
        series={"gc_objects": (7, 10, 14)},
        steps={"gc_objects": (1,)},
    )
    path = tuple(
        Step(via=via, type=one)
        for via, one in (("app", "module"), (".it", type_), ("[*]", "Thing"))
    )
    finding = Finding(type="Thing", objects_per_run=1, bytes_per_run=80, holder=holder, path=path)
    result = Result(verdict="leak", findings=(finding,))

    assert decision.decide(result, confirmed, (finding,), trial).verdict == verdict


@pytest.mark.parametrize(
    ("series", "steps", "verdict"),
    [
        ({"native_bytes": (9000, 9100, 11000)}, {"native_bytes": (4000, -4000, 1000)}, "clean"),
        ({"native_bytes": (9000, 7000, 8900)}, {"native_bytes": (1000,)}, "clean"),
        ({"native_bytes": (9000, 9100, 11000)}, {"native_bytes": (4000, -1000)}, "inconclusive"),
        ({"native_bytes": (9000, 9100, 11000)}, {}, "inconclusive"),
        ({"blocks": (90, 87, 90)}, {}, "clean"),
        ({"blocks": (90, 86, 90)}, {}, "inconclusive"),  # as many as on each third run
        ({"blocks": (90, 90, 91)}, {"blocks": (-1, 2)}, "clean"),
        ({"blocks": (90, 90, 91)}, {"blocks": (1, 0)}, "inconclusive"),
    ],
)
def test_what_comes_and_goes_is_clean_as_long_as_it_grows_by_no_more(series, steps, verdict):
    trial = Trial(subject=Sound(), settings=Settings(), heap=Heap(frozen=False), executions=37)
    (name,) = series
    confirmed = Confirmed(
        status="open",
        judgements={name: Judgement(status="open", exact=False, per_run=83.3)},
        sizes=(5, 7),
        series=series,
        steps=steps,
    )

    result = decision.decide(Result(verdict="leak", series=series), confirmed, (), trial)

    assert result.verdict == verdict
    assert result.reason.endswith(
        "grown by no more than that in 12 more runs"
        if verdict == "clean"
        else "--leak-confirm gives more time"
    )
