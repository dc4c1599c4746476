"""What do recorded runs leave behind, as text?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from pytest_leakguard.diagnosis.recording import Leftover
from pytest_leakguard.diagnosis.traces import PACKAGE
from pytest_leakguard.escaping import printable
from pytest_leakguard.reports.columns import aligned
from pytest_leakguard.units import format_number, format_size, plural

#: Places that are listed, and frames of each.
_MOST_PLACES, _MOST_FRAMES = 50, 12
#: Whose frames had the test run: what stands outside of them says nothing of it.
_RUNNER = f"{os.sep}_pytest{os.sep}"
_LEAST_FRAMES = 3
#: The rarest leak that is told from what was left once, in runs.
_RAREST = 3
_NUMBERS = range(4)


def render(leftovers: Sequence[Leftover], *, test: str, runs: int) -> str:
    """Write what the runs have left, what runs leave again and again first.

    Args:
        leftovers: What is alive at the end, the largest first.
        test: The test that was run.
        runs: How often.
    """
    others = [one for one in leftovers if not _is_ours(one)]
    size = sum(one.size_bytes for one in others)
    ordered = sorted(others, key=lambda one: (one.number * _RAREST < runs, not one.frames))
    lines = [
        f"{plural(runs, 'run')} of {printable(test)} left {format_size(size)}"
        f" at {plural(len(others), 'place')}, by memray",
        f"First the places with a block left on every {_RAREST}rd run at least; then those with"
        " fewer, such as what the last run alone has left.",
        "",
    ]
    rows = [("size", "per run", "blocks", "per run", "place, innermost frame first")]
    for one in ordered[:_MOST_PLACES]:
        first, *callers = _frames(one)
        rows.append(
            (
                format_size(one.size_bytes),
                format_size(one.size_bytes / runs),
                format_number(one.number),
                format_number(round(one.number / runs, 2)),
                first,
            )
        )
        rows += [("", "", "", "", caller) for caller in callers]
    lines += aligned(rows, numbers=_NUMBERS)
    if (more := len(ordered) - _MOST_PLACES) > 0:
        lines.append(f"... and {plural(more, 'more place')}: the table has them")
    return "\n".join(lines) + "\n"


def _is_ours(one: Leftover) -> bool:
    """Tell whether the measurer has taken it, by itself or by what it calls at once."""
    return any(file.startswith(PACKAGE) for _, file, _ in one.frames[:2])


def _frames(one: Leftover) -> Iterator[str]:
    inside = len(one.frames)
    for depth, (_, file, _) in enumerate(one.frames):
        if _RUNNER in file or file.startswith(PACKAGE):
            inside = depth
            break
    shown = inside or min(_LEAST_FRAMES, len(one.frames))
    for function, file, line in one.frames[: min(shown, _MOST_FRAMES)]:
        yield printable(f"{file}:{line} in {function}" if line else function)
    if not one.frames:
        yield "no Python code"
    elif shown > _MOST_FRAMES:
        yield f"... {plural(shown - _MOST_FRAMES, 'frame')}"
