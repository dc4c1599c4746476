"""How does a session stand to an earlier one, by that one's JSON report?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from pytest_leakguard.baseline.entries import KnownLeak, Rate
from pytest_leakguard.baseline.judging import gone
from pytest_leakguard.errors import InvalidSettingError
from pytest_leakguard.model import Finding, Result

#: Version of the report's shape that is read.
SCHEMA_VERSION = 1
_ACCEPTED = f"a report that --leak-report=json:PATH has written, of schema {SCHEMA_VERSION}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One cause, as a session has seen it.

    Attributes:
        name: What it is in words: type and holder, or the test where no more is known.
        rate: How fast it grows, in the test in which it grows most.
    """

    name: str
    rate: Rate


#: Causes by what identifies them: fingerprint, and test where there is none.
Causes = Mapping[tuple[str, str], Seen]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """An earlier session's leaks.

    Attributes:
        file: Name of its report, as messages give it.
        causes: What leaked there.
    """

    file: str
    causes: Causes

    @property
    def entries(self) -> tuple[KnownLeak, ...]:
        """Its leaks as known ones, which may not grow faster than there."""
        entries = []
        for (fingerprint, test), seen in self.causes.items():
            max_objects, max_bytes = seen.rate.limits()
            if fingerprint and max_objects is None:
                max_objects = 0
            entries.append(
                KnownLeak(
                    fingerprint=fingerprint,
                    test=test,
                    reason=f"the same in {self.file}",
                    max_objects=max_objects,
                    max_bytes=max_bytes,
                    strict=False,
                    only_unexplained=not fingerprint,
                    place=self.file,
                )
            )
        return tuple(entries)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A session against an earlier one: causes in words.

    Attributes:
        file: Name of the earlier one's report.
        new: Those that the earlier session did not have.
        worse: Those that grow faster by now.
        same: Those that grow alike.
        better: Those that grow more slowly.
        gone: Those that are not there any more, though every test was judged that may show them.
    """

    file: str
    new: tuple[str, ...]
    worse: tuple[str, ...]
    same: tuple[str, ...]
    better: tuple[str, ...]
    gone: tuple[str, ...]


def read_base(path: Path, shown: str, setting: str) -> Base:
    """Read an earlier session's report.

    Args:
        path: The report.
        shown: How messages name it.
        setting: Where it was asked for.

    Raises:
        InvalidSettingError: It cannot be read, or is no such report.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSettingError(setting, shown, f"{_ACCEPTED} ({error.strerror})") from None
    except ValueError as error:  # of the text's encoding, or of JSON
        raise InvalidSettingError(setting, shown, f"{_ACCEPTED} ({error})") from None
    version = document.get("schema") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION:
        raise InvalidSettingError(setting, shown, f"{_ACCEPTED} (its schema is {version!r})")
    try:
        return Base(file=shown, causes=_causes_of_report(document))
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise InvalidSettingError(setting, shown, f"{_ACCEPTED} ({what})") from None


def _causes_of_report(document: Mapping[str, Any]) -> Causes:
    causes: dict[tuple[str, str], Seen] = {}
    for test in document["tests"]:
        if test["verdict"] not in ("leak", "known"):
            continue
        for finding in test["findings"]:
            rate = Rate(objects=finding["objects_per_run"], size_bytes=finding["bytes_per_run"])
            name = f"{finding['type']} held by {finding['holder']}"
            _add(causes, (finding["fingerprint"], ""), Seen(name=name, rate=rate))
        if not test["findings"]:
            seen = Seen(name=test["nodeid"], rate=Rate.of_growth(test["growth"]))
            _add(causes, ("", test["nodeid"]), seen)
    return causes


def _causes_of_session(tests: Iterable[tuple[str, Result]]) -> Causes:
    causes: dict[tuple[str, str], Seen] = {}
    for nodeid, result in tests:
        if result.verdict not in ("leak", "known"):
            continue
        for finding in result.findings:
            seen = Seen(name=_in_words(finding), rate=Rate.of_finding(finding))
            _add(causes, (finding.fingerprint, ""), seen)
        if not result.findings:
            seen = Seen(name=nodeid, rate=Rate.of_growth(result.growth))
            _add(causes, ("", nodeid), seen)
    return causes


def _in_words(finding: Finding) -> str:
    return f"{finding.type} held by {finding.holder}"


def _add(causes: dict[tuple[str, str], Seen], key: tuple[str, str], seen: Seen) -> None:
    before = causes.get(key)
    if before is None or (seen.rate.objects, seen.rate.size_bytes) > (
        before.rate.objects,
        before.rate.size_bytes,
    ):
        causes[key] = seen


def compare(base: Base, tests: Sequence[tuple[str, Result]], *, whole: bool) -> Comparison:
    """Hold a session against an earlier one.

    Args:
        base: The earlier one.
        tests: Each test of this one and what is known of it.
        whole: Whether all tests of the suite were to be judged.
    """
    now = _causes_of_session(tests)
    sorts: dict[str, list[str]] = {name: [] for name in ("new", "worse", "same", "better")}
    for key, seen in now.items():
        before = base.causes.get(key)
        sorts[_sort(before, seen)].append(seen.name)
    left = [
        seen.name
        for (key, seen), entry in zip(base.causes.items(), base.entries, strict=True)
        if key not in now and gone([entry], tests, whole=whole)
    ]
    return Comparison(
        file=base.file,
        gone=tuple(sorted(left)),
        **{name: tuple(sorted(found)) for name, found in sorts.items()},
    )


def _sort(before: Seen | None, seen: Seen) -> str:
    if before is None:
        return "new"
    if _is_faster(seen.rate, before.rate):
        return "worse"
    return "better" if _is_faster(before.rate, seen.rate) else "same"


def _is_faster(rate: Rate, other: Rate) -> bool:
    """Tell whether a rate is above another by more than is left to chance."""
    max_objects, max_bytes = other.limits()
    if max_objects is not None:
        return rate.objects > max_objects
    if rate.objects > 0:
        return True
    return rate.size_bytes > (max_bytes or 0)
