"""The report for people on one test: a failure's page, and its one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median_low

from pytest_leakguard.evidence import Profile, TracedRun
from pytest_leakguard.model import Finding, Frame, NativeFrame, Result, Share
from pytest_leakguard.reports.json import relative
from pytest_leakguard.reports.memory_in_short import page_lines as lines_of_memory
from pytest_leakguard.reports.soaks import page_lines as lines_of_soak
from pytest_leakguard.settings import COUNTER_NAMES, Settings
from pytest_leakguard.units import format_number, format_size, plural

_RESOURCES = {
    "fds": "file descriptor",
    "threads": "thread",
    "children": "child process",
    "temp_files": "temporary file",
}
#: What is done to a resource where an object is allocated.
_BEGINNINGS = {
    "file descriptor": "opened",
    "thread": "started",
    "child process": "started",
    "temporary file": "made",
    "native memory": "taken",
    "mapped memory": "mapped",
}
_BYTES = {"native_bytes": "native", "mapped_bytes": "mapped", "traced_bytes": ""}
_MAX_FRAMES = 4
_MAX_HELD = 3
_MAX_FINDINGS = 3
_MAX_STEPS = 6
#: Lines of a page beyond which its later findings are cut short.
_MAX_LINES = 40


def growth_text(result: Result) -> str:
    """Write the growth per run: ``+2 objects, +336 B per run``."""
    parts = []
    objects = result.growth.get("gc_objects") or 0
    if objects > 0:
        parts.append(f"+{plural(objects, 'object')}")
    elif (result.growth.get("blocks") or 0) > 0:
        parts.append(f"+{plural(result.growth['blocks'] or 0, 'block')}")
    elif (result.growth.get("container_items") or 0) > 0:
        parts.append(f"+{plural(result.growth['container_items'] or 0, 'container item')}")
    parts.extend(
        f"+{plural(grown, noun)}"
        for name, noun in _RESOURCES.items()
        if (grown := result.growth.get(name) or 0) > 0
    )
    # What is retained, weighed: the traced bytes have the containers' storage in them, which grows
    # by leaps.
    weighed = sum(finding.bytes_per_run for finding in result.findings)
    if parts and weighed > 0:
        parts.append(f"+{format_size(weighed)}")
        return f"{', '.join(parts)} per run"
    for name, kind in (
        ("traced_bytes", ""),
        ("native_bytes", " native"),
        ("mapped_bytes", " mapped"),
    ):
        if (grown := result.growth.get(name) or 0) > 0:
            parts.append(f"+{format_size(grown)}{kind}")
            break
    return f"{', '.join(parts) or 'growth'} per run"


def _allowed_text(settings: Settings) -> str:
    parts = []
    if settings.max_objects is not None:
        parts.append(plural(settings.max_objects, "object"))
    if settings.max_bytes is not None:
        parts.append(format_size(settings.max_bytes))
    return f"(allowed: {' and '.join(parts) or '0'})"


def one_sentence(result: Result, settings: Settings) -> str:
    """Say in one sentence why a test fails."""
    if result.verdict == "leak":
        where = ""
        if result.findings:
            first = result.findings[0]
            where = f", in fixture {first.fixture}" if first.fixture else ""
            where += f", held by {first.holder}"
            where += f"; {first.status_reason}" if first.status_reason else ""
        elif result.reason:
            where = f"; {result.reason}"
        return (
            f"leak: {growth_text(result)}, over {plural(result.executions, 'run')}"
            f" {_allowed_text(settings)}{where}"
        )
    if result.verdict == "unchecked":
        return f"not checked for leaks: {result.reason}"
    if result.verdict == "inconclusive":
        return f"leak check inconclusive: {result.reason}"
    return f"leak check: {result.reason}"


def failure_page(
    result: Result, settings: Settings, *, where: str, root: Path, accept: Sequence[str] = ()
) -> str:
    """Write what a failing test shows: the sentence, the findings, the evidence.

    Args:
        result: The verdict.
        settings: How the test was checked.
        where: The test's place, ``file:line``.
        root: Directory that file names are given relative to.
        accept: What makes it known: the file's name, and the lines to paste.
    """
    ending = [f" evidence   {result.evidence}"] if result.evidence else []
    if result.verdict == "leak" and (traced := timeline_text(result.timeline)):
        ending.append(f" traced     {traced}")
    if result.memory is not None:
        ending += lines_of_memory(result.memory)
    pages = dict.fromkeys(finding.page for finding in result.findings[:_MAX_FINDINGS])
    ending += [f" docs       {page}" for page in pages if page]
    ending += lines_of_soak(result)
    if result.verdict == "inconclusive" and result.soak is None:
        ending.extend(_counter_lines(result))
    if accept:
        file, *pasted = accept
        ending.append(f" accept     {file}, with your reason:")
        ending.extend(f"{' ' * 12}{line}" for line in pasted)
    if result.profile is not None:
        ending.extend(_profile_lines(result.profile, root))
    room = _MAX_LINES - 2 - len(ending)
    lines = [f"{where}: {one_sentence(result, settings)}"]
    if result.findings:
        lines.append("")
    return "\n".join([*lines, *_findings_lines(result.findings, root, room), *ending])


def finding_page(finding: Finding, root: Path) -> list[str]:
    """Write all lines on one finding, for a page that has room for them."""
    return [*_finding_lines(1, finding, root)]


def block_page(  # noqa: PLR0913  # most of them by name
    findings: tuple[Finding, ...],
    settings: Settings,
    *,
    objects: int,
    size_bytes: int,
    where: str,
    root: Path,
) -> str:
    """Write what a block shows that has left more than its limits allow.

    Args:
        findings: Who holds what it has left.
        settings: The limits.
        objects: How many objects it has left.
        size_bytes: What they weigh, in bytes.
        where: The block's place, ``file:line``.
        root: Directory that file names are given relative to.
    """
    sentence = (
        f"{where}: the block has left {plural(objects, 'object')}, {format_size(size_bytes)}"
        f" {_allowed_text(settings)}"
    )
    lines = [sentence, ""] if findings else [sentence]
    return "\n".join([*lines, *_findings_lines(findings, root, _MAX_LINES - 2)])


def _findings_lines(findings: tuple[Finding, ...], root: Path, room: int) -> Iterator[str]:
    """Write the first findings; the last of them are cut short until all fit into the room."""
    blocks = [
        list(_finding_lines(number, finding, root))
        for number, finding in enumerate(findings[:_MAX_FINDINGS], start=1)
    ]
    further = len(findings) - len(blocks)
    cut: list[int] = []
    lines_cut = 0
    for number in range(len(blocks), 1, -1):
        if sum(map(len, blocks)) + bool(further or cut) <= room:
            break
        whole = blocks[number - 1]
        blocks[number - 1] = list(_short_finding_lines(number, findings[number - 1], root))
        lines_cut += len(whole) - len(blocks[number - 1])
        cut.insert(0, number)
    for block in blocks:
        yield from block
    left_out = []
    if cut:
        of = " and ".join(f"[{number}]" for number in cut)
        left_out.append(f"{plural(lines_cut, 'line')} of {of}")
    if further:
        left_out.append(plural(further, "further finding"))
    if left_out:
        yield f" left out   {', '.join(left_out)}: --leak-report=json:PATH writes all of it"


def _profile_lines(profile: Profile, root: Path) -> Iterator[str]:
    if profile.files:
        first, *others = (relative(file, root) for file in profile.files.values())
        yield f" profile    {first}"
        names = ", ".join(other.rpartition("/")[2] for other in others)
        seen = f"{plural(profile.runs, 'run')} under {profile.tool}"
        yield f"{' ' * 12}{seen}; beside it {names}" if names else f"{' ' * 12}{seen}"
    if profile.problem:
        label = "" if profile.files else "profile"
        none = "" if profile.files else "none: "
        yield f" {label:<10} {none}{profile.problem}"
    yield f" repeat     {profile.command}"


def timeline_text(timeline: Sequence[TracedRun]) -> str:
    """Say what a traced run did, as a rule and at most; empty without any.

    The first is left out: it takes some memory in the place of what is older, and not traced.
    """
    runs = timeline[1:]
    if not runs:
        return ""
    kept, peak, alive = (
        _as_a_rule([getattr(run, name) for run in runs], write)
        for name, write in (
            ("kept_bytes", _signed_size),
            ("peak_bytes", format_size),
            ("alive_objects", format_number),
        )
    )
    return (
        f"a run kept {kept}, took {peak} at its peak;"
        f" of its objects {alive} alive after the last of {len(timeline)}"
    )


def _as_a_rule(values: Sequence[int], write: Callable[[int], str]) -> str:
    rule, most = median_low(values), max(values)
    return write(rule) if rule == most else f"{write(rule)} (at most {write(most)})"


def _signed_size(size_bytes: int) -> str:
    return f"{'-' if size_bytes < 0 else '+'}{format_size(abs(size_bytes))}"


def _counter_lines(result: Result) -> Iterator[str]:
    for name in COUNTER_NAMES:
        samples = result.series.get(name, ())
        if len(set(samples)) > 1:
            shown = " ".join(f"{sample - samples[0]:+d}" for sample in samples[1:12])
            yield f" {name:<10} {shown}"


def _finding_lines(number: int, finding: Finding, root: Path) -> Iterator[str]:
    if finding.pattern != "unrecognised":
        yield f" pattern    {finding.pattern}{f': {finding.meaning}' if finding.meaning else ''}"
    yield from _table_lines(number, finding, finding.held[:_MAX_HELD])
    if (more := len(finding.held) - _MAX_HELD) > 0:
        yield f"     + {plural(more, 'further type')} held by it"
    begun = _BEGINNINGS.get(finding.type, "allocated")
    yield from _frame_lines(begun, finding.allocated, root)
    yield from _place_lines("native", [_native_place(frame, root) for frame in finding.native])
    yield from _grown_lines(finding.grown, finding.allocated, root)
    yield from _path_lines(finding)
    if finding.note and len(finding.path) < 2:
        yield f"     note       {finding.note}"
    if finding.bound:
        yield f"     bound      {finding.bound.text}"
    if finding.advice:
        yield f"     fix        {finding.advice}"
    if finding.status_reason:
        yield f"     {finding.status:<10} {finding.status_reason}"


def _short_finding_lines(number: int, finding: Finding, root: Path) -> Iterator[str]:
    yield from _table_lines(number, finding, ())
    begun = _BEGINNINGS.get(finding.type, "allocated")
    yield from _frame_lines(begun, finding.allocated[:1], root)
    yield f"     held by    {finding.holder}"


def _table_lines(number: int, finding: Finding, held: Sequence[Share]) -> Iterator[str]:
    rows = [(f" [{number}] ", finding.type, finding.objects_per_run, finding.bytes_per_run)]
    rows += [("     + ", share.type, share.objects_per_run, share.bytes_per_run) for share in held]
    names = [f"{mark}{name}" for mark, name, _, _ in rows]
    # Neither memory nor a descriptor has both: a number, and a weight in this process.
    rates = [f"+{format_number(objects)}/run" if objects else "" for _, _, objects, _ in rows]
    sizes = [f"+{format_size(weight)}/run" if weight else "" for _, _, _, weight in rows]
    fingerprint = f"fingerprint {finding.fingerprint}  {finding.status}".rstrip()
    endings = [fingerprint, *("held by it" for _ in held)]
    columns = [max(map(len, column)) for column in (names, rates, sizes)]
    for name, rate, size, ending in zip(names, rates, sizes, endings, strict=True):
        cells = [f"{rate:>{columns[1]}}", f"{size:>{columns[2]}}"]
        yield f"{name:<{columns[0]}}   {'  '.join(filter(None, cells))}      {ending}"


def _function(frame: Frame) -> str:
    return f"fixture {frame.fixture}" if frame.fixture else frame.function


def _frame_lines(title: str, frames: Sequence[Frame], root: Path) -> Iterator[str]:
    places = [
        f"{relative(frame.file, root)}:{frame.line} in {_function(frame)}      {frame.source}"
        for frame in frames
    ]
    yield from _place_lines(title, places)


def _place_lines(title: str, places: Sequence[str]) -> Iterator[str]:
    """Write the innermost places and the outermost one, which is the test's own or nearest it."""
    hidden = len(places) - _MAX_FRAMES + 1 if len(places) > _MAX_FRAMES else 0
    for position, place in enumerate(places):
        if hidden and position == _MAX_FRAMES - 2:
            yield f"{' ' * 16}... {plural(hidden, 'frame')}"
        if hidden and _MAX_FRAMES - 2 <= position < len(places) - 1:
            continue
        yield f"     {'' if position else title:<10} {place}".rstrip()


def _native_place(frame: NativeFrame, root: Path) -> str:
    function = frame.function or "a function without a name"
    place = f"{relative(frame.file, root)}:{frame.line} in {function}" if frame.line else function
    return f"{place}      {frame.library.rpartition('/')[2]}"


def _grown_lines(
    grown: tuple[Frame, ...], allocated: tuple[Frame, ...], root: Path
) -> Iterator[str]:
    """Write where the holder grew, without the callers that stand under the allocation."""
    if not grown or grown[0] not in allocated:
        others = [frame for frame in grown if frame not in allocated]
        yield from _frame_lines("grown at", others, root)
    elif grown[0] == allocated[0]:
        yield "     grown at   the same line"
    else:
        yield f"     grown at   {relative(grown[0].file, root)}:{grown[0].line}, a caller of it"


def _path_lines(finding: Finding) -> Iterator[str]:
    if not finding.path:
        yield f"     held by    {finding.holder}"
        return
    first, *rest = finding.path
    yield f"     held by    {first.via} -> {first.type}"
    indent = " " * 18
    if len(rest) > _MAX_STEPS:
        hidden = len(rest) - _MAX_STEPS
        rest = rest[-_MAX_STEPS:]
        yield f"{indent}... {plural(hidden, 'step')}"
    for position, step in enumerate(rest):
        note = f"      {finding.note}" if step is rest[-1] and finding.note else ""
        yield f"{indent}{step.via} -> {step.type}{note}"
        if position == len(rest) - 2:
            yield f"{indent}{'~' * len(step.via)}"
        indent += "  "
