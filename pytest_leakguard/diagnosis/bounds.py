"""What keeps a holder from growing for ever? Its kind, what it states, or the code beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytest_leakguard.diagnosis.capacity import known_capacity
from pytest_leakguard.diagnosis.evictions import eviction_bound
from pytest_leakguard.diagnosis.expiries import expiry
from pytest_leakguard.model import Frame


class Bound(NamedTuple):
    """A bound, as far as it is known.

    Attributes:
        text: It in words; empty when there is none.
        room: Items that may yet be added before it is passed; 0 where it cannot be.
        seconds: Age at which what is held is dropped; 0 where age is not the reason, or unknown.
    """

    text: str = ""
    room: int = 0
    seconds: float = 0.0


def stated_bound(chain: Sequence[object], kept: Sequence[object] = ()) -> Bound:
    """Return the bound that a holder has by its kind or states by an attribute.

    Args:
        chain: The objects from a root to the holder, both included.
        kept: What accumulates in the holder.
    """
    text, room = known_capacity(chain, kept)
    return Bound(text, room=room)


def coded_bound(frames: Sequence[Frame], chain: Sequence[object]) -> Bound:
    """Return the bound that the code beside a holder keeps, by number or else by age.

    Args:
        frames: Lines that made the container grow, and that called such a line.
        chain: The objects from a root to the container, both included.
    """
    text, room = eviction_bound(frames, chain)
    if text:
        return Bound(text, room=room)
    text, seconds = expiry(frames, chain)
    return Bound(text, seconds=seconds)
