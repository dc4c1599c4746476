"""How does a soak go, by a clock that is wound by hand and counters that are made up?"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from pytest_leakguard.conclusion import Concluder
from pytest_leakguard.model import Finding, Result
from pytest_leakguard.runner import BrokenRunError
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.settings import Settings
from pytest_leakguard.soak import ending
from pytest_leakguard.soak.ending import Rest, judge
from pytest_leakguard.soak.running import MOST_SAMPLES, Soaking, spread
from pytest_leakguard.soak.watching import Watch


class Clock:
    """Goes on by so many seconds with each run."""

    def __init__(self, seconds: float) -> None:
        self.time = 0.0
        self.seconds = seconds

    def __call__(self) -> float:
        return self.time


class Counter:
    def __init__(self, name: str, retained: Callable[[int], int], trial: FakeTrial) -> None:
        self.name = name
        self.noun = "native byte" if name == "native_bytes" else "object"
        self._retained = retained
        self._trial = trial

    def read(self) -> int:
        return self._retained(self._trial.runs)


class FakeTrial:
    """What a soak needs of a trial: no heap, no settling, and a clock that each run moves."""

    def __init__(self, clock: Clock, settings: Settings, run: Callable[[int], None]) -> None:
        self.subject = self.heap = self
        self.settings = settings
        self.executions = 1
        self.run_seconds = 0.0
        self.runs = 0
        self._clock = clock
        self._run = run

    def run(self) -> None:
        self._clock.time += self._clock.seconds
        self.runs += 1
        self._run(self.runs)

    def collect_young(self) -> None:
        pass

    def rest(self, sampler: Sampler, *, deep: bool) -> None:
        assert deep


def soak_of(
    retained: Callable[[int], int],
    *,
    duration: float = 10.0,
    rate: float = 1000.0,
    run: Callable[[int], None] = lambda _: None,
    name: str = "gc_objects",
    **settings: object,
) -> tuple[Soaking, Sampler, FakeTrial]:
    clock = Clock(1 / rate)
    trial = FakeTrial(clock, Settings(duration=duration, **settings), run)
    sampler = Sampler([Counter(name, retained, trial)])
    return Soaking(trial, sampler, duration, (KeyboardInterrupt,), clock), sampler, trial


def test_a_soak_takes_its_time_and_no_more():
    soaking, _, trial = soak_of(lambda _: 5, duration=10, rate=100)

    assert soaking.run() == "time"
    assert soaking.runs == trial.runs
    assert 1_000 <= soaking.runs <= 1_002
    assert trial.executions == 1 + soaking.runs


def test_samples_are_bounded_and_keep_the_shape():
    soaking, sampler, _ = soak_of(lambda runs: min(runs, 3_000), duration=100)

    soaking.run()

    assert soaking.runs > 90_000
    assert len(sampler.runs()) < MOST_SAMPLES
    assert sum(soaking.batches()) == sampler.runs()[-1] - sampler.runs()[0]
    assert max(soaking.batches()) <= 6 * min(soaking.batches()[:-1])
    assert sampler.series()["gc_objects"][-1] == 3_000
    assert soaking.seen()["gc_objects"].outlook == "ended"


def test_a_soak_keeps_no_memory_of_its_runs():
    def traced(duration: float) -> int:
        soaking, _, _ = soak_of(lambda _: 5, duration=duration)
        tracemalloc.start()
        try:
            soaking.run()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    traced(1)

    assert traced(40) - traced(2) < 512


def test_certain_growth_ends_a_soak_early_and_not_before_large_caches_are_full():
    soaking, _, _ = soak_of(lambda runs: 2 * runs, duration=100)

    assert soaking.run() == "certain"
    assert 10_000 <= soaking.runs < 11_000  # a tenth of the time, which is more than 5,000 runs
    assert soaking.seen()["gc_objects"].exact


def test_a_full_cache_does_not_end_a_soak():
    soaking, _, _ = soak_of(lambda runs: min(runs, 4_096), duration=20)

    assert soaking.run() == "time"
    assert soaking.seen()["gc_objects"].outlook == "ended"


def test_few_runs_take_all_the_time_even_where_they_grow():
    soaking, _, _ = soak_of(lambda runs: runs, duration=100, rate=10)

    assert soaking.run() == "time"
    assert soaking.seen()["gc_objects"].outlook == "growing"


def test_a_soak_ends_before_descriptors_run_out():
    soaking, _, _ = soak_of(lambda runs: runs, name="fds")

    assert soaking.run() == "room"
    assert soaking.runs < 200
    assert soaking.seen()["fds"].outlook == "growing"


def test_what_is_allowed_does_not_end_a_soak():
    soaking, _, _ = soak_of(lambda runs: runs, max_objects=1)

    assert soaking.run() == "time"
    assert soaking.seen()["gc_objects"].outlook == "flat"


def test_events_are_told_by_the_smallest_rise_of_all_samples():
    soaking, _, _ = soak_of(lambda runs: 4 * (runs // 50), duration=60)

    soaking.run()

    assert soaking.events(soaking.seen()) == pytest.approx(1 / 50, rel=0.05)


def test_the_line_tells_how_far_it_is_and_what_grows():
    lines = []
    soaking, _, _ = soak_of(
        lambda runs: runs // 50,
        duration=600,
        rate=200,
        run=lambda run: lines.append(soaking.line()) if run in (1, 2_000) else None,
    )

    soaking.run()

    assert lines[0][0].endswith("of 10 min")
    assert lines[0][-2:] == ("flat", "10 min left")
    assert lines[1] == (
        "soak: 10 s of 10 min",
        "1,999 runs",
        "200/s",
        "+0.02 objects/run",
        "9 min 50 s left",
    )
    assert soaking.line() == ()


def stop_at(number: int, error: BaseException) -> Callable[[int], None]:
    def run(done: int) -> None:
        if done == number:
            raise error

    return run


def test_an_interrupt_ends_a_soak_with_what_is_known():
    interrupt = KeyboardInterrupt()
    soaking, _, trial = soak_of(lambda runs: runs, run=stop_at(300, interrupt))

    assert soaking.run() == "interrupt"
    assert soaking.interrupt is interrupt
    assert trial.executions == 301
    assert soaking.seen()["gc_objects"].outlook == "growing"


@pytest.mark.parametrize("batch", [1, 2, 3, 8, 1024])
def test_batches_differ_around_their_mean_and_none_is_empty(batch):
    sizes = [spread(batch, number) for number in range(100)]

    assert min(sizes) >= 1
    assert sum(sizes) / 100 == pytest.approx(batch, rel=0.3)
    assert batch == 1 or len(set(sizes)) > 1
    assert spread(0, 3) == 0


def test_an_interrupt_in_the_first_run_leaves_nothing_to_tell():
    soaking, _, _ = soak_of(lambda _: 5, run=stop_at(1, KeyboardInterrupt()))

    assert soaking.run() == "interrupt"
    assert soaking.seen() == {}
    assert soaking.told("interrupt", {}).runs == 0


def test_a_run_that_fails_is_not_swallowed():
    soaking, _, trial = soak_of(lambda _: 5, run=stop_at(7, BrokenRunError("failed")))

    with pytest.raises(BrokenRunError):
        soaking.run()
    assert trial.executions == 8


# What follows


class Explaining:
    """Says of every suspect what it is told to."""

    def __init__(self, *results: Result) -> None:
        self.results = list(results)
        self.asked = []

    def conclude(self, trial, sampler, confirmed, growth) -> Result:
        self.asked.append(confirmed)
        sampler.restart()
        return self.results.pop(0)


CLEAN = Result(verdict="clean", reason="by the ordinary check")
FOUND = Result(
    verdict="leak", findings=(Finding(type="T", objects_per_run=1, bytes_per_run=8, holder="h"),)
)


@pytest.fixture
def judged(monkeypatch):
    """Judge a made-up test by a soak; the clock is its own."""

    def judge_it(retained, *results, watch=None, closer=None, **more) -> Result:
        clock = Clock(1 / more.pop("rate", 1000.0))
        run = more.pop("run", lambda _: None)
        trial = FakeTrial(clock, Settings(**{"duration": 10.0, **more}), run)
        trial.started = 0.0
        sampler = Sampler([Counter("gc_objects", retained, trial)])
        monkeypatch.setattr(
            ending, "Soaking", lambda *args: Soaking(*args, clock=clock), raising=True
        )
        explaining = Explaining(*results)
        rest = Rest(check=lambda: CLEAN, look_closer=closer)
        judge_it.asked = explaining.asked
        concluder: Concluder = explaining  # type: ignore[assignment]
        return judge(trial, sampler, concluder, rest, watch)

    return judge_it


def test_a_flat_soak_is_clean_and_tells_its_trend(judged):
    result = judged(lambda _: 5)

    assert (result.verdict, result.reason) == ("clean", "")
    assert result.soak.runs == sum(result.batches) + 1
    assert result.soak.ended == "time"
    assert result.growth["gc_objects"] == 0
    assert result.soak.trends["gc_objects"].high == 0


def test_a_flat_test_is_looked_at_more_closely_and_a_sawtooth_is_not(judged):
    looked = []

    def closer(settled: Result) -> Result:
        looked.append(settled)
        return settled

    judged(lambda _: 5, closer=closer)
    judged(lambda runs: runs % 200, closer=closer)

    assert len(looked) == 1


def test_growth_that_has_ended_is_bounded(judged):
    result = judged(lambda runs: min(runs, 300))

    assert result.verdict == "bounded"
    assert result.reason.startswith("growth ended or faded within 10,00")


def test_growth_is_explained_and_told_with_the_trend(judged):
    result = judged(lambda runs: runs // 50, FOUND)

    assert result.verdict == "leak"
    assert result.findings == FOUND.findings
    assert result.soak.growing == ("gc_objects",)
    confirmed = judged.asked[0]
    assert confirmed.status == "convicted"
    assert confirmed.stretch > 100
    assert "+0.02 objects per run (95 % interval 0.0" in confirmed.soaked


def test_growth_on_each_run_takes_no_more_runs_to_explain_than_ever(judged):
    judged(lambda runs: 2 * runs, FOUND)

    assert judged.asked[0].stretch == 1
    assert judged.asked[0].judgements["gc_objects"].exact


def test_a_holder_that_was_not_found_is_looked_for_once_more(judged):
    result = judged(lambda runs: runs // 50, Result(verdict="leak"), Result(verdict="leak"))

    assert result.verdict == "leak"
    assert len(judged.asked) == 2


def test_growth_that_is_not_seen_again_before_the_end_is_soaked_on(judged):
    result = judged(lambda runs: min(runs, 6_000), Result(verdict="bounded"), duration=20.0)

    assert len(judged.asked) == 1
    assert result.verdict == "bounded"
    assert result.soak.ended == "time"
    assert result.soak.runs > 15_000


def test_growth_that_is_not_seen_again_after_the_end_is_inconclusive(judged):
    result = judged(lambda runs: runs, Result(verdict="bounded"), duration=4.0)

    assert result.verdict == "inconclusive"
    assert "but not in those that followed" in result.reason


def test_an_unclear_trend_is_inconclusive_with_slope_and_interval(judged):
    result = judged(lambda runs: int(50 * runs**0.5))

    assert result.verdict == "inconclusive"
    assert "no certain trend in 10,00" in result.reason
    assert "objects per run (95 % interval " in result.reason


def test_too_few_runs_for_a_trend_are_judged_as_ever(judged):
    result = judged(lambda runs: runs, rate=2.0)

    assert result.reason == CLEAN.reason
    assert result.soak.runs < 25


def test_an_interrupt_says_what_is_known_and_is_passed_on(judged):
    interrupt, heard = KeyboardInterrupt(), []
    watch = Watch(stopped=heard.append)

    growing = judged(lambda runs: runs, watch=watch, run=stop_at(900, interrupt))
    flat = judged(lambda _: 5, watch=watch, run=stop_at(900, interrupt))

    assert heard == [interrupt, interrupt]
    assert growing.verdict == "leak"
    assert growing.reason.startswith("interrupted after 899 runs: gc_objects +1 object per run (")
    assert flat.verdict == "inconclusive"
    assert flat.reason == "interrupted after 899 runs: flat so far"


def test_an_interrupt_before_any_sample_and_one_after_the_soak_say_so(judged):
    def interrupt(*_: object) -> Result:
        raise KeyboardInterrupt

    early = judged(lambda _: 5, watch=Watch(), run=stop_at(1, KeyboardInterrupt()))
    late = judged(lambda _: 5, watch=Watch(), closer=interrupt)

    assert early.reason == "interrupted after 0 runs: that is too few to tell"
    assert late.reason.endswith(" runs: flat so far")


def test_growth_that_was_looked_for_once_does_not_end_the_soak_again(judged):
    unsure = Result(verdict="inconclusive", reason="keys at random")

    result = judged(lambda runs: runs, unsure, unsure, duration=100.0)

    assert len(judged.asked) == 2
    assert result.soak.ended == "time"
    assert result.reason == "keys at random"


def test_an_interrupt_that_nobody_watches_for_is_raised(judged):
    with pytest.raises(KeyboardInterrupt):
        judged(lambda _: 5, run=stop_at(900, KeyboardInterrupt()))


def test_a_run_that_fails_late_is_told_with_what_grew_until_then(judged):
    result = judged(lambda runs: runs, run=stop_at(900, BrokenRunError("too many open files")))

    assert result.verdict == "inconclusive"
    assert result.reason.startswith("fails on re-run (execution 901): too many open files; until")
    assert "gc_objects +1 object per run" in result.reason
    assert result.soak.ended == "broken"


def test_a_run_that_fails_early_is_the_affair_of_others(judged):
    with pytest.raises(BrokenRunError):
        judged(lambda _: 5, run=stop_at(20, BrokenRunError("fails")))


def test_a_run_that_fails_while_the_holder_is_looked_for_leaves_a_leak(judged, monkeypatch):
    def fail(*_: object) -> Result:
        raise BrokenRunError("no more")

    monkeypatch.setattr(Explaining, "conclude", fail)

    result = judged(lambda runs: runs)

    assert result.verdict == "leak"
    assert result.evidence.endswith("who holds it was not found: a run failed: no more")
