"""Print what the memory table costs, and what of RSS it explains: ``python -m benchmarks.memory``.

Each row is a process of its own with a heap of some kind. Times are medians of several, in
milliseconds of processor time: with a look at all objects, and without. What is explained is what
the parts say that they hold, as a share of RSS; the rest is unexplained or, below 0, not resident.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time

from pytest_leakguard.memory import measure
from pytest_leakguard.units import format_size

OBJECTS = 300_000
HEAPS = {
    "nothing more": "kept = []",
    "small objects": "kept = [[str(n)] for n in range({objects} // 2)]",
    "every other one freed": "kept = [str(n) for n in range({objects} * 2)]; del kept[::2]",
    "large objects": "kept = [bytearray(n % 5000 + 600) for n in range({objects} // 10)]",
    "very large objects": "kept = [b'x' * (1 << 20) for _ in range(200)]",
    "never touched": "kept = [bytes(1 << 26) for _ in range(4)]",
    "20 threads with heaps": """
import threading
end, kept = threading.Event(), []
def work():
    kept.append([bytearray(2000) for _ in range(1000)])
    end.wait()
threads = [threading.Thread(target=work, daemon=True) for _ in range(20)]
for thread in threads: thread.start()
while len(kept) < 20: pass
""",
    "mapped by an extension": """
import mmap
kept = mmap.mmap(-1, 1 << 26, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
kept.write(b"x" * (1 << 26))
""",
}


def _median(repeats: int, *, objects: bool) -> float:
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        measure(objects=objects)
        times.append((time.process_time() - begun) * 1000)
    return statistics.median(times)


def _measure_here(code: str, repeats: int) -> None:
    names: dict[str, object] = {}
    exec(compile(code, "<heap>", "exec"), names)
    table = measure()
    row = {
        "objects": table.objects.number,
        "rss": table.rss_bytes,
        "fragmentation": table.arenas.fragmentation if table.arenas else None,
        "unexplained": table.unexplained_bytes,
        "whole_ms": _median(repeats, objects=True),
        "short_ms": _median(repeats, objects=False),
    }
    names.clear()  # only now
    print(json.dumps(row))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=OBJECTS, help="on the larger heaps")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--heap", choices=HEAPS, help="measure in this process, for one row")
    given = parser.parse_args()
    if given.heap:
        _measure_here(HEAPS[given.heap].format(objects=given.objects), given.repeats)
        return
    print(f"Python {platform.python_version()}, {platform.platform()}\n")
    print("| heap | objects | RSS | fragmentation | explained | the rest | whole | short |")
    print("|---|---|---|---|---|---|---|---|")
    for heap in HEAPS:
        words = [sys.executable, "-m", "benchmarks.memory", "--heap", heap]
        words += ["--objects", str(given.objects), "--repeats", str(given.repeats)]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        row = json.loads(done.stdout)
        explained = (row["rss"] - row["unexplained"]) / row["rss"]
        print(
            f"| {heap} | {row['objects']:,} | {format_size(row['rss'])}"
            f" | {row['fragmentation']:.1%} | {explained:.1%} | {format_size(row['unexplained'])}"
            f" | {row['whole_ms']:.0f} ms | {row['short_ms']:.0f} ms |"
        )


if __name__ == "__main__":
    main()
