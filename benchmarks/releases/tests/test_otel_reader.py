from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader


def test_a_provider_counts():
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    provider.get_meter("shop").create_counter("sold").add(1)

    assert reader.get_metrics_data() is not None
    provider.shutdown()
