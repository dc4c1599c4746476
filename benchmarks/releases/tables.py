"""How are results shown? As Markdown: a table of the pairs, their sum, and each miss."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .runs import MODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .runs import Judged, Result

COLUMNS = (
    "pair", "leaks", "fixed in", "kind", *(f"leaking, {mode}" for mode in MODES),
    *(f"fixed, {mode}" for mode in MODES), "growth per run", "named", "executions",
)  # fmt: skip
FORMATS = {"native_bytes": "bytes", "mapped_bytes": "mapped bytes", "gc_objects": "gc objects"}


def caught(result: Result, mode: str) -> bool:
    """Tell whether the leaking release was found to leak."""
    judged = result["judged"]["leaking"][mode]
    return judged["verdict"] == "leak" and judged["exit_code"] == 1


def passed(result: Result, mode: str) -> bool:
    """Tell whether the fixed release passed, and was judged."""
    judged = result["judged"]["fixed"][mode]
    return judged["exit_code"] == 0 and judged["verdict"] in {"clean", "bounded"}


def render(results: Sequence[Result]) -> str:
    """Render everything that is known of some pairs."""
    rows = [_row(result) for result in results]
    parts = [_table(COLUMNS, rows), _sums(results)]
    remarks = [remark for result in results for remark in _remarks(result)]
    return "\n\n".join([*parts, "\n".join(remarks)]).rstrip() + "\n"


def _row(result: Result) -> list[str]:
    pair, leaking = result["pair"], result["judged"]["leaking"]
    shown = max(leaking.values(), key=lambda one: (one["verdict"] == "leak", len(one["named"])))
    executions = [str(one["executions"]) for one in leaking.values()]
    return [
        pair["name"],
        f"{pair['package']} {pair['leaking']}",
        f"[{pair['fixed']}]({pair['link']})",
        pair["kind"],
        *(one["verdict"] for one in leaking.values()),
        *(one["verdict"] for one in result["judged"]["fixed"].values()),
        _growth(shown),
        "; ".join(f"`{one}`" for one in shown["named"][:2]),
        ", ".join(executions),
    ]


def _growth(judged: Judged) -> str:
    shown = [f"{FORMATS.get(name, name)} +{grew:g}" for name, grew in judged["growth"].items()]
    return ", ".join(shown)


def _sums(results: Sequence[Result]) -> str:
    rows = []
    kinds = Counter(result["pair"]["kind"] for result in results)
    for kind in [*kinds, "all"]:
        some = [result for result in results if kind in {"all", result["pair"]["kind"]}]
        numbers = [
            f"{sum(test(result, mode) for result in some)} of {len(some)}"
            for test in (caught, passed)
            for mode in MODES
        ]
        rows.append([kind, str(len(some)), *numbers])
    head = ["kind", "pairs", *(f"caught, {mode}" for mode in MODES)]
    return _table([*head, *(f"fixed passes, {mode}" for mode in MODES)], rows)


def _remarks(result: Result) -> Iterable[str]:
    name = result["pair"]["name"]
    for mode in MODES:
        for which, good in (("leaking", caught(result, mode)), ("fixed", passed(result, mode))):
            if not good:
                judged = result["judged"][which][mode]
                said = f"{judged['verdict']}, exit code {judged['exit_code']}"
                grew = _growth(judged) or "nothing grew"
                yield f"* {name}, {which}, {mode}: {said}; {grew}. {judged['reason']}".rstrip()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(c.replace('|', '/') for c in line)} |" for line in lines)
