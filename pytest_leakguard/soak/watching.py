"""Who sees a soak while it goes on, and what happens when its user ends it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

#: Returns the parts of a line on how far a soak is; empty when it is over.
Line = Callable[[], tuple[str, ...]]


def _nobody(_: object) -> None:
    """Do nothing about it."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who sees a soak.

    Attributes:
        begins: Called when one begins.
        stops: Exceptions by which its user ends it; the result then says what is known.
        stopped: Called with the exception that has ended it, which is not raised.
    """

    begins: Callable[[Line], None] = _nobody
    stops: tuple[type[BaseException], ...] = (KeyboardInterrupt,)
    stopped: Callable[[BaseException], None] = _nobody
