"""What went wrong lately."""

from __future__ import annotations

import traceback


class PaymentRefused(Exception):  # noqa: N818 - named as the shop's staff would
    """The bank said no."""


refused: list[PaymentRefused] = []
refused_texts: list[str] = []


def charge(amount: int) -> None:
    receipt = bytearray(2_000)
    raise PaymentRefused(f"{amount} with a receipt of {len(receipt)} bytes")


def try_to_charge(amount: int) -> None:
    """Keep the exception, and with its traceback the frame and the receipt in it."""
    try:
        charge(amount)
    except PaymentRefused as error:
        refused.append(error)


def try_to_charge_once(amount: int) -> str:
    """Keep the text of the last failure only."""
    try:
        charge(amount)
    except PaymentRefused as error:
        refused_texts[:] = traceback.format_exception_only(type(error), error)
    return refused_texts[0]
