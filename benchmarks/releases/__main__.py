"""Measure the plugin by leaks of published releases: `python -m benchmarks.releases`.

It takes Python 3.11 or newer, for its TOML reader, the interpreters that the pairs name on the
PATH, and a pip that can reach an index. Finished pairs are read back from the work directory;
`--fresh` runs them again. `--verify` does not ask the plugin: it calls each test thousands of
times in both releases and measures what grows, which is how a pair gets onto the list.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from .pairs import CHECKOUT, Pair, read_pairs
from .runs import MODES, Result, measure, verify
from .tables import caught, passed, render

WORK = Path(tempfile.gettempdir(), "leakguard-releases")


def main() -> int:
    """Do what the command line asks for; 1 when a leak is missed or a fixed release accused."""
    pairs = read_pairs()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.releases", description=__doc__)
    parser.add_argument("--pair", action="append", choices=pairs, metavar="NAME")
    parser.add_argument("--work", type=Path, default=WORK, metavar="DIR", help="(%(default)s)")
    parser.add_argument("--plugin", type=Path, default=CHECKOUT, metavar="DIR", help="its checkout")
    parser.add_argument("--fresh", action="store_true", help="forget results of earlier calls")
    parser.add_argument("--verify", action="store_true", help="only measure, without the plugin")
    parser.add_argument("--write-docs", type=Path, metavar="PATH", help="write the tables there")
    chosen = parser.parse_args()
    work, plugin = chosen.work.resolve(), chosen.plugin.resolve()
    work.mkdir(parents=True, exist_ok=True)
    results: list[Result] = []
    sound = True
    for pair in pairs.values() if not chosen.pair else (pairs[name] for name in chosen.pair):
        try:
            if chosen.verify:
                holds, lines = verify(pair, work, plugin)
                print(f"{pair['name']}: {'holds' if holds else 'DOES NOT HOLD'}", flush=True)
                print(*(f"    {line}" for line in lines), sep="\n", flush=True)
                sound &= holds
                continue
            result = read_or_measure(pair, work, plugin, fresh=chosen.fresh)
        except subprocess.CalledProcessError as error:
            print(f"{pair['name']}: not installed: {error}", file=sys.stderr)
            sound = False
            continue
        results.append(result)
        good = all(caught(result, mode) and passed(result, mode) for mode in MODES)
        print(f"{pair['name']}: {'as it should be' if good else 'NOT'}", file=sys.stderr)
        sound &= good
    if results:
        print(render(results))
        if chosen.write_docs:
            chosen.write_docs.write_text(render(results), encoding="utf-8")
    return 0 if sound else 1


def read_or_measure(pair: Pair, work: Path, plugin: Path, *, fresh: bool) -> Result:
    """Measure a pair, or read back what an earlier call found."""
    kept = work / f"{pair['name']}.json"
    if kept.exists() and not fresh:
        earlier: Result = json.loads(kept.read_text(encoding="utf-8"))
        if earlier["pair"] == pair:
            return earlier
    result = measure(pair, work, plugin)
    kept.write_text(json.dumps(result), encoding="utf-8")
    return result


if __name__ == "__main__":
    raise SystemExit(main())
