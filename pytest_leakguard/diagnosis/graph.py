"""How does a retention path look, drawn by objgraph?

objgraph draws live objects, and asks each for its ``repr``. Here it is given stand-ins that refer
to one another as the objects did: they know their texts and run no code of the user's, and a
finding that another process has made is drawn alike.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import objgraph

from pytest_leakguard.escaping import printable
from pytest_leakguard.model import Finding, Share
from pytest_leakguard.units import format_rates

#: Types shown of what lives only through the leaked object.
_MOST_HELD = 8


class _StandIn:
    """What an object is drawn by; subclasses have a slot for each that it refers to.

    Attributes:
        info: What is known of it beside its type.
    """

    __slots__ = ("info",)
    info: str

    def __repr__(self) -> str:
        return ""


def graph_of(finding: Finding) -> str:
    """Draw the way from the root to what leaks, and what lives only through that.

    Args:
        finding: Its path, rates and types held are drawn.

    Returns:
        A directed graph in the DOT language; empty if the path is not known.
    """
    if not finding.path:
        return ""
    *way, last = finding.path
    held = [_held(share) for share in finding.held[:_MOST_HELD]]
    rate = format_rates(finding.objects_per_run, finding.bytes_per_run)
    leaked = drawn = _stand_in(last.type, f"{last.via}\nleaks: {rate}", held)
    for step in reversed(way):
        grows = "\ngrows" if step is way[-1] else ""
        drawn = _stand_in(step.type, f"{step.via}{grows}", [drawn])
    text = io.StringIO()
    objgraph.show_refs(
        [drawn],
        max_depth=len(finding.path),
        filter=_is_stand_in,
        extra_info=_info,
        highlight=lambda one: one is leaked,
        shortnames=False,
        output=text,
    )
    return text.getvalue()


def _stand_in(name: str, info: str, followers: Sequence[_StandIn] = ()) -> _StandIn:
    """Make one whose type is called as that of the object it stands for."""
    module, _, short = printable(name).rpartition(".")
    slots = {f"follower_{number}": one for number, one in enumerate(followers)}
    kind: Any = type(short, (_StandIn,), {"__slots__": tuple(slots), "__module__": module})
    made: _StandIn = kind()
    made.info = info
    for slot, one in slots.items():
        setattr(made, slot, one)
    return made


def _held(share: Share) -> _StandIn:
    rate = format_rates(share.objects_per_run, share.bytes_per_run)
    return _stand_in(share.type, f"held by it\n{rate}")


def _is_stand_in(obj: object) -> bool:
    return isinstance(obj, _StandIn)


def _info(obj: _StandIn) -> str:
    return obj.info
