"""Can the monitor afford to look? It has a share of the elapsed time, and no more."""

from __future__ import annotations

from typing import final


@final
class Ration:
    """What one part of the monitor may spend, of the time that has passed.

    Args:
        share: Of the elapsed time.
        credit_seconds: What may be spent from the beginning on.

    Attributes:
        spent: What was spent so far, in seconds.
    """

    def __init__(self, share: float, credit_seconds: float = 0.0) -> None:
        self._share = share
        self._credit = credit_seconds
        self.spent = 0.0

    def affords(self, cost_seconds: float, elapsed_seconds: float) -> bool:
        """Tell whether something may be spent.

        Args:
            cost_seconds: What it will take, as far as is known.
            elapsed_seconds: Time since the session began.
        """
        return self.spent + cost_seconds <= elapsed_seconds * self._share + self._credit
