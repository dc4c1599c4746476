"""What does a look at the heap come to? Values, and the form in which a copy hands them over."""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass
from typing import Any, final


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A container that has grown.

    Attributes:
        holder: Its dotted name.
        type: Its dotted type.
        before: How many items it had at the earlier look; 0 if there was none.
        items: How many it had at this one.
        bound: What keeps it from growing for ever, in words; empty when nothing is known.
        root: Name of the root that the way to it begins at.
        way: Identities of the objects on that way, the root's own first and its own last.
    """

    holder: str
    type: str
    before: int
    items: int
    bound: str
    root: str
    way: tuple[int, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look has found.

    Attributes:
        tests: How many tests were over.
        reached: How many objects were met.
        candidates: What has grown since the look before, those that gained most first.
        identities: Of the containers met, sorted.
        lengths: How many items each of these has.
    """

    tests: int
    reached: int
    candidates: tuple[Candidate, ...]
    identities: array[int]
    lengths: array[int]

    def to_bytes(self) -> bytes:
        """Return it in a form that another process can read, and that takes little memory."""
        head = {
            "tests": self.tests,
            "reached": self.reached,
            "candidates": [
                {name: getattr(one, name) for name in Candidate.__dataclass_fields__}
                for one in self.candidates
            ],
            "containers": len(self.identities),
        }
        line = json.dumps(head).encode() + b"\n"
        return line + self.identities.tobytes() + self.lengths.tobytes()

    @classmethod
    def from_bytes(cls, text: bytes) -> Look:
        """Rebuild it from :meth:`to_bytes`, on the same machine."""
        line, _, numbers = text.partition(b"\n")
        head: dict[str, Any] = json.loads(line)  # Any: as JSON has it
        identities, lengths = array("q"), array("q")
        size = head["containers"] * identities.itemsize
        identities.frombytes(numbers[:size])
        lengths.frombytes(numbers[size:])
        candidates = tuple(
            Candidate(**{**one, "way": tuple(one["way"])}) for one in head["candidates"]
        )
        return cls(
            tests=head["tests"],
            reached=head["reached"],
            candidates=candidates,
            identities=identities,
            lengths=lengths,
        )
