"""The report to look at in a browser: one file, that needs no other and no network."""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import final
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from pytest_leakguard.escaping import printable
from pytest_leakguard.model import VERDICTS, Frame
from pytest_leakguard.reports.causes import causes_of, rate_of
from pytest_leakguard.reports.facts import SessionFacts, TestOutcome
from pytest_leakguard.reports.html.charts import (
    charts_of,
    charts_of_session,
    timeline_charts_of,
)
from pytest_leakguard.reports.html.source import lines_around
from pytest_leakguard.reports.json import relative
from pytest_leakguard.reports.memory import HEADINGS, conclusions, listings, rows_of
from pytest_leakguard.reports.memory_in_short import short_lines
from pytest_leakguard.reports.monitor import monitor_lines
from pytest_leakguard.reports.soaks import length_text, slope_text
from pytest_leakguard.reports.summary import comparison_lines, summary_line, summary_lists
from pytest_leakguard.reports.text import growth_text
from pytest_leakguard.units import format_duration, format_rates, format_size, plural

_HERE = Path(__file__).parent
#: The most pressing first.
_BY_CONCERN = ("leak", "inconclusive", "known", "bounded", "unchecked", "clean")
#: Causes in the table, and tests that are shown with pictures and sources: what a browser opens at
#: once, and far more than anybody reads.
_MOST_CAUSES, _MOST_IN_FULL = 200, 200
#: Entries of each kind among the notes of a session.
_MOST_NOTES = 20
#: Rows of each list of where memory is.
_MOST_LISTED = 10


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One test, as the page shows it."""

    key: str
    outcome: TestOutcome
    growth: str
    order: int

    @property
    def words(self) -> str:
        """What a reader may search for."""
        result = self.outcome.result
        words = [self.outcome.nodeid, result.reason]
        for finding in result.findings:
            words += [finding.holder, finding.type, finding.pattern, finding.fingerprint]
            words += [frame.file for frame in finding.allocated[:1]]
        return " ".join(words).lower()

    @property
    def has_details(self) -> bool:
        """Whether there is more to say than its line does."""
        result = self.outcome.result
        moved = any(len(set(samples)) > 1 for samples in result.series.values())
        return bool(result.findings or result.reason or moved or result.soak)


def render_html(facts: SessionFacts, root: Path, target: Path | None = None) -> str:
    """Write a session as a page: overview, causes, and each test with all that is known of it.

    Args:
        facts: The session.
        root: Directory that file names are given relative to; the files that are named are read.
        target: Where the page goes: it links to other files from there, and not without.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_visible,
    )
    environment.filters.update(
        duration=format_duration, rates=format_rates, plural=plural, size=format_size
    )
    environment.filters.update(length_of_soak=length_text, slope=slope_text)
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    tests = [_test(order, outcome) for order, outcome in enumerate(facts.tests)]
    causes = causes_of(facts, root)
    notes = [
        *summary_lists(facts, limit=_MOST_NOTES),
        *comparison_lines(facts, limit=_MOST_NOTES),
    ]
    tests.sort(key=lambda test: _BY_CONCERN.index(test.outcome.result.verdict))
    return environment.get_template(
        "page.html.jinja"
    ).render(
        facts=facts,
        style=Markup(style),  # noqa: S704  # our own file
        script=Markup(script),  # noqa: S704  # our own file
        style_hash=_hash(style),
        script_hash=_hash(script),
        summary=summary_line(facts).partition(": ")[2] or "nothing was checked",
        notes=notes,
        verdicts=VERDICTS,
        counts=Counter(outcome.result.verdict for outcome in facts.tests),
        causes=causes[:_MOST_CAUSES],
        more_causes=len(causes) - _MOST_CAUSES,
        most_in_full=_MOST_IN_FULL,
        tests=tests,
        keys={test.outcome.nodeid: test.key for test in tests},
        memory_headings=HEADINGS,
        memory_rows=rows_of,
        memory_conclusions=conclusions,
        memory_listings=lambda table: listings(table, limit=_MOST_LISTED),
        memory_in_short=short_lines,
        charts=charts_of,
        session_charts=charts_of_session,
        monitor_lines=lambda monitored: list(monitor_lines(monitored, limit=_MOST_NOTES)),
        timeline_charts=timeline_charts_of,
        rate=rate_of,
        around=lines_around,
        place=lambda frame: _place(frame, root),
        short=lambda file: relative(file, root),
        link=lambda file: "" if target is None else _link(file, target),
    )


def _test(order: int, outcome: TestOutcome) -> _Test:
    grows = outcome.result.verdict in {"leak", "known"}
    return _Test(
        key=f"test-{hashlib.sha256(repr(outcome.nodeid).encode()).hexdigest()[:10]}",
        outcome=outcome,
        growth=growth_text(outcome.result) if grows else "",
        order=order,
    )


def _place(frame: Frame, root: Path) -> str:
    function = f"fixture {frame.fixture}" if frame.fixture else frame.function
    return f"{relative(frame.file, root)}:{frame.line} in {function}"


def _link(file: str, page: Path) -> str:
    """Return the address of a file as the page has it; empty where none leads there from it."""
    try:
        way = os.path.relpath(file, page.absolute().parent)
    except ValueError:  # on another drive
        return ""
    return quote(Path(way).as_posix())


def _hash(text: str) -> str:
    """Return what a content security policy knows an element by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _visible(value: object) -> object:
    """Show as escapes what text would hide; the page's own markup stays as it is."""
    return printable(value, keep="\n\t") if type(value) is str else value
