"""How are numbers sent as OpenTelemetry metrics? Over OTLP/HTTP, by OpenTelemetry's SDK.

New Relic, Datadog and Grafana take them so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.resources import Resource

from pytest_leakguard.exporters import RefusedError
from pytest_leakguard.reports import SessionFacts
from pytest_leakguard.reports.metrics import metrics_of, session_labels

_PATH = "/v1/metrics"
_UNITS = {"bytes": "By", "seconds": "s"}


def send(address: str, facts: SessionFacts, root: Path, seconds: float) -> None:
    """Send each number as a gauge, with what the session ran on as the resource.

    Args:
        address: The receiver's URL; without a path, that of metrics is taken. Headers come from
            ``OTEL_EXPORTER_OTLP_HEADERS``, as everywhere in OpenTelemetry.
        facts: The session.
        root: Directory that file names are given relative to.
        seconds: How long an answer may take, further attempts included.
    """
    attributes = {f"leakguard.{name}": text for name, text in session_labels(facts).items()}
    reader = InMemoryMetricReader()
    provider = MeterProvider(
        [reader],
        resource=Resource.create({"service.name": "pytest-leakguard", **attributes}),
        shutdown_on_exit=False,
    )
    meter = provider.get_meter("pytest_leakguard")
    for metric in metrics_of(facts, root):
        unit = _UNITS.get(metric.unit, "1")
        gauge = meter.create_gauge(metric.full_name, unit=unit, description=metric.meaning)
        for labels, value in metric.samples:
            gauge.set(value, dict(labels))
    url = address if urlsplit(address).path.strip("/") else address.rstrip("/") + _PATH
    exporter = OTLPMetricExporter(endpoint=url, timeout=seconds)
    with _muted("opentelemetry"):
        try:
            data = reader.get_metrics_data()
            result = MetricExportResult.FAILURE if data is None else exporter.export(data)
        finally:
            exporter.shutdown()
            provider.shutdown()
    if result is not MetricExportResult.SUCCESS:
        raise RefusedError("the receiver is not there, or does not take them")


@contextmanager
def _muted(name: str) -> Iterator[None]:
    """Keep a library's log silent: it quotes addresses, and nobody has asked for it."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
