"""What pytest captures and collects for a test."""

from __future__ import annotations

import os
import sys

import pytest


def test_output_is_captured(capsys: pytest.CaptureFixture[str]) -> None:
    print("row" * 1_000)

    assert len(capsys.readouterr().out) == 3_001


def test_output_of_descriptors_is_captured(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(1, b"row\n")

    assert capfd.readouterr().out == "row\n"


def test_output_is_left_to_pytest() -> None:
    print("row" * 1_000)
    print("problem" * 1_000, file=sys.stderr)


def test_warnings_are_recorded(recwarn: pytest.WarningsRecorder) -> None:
    import warnings

    warnings.warn("low", UserWarning, stacklevel=1)

    assert len(recwarn) == 1


def test_assertion_is_explained() -> None:
    with pytest.raises(AssertionError):
        assert list(range(100)) == list(range(99))


def test_subtests_are_reported(request: pytest.FixtureRequest) -> None:
    if pytest.version_tuple < (9, 0):
        pytest.skip("subtests came with pytest 9")
    subtests = request.getfixturevalue("subtests")
    for size in range(3):
        with subtests.test(size=size):
            assert size < 3
