"""How are numbers sent to Datadog's agent? As DogStatsD's gauges over UDP, by Datadog's client.

Nobody answers over UDP: whether they arrive is not known here.
"""

from __future__ import annotations

import re
from pathlib import Path

from datadog.dogstatsd.base import DogStatsd

from pytest_leakguard.reports import SessionFacts
from pytest_leakguard.reports.metrics import metrics_of, session_labels

#: What ends a tag, or a line, in the protocol.
_SPECIAL = re.compile(r"[|,\s]+")


def send(address: str, facts: SessionFacts, root: Path, seconds: float) -> None:  # noqa: ARG001
    """Send each number as a gauge, with what the session ran on as tags of all.

    Args:
        address: Host and port of the agent.
        facts: The session.
        root: Directory that file names are given relative to.
        seconds: Not needed: nothing is waited for.
    """
    host, _, port = address.rpartition(":")
    client = DogStatsd(
        host=host.strip("[]"),
        port=int(port),
        constant_tags=[_tag(*label) for label in session_labels(facts).items()],
        disable_telemetry=True,
        disable_background_sender=True,
    )
    try:
        with client:
            for metric in metrics_of(facts, root):
                for labels, value in metric.samples:
                    tags = [_tag(*label) for label in labels.items()]
                    client.gauge(metric.full_name, value, tags=tags)
    finally:
        client.close_socket()


def _tag(name: str, value: str) -> str:
    return f"{name}:{_SPECIAL.sub('_', value)}"
