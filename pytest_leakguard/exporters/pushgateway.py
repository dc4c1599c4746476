"""How are numbers sent to Prometheus's push gateway? By its own client."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit, urlunsplit

from prometheus_client.exposition import basic_auth_handler, default_handler, push_to_gateway

from pytest_leakguard.exporters import RefusedError
from pytest_leakguard.reports import SessionFacts
from pytest_leakguard.reports.openmetrics import registry_of

_JOB = "pytest-leakguard"


def send(address: str, facts: SessionFacts, root: Path, seconds: float) -> None:
    """Replace what the gateway has of this job.

    Args:
        address: Its URL; a user and password in it are sent as basic authentication.
        facts: The session.
        root: Directory that file names are given relative to.
        seconds: How long an answer may take.
    """
    parts = urlsplit(address)
    _, _, host = parts.netloc.rpartition("@")
    handler: Callable[..., Callable[[], None]] = default_handler
    if parts.username is not None:
        handler = partial(
            basic_auth_handler,
            username=unquote(parts.username),
            password=unquote(parts.password or ""),
        )
    gateway = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    try:
        push_to_gateway(gateway, _JOB, registry_of(facts, root), timeout=seconds, handler=handler)
    except HTTPError as error:
        raise RefusedError(f"the receiver answers {error.code}") from None
