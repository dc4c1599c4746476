"""How are the outcomes shown? As Markdown: a table for each question."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .corpus import FREQUENCIES, PROMISED, SEED, SIZES, TRAFFICS
from .intervals import percentile, wilson
from .rules import CHECKPOINTS, RULES, Rule
from .runs import Outcome
from .suites import RealSuite

VERDICTS = ("clean", "leak", "bounded", "inconclusive", "unchecked", "no report")
SHOWN = tuple(rule for rule in RULES if rule.shown)
LONGEST = CHECKPOINTS[-1]


@dataclass(frozen=True, kw_only=True)
class Study:
    """All that is known.

    Attributes:
        outcomes: Of every specimen in every round.
        suites: Of the real suites that were run.
        mode: ``whole suite``, ``marked``, or ``together`` (one session, as a whole suite).
        simulated: Verdicts of the rule alone, by what was drawn.
    """

    outcomes: Sequence[Outcome]
    suites: Sequence[RealSuite]
    mode: str
    simulated: Mapping[str, Counter[str]] = field(default_factory=dict)


def render(study: Study) -> str:
    """Render the tables. All but that of flips rest on the first round alone.

    Labelled specimens that skip themselves, for want of a package, are no part of any.
    """
    first = [
        one
        for one in study.outcomes
        if one["round"] == 0 and one["reason"] != "the test was skipped"
    ]
    generated = [one for one in first if not is_labelled(one)]
    if study.mode == "together":
        executions = _of_executions(first, ())
        flips = _of_flips(study.outcomes)
        return "\n\n".join([_heading(study, first), *flips, *executions]) + "\n"
    parts = [_heading(study, first), *_by_rule(first), *_of_leaks(generated)]
    parts += [*_of_innocents(first), *_of_suites(study.suites), *_of_random(study.simulated)]
    parts += [*_of_executions(first, study.suites), *_of_flips(study.outcomes), *_misjudged(first)]
    return "\n\n".join(parts) + "\n"


def share(successes: int, trials: int) -> str:
    """Write a proportion with its 95 % interval."""
    if trials == 0:
        return "none"
    low, high = wilson(successes, trials)
    percent = f"{100 * successes / trials:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
    return f"{successes} of {trials}, {percent}"


def per_thousand(events: int, trials: int) -> str:
    """Write a rate per 1,000 with its 95 % interval."""
    if trials == 0:
        return "none"
    low, high = wilson(events, trials)
    return f"{1000 * events / trials:.1f} ({1000 * low:.1f} to {1000 * high:.1f})"


def is_labelled(outcome: Outcome) -> bool:
    """Tell whether a specimen is one of those that the tests have."""
    return outcome["family"].startswith("labelled")


def accused(outcome: Outcome) -> bool:
    """Tell whether the plugin would fail the test."""
    return outcome["verdict"] == "leak"


def accused_by(rule: Rule, checkpoint: int) -> Callable[[Outcome], bool]:
    """Return what tells whether a rule would fail the test."""
    return lambda outcome: rule.accuses(outcome["figures"], checkpoint)


def _heading(study: Study, first: Sequence[Outcome]) -> str:
    counts = Counter((is_labelled(one), one["leaks"]) for one in first)
    labelled = counts[True, True] + counts[True, False]
    how = {
        "whole suite": "each in a process of its own under `--leak-check`",
        "marked": "each in a process of its own, marked `noleak`",
        "together": "in one session under `--leak-check`",
    }[study.mode]
    text = (
        f"CPython {platform.python_version()}, {platform.system()}. {counts[False, True]} generated"
        f" leaks and {counts[False, False]} generated innocents (seed {SEED}), {how}"
    )
    if labelled:
        text += (
            f"; {counts[True, True]} labelled leaks and {counts[True, False]} labelled innocents,"
            " each file in a process"
        )
    return f"{text}. In brackets: 95 % intervals (Wilson's)."


def _by_rule(first: Sequence[Outcome]) -> Iterator[str]:
    rows = [_rule_row("pytest-leakguard", "as needed", first, accused)]
    measured = [one for one in first if one["figures"]]
    if measured:
        rows += [
            _rule_row(rule.name, str(checkpoint), measured, accused_by(rule, checkpoint))
            for rule in RULES
            for checkpoint in CHECKPOINTS
        ]
    head = (
        "rule", "runs", "recall, at most every 3rd run", "recall, rarer or random",
        "recall, labelled", "precision", "false accusations per 1,000 innocents",
    )  # fmt: skip
    yield "**Recall and precision**, beside simple rules on the same specimens, where asked."
    yield _table(head, rows)


def _rule_row(
    name: str, runs: str, outcomes: Sequence[Outcome], accuses: Callable[[Outcome], bool]
) -> list[str]:
    promised = [one for one in _leaks(outcomes) if one["every"] in PROMISED]
    groups = (
        [one for one in promised if not is_labelled(one)],
        [one for one in _leaks(outcomes) if one["every"] not in PROMISED],
        [one for one in promised if is_labelled(one)],
    )
    innocents = [one for one in outcomes if not one["leaks"]]
    caught, wronged = sum(map(accuses, _leaks(outcomes))), sum(map(accuses, innocents))
    return [
        name,
        runs,
        *(share(sum(map(accuses, group)), len(group)) for group in groups),
        share(caught, caught + wronged),
        per_thousand(wronged, len(innocents)),
    ]


def _leaks(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one["leaks"]]


def _of_leaks(generated: Sequence[Outcome]) -> Iterator[str]:
    leaks = _leaks(generated)
    if not leaks:
        return
    yield "**Leaks caught**, by what a leak leaves behind each time and by how often it does."
    yield _table(("left behind", *FREQUENCIES.values(), "all"), list(_matrix(leaks)))
    yield f"**Recall by frequency and by other traffic**; simple rules after {LONGEST} runs."
    rows = [
        _compared(name, [one for one in leaks if one["every"] == every])
        for every, name in FREQUENCIES.items()
    ]
    rows += [
        _compared(
            f"traffic: {traffic}, at most every 3rd run",
            [one for one in leaks if one["traffic"] == traffic and one["every"] in PROMISED],
        )
        for traffic in TRAFFICS
    ]
    yield _table(("leaks", "pytest-leakguard", *(rule.name for rule in SHOWN)), rows)


def _matrix(leaks: Sequence[Outcome]) -> Iterator[list[str]]:
    for size in (*SIZES, "all"):
        of_size = [one for one in leaks if size in {"all", one["family"]}]
        cells = []
        for every in FREQUENCIES:
            some = [one for one in of_size if one["every"] == every]
            cells.append(f"{sum(map(accused, some))} of {len(some)}")
        yield [size, *cells, share(sum(map(accused, of_size)), len(of_size))]


def _compared(name: str, outcomes: Sequence[Outcome]) -> list[str]:
    measured = [one for one in outcomes if one["figures"]]
    rules = (accused_by(rule, LONGEST) for rule in SHOWN)
    return [
        name,
        share(sum(map(accused, outcomes)), len(outcomes)),
        *(share(sum(map(accuses, measured)), len(measured)) for accuses in rules),
    ]


def _of_innocents(first: Sequence[Outcome]) -> Iterator[str]:
    innocents = [one for one in first if not one["leaks"]]
    rows = []
    for family in (*dict.fromkeys(one["family"] for one in innocents), "all"):
        some = [one for one in innocents if family in {"all", one["family"]}]
        undecided = sum(one["verdict"] not in {"clean", "bounded", "leak"} for one in some)
        measured = [one for one in some if one["figures"]]
        rules = (accused_by(rule, LONGEST) for rule in SHOWN)
        rows.append(
            [family, str(len(some)), str(sum(map(accused, some))), str(undecided)]
            + [f"{sum(map(accuses, measured))} of {len(measured)}" for accuses in rules]
        )
    yield f"**Innocents accused**, by kind; simple rules after {LONGEST} runs."
    head = ("innocents", "number", "pytest-leakguard", "undecided")
    yield _table((*head, *(rule.name for rule in SHOWN)), rows)


def _of_suites(suites: Sequence[RealSuite]) -> Iterator[str]:
    if not suites:
        return
    judged, found = sum(s["judged"] for s in suites), sum(s["accused"] for s in suites)
    true, false = sum(s["true"] for s in suites), sum(s["false"] for s in suites)
    head = ("real suites", "tests judged", "accused", "inspected and true", "inspected and false")
    row = [str(len(suites)), f"{judged:,}", str(found), str(true), str(false)]
    rate = per_thousand(found - true, judged)
    yield "**Real suites**: those of `benchmarks.real_suites` that were run."
    yield _table((*head, "false or not inspected, per 1,000 tests"), [[*row, rate]])


def _of_random(simulated: Mapping[str, Counter[str]]) -> Iterator[str]:
    if not simulated:
        return
    kinds = [verdict for verdict in VERDICTS if any(of[verdict] for of in simulated.values())]
    rows = [
        [name, *(share(of[verdict], sum(of.values())).partition(", ")[2] for verdict in kinds)]
        for name, of in simulated.items()
    ]
    draws = next(iter(simulated.values())).total()
    yield (
        f"**Random counters**, {draws:,} drawn of each (seed {SEED}), judged by the rule alone: no"
        " test, and no diagnosis, which needs a holder for each conviction that is not exact."
    )
    yield _table(("what a counter reads", *kinds), rows)


def _of_executions(first: Sequence[Outcome], suites: Sequence[RealSuite]) -> Iterator[str]:
    rows = []
    for where, executions in (
        ("specimens", [(one["verdict"], [one["executions"]]) for one in first]),
        ("real suites", [pair for suite in suites for pair in suite["executions"].items()]),
    ):
        for verdict in VERDICTS[:4]:
            some = [count for of, counts in executions if of == verdict for count in counts]
            if some:
                figures = (percentile(some, 50), percentile(some, 95), max(some))
                rows.append([where, verdict, f"{len(some):,}", *(f"{n:g}" for n in figures)])
    yield "**Executions per verdict**, the ordinary run included."
    yield _table(("of", "verdict", "tests", "median", "95th percentile", "most"), rows)


def _of_flips(outcomes: Sequence[Outcome]) -> Iterator[str]:
    rounds = len({one["round"] for one in outcomes})
    if rounds < 2:
        return
    flips = flips_of(outcomes)
    names = {one["name"] for one in outcomes}
    turned = [name for name, verdicts in flips.items() if "leak" in verdicts]
    yield (
        f"**Flips**: {rounds} rounds with other hashes, {len(names)} specimens,"
        f" {len(outcomes):,} verdicts. Not always the same verdict: {len(flips)} specimens;"
        f" not always the same outcome of the test: {len(turned)}."
    )
    if flips:
        rows = [
            [name, ", ".join(f"{verdict} {n}" for verdict, n in verdicts.most_common())]
            for name, verdicts in flips.items()
        ]
        yield _table(("specimen", "verdicts"), rows)


def flips_of(outcomes: Iterable[Outcome]) -> dict[str, Counter[str]]:
    """Count the verdicts of each specimen that was not given the same one in every round."""
    verdicts: dict[str, Counter[str]] = {}
    for one in outcomes:
        verdicts.setdefault(one["name"], Counter())[one["verdict"]] += 1
    return {name: counts for name, counts in verdicts.items() if len(counts) > 1}


def _misjudged(first: Sequence[Outcome]) -> Iterator[str]:
    promised = [one for one in _leaks(first) if one["every"] in PROMISED]
    lists = (
        ("Leaks missed, of those on at most every third run", [
            one for one in promised if not accused(one)
        ]),
        ("Innocents accused", [one for one in first if not one["leaks"] and accused(one)]),
        ("Innocents not decided", [
            one for one in first
            if not one["leaks"] and one["verdict"] not in {"clean", "bounded", "leak"}
        ]),
    )  # fmt: skip
    for title, some in lists:
        if some:
            yield f"**{title}**, by name."
            rows = [[one["name"], one["verdict"], one["reason"]] for one in some]
            yield _table(("specimen", "verdict", "reason"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(c.replace('|', '/') for c in line)} |" for line in lines)
