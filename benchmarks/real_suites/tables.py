"""How are results shown? As Markdown: a table of the suites, then what was found in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .results import Result

VERDICTS = ("clean", "leak", "bounded", "inconclusive", "unchecked")
DIFFERING = {
    "unused": "outcomes, unused",
    "checked": "outcomes, checked",
    "together": "outcomes, `-n 2`",
    "texts": "JUnit",
    "coverage": "coverage",
    "apart": "verdicts, `-n 2`",
}
COLUMNS = ("suite", "style", "tests", *DIFFERING.values(), *VERDICTS)
RATIOS = ("time unused", "time checked", "executions per test")
FINDING_COLUMNS = ("suite", "holder", "type", "tests", "objects per run")
LISTED = 10  # tests of a suite and mode that are named when their outcome differs


def render(results: Sequence[Result]) -> str:
    """Render everything that is known of some suites."""
    rows, found, remarks = [], [], []
    for one in results:
        suite = one["suite"]
        rows.append([suite["requirement"], suite["style"], *_numbers([one])])
        remarks += [f"* {suite['name']}, {remark}" for remark in _remarks(one)]
        for group in one["groups"]:
            held = [f"`{group['holder']}`", f"`{group['type']}`", str(group["tests"])]
            ends = sorted({*group["rates"][:1], *group["rates"][-1:]})
            found.append([suite["name"], *held, " to ".join(f"+{rate:g}" for rate in ends)])
    parts = [_table([*COLUMNS, *RATIOS], [*rows, ["all", "", *_numbers(results)]])]
    parts.append(_table(FINDING_COLUMNS, found) if found else "No findings.")
    return "\n\n".join([*parts, "\n".join(remarks)]).rstrip() + "\n"


def _numbers(results: Sequence[Result]) -> list[str]:
    verdicts = [sum(one["verdicts"].get(name, 0) for one in results) for name in VERDICTS]
    judged = sum(sum(one["verdicts"].values()) for one in results)
    executions = sum(one["executions"] for one in results)
    modes = ("plain", "unused", "checked")
    plain, *other = (sum(one["seconds"][mode] for one in results) for mode in modes)
    return [
        f"{sum(one['tests'] for one in results):,}",
        *(f"{sum(len(one[key]) for one in results):,}" for key in DIFFERING),
        *(f"{number:,}" for number in verdicts),
        *(f"{seconds / plain:.2f}x" for seconds in other),
        f"{executions / judged:.1f}" if judged else "no report",
    ]


def _remarks(result: Result) -> Iterable[str]:
    for key, name in DIFFERING.items():
        yield from (f"{name}: `{one}`" for one in result[key][:LISTED])
        if len(result[key]) > LISTED:
            yield f"{name}: ... and {len(result[key]) - LISTED} more"
    codes = result["exit_codes"].items()
    yield from (f"{mode}: exit code {code}" for mode, code in codes if code not in {0, 1})
    if result["tests"] != result["suite"]["expected"]:
        yield f"plain: {result['tests']} tests, {result['suite']['expected']} expected"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(c.replace('|', '/') for c in line)} |" for line in lines)
