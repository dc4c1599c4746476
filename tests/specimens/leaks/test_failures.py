"""Exceptions that are kept, and what they keep."""

from __future__ import annotations

import pytest
from specimen_app import failures

CAUGHT: list[BaseException] = []


def test_exception_is_kept_with_its_frames() -> None:
    failures.try_to_charge(12)

    assert failures.refused[-1].__traceback__ is not None


def test_exception_info_of_an_expected_failure_is_kept() -> None:
    with pytest.raises(failures.PaymentRefused) as caught:
        failures.charge(12)
    CAUGHT.append(caught.value)

    assert "12" in str(CAUGHT[-1])
