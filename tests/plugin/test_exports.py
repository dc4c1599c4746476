"""Are a session's numbers sent once, and does a receiver that is not there change nothing else?"""

from __future__ import annotations

import http.server
import json
import threading

import pytest

pytest.importorskip("requests")

_SUITE = """
kept = []

def test_leaks():
    kept.append(object())

def test_is_clean():
    pass
"""


@pytest.fixture
def hook():
    """Receive what is posted to ``hook.address``."""
    received: list[dict] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.received = received
    server.address = f"http://jane:s3cret@127.0.0.1:{server.server_address[1]}/hook?key=t0ken"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("plugins", [(), ("xdist",)], ids=["plain", "xdist"])
def test_a_session_is_sent_once(lab, hook, plugins):
    lab.write(
        {
            "test_it.py": _SUITE,
            "pytest.ini": f"[pytest]\nleak_export =\n    webhook:{hook.address}\n",
        }
    )

    session = lab.checked("--leak-confirm=1 s", *(["-n2"] if plugins else []), plugins=plugins)

    (sent,) = hook.received
    assert sent == lab.json()
    assert session.ret == 1
    assert "not sent" not in session.raw


@pytest.mark.parametrize("options", [("-vv", "--tb=long"), ("-q",)], ids=["-vv", "-q"])
def test_a_receiver_that_is_not_there_is_a_warning_without_secrets(lab, hook, options):
    hook.shutdown()
    hook.server_close()
    lab.write({"test_it.py": "def test_is_clean(): pass\n"})

    session = lab.checked(f"--leak-export=webhook:{hook.address}", *options)

    assert session.ret == 0
    assert f"not sent to webhook:http://127.0.0.1:{hook.server_address[1]}/hook: " in session.raw
    for secret in ("jane", "s3cret", "t0ken"):
        assert secret not in session.raw
        assert secret not in session.err


def test_a_target_that_is_none_stops_the_session_without_its_secrets(lab):
    lab.write({"test_it.py": "def test_is_clean(): pass\n"})

    session = lab.checked("--leak-export=webhook:ftp://jane:s3cret@host")

    assert session.ret == 4
    assert "--leak-export: expected KIND:TARGET with a kind of pushgateway" in session.err
    assert "s3cret" not in session.err


def test_a_session_that_judged_nothing_is_not_sent(lab, hook):
    lab.write({"test_it.py": "def test_is_unmarked(): pass\n"})

    lab.pytest(f"--leak-export=webhook:{hook.address}")

    assert hook.received == []
