"""Do a session's numbers reach real receivers on this machine, and is their absence harmless?"""

from __future__ import annotations

import base64
import http.server
import json
import socket
import ssl
import threading
from dataclasses import dataclass, field

import pytest

pytest.importorskip("requests")
pytest.importorskip("datadog")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
pytest.importorskip("prometheus_client")
pytest.importorskip("trustme")

import trustme
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from prometheus_client.parser import text_string_to_metric_families
from sample import FACTS, ROOT

from pytest_leakguard.errors import InvalidSettingError, MissingPackageError
from pytest_leakguard.exporters import deliver, parse_target
from pytest_leakguard.exporters.webhook import TOKEN
from pytest_leakguard.reports.metrics import metrics_of

SECRETS = ("jane", "s3cret", "t0ken")


@dataclass
class Receiver:
    """A server on loopback, and what it was sent."""

    answers: list[int] = field(default_factory=list)
    silent: bool = False
    location: str = ""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    address: str = ""

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append((handler.command, handler.path, headers, body))
        if self.silent:
            handler.connection.recv(1)  # until the client has gone
            return
        handler.send_response(self.answers.pop(0) if self.answers else 200)
        if self.location:
            handler.send_header("Location", self.location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in (TOKEN, "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def receivers():
    """Start receivers; each with a certificate of its own authority, if one is given."""
    servers = []

    def start(receiver: Receiver, authority=None) -> Receiver:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.answer(self)

            do_PUT = do_GET = do_POST  # noqa: N815  # as http.server names them

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None
        scheme = "http"
        if authority is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("127.0.0.1").configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            scheme = "https"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        receiver.address = f"{scheme}://127.0.0.1:{server.server_address[1]}"
        return receiver

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def send(*texts: str, patience: float = 5.0) -> list[str]:
    troubles = deliver(
        [parse_target("--leak-export", text) for text in texts], FACTS, ROOT, patience
    )
    assert not any(secret in trouble for trouble in troubles for secret in SECRETS)
    return troubles


def with_secrets(address: str) -> str:
    return address.replace("://", "://jane:s3cret@")


def numbers() -> int:
    return sum(len(metric.samples) for metric in metrics_of(FACTS, ROOT))


def test_a_web_hook_is_sent_the_json_report(receivers, monkeypatch):
    receiver = receivers(Receiver())
    monkeypatch.setenv(TOKEN, "t0ken")

    assert send(f"webhook:{receiver.address}/hook?key=t0ken") == []

    ((method, path, headers, body),) = receiver.requests
    assert (method, path) == ("POST", "/hook?key=t0ken")
    assert headers["authorization"] == "Bearer t0ken"
    assert headers["content-type"] == "application/json"
    assert len(json.loads(body)["tests"]) == len(FACTS.tests)


def test_a_web_hook_that_fails_for_a_while_is_tried_again(receivers):
    receiver = receivers(Receiver(answers=[500, 429, 200]))

    assert send(f"webhook:{receiver.address}", patience=1.0) == []
    assert len(receiver.requests) == 3


@pytest.mark.parametrize(("answer", "tries"), [(404, 1), (503, 3)])
def test_a_web_hook_that_refuses_is_told_of(receivers, answer, tries):
    receiver = receivers(Receiver(answers=[answer] * 5))

    (trouble,) = send(f"webhook:{with_secrets(receiver.address)}/a?key=t0ken", patience=1.0)

    assert trouble == f"not sent to webhook:{receiver.address}/a: the receiver answers {answer}"
    assert len(receiver.requests) == tries


def test_a_token_does_not_follow_a_redirection(receivers, monkeypatch):
    monkeypatch.setenv(TOKEN, "t0ken")
    elsewhere = receivers(Receiver())
    receiver = receivers(Receiver(answers=[307], location=f"{elsewhere.address}/x"))

    (trouble,) = send(f"webhook:{receiver.address}")

    assert trouble.endswith("the receiver answers 307")
    assert elsewhere.requests == []


def test_a_token_does_not_go_unprotected_to_another_machine(monkeypatch):
    monkeypatch.setenv(TOKEN, "t0ken")

    (trouble,) = send("webhook:http://hook.example.org/")

    assert trouble.endswith(f"{TOKEN} is set, and goes over https only")


def test_a_certificate_is_verified(receivers, monkeypatch, tmp_path):
    authority = trustme.CA()
    receiver = receivers(Receiver(), authority)

    (trouble,) = send(f"webhook:{receiver.address}")
    assert "SSL" in trouble
    assert receiver.requests == []

    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    assert send(f"webhook:{receiver.address}") == []
    assert len(receiver.requests) == 1


def test_a_push_gateway_s_group_is_replaced(receivers):
    receiver = receivers(Receiver())

    assert send(f"pushgateway:{with_secrets(receiver.address)}/base") == []

    ((method, path, headers, body),) = receiver.requests
    assert (method, path) == ("PUT", "/base/metrics/job/pytest-leakguard")
    assert headers["authorization"] == f"Basic {base64.b64encode(b'jane:s3cret').decode()}"
    families = [*text_string_to_metric_families(body.decode())]
    assert sum(len(family.samples) for family in families) == numbers() + 1


def test_opentelemetry_is_sent_gauges(receivers, caplog):
    receiver = receivers(Receiver())

    assert send(f"otlp:{receiver.address}") == []

    ((_, path, _, body),) = receiver.requests
    assert path == "/v1/metrics"
    sent = ExportMetricsServiceRequest.FromString(body)
    (resource,) = sent.resource_metrics
    attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert attributes["service.name"] == "pytest-leakguard"
    assert attributes["leakguard.mode"] == FACTS.mode
    (scope,) = resource.scope_metrics
    assert sum(len(metric.gauge.data_points) for metric in scope.metrics) == numbers()
    units = {metric.name: metric.unit for metric in scope.metrics}
    assert units["leakguard_cause_growth_bytes"] == "By"


@pytest.mark.parametrize("kind", ["otlp", "pushgateway"])
def test_a_refusal_is_told_without_secrets(receivers, capfd, kind):
    receiver = receivers(Receiver(answers=[400] * 9))

    (trouble,) = send(f"{kind}:{with_secrets(receiver.address)}/a?key=t0ken")

    assert trouble.startswith(f"not sent to {kind}:{receiver.address}/a: the receiver ")
    assert capfd.readouterr() == ("", "")


def test_datadog_s_agent_is_sent_gauges():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))
        agent.settimeout(20)

        assert send(f"statsd:127.0.0.1:{agent.getsockname()[1]}") == []

        lines: list[str] = []
        while len(lines) < numbers():
            lines += agent.recv(1 << 16).decode().splitlines()
    assert len(lines) == numbers()
    for line in lines:
        name, value, kind, tags = line.replace(":", "|", 1).split("|")
        assert name.startswith("leakguard_")
        assert float(value) >= 0
        assert kind == "g"
        assert "mode:all" in tags.removeprefix("#").split(",")
    assert any("fingerprint:7f3c9a1e" in line for line in lines)


@pytest.mark.parametrize("kind", ["webhook", "pushgateway", "otlp"])
def test_a_receiver_that_is_not_there_is_a_sentence(kind, capfd):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        address = f"http://jane:s3cret@127.0.0.1:{taken.getsockname()[1]}/x?key=t0ken"

        (trouble,) = send(f"{kind}:{address}", patience=1.0)

    assert trouble.startswith(f"not sent to {kind}:http://127.0.0.1:")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["webhook", "pushgateway", "otlp"])
def test_a_receiver_that_says_nothing_holds_nobody_up(receivers, kind):
    receiver = receivers(Receiver(silent=True))

    (trouble,) = send(f"{kind}:{receiver.address}", patience=0.4)

    assert trouble.startswith(f"not sent to {kind}:{receiver.address}")


def test_one_receiver_s_absence_is_not_another_s(receivers):
    silent, there = receivers(Receiver(silent=True)), receivers(Receiver())

    (trouble,) = send(f"webhook:{silent.address}", f"webhook:{there.address}", patience=2.0)

    assert silent.address in trouble
    assert len(there.requests) == 1


@pytest.mark.parametrize(
    "text",
    [
        "carrier-pigeon:https://jane:s3cret@host",
        "webhook:",
        "webhook:host",
        "webhook:ftp://jane:s3cret@host",
        "webhook:https://jane:s3cret@host:port",
        "webhook:https://[::1",
        "statsd:host",
        "statsd:host:99999",
        "statsd:https://jane:s3cret@host",
        "",
    ],
)
def test_what_is_no_target_is_refused_without_its_secrets(text):
    with pytest.raises(InvalidSettingError, match="--leak-export: expected KIND:TARGET") as refused:
        parse_target("--leak-export", text)

    assert not any(secret in str(refused.value) for secret in SECRETS)


def test_a_target_shows_no_secrets():
    target = parse_target(
        "--leak-export", "webhook:https://jane:s3cret@host:8443/a?key=t0ken#t0ken"
    )

    assert target.shown == "webhook:https://host:8443/a"
    assert not any(secret in repr(target) for secret in SECRETS)


def test_a_missing_library_is_named_with_what_brings_it(monkeypatch):
    monkeypatch.setattr("pytest_leakguard.exporters.find_spec", lambda _: None)

    with pytest.raises(MissingPackageError, match=r"needs datadog, .*pytest-leakguard\[statsd\]"):
        parse_target("--leak-export", "statsd:localhost:8125")
