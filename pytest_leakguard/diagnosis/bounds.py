"""What keeps a holder from growing for ever? Its kind, what it states, or the code beside it."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_leakguard.diagnosis.capacity import kept_bound, stated_bound
from pytest_leakguard.diagnosis.evictions import compares_with, eviction_bound
from pytest_leakguard.diagnosis.expiries import expiry
from pytest_leakguard.model import Bound, Frame


def find_bound(
    frames: Sequence[Frame], chain: Sequence[object], kept: Sequence[object] = ()
) -> Bound:
    """Return the bound of a holder: by number or else by age.

    Args:
        frames: Lines that made the container grow, and that called such a line.
        chain: The objects from a root to the holder, both included.
        kept: What accumulates in the holder.
    """
    if bound := kept_bound(chain, kept):
        return bound
    evicted = eviction_bound(frames, chain)
    if (stated := stated_bound(chain)) is not None:
        is_kept = evicted.kept or compares_with(frames, chain, stated.name)
        if is_kept or not (aged := expiry(frames, chain)):
            return Bound(text=stated.text, room=stated.room, kept=is_kept)
        return aged
    return evicted if evicted.kept else expiry(frames, chain) or evicted
