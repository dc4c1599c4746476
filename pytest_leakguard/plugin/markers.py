"""What do a test's markers ask for?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import pytest
from _pytest.nodes import Node  # what collectors and items have in common has no public name

from pytest_leakguard.errors import InvalidSettingError
from pytest_leakguard.settings import WORKERS_ACCEPTED, Settings, parse_setting

NOLEAK = (
    "noleak(runs, warmup, max_objects, max_bytes, confirm, track, ignore, duration, workers): fail"
    " this test when it leaks memory, file descriptors or threads; the keywords override the --leak"
    " options for it. With a duration such as '10 min' it is soaked: run for so long, by workers."
)
LEAKS = (
    "leaks(reason, issue=None, strict=True): this test is known to leak: it passes and is counted;"
    " once it no longer leaks it fails, so that the marker is removed (a warning if not strict)."
)
#: The markers' names.
NAMES = frozenset({"noleak", "leaks"})
_KEYWORDS = (
    "runs",
    "warmup",
    "max_objects",
    "max_bytes",
    "confirm",
    "track",
    "ignore",
    "duration",
    "workers",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A leak that the test's author knows of."""

    reason: str
    issue: str | None = None
    strict: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one test is checked.

    Attributes:
        kind: ``noleak`` and ``leaks`` by marker, ``suite`` because all tests are.
        settings: The session's settings with the markers' keywords over them.
        known: The known leak, for ``leaks``.
    """

    kind: Literal["noleak", "leaks", "suite"]
    settings: Settings
    known: Known | None = None

    @property
    def marked(self) -> bool:
        """Whether the test's author asked for the check."""
        return self.kind != "suite"


class MarkerError(InvalidSettingError):
    """A marker that cannot be used, with the test that carries it."""

    def __init__(self, nodeid: str, marker: str, error: InvalidSettingError) -> None:
        super().__init__(f"@pytest.mark.{marker}: {error.setting}", error.value, error.accepted)
        self.nodeid = nodeid

    def __str__(self) -> str:
        return f"{self.nodeid}: {InvalidSettingError.__str__(self)}"


def any_marker(nodes: Iterable[Node]) -> bool:
    """Tell whether one of the nodes itself carries a marker of ours."""
    return any(mark.name in NAMES for node in nodes for mark in node.own_markers)


def may_be_marked(collector: pytest.Collector, nodes: Iterable[Node]) -> list[pytest.Item]:
    """Return the tests that a collector has found and that may carry a marker of ours.

    Sessions that check nothing ask this of each test.

    Args:
        collector: What has found them. What is above them is looked at once for all.
        nodes: What it has found.
    """
    items = [node for node in nodes if isinstance(node, pytest.Item)]
    if any_marker(collector.listchain()):
        return items
    return [item for item in items if item.parent is not collector or any_marker((item,))]


def read_plan(item: pytest.Item, defaults: Settings) -> Plan | None:
    """Return how the markers of a test want it checked; ``None`` when it has none of ours.

    Raises:
        MarkerError: A marker has an unknown keyword or a value that does not fit, or both markers
            stand on the same node.
    """
    nearest: Literal["noleak", "leaks"] | None = None
    known: Known | None = None
    overrides: dict[str, object] = {}
    for name, marks in _marks_by_node(item):
        if nearest is None:
            nearest = name
            if name == "leaks":
                known = _read_known(item, marks[0])
        if name == "noleak":
            for mark in marks:
                for keyword, value in _read_keywords(item, mark).items():
                    overrides.setdefault(keyword, value)
    if nearest is None:
        return None
    if "ignore" in overrides:  # what the whole suite tolerates, its marked tests do as well
        overrides["ignore"] = (*defaults.ignore, *overrides["ignore"])  # type: ignore[misc]  # parsed
    settings = replace(defaults, **overrides)  # type: ignore[arg-type]  # parsed by parse_setting
    if "workers" in overrides:
        _require_workable(item, settings)
    return Plan(kind=nearest, settings=settings, known=known)


def _require_workable(item: pytest.Item, settings: Settings) -> None:
    """Make sure that the workers that a marker asks for can be had."""
    error = None
    if settings.duration is None:
        accepted = f"{WORKERS_ACCEPTED}, or --leak-soak"
        error = InvalidSettingError("workers", settings.workers, accepted)
    elif settings.workers > 1:
        from pytest_leakguard.plugin.crowd import refusal

        if why := refusal(item):
            error = InvalidSettingError("workers", settings.workers, f"1 here, since {why}")
    if error is not None:
        raise MarkerError(item.nodeid, "noleak", error)


def _marks_by_node(
    item: pytest.Item,
) -> Iterator[tuple[Literal["noleak", "leaks"], list[pytest.Mark]]]:
    for node in reversed(item.listchain()):
        noleak = [mark for mark in reversed(node.own_markers) if mark.name == "noleak"]
        leaks = [mark for mark in reversed(node.own_markers) if mark.name == "leaks"]
        if noleak and leaks:
            error = InvalidSettingError("leaks", "both on one node", "noleak or leaks, not both")
            raise MarkerError(item.nodeid, "noleak", error)
        if noleak:
            yield "noleak", noleak
        if leaks:
            yield "leaks", leaks


def _read_keywords(item: pytest.Item, mark: pytest.Mark) -> dict[str, object]:
    try:
        if mark.args:
            accepted = f"keywords only: {', '.join(_KEYWORDS)}"
            raise InvalidSettingError("arguments", mark.args, accepted)
        for keyword in mark.kwargs:
            if keyword not in _KEYWORDS:
                raise InvalidSettingError("keyword", keyword, f"one of {', '.join(_KEYWORDS)}")
        return {name: parse_setting(name, value) for name, value in mark.kwargs.items()}
    except InvalidSettingError as error:
        raise MarkerError(item.nodeid, "noleak", error) from None


def _read_known(item: pytest.Item, mark: pytest.Mark) -> Known:
    try:
        return _bind_known(*mark.args, **mark.kwargs)
    except TypeError:
        given = ", ".join([*map(repr, mark.args), *(f"{k}={v!r}" for k, v in mark.kwargs.items())])
        error = InvalidSettingError("arguments", given, "reason, issue=None, strict=True")
        raise MarkerError(item.nodeid, "leaks", error) from None
    except InvalidSettingError as error:
        raise MarkerError(item.nodeid, "leaks", error) from None


def _bind_known(reason: object, issue: object = None, strict: object = True) -> Known:
    if not isinstance(reason, str) or not reason.strip():
        raise InvalidSettingError("reason", reason, "a sentence that says why it leaks")
    if issue is not None and not isinstance(issue, str):
        raise InvalidSettingError("issue", issue, "a link or a number as text, or None")
    if not isinstance(strict, bool):
        raise InvalidSettingError("strict", strict, "True or False")
    return Known(reason=reason, issue=issue, strict=strict)
