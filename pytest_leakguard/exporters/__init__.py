"""How do a session's numbers reach monitoring systems, without delaying or failing anything?"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import final
from urllib.parse import urlsplit, urlunsplit

from pytest_leakguard.clock import now
from pytest_leakguard.errors import InvalidSettingError, MissingPackageError
from pytest_leakguard.reports import SessionFacts

__all__ = ["KINDS", "PATIENCE_SECONDS", "Target", "deliver", "parse_target"]

#: How long all targets together are waited for.
PATIENCE_SECONDS = 10.0
#: The extra that brings what a kind needs, and the package.
_NEEDS: Mapping[str, tuple[str, str]] = {
    "pushgateway": ("prometheus", "prometheus_client"),
    "statsd": ("statsd", "datadog"),
    "otlp": ("otel", "opentelemetry.exporter.otlp.proto.http"),
    "webhook": ("webhook", "requests"),
}
KINDS = tuple(_NEEDS)
_HOST_AND_PORT = re.compile(r"(?P<host>[^:/\s]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d{1,5})")
_ACCEPTED = (
    f"KIND:TARGET with a kind of {', '.join(KINDS)}; a target is a URL of http or https, or"
    " HOST:PORT for statsd"
)

Send = Callable[[str, SessionFacts, Path, float], None]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a session's numbers go.

    Attributes:
        kind: The kind of system.
        address: Its URL, or host and port; it may have secrets in it.
        shown: The same without them, as messages have it.
    """

    kind: str
    address: str = field(repr=False)
    shown: str


def parse_target(place: str, text: str) -> Target:
    """Read what an option names.

    Args:
        place: Where it was given.
        text: The kind and the target.

    Raises:
        InvalidSettingError: It is no target; the text has no secret in it.
        MissingPackageError: A package is missing that sends there.
    """
    kind, _, address = text.partition(":")
    if kind not in KINDS:
        raise InvalidSettingError(place, kind, _ACCEPTED)
    if kind == "statsd":
        match = _HOST_AND_PORT.fullmatch(address)
        shown = address if match and int(match["port"]) < 1 << 16 else ""
    else:
        shown = _without_secrets(address)
    if not shown:
        raise InvalidSettingError(place, f"{kind}:...", _ACCEPTED)
    extra, package = _NEEDS[kind]
    if not _is_installed(package):
        raise MissingPackageError(f"{place}: {kind}", package, extra=extra)
    return Target(kind=kind, address=address, shown=f"{kind}:{shown}")


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # nor is what it is a part of
        return False


def _without_secrets(url: str) -> str:
    """Return a URL without user and query; empty if it is none of http."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return urlunsplit(
        (parts.scheme, host if port is None else f"{host}:{port}", parts.path, "", "")
    )


def deliver(
    targets: Sequence[Target], facts: SessionFacts, root: Path, patience: float = PATIENCE_SECONDS
) -> list[str]:
    """Send a session to all targets at once, and wait for no longer than is said.

    Args:
        targets: Where to.
        facts: The session.
        root: Directory that file names are given relative to.
        patience: Seconds for all together.

    Returns:
        What went wrong, a sentence for each target; secrets are in none of them.
    """
    deadline = now() + patience
    troubles: dict[int, str] = {}

    def attempt(number: int, target: Target) -> None:
        module = import_module(f"{__name__}.{target.kind}")
        send: Send = module.send
        try:
            send(target.address, facts, root, patience)
        except Exception as error:  # whatever a library raises: nothing of it is the tests' fault
            troubles[number] = _in_words(error)
        else:
            troubles[number] = ""

    # Daemons: a name server that does not answer is in nobody's time-out.
    threads = [
        threading.Thread(target=attempt, args=entry, name="leakguard-export", daemon=True)
        for entry in enumerate(targets)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - now()))
    silent = f"no answer within {patience:g} s"
    said = [(target, troubles.get(number, silent)) for number, target in enumerate(targets)]
    return [f"not sent to {target.shown}: {trouble}" for target, trouble in said if trouble]


def _in_words(error: BaseException) -> str:
    """Say what went wrong by the innermost error of the system; libraries quote addresses."""
    if isinstance(error, RefusedError):
        return str(error)
    seen: list[BaseException] = []
    inner: BaseException | None = error
    while inner is not None and inner not in seen:
        seen.append(inner)
        reason = getattr(inner, "reason", None)
        inner = (
            reason if isinstance(reason, BaseException) else inner.__cause__ or inner.__context__
        )
    for one in reversed(seen):
        if isinstance(one, OSError) and one.strerror:
            return f"{type(one).__name__}: {one.strerror}"
    return type(seen[-1]).__name__


class RefusedError(Exception):
    """A receiver that answers, and does not take it; the text has no secret in it."""
