from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from sentry_sdk.integrations.opentelemetry.propagator import SentryPropagator

TRACER = TracerProvider(shutdown_on_exit=False).get_tracer("shop")


def test_nothing_is_sent_without_a_sentry_span():
    carrier = {}
    with TRACER.start_as_current_span("sell") as span:
        SentryPropagator().inject(carrier, trace.set_span_in_context(span, context.Context()))

    assert carrier == {}
