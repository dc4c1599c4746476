"""Judge the corpus, and print how often the verdicts are right: `python -m benchmarks.accuracy`.

Each generated specimen is judged under ``--leak-check`` in a process of its own, and measured for
the simple rules in two more. Labelled ones are judged file by file. What is done is kept in the
work directory, and read back by later calls as long as neither the plugin nor the corpus changes;
`--fresh` starts anew. Linux only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from .corpus import SEED, Specimen, corpus
from .runs import ROOT, Outcome, judge_generated, judge_labelled, judge_together
from .sequential import SIMULATED, simulate
from .suites import read_suites
from .tables import Study, render

HERE = Path(__file__).parent
WORK = Path(tempfile.gettempdir(), "leakguard-accuracy")
SUITES = Path(tempfile.gettempdir(), "leakguard-suites")
#: What outcomes depend on, besides the interpreter.
SOURCES = ("pytest_leakguard/**/*.py", "tests/specimens/**/*.py", "benchmarks/accuracy/apps/*.py")
#: What a suite judged together is made of, unless it is chosen: a leak, and innocents that fill up,
#: flush, wander or draw at random, so that a verdict might flip.
TOGETHER = (
    r"64 B, every 3rd|cache of unstated size, 1$|cache of a fixed|pool of|buffer flushed(, 2| at)"
    r"|text|triangle, 6|generations|random walk, 5|weak|cycles|chain|executor|timer|work|modules"
    r"|listener|records logged|patterns|addresses|exception|loop run|file written|histogram"
)
OWN = ("corpus.py", "rules.py", "runs.py")
Judge = Callable[[Sequence[Specimen]], Iterable[Outcome]]


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smaller corpus, without labelled")
    parser.add_argument(
        "-k", dest="only", metavar="REGEX", help="only generated specimens so named"
    )
    parser.add_argument(
        "--repeat", type=int, default=1, metavar="N", help="rounds, of other hashes"
    )
    parser.add_argument(
        "--labelled-rules", action="store_true", help="ask simple rules about labelled ones: slow"
    )
    parser.add_argument("--together", action="store_true", help="a suite of some, in one session")
    parser.add_argument("--marked", action="store_true", help="mark the tests instead; no rules")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="processes at a time")
    parser.add_argument("--work", type=Path, default=WORK, metavar="DIR", help="(%(default)s)")
    parser.add_argument("--fresh", action="store_true", help="forget outcomes of earlier calls")
    parser.add_argument("--suites", type=Path, default=SUITES, metavar="DIR", help="(%(default)s)")
    parser.add_argument("--write-docs", type=Path, metavar="PATH", help="write the tables there")
    chosen = parser.parse_args()
    specimens = corpus(quick=chosen.quick or (chosen.together and not chosen.only))
    if only := chosen.only or (f"^({TOGETHER})" if chosen.together else ""):
        specimens = tuple(one for one in specimens if re.search(only, one.name))
    kept = Kept(chosen.work, _mode(chosen), fresh=chosen.fresh)
    print(f"seed of the corpus: {SEED}; seeds of hashes: 0 to {chosen.repeat - 1}", file=sys.stderr)
    outcomes: list[Outcome] = []
    for seed in range(chosen.repeat):
        outcomes += kept.or_judged(seed, specimens, _judge_generated(chosen, seed))
        if not (chosen.quick or chosen.only or chosen.together or chosen.marked):
            rules = chosen.labelled_rules and seed == 0
            outcomes += kept.or_labelled(seed, chosen.jobs, rules=rules)
    simulated = {
        name: simulate(make, number, seed=SEED)
        for name, make, number in (SIMULATED if not chosen.only else ())
    }
    suites = read_suites(chosen.suites)
    text = render(Study(outcomes=outcomes, suites=suites, mode=_mode(chosen), simulated=simulated))
    print(text)
    if chosen.write_docs:
        chosen.write_docs.write_text(text, encoding="utf-8")
    return 0


def _mode(chosen: argparse.Namespace) -> str:
    if chosen.together:
        return "together"
    return "marked" if chosen.marked else "whole suite"


def _judge_generated(chosen: argparse.Namespace, seed: int) -> Judge:
    def judge(specimens: Sequence[Specimen]) -> Iterable[Outcome]:
        if chosen.together:
            return judge_together(specimens, seed=seed)
        rules = seed == 0 and not chosen.marked
        return judge_generated(
            specimens, jobs=chosen.jobs, seed=seed, rules=rules, marked=chosen.marked
        )

    return judge


class Kept:
    """The outcomes of earlier calls with the same plugin and the same corpus.

    Args:
        work: Where they are kept.
        mode: How they were judged.
        fresh: Forget them.
    """

    def __init__(self, work: Path, mode: str, *, fresh: bool) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self._path = work / f"{mode.replace(' ', '-')}-{_fingerprint()}.jsonl"
        if fresh:
            self._path.unlink(missing_ok=True)
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        self._outcomes: list[Outcome] = [json.loads(line) for line in lines]

    def or_judged(
        self, seed: int, specimens: Sequence[Specimen], judge: Judge
    ) -> Iterator[Outcome]:
        """Yield the outcomes of a round; what is not kept is judged."""
        known = {one["name"]: one for one in self._outcomes if one["round"] == seed}
        yield from (known[one.name] for one in specimens if one.name in known)
        yield from self._keep(judge([one for one in specimens if one.name not in known]))

    def or_labelled(self, seed: int, jobs: int, *, rules: bool) -> Iterator[Outcome]:
        """Yield the outcomes of the labelled specimens in a round."""
        labelled = [one for one in self._outcomes if one["family"].startswith("labelled")]
        of_round = [one for one in labelled if one["round"] == seed]
        done = {one["name"].partition("::")[0] for one in of_round}
        yield from of_round
        yield from self._keep(judge_labelled(jobs=jobs, seed=seed, rules=rules, without=done))

    def _keep(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        with self._path.open("a", encoding="utf-8") as file:
            for done, outcome in enumerate(outcomes, 1):
                print(json.dumps(outcome), file=file, flush=True)
                wrong = outcome["leaks"] != (outcome["verdict"] == "leak")
                remark = f": {outcome['verdict']}" if wrong else ""
                print(f"{done} {outcome['name']}{remark}", file=sys.stderr, flush=True)
                yield outcome


def _fingerprint() -> str:
    digest = hashlib.sha256(sys.version.encode())
    files = [path for pattern in SOURCES for path in sorted(ROOT.glob(pattern))]
    for path in [*files, *(HERE / name for name in OWN)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


if __name__ == "__main__":
    raise SystemExit(main())
