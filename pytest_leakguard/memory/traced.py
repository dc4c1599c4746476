"""What has tracemalloc recorded, by package?"""

from __future__ import annotations

import tracemalloc

from pytest_leakguard.memory_table import Tallied, Traced
from pytest_leakguard.packages import package_of
from pytest_leakguard.raw_traces import raw_traces


def read_traced(root: str, library: str, limit: int) -> Traced | None:
    """Return what is in use of what was recorded; ``None`` if tracemalloc is off.

    Args:
        root: Directory of the user's own code; empty if unknown.
        library: Directory of the standard library; empty if unknown.
        limit: Packages that are told one by one; with 0 nothing is told by package.
    """
    if not tracemalloc.is_tracing():
        return None
    size, peak = tracemalloc.get_traced_memory()
    own = tracemalloc.get_tracemalloc_memory()
    if not limit:
        return Traced(size_bytes=size, peak_bytes=peak, own_bytes=own)
    by_file: dict[str, list[int]] = {}
    for _, traced, frames, _ in raw_traces(tracemalloc.take_snapshot()):
        total = by_file.setdefault(frames[0][0], [0, 0])
        total[0] += 1
        total[1] += traced
    packages: dict[str, list[int]] = {}
    for file, (number, traced) in by_file.items():
        total = packages.setdefault(package_of(file, root=root, library=library), [0, 0])
        total[0] += number
        total[1] += traced
    rows = [
        Tallied(name=name, number=number, size_bytes=traced)
        for name, (number, traced) in packages.items()
    ]
    rows.sort(key=lambda row: (-row.size_bytes, row.name))
    return Traced(
        size_bytes=size,
        peak_bytes=peak,
        own_bytes=own,
        packages=tuple(rows[:limit]),
        further=max(0, len(rows) - limit),
    )
