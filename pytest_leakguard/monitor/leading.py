"""Which few of many had the most, without remembering all of them?"""

from __future__ import annotations

import heapq
from typing import final


@final
class Leading:
    """The names with the highest numbers.

    Args:
        most: How many are remembered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[int, str]] = []

    def offer(self, number: int, name: str) -> None:
        """Remember a name if its number is among the highest."""
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, (number, name))
        elif number > self._heap[0][0]:
            heapq.heapreplace(self._heap, (number, name))

    def all(self) -> list[tuple[int, str]]:
        """Return numbers and names, the highest first."""
        return sorted(self._heap, key=lambda one: (-one[0], one[1]))
