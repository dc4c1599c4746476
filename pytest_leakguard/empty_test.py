"""Is an empty test flat in this process? If even that moves a counter, nothing can be judged."""

from __future__ import annotations

from dataclasses import replace
from typing import final

from pytest_leakguard import forkable, runner
from pytest_leakguard.clock import wait
from pytest_leakguard.counters.selection import Selection
from pytest_leakguard.heap import Heap
from pytest_leakguard.model import Result
from pytest_leakguard.runner import Trial
from pytest_leakguard.sampling import Sampler
from pytest_leakguard.settings import Settings
from pytest_leakguard.settle import renew_environment_table

_IDLE_SECONDS = 0.002
#: How long is waited before each further attempt.
_PAUSES_SECONDS = (0.1, 0.4, 1.5)


@final
class _Idle:
    """Lets other threads run for a moment, and does nothing."""

    def run(self) -> None:
        wait(_IDLE_SECONDS)


def judge_empty_test(selection: Selection) -> Result:
    """Judge an empty test.

    A thread may have just begun its work, such as to fill a cache: it is given a moment. Where
    other threads go on moving something, the reason of the verdict says so, which is ``clean``.

    Args:
        selection: Selects the counters that are read.

    Returns:
        ``clean`` if nothing moved, or only other threads did that; else ``unchecked``.
    """
    result = _judge_once(selection)
    for pause in _PAUSES_SECONDS:
        if result.verdict == "clean":
            break
        wait(pause)
        result = _judge_once(selection)
    if result.verdict != "clean" and forkable.other_threads():
        # What they gather is told from what a test leaves behind by each test's diagnosis.
        return replace(result, verdict="clean")
    return result


def _judge_once(selection: Selection) -> Result:
    renew_environment_table()
    with Heap() as heap:
        trial = Trial(subject=_Idle(), settings=Settings(), heap=heap)
        sampler = Sampler(selection.of_process())
        runner.warm_up(trial, sampler)
        screened = runner.screen(trial, sampler)
    moved = ", ".join(
        name for name, steps in screened.steps.items() if any(step > 0 for step in steps)
    )
    return Result(
        verdict="clean" if screened.flat else "unchecked",
        reason="" if screened.flat else f"an empty test is not flat: {moved} moved",
        executions=trial.executions,
        series=screened.series,
    )
