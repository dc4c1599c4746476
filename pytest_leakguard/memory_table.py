"""Where is a process's memory? One value, with what the system and each allocator say of it.

What could not be read is absent: ``None`` or empty, with the reason by its name, and never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar, final

#: Who hands out blocks for Python's objects: its own allocator with arenas, that of the C library
#: (``PYTHONMALLOC=malloc``), or that of free-threaded builds.
Allocator = Literal["pymalloc", "malloc", "mimalloc", "unknown"]
_T = TypeVar("_T")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SizeClass:
    """Blocks of one size, from Python's own allocator.

    Attributes:
        block_bytes: Size of one block.
        pools: Pools that are divided into such blocks.
        in_use: Blocks that are handed out.
        free: Blocks of these pools that are not.
    """

    block_bytes: int
    pools: int
    in_use: int
    free: int

    @property
    def free_bytes(self) -> int:
        """What the free blocks hold: only other blocks of this size can use it."""
        return self.block_bytes * self.free


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FreeList:
    """Objects of one type that wait to be used again; the allocator counts them as in use.

    Attributes:
        type: The type, as C code names it.
        number: How many wait.
        size_bytes: What they take together.
    """

    type: str
    number: int
    size_bytes: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Arenas:
    """What Python's own allocator has taken from the system for blocks of up to 512 bytes.

    Attributes:
        number: Arenas there are now.
        arena_bytes: Size of one.
        most: As many as there ever were at a time; ``None`` if unknown.
        reclaimed: Arenas that were given back; ``None`` if unknown.
        in_use_bytes: Bytes in blocks that are handed out.
        free_block_bytes: Bytes in free blocks of pools that are in use; ``None`` if unknown.
        free_pools: Pools without a block in use; ``None`` if unknown.
        pool_bytes: Size of one; ``None`` if unknown.
        header_bytes: Lost to the heads of pools; ``None`` if unknown.
        rounding_bytes: Lost because pools are no multiples of blocks; ``None`` if unknown.
        alignment_bytes: Lost because arenas do not begin where pools must; ``None`` if unknown.
        classes: Sizes of blocks there are pools of, the smallest first.
        free_lists: Types of which freed objects are kept; empty if unknown.
    """

    number: int
    arena_bytes: int
    most: int | None = None
    reclaimed: int | None = None
    in_use_bytes: int
    free_block_bytes: int | None = None
    free_pools: int | None = None
    pool_bytes: int | None = None
    header_bytes: int | None = None
    rounding_bytes: int | None = None
    alignment_bytes: int | None = None
    classes: tuple[SizeClass, ...] = ()
    free_lists: tuple[FreeList, ...] = ()

    @property
    def size_bytes(self) -> int:
        """What all arenas take of the address space."""
        return self.number * self.arena_bytes

    @property
    def blocks(self) -> int:
        """Blocks that are handed out."""
        return sum(one.in_use for one in self.classes)

    @property
    def fragmentation(self) -> float:
        """Share of the arenas' bytes that no block in use has: 0 to 1."""
        return 1 - self.in_use_bytes / self.size_bytes if self.size_bytes else 0.0

    @property
    def free_pool_bytes(self) -> int | None:
        """What pools without a block in use take; ``None`` if unknown."""
        if self.free_pools is None or self.pool_bytes is None:
            return None
        return self.free_pools * self.pool_bytes

    @property
    def lost_bytes(self) -> int | None:
        """What no block can have; ``None`` if unknown."""
        parts = (self.header_bytes, self.rounding_bytes, self.alignment_bytes)
        known = [part for part in parts if part is not None]
        return sum(known) if known else None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NativeHeap:
    """What the C library's allocator has: larger objects of Python, and all of extensions.

    Attributes:
        in_use_bytes: Handed out from its heaps.
        free_bytes: Kept in them for later requests; ``None`` if unknown.
        top_bytes: Part of that at the end, which it could give back; ``None`` if unknown.
        mapped_bytes: Mapped by it for single large requests; in use as well.
    """

    in_use_bytes: int
    free_bytes: int | None = None
    top_bytes: int | None = None
    mapped_bytes: int

    @property
    def size_bytes(self) -> int:
        """All of it, as far as it is known."""
        return self.in_use_bytes + (self.free_bytes or 0) + self.mapped_bytes


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """Part of the address space: all mappings of one kind, or of one file.

    Attributes:
        name: ``files``, ``anonymous``, ``heap``, ``stack``, ``shared`` (memory that forks share) or
            ``other``; or the path of the file.
        number: How many mappings.
        size_bytes: Their size.
        resident_bytes: Part of it in physical memory.
    """

    name: str
    number: int
    size_bytes: int
    resident_bytes: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tallied:
    """Objects of one type, or blocks of one package.

    Attributes:
        name: Dotted name of the type, or name of the package.
        number: How many.
        size_bytes: Their own size together.
    """

    name: str
    number: int
    size_bytes: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What tracemalloc has recorded since it was started.

    Attributes:
        size_bytes: In use now.
        peak_bytes: The most that was in use at a time.
        own_bytes: What tracemalloc itself takes for that, on the native heap.
        packages: By the package of the line that allocated, the largest first.
        further: Packages beyond these.
    """

    size_bytes: int
    peak_bytes: int
    own_bytes: int
    packages: tuple[Tallied, ...] = ()
    further: int = 0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation of the garbage collector.

    Attributes:
        objects: Objects in it.
        count: How far it is to its next collection, in the unit of the threshold.
        threshold: Count beyond which it is collected; 0 means never.
        collections: How often it was.
    """

    objects: int
    count: int
    threshold: int
    collections: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """The garbage collector.

    Attributes:
        generations: The youngest first.
        frozen: Objects that it leaves aside (``gc.freeze``).
        garbage: Objects that it could not free, or keeps for debugging (``gc.garbage``).
        enabled: Whether it runs by itself.
    """

    generations: tuple[Generation, ...]
    frozen: int
    garbage: int
    enabled: bool

    @property
    def objects(self) -> int:
        """Objects of all generations."""
        return sum(one.objects for one in self.generations)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """Python's objects: those that the garbage collector knows, and what they refer to.

    Attributes:
        number: How many, types that are built in and the like included.
        size_bytes: Their own size together.
        large: Those of more than 512 bytes, which are on the native heap.
        large_bytes: Their own size together.
        types: The types with most bytes, the largest first.
        further: Types beyond these.
    """

    number: int
    size_bytes: int
    large: int
    large_bytes: int
    types: tuple[Tallied, ...] = ()
    further: int = 0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryTable:
    """Where a process's memory is, at one moment.

    Attributes:
        process: Which process, in words: ``process 4711``, or a worker's name before it.
        python: Version of its interpreter, such as ``3.13.1``.
        moment: When it was, in words; may be empty.
        rss_bytes: In physical memory (resident set size); ``None`` if unknown.
        uss_bytes: Part of that which nobody shares (unique set size); ``None`` if unknown.
        allocator: Who hands out blocks for Python's objects.
        arenas: What it has of arenas; ``None`` if unknown, or there are none.
        native: The C library's allocator; ``None`` if unknown.
        maps: The address space by kind, the largest resident part first; empty if unknown.
        files: Files that are mapped, likewise; only the first of them.
        further_files: Files beyond these.
        traced: What tracemalloc has recorded; ``None`` if it is off.
        collector: The garbage collector; ``None`` if it was not looked at.
        objects: Python's objects; ``None`` if they were not looked at.
        absent: Why a part is missing, by its name: ``rss``, ``uss``, ``arenas``, ``free_lists``,
            ``native``, ``native_free``, ``maps``, ``traced``, ``objects``.
    """

    process: str
    python: str
    moment: str = ""
    rss_bytes: int | None = None
    uss_bytes: int | None = None
    allocator: Allocator = "unknown"
    arenas: Arenas | None = None
    native: NativeHeap | None = None
    maps: tuple[Mapped, ...] = ()
    files: tuple[Mapped, ...] = ()
    further_files: int = 0
    traced: Traced | None = None
    collector: Collector | None = None
    objects: Objects | None = None
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def accounted_bytes(self) -> int | None:
        """What mapped files, shared memory, the main stack and both allocators have together.

        Of all but the allocators what is resident, of these all that they hold; ``None`` if
        a part is unknown that may be large.
        """
        without_arenas = self.arenas is None and self.allocator != "malloc"
        if self.native is None or not self.maps or without_arenas:
            return None
        kinds = {"files", "shared", "stack"}
        resident = sum(one.resident_bytes for one in self.maps if one.name in kinds)
        arenas = self.arenas.size_bytes if self.arenas is not None else 0
        return resident + arenas + self.native.size_bytes

    @property
    def unexplained_bytes(self) -> int | None:
        """RSS less :attr:`accounted_bytes`; ``None`` if either is unknown.

        Above 0, somebody else has mapped memory: stacks of threads, extensions. Below 0, part of
        what the allocators hold is not in physical memory: never touched, or swapped out.
        """
        if self.rss_bytes is None or self.accounted_bytes is None:
            return None
        return self.rss_bytes - self.accounted_bytes

    def to_plain(self) -> dict[str, Any]:  # as JSON has it
        """Return the table as dicts, lists, strings and numbers."""
        return {**asdict(self), "absent": dict(self.absent)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> MemoryTable:  # as JSON has it
        """Rebuild a table from :meth:`to_plain`, also after a round trip through JSON."""
        rebuilt: dict[str, Any] = {  # of parts, each of its type
            "maps": _all(Mapped, plain["maps"]),
            "files": _all(Mapped, plain["files"]),
        }
        if (arenas := plain["arenas"]) is not None:
            classes = _all(SizeClass, arenas["classes"])
            lists = _all(FreeList, arenas["free_lists"])
            rebuilt["arenas"] = Arenas(**{**arenas, "classes": classes, "free_lists": lists})
        if (native := plain["native"]) is not None:
            rebuilt["native"] = NativeHeap(**native)
        if (traced := plain["traced"]) is not None:
            rebuilt["traced"] = Traced(**{**traced, "packages": _all(Tallied, traced["packages"])})
        if (objects := plain["objects"]) is not None:
            rebuilt["objects"] = Objects(**{**objects, "types": _all(Tallied, objects["types"])})
        if (collector := plain["collector"]) is not None:
            generations = _all(Generation, collector["generations"])
            rebuilt["collector"] = Collector(**{**collector, "generations": generations})
        return cls(**{**plain, **rebuilt})


def _all(kind: type[_T], plain: Iterable[Mapping[str, Any]]) -> tuple[_T, ...]:  # as JSON has it
    return tuple(kind(**one) for one in plain)
