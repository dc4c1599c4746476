"""Are a session's numbers what Prometheus's own parsers read, whatever its names are?"""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("prometheus_client")

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from sample import EMPTY, FACTS, KNOWN, ROOT, SUBSCRIPTION, WATCHED, facts, outcome

from pytest_leakguard.reports import renderer_of
from pytest_leakguard.reports.metrics import MOST_LABELLED, metrics_of

READERS = {"openmetrics": read_openmetrics, "prometheus": read_text}


def read(form: str, session) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    families = READERS[form](renderer_of(form)(session, ROOT))
    samples: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in families:
        for sample in family.samples:
            samples.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return samples


@pytest.mark.parametrize("form", READERS)
def test_the_real_parser_reads_what_the_session_has_found(form):
    samples = read(form, FACTS)

    verdicts = {
        dict(labels)["verdict"]: value for labels, value in samples["leakguard_tests"].items()
    }
    assert sum(verdicts.values()) == len(FACTS.tests)
    assert verdicts["leak"] == 4
    statuses = {
        dict(labels)["status"]: value for labels, value in samples["leakguard_causes"].items()
    }
    assert statuses == {"new": 2, "worse": 1, "expired": 0, "known": 1}
    (about,) = samples["leakguard_session_info"]
    assert dict(about)["mode"] == FACTS.mode
    growth = {
        dict(labels)["fingerprint"]: value
        for labels, value in samples["leakguard_cause_growth_bytes"].items()
    }
    assert growth[SUBSCRIPTION.fingerprint] == SUBSCRIPTION.bytes_per_run
    assert growth[KNOWN.fingerprint] == KNOWN.bytes_per_run
    assert samples["leakguard_self_check_flat"] == {(): 1}


@pytest.mark.parametrize("form", READERS)
def test_a_session_without_leaks_is_read_as_well(form):
    samples = read(form, EMPTY)

    assert sum(samples["leakguard_causes"].values()) == 0
    assert "leakguard_cause_tests" not in samples


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "é\u202e", "{x=1}", "\udc80", "# EOF"])
def test_any_name_comes_back_as_it_was(form, name):
    finding = replace(SUBSCRIPTION, holder=name)

    samples = read(form, facts(outcome("test_it.py::test_it", finding)))

    (labels,) = samples["leakguard_cause_tests"]
    assert dict(labels)["holder"] == name.encode("utf-8", "backslashreplace").decode()


def test_labels_are_bounded_in_number_and_length_and_still_tell_one_from_another():
    outcomes = [
        outcome(
            f"{'t' * 1000}{number}",
            replace(SUBSCRIPTION, fingerprint=f"{number:08x}", holder="h" * 1000),
        )
        for number in range(MOST_LABELLED + 5)
    ]
    grown = [replace(one, result=replace(one.result, growth={"gc_objects": 1})) for one in outcomes]
    session = facts(*grown)

    assert len(read("openmetrics", session)["leakguard_test_growth"]) == MOST_LABELLED
    metrics = {metric.name: metric for metric in metrics_of(session, ROOT)}

    assert len(metrics["leakguard_cause_tests"].samples) == MOST_LABELLED
    assert sum(value for _, value in metrics["leakguard_causes"].samples) == MOST_LABELLED + 5
    for metric in metrics.values():
        for labels, _ in metric.samples:
            assert all(len(value) <= 200 for value in labels.values())


@pytest.mark.parametrize("form", READERS)
def test_the_same_session_is_written_alike(form):
    render = renderer_of(form)

    assert render(FACTS, ROOT) == render(FACTS, ROOT)


@pytest.mark.parametrize("form", READERS)
def test_what_a_monitor_has_seen_is_read_by_process(form):
    samples = read(form, replace(FACTS, monitored=(WATCHED,)))

    warnings = {
        dict(labels)["kind"]: value
        for labels, value in samples["leakguard_monitor_warnings"].items()
    }
    assert warnings == {"steady growth": 1, "rapid growth": 0, "high use": 0}
    assert samples["leakguard_monitor_gc_pause_seconds"] == {(("process", "gw1"),): 0.25}
    peak = (("counter", "rss_bytes"), ("process", "gw1"))
    assert samples["leakguard_monitor_memory_peak_bytes"] == {peak: 60_000_000}
    peak = (("counter", "fds"), ("process", "gw1"))
    assert samples["leakguard_monitor_objects_peak"] == {peak: 9}
