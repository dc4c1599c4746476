"""How is a session sent to a web hook? As the JSON report, by requests."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from pytest_leakguard.exporters import RefusedError
from pytest_leakguard.reports import SessionFacts
from pytest_leakguard.reports.json import render_json

#: Names the token that is sent along.
TOKEN = "LEAKGUARD_WEBHOOK_TOKEN"  # noqa: S105  # a variable's name
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_TRIES = 3
_AGAIN = (408, 429, 500, 502, 503, 504)


class _Bearer(requests.auth.AuthBase):
    """A token; given so, no file of passwords overrides it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def send(address: str, facts: SessionFacts, root: Path, seconds: float) -> None:
    """Post a session; where the receiver fails, up to twice more, later each time.

    Certificates are verified, and redirections are not followed: a token would go with them.

    Args:
        address: The receiver's URL; a user and password in it are sent as basic authentication,
            unless the environment has a token.
        facts: The session.
        root: Directory that file names are given relative to.
        seconds: How long all attempts may take.

    Raises:
        RefusedError: The receiver answers, and does not take it; or a token would go unprotected.
    """
    again = Retry(
        total=_TRIES - 1,
        allowed_methods=None,
        status_forcelist=_AGAIN,
        backoff_factor=seconds / 50,
        respect_retry_after_header=False,
        raise_on_status=False,
        redirect=False,
    )
    token = os.environ.get(TOKEN)
    parts = urlsplit(address)
    if token and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise RefusedError(f"{TOKEN} is set, and goes over https only")
    with requests.Session() as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=again))
        answer = session.post(
            address,
            data=render_json(facts, root).encode("utf-8", "backslashreplace"),
            headers={"Content-Type": "application/json", "User-Agent": "pytest-leakguard"},
            auth=_Bearer(token) if token else None,
            timeout=seconds / (_TRIES + 1),
            allow_redirects=False,
        )
    if not requests.codes.ok <= answer.status_code < requests.codes.multiple_choices:
        raise RefusedError(f"the receiver answers {answer.status_code}")
