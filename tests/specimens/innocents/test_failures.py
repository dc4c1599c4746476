"""Exceptions that are caught and let go."""

from __future__ import annotations

import sys

import pytest
from specimen_app import failures

LAST: list[BaseException] = []


def test_text_of_the_last_failure_replaces_the_one_before() -> None:
    assert "12" in failures.try_to_charge_once(12)


def test_last_exception_replaces_the_one_before() -> None:
    try:
        failures.charge(12)
    except failures.PaymentRefused as error:
        LAST[:] = [error]

    assert LAST[0].__traceback__ is not None


def test_expected_exception_is_forgotten() -> None:
    with pytest.raises(failures.PaymentRefused, match="12"):
        failures.charge(12)


def test_exception_and_frame_form_a_cycle() -> None:
    try:
        failures.charge(12)
    except failures.PaymentRefused as error:
        kept = error

    assert kept.__traceback__.tb_frame is sys._getframe()


def test_exceptions_are_chained_a_hundred_deep() -> None:
    error: Exception | None = None
    for number in range(100):
        try:
            try:
                if error is not None:
                    raise error
            finally:
                raise LookupError(number)
        except LookupError as raised:
            error = raised

    assert error.args == (99,)


def test_recursion_runs_into_its_limit() -> None:
    def sink() -> None:
        sink()

    with pytest.raises(RecursionError):
        sink()
