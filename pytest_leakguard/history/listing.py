"""How is a history shown as tables?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pytest_leakguard.escaping import printable
from pytest_leakguard.history.reading import Judged, Seen, Session, Tally
from pytest_leakguard.reports.columns import aligned
from pytest_leakguard.units import format_number, format_size

_SESSION = ("session", "time (UTC)", "commit", "branch")
#: Verdicts that have a column only where a test was given one.
_SELDOM = ("bounded", "inconclusive", "unchecked")


def session_table(tallies: Sequence[Tally]) -> Iterator[str]:
    """Write a line for each session: how many tests have which verdict, and how many causes."""
    seldom = [name for name in _SELDOM if any(name in tally.verdicts for tally in tallies)]
    columns = ("checked", "clean", *seldom, "leaking", "new", "known", "causes")
    rows: list[tuple[str, ...]] = [(*_SESSION, *columns)]
    for tally in tallies:
        new, known = tally.verdicts.get("leak", 0), tally.verdicts.get("known", 0)
        numbers = [
            sum(tally.verdicts.values()),
            *(tally.verdicts.get(verdict, 0) for verdict in ("clean", *seldom)),
            new + known,
            new,
            known,
            tally.causes,
        ]
        rows.append((*_cells(tally.session), *map(str, numbers)))
    return aligned(rows, numbers={0, *range(len(_SESSION), len(rows[0]))})


def judged_table(entries: Sequence[Judged]) -> Iterator[str]:
    """Write a line for each verdict on a test: what it left behind per run, or why."""
    rows = [(*_SESSION, "verdict", "test", "growth per run")]
    for entry in entries:
        about = growth_text(entry.growth) or printable(entry.reason)
        rows.append((*_cells(entry.session), entry.verdict, printable(entry.nodeid), about))
    return aligned(rows, numbers={0})


def cause_table(entries: Sequence[Seen]) -> Iterator[str]:
    """Write a line for each cause in a session: how fast it grew, in how many tests."""
    rows = [(*_SESSION, "fingerprint", "status", "tests", "objects", "bytes", "held by")]
    rows += [
        (
            *_cells(seen.session),
            seen.fingerprint,
            seen.status,
            str(seen.tests),
            f"+{format_number(seen.objects_per_run)}" if seen.objects_per_run else "",
            f"+{format_size(seen.bytes_per_run)}" if seen.bytes_per_run else "",
            printable(f"{seen.holder} ({seen.type})"),
        )
        for seen in entries
    ]
    return aligned(rows, numbers={0, 6, 7, 8})


def growth_text(growth: Mapping[str, float | None]) -> str:
    """Write what grew: ``gc_objects +2, native_bytes +4 KiB``; empty if nothing did."""
    return ", ".join(
        f"{counter} {'+' if per_run > 0 else ''}{amount_text(counter, per_run)}"
        for counter, per_run in growth.items()
        if per_run is not None
    )


def amount_text(measured: str, amount: float) -> str:
    """Write an amount in the unit of what is measured: bytes, or a plain number.

    Args:
        measured: A counter, ``objects``, ``bytes`` or ``tests``; of these there are no halves.
        amount: How many.
    """
    if measured == "tests" and amount % 1:
        return ""
    if measured.endswith("bytes"):
        return format_size(amount)
    return format_number(round(amount, 2)) if abs(amount) >= 1 else f"{amount:.3g}"


def session_text(session: Session) -> str:
    """Write a session's number, time and commit."""
    number, *others = _cells(session)
    return f"{number} ({', '.join(text for text in others if text)})"


def _cells(session: Session) -> tuple[str, str, str, str]:
    commit = session.commit_name[:8] + ("+" if session.dirty else "")
    return (
        str(session.id),
        printable(session.time[:16].replace("T", " ")),
        printable(commit),
        printable(session.branch),
    )
