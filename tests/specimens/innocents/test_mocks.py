"""Mocks and patches that are undone, reset or local."""

from __future__ import annotations

import os
import sys
from unittest import mock

import pytest
from specimen_app import reporting

GATEWAY = mock.Mock()


def test_patch_is_undone_by_its_block() -> None:
    with mock.patch.object(reporting, "render", return_value=0) as render:
        assert reporting.render(["total"]) == 0

    render.assert_called_once_with(["total"])


@mock.patch("specimen_app.reporting.render", return_value=0)
def test_patch_is_undone_by_its_decorator(render: mock.Mock) -> None:
    assert reporting.render(["total"]) == 0
    render.assert_called_once_with(["total"])


def test_mock_of_the_module_is_reset() -> None:
    GATEWAY.send("payment")
    GATEWAY.send.assert_called_once_with("payment")
    GATEWAY.reset_mock()

    assert not GATEWAY.mock_calls


def test_mock_with_a_specification_is_local() -> None:
    gateway = mock.create_autospec(reporting.render)
    for number in range(20):
        gateway([str(number)])

    assert gateway.call_count == 20


def test_monkeypatch_restores_attribute_variable_and_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reporting, "lines", [])
    monkeypatch.setenv("SPECIMEN", "1")
    monkeypatch.setattr(sys, "argv", ["specimen"])

    assert os.environ["SPECIMEN"] == "1"
