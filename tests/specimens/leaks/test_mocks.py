"""Patches that are never undone, and mocks that remember their calls."""

from __future__ import annotations

from unittest import mock

import pytest
from specimen_app import reporting

GATEWAY = mock.Mock()
PATCHES = pytest.MonkeyPatch()


class Payment:
    """Passed to the gateway."""


def test_patch_is_started_and_never_stopped() -> None:
    mock.patch.object(reporting, "currency").start()

    assert isinstance(reporting.currency, mock.Mock)


def test_mock_of_the_module_remembers_each_call() -> None:
    GATEWAY.send(Payment())

    GATEWAY.send.assert_called()


def test_hand_made_monkeypatch_is_never_undone() -> None:
    PATCHES.setitem(reporting.__dict__, "CURRENCY", object())

    assert reporting.CURRENCY
