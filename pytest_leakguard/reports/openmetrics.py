"""How are a session's numbers written for Prometheus? As OpenMetrics, or in its older text format.

Both are written by Prometheus's own client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import generate_latest as write_text
from prometheus_client.openmetrics.exposition import generate_latest as write_openmetrics
from prometheus_client.registry import Collector

from pytest_leakguard.reports.facts import SessionFacts
from pytest_leakguard.reports.metrics import metrics_of, session_labels


class _Session(Collector):
    """A session, as the client asks for it."""

    def __init__(self, facts: SessionFacts, root: Path) -> None:
        self._facts = facts
        self._root = root

    def collect(self) -> Iterator[Metric]:
        """Return its numbers."""
        labels = dict(session_labels(self._facts))
        yield InfoMetricFamily("leakguard_session", "What the session ran on.", value=labels)
        for metric in metrics_of(self._facts, self._root):
            names = list(metric.samples[0][0])
            family = GaugeMetricFamily(metric.name, metric.meaning, labels=names, unit=metric.unit)
            for labels_of_sample, value in metric.samples:
                family.add_metric([labels_of_sample[name] for name in names], value)
            yield family


def render_openmetrics(facts: SessionFacts, root: Path) -> str:
    """Write a session's numbers as OpenMetrics 1.0."""
    return _written(write_openmetrics, facts, root)


def render_prometheus(facts: SessionFacts, root: Path) -> str:
    """Write a session's numbers in Prometheus's text format, as node_exporter collects files."""
    return _written(write_text, facts, root)


def registry_of(facts: SessionFacts, root: Path) -> CollectorRegistry:
    """Return a session as Prometheus's client takes it.

    Args:
        facts: The session.
        root: Directory that file names are given relative to.
    """
    registry = CollectorRegistry()
    registry.register(_Session(facts, root))
    return registry


def _written(write: Callable[[CollectorRegistry], bytes], facts: SessionFacts, root: Path) -> str:
    return write(registry_of(facts, root)).decode("utf-8")
