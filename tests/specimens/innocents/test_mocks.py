"""Mocks and patches that are undone, reset or local."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import uuid
from pathlib import Path
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


def test_home_is_pointed_at_a_temporary_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/shop.db")
    monkeypatch.chdir(tmp_path)

    assert Path.home() == tmp_path


def test_variable_has_another_value_in_each_test(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PORT", str(probe.getsockname()[1]))
    monkeypatch.setenv("TENANT", f"tenant_{uuid.uuid4()}")

    with mock.patch.dict(os.environ, {"REGION": str(uuid.uuid4())}, clear=True):
        assert "PORT" not in os.environ


def test_temporary_directory_of_its_own_is_put_into_the_environment() -> None:
    with tempfile.TemporaryDirectory() as directory, mock.patch.dict(
        os.environ, SPECIMEN_DIRECTORY=directory
    ):
        assert Path(os.environ["SPECIMEN_DIRECTORY"]).is_dir()
