"""How is the file of known leaks brought up to date, its comments and its order kept?

The text is cut into blocks, one for each entry with the comments above it. Blocks are added,
changed and left out; no other byte moves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from pytest_leakguard.baseline.entries import KnownLeak, Rate
from pytest_leakguard.baseline.judging import RECORDED
from pytest_leakguard.baseline.reading import HEADER, TABLE, parse_known
from pytest_leakguard.files import replacing
from pytest_leakguard.model import Finding, Result

_PREAMBLE = """\
# Leaks that are known and tolerated for now: tests with no other leak pass.
# One block for each, in the order of fingerprints; `reason` is for people.
"""


@final
@dataclass(slots=True)
class Changes:
    """What a session asks of the file.

    Attributes:
        added: What identifies a new entry, to what is recorded of it: rate, comment and reason.
        raised: Entries that are worse than recorded, by their keys, with their rates.
        removed: The keys of entries that are gone.
    """

    added: dict[tuple[str, str], tuple[Rate, str, str]] = field(default_factory=dict)
    raised: dict[tuple[str, str, str, str], Rate] = field(default_factory=dict)
    removed: set[tuple[str, str, str, str]] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.added or self.raised or self.removed)

    def __str__(self) -> str:
        added, raised, removed = len(self.added), len(self.raised), len(self.removed)
        return f"{added} added, {raised} raised, {removed} removed"

    @classmethod
    def of_session(
        cls,
        entries: Sequence[KnownLeak],
        tests: Iterable[tuple[str, Result]],
        removed: Iterable[KnownLeak],
    ) -> Changes:
        """Return what a session's verdicts ask for.

        Args:
            entries: The known leaks that it began with.
            tests: The tests that were judged, with their results; known by a marker not included.
            removed: Entries that are gone.
        """
        changes = cls(removed={entry.key for entry in removed})
        for nodeid, result in tests:
            if result.verdict not in ("leak", "known"):
                continue
            for finding in result.findings:
                covering = [entry for entry in entries if entry.covers(nodeid, finding)]
                reason = f"{finding.pattern}, seen in {nodeid}"
                comment = _in_words(finding)
                identity = ("fingerprint", finding.fingerprint)
                changes._note(covering, identity, Rate.of_finding(finding), comment, reason)
            if not result.findings:
                covering = [entry for entry in entries if entry.covers_unexplained(nodeid)]
                rate = Rate.of_growth(result.growth)
                changes._note(covering, ("test", nodeid), rate, "", "what holds it is not known")
        return changes

    def _note(
        self,
        covering: Sequence[KnownLeak],
        identity: tuple[str, str],
        rate: Rate,
        comment: str,
        reason: str,
    ) -> None:
        if not covering:
            known = self.added.get(identity)
            if known is None or rate.objects > known[0].objects:
                self.added[identity] = (rate, comment, f"{RECORDED}: {reason}")
        elif all(entry.exceeded_by(rate) for entry in covering):
            key = covering[0].key
            before = self.raised.get(key, rate)
            self.raised[key] = Rate(
                objects=max(rate.objects, before.objects),
                size_bytes=max(rate.size_bytes, before.size_bytes),
            )


def _in_words(finding: Finding) -> str:
    return f"{finding.type} held by {finding.holder}"


def update_known(path: Path, shown: str, changes: Changes) -> None:
    """Bring a file up to date, whole or not at all.

    What others have written to it since it was read is kept.

    Args:
        path: The file; made if there is none. A link is followed.
        shown: How messages name it.
        changes: What is asked for.

    Raises:
        InvalidSettingError: The file cannot be used any more; it is left as it is.
        OSError: It cannot be written; it is left as it is.
    """
    target = path.resolve()
    try:
        with target.open(encoding="utf-8", newline="") as file:
            before = file.read()
    except FileNotFoundError:
        before = ""
    after = updated(before, shown, changes)
    if after == before:
        return
    parse_known(after, shown)
    with replacing(target) as file:
        file.write(after)


@final
@dataclass(frozen=True, slots=True)
class _Block:
    """One entry in the text: with what it is sorted by, and whether it is new."""

    fingerprint: str
    text: str
    is_new: bool = False


def updated(text: str, shown: str, changes: Changes) -> str:
    """Return the text of a file with changes made to it.

    Raises:
        InvalidSettingError: The text cannot be used.
    """
    entries = parse_known(text, shown)
    newline = "\r\n" if "\r\n" in text else "\n"
    head, texts = _cut(text)
    blocks: list[_Block] = []
    for entry, block in zip(entries, texts, strict=True):
        if entry.key in changes.removed:
            continue
        rate = changes.raised.get(entry.key)
        raised = block if rate is None else _with_limits(block, entry, rate)
        blocks.append(_Block(entry.fingerprint, raised))
    present = {("fingerprint", entry.fingerprint) for entry in entries}
    present |= {("test", entry.test) for entry in entries if not (entry.holder or entry.type)}
    for (name, value), (seen, comment, reason) in sorted(changes.added.items()):
        if (name, value) not in present:
            block = _new_block(name, value, seen, comment, reason).replace("\n", newline)
            _insert(blocks, _Block(value if name == "fingerprint" else "", block, is_new=True))
    if not text and blocks:
        head = _PREAMBLE
    return _joined(head, blocks, newline)


def _joined(head: str, blocks: Sequence[_Block], newline: str) -> str:
    """Put the parts together, with a blank line before and after each that is new."""
    text, after_new = head, False
    for block in blocks:
        if text and (block.is_new or after_new):
            text += newline * (2 - text.endswith("\n") - text.endswith(newline * 2))
        text += block.text
        after_new = block.is_new
    return text


def _cut(text: str) -> tuple[str, list[str]]:
    """Return what stands before the first entry, and a block for each entry.

    Comments right above an entry belong to it, others to what is before.
    """
    starts = []
    for match in HEADER.finditer(text):
        start = match.start()
        while start:
            above = text.rfind("\n", 0, start - 1) + 1
            if not re.match(r"[ \t]*#", text[above:start]):
                break
            start = above
        starts.append(start)
    ends = [*starts, len(text)][1:]
    head = text[: starts[0]] if starts else text
    return head, [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _insert(blocks: list[_Block], new: _Block) -> None:
    """Put a block before the first with a later fingerprint, or at the end."""
    later = (
        position
        for position, block in enumerate(blocks)
        if new.fingerprint and block.fingerprint > new.fingerprint
    )
    blocks.insert(next(later, len(blocks)), new)


def _new_block(name: str, value: str, rate: Rate, comment: str, reason: str) -> str:
    import tomlkit

    table = tomlkit.table()
    table.add(name, value)
    if comment:
        table[name].comment(re.sub(r"[\x00-\x1f\x7f]", " ", comment))  # not allowed in comments
    table.update(_limits(rate))
    table.add("reason", reason)
    blocks = tomlkit.aot()
    blocks.append(table)
    document = tomlkit.document()
    document.append(TABLE, blocks)
    text: str = tomlkit.dumps(document)
    return text


def _limits(rate: Rate) -> Mapping[str, float]:
    objects, size_bytes = rate.limits()
    stated = {"max_objects": objects, "max_bytes": size_bytes}
    return {name: value for name, value in stated.items() if value is not None}


def _with_limits(block: str, entry: KnownLeak, rate: Rate) -> str:
    """Return a block with its limits raised to a rate, where it has any."""
    import tomlkit

    document: Any = tomlkit.parse(block)
    table = document[TABLE][0]
    fitting = {"max_objects": rate.objects, "max_bytes": rate.size_bytes}
    recorded = {
        "max_objects": Rate(objects=rate.objects, size_bytes=0).limits()[0],
        "max_bytes": Rate(objects=0, size_bytes=rate.size_bytes).limits()[1],
    }
    for name, value in fitting.items():
        limit = getattr(entry, name)
        if limit is not None and value > limit:
            table[name] = recorded[name]
    text: str = tomlkit.dumps(document)
    return text
