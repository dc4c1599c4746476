"""Which containers have grown since an earlier look, and what holds them?

A look walks everything that modules, fixtures, threads and the like lead to. What pytest itself
keeps of each test hangs on the main thread's own frames only and is not met, nor is garbage that
waits for its collection; what the interpreter and its library cache is emptied first. It is made in
a copy of the process, so that it may take its time and empty what it likes.
"""

from __future__ import annotations

import gc
import sys
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import compress
from types import ModuleType

from pytest_leakguard import settle
from pytest_leakguard.counters.containers import length_of_kind
from pytest_leakguard.diagnosis.bounds import find_bound
from pytest_leakguard.diagnosis.naming import class_name
from pytest_leakguard.diagnosis.paths import retention_path
from pytest_leakguard.diagnosis.roots import Places, Root, Roots
from pytest_leakguard.diagnosis.walk import Entry, Reached, referents_of
from pytest_leakguard.identity import identity_of
from pytest_leakguard.monitor.looks import Candidate, Look
from pytest_leakguard.monitor.routes import chains_to
from pytest_leakguard.ownership import is_library

#: Containers with fewer items are not looked at: most of a heap's have next to none.
LEAST_ITEMS = 4
#: How many that have grown are told at most, those that have most first.
MOST_TOLD = 24
#: How many items a container has to gain per test to be told, and at least.
LEAST_PER_TEST, LEAST_GAINED = 0.1, 4
_OURSELVES = "pytest_leakguard"
#: Objects that are walked at most for a name near to the user's modules.
_NEAR_OBJECTS = 20_000
#: Types of what runs the tests, and keeps notes of each.
_RUNNING_TESTS = ("_pytest.", "pluggy.", "xdist.", "execnet.", "pytest_leakguard.")
#: The interpreter's own lists of what was imported and looked for, and the notes of what runs the
#: tests: no code of the user's is to blame for these.
_NOT_TOLD = (
    "sys.modules",
    "sys.path_importer_cache",
    "threading._",
    "concurrent.futures.thread._",
    *_RUNNING_TESTS,
)
#: Containers whose items go when nothing else holds them.
_WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)


def look(places: Callable[[], Mapping[str, object]], tests: int, earlier: bytes | None) -> bytes:
    """Walk the heap of this process, which is about to end.

    Args:
        places: Called for named places where holders may live, such as the values of fixtures.
        tests: How many tests are over.
        earlier: The look before, as bytes; ``None`` for the first.
    """
    gc.disable()
    settle.empty_caches()
    named = Roots(places).all()
    reached = Reached(named)
    objects = reached.objects
    kinds = {kind: length_of_kind(kind) for kind in set(map(type, objects))}
    found: list[tuple[int, int, int]] = []
    for position, obj in enumerate(objects):
        length = kinds[type(obj)]
        if length is not None and (items := length(obj)) >= LEAST_ITEMS:
            found.append((identity_of(obj), items, position))
    found.sort()
    before = None if earlier is None else Look.from_bytes(earlier)
    candidates = () if before is None else _grown(reached, named, found, before, tests)
    return Look(
        tests=tests,
        reached=len(objects),
        candidates=candidates,
        identities=array("q", [identity for identity, _, _ in found]),
        lengths=array("q", [items for _, items, _ in found]),
    ).to_bytes()


def _grown(
    reached: Reached,
    named: Sequence[Root],
    found: Sequence[tuple[int, int, int]],
    earlier: Look,
    tests: int,
) -> tuple[Candidate, ...]:
    lengths = dict(zip(earlier.identities, earlier.lengths, strict=True))
    least = max(LEAST_GAINED, LEAST_PER_TEST * (tests - earlier.tests))
    # What was not met before may have been made with as many items as it has.
    gains = [items - lengths.get(identity, items) for identity, items, _ in found]
    grown = sorted(
        compress(zip(gains, found, strict=True), [gain >= least for gain in gains]),
        key=lambda one: -one[0],
    )
    told: list[Candidate] = []
    for _, (identity, items, position) in grown:
        entry = reached.entry_at(position)
        candidate = _told(named, entry, lengths[identity], items)
        if candidate is not None:
            told.append(candidate)
        if len(told) == MOST_TOLD:
            break
    return tuple(told)


def _told(named: Sequence[Root], entry: Entry, before: int, items: int) -> Candidate | None:
    if any(
        class_name(type(one)).startswith(_RUNNING_TESTS)
        for one in entry.chain
        if type(one) is not Places
    ):
        return None
    if any(issubclass(type(one), _WEAK) for one in entry.chain[-3:]):
        return None
    root = named[entry.root]
    holder, steps = retention_path(root, entry.chain)
    if holder.startswith(_NOT_TOLD):
        return None
    return Candidate(
        holder=holder,
        type=steps[-1].type,
        before=before,
        items=items,
        bound=find_bound((), entry.chain).text,
        root=root.name,
        way=tuple(map(identity_of, entry.chain)),
    )


def name_holders(
    places: Callable[[], Mapping[str, object]], containers: Sequence[object], *, far: bool
) -> dict[int, Candidate]:
    """Name containers; those that nothing known leads to are left out.

    Most are few steps from the user's own modules. Only for others is the whole heap walked.

    Args:
        places: Called for named places, as for a look.
        containers: What is to be named.
        far: Whether the whole heap is walked for those that are far from the user's modules.

    Returns:
        Each with its name, by its identity.
    """
    wanted = {identity_of(one): one for one in containers}
    own = [*_own_modules(), *(Root(name, value) for name, value in places().items())]
    found = _described(own, _near_entries(own, wanted))
    if far and found.keys() != wanted.keys():
        named = Roots(places).all()
        reached = Reached(named)
        entries = [
            reached.entry_at(position)
            for position, obj in enumerate(reached.objects)
            if identity_of(obj) in wanted and identity_of(obj) not in found
        ]
        found.update(_described(named, entries))
    return found


def _described(named: Sequence[Root], entries: Iterable[Entry]) -> dict[int, Candidate]:
    found: dict[int, Candidate] = {}
    for entry in entries:
        length = length_of_kind(type(entry.holder))
        if length is not None:
            candidate = _told(named, entry, 0, length(entry.holder))
            if candidate is not None:
                found[identity_of(entry.holder)] = candidate
    return found


def _own_modules() -> list[Root]:
    loaded: dict[str, object] = {**sys.modules}  # tests put all kinds of things there
    modules = [
        Root(name, module)
        for name, module in loaded.items()
        if isinstance(module, ModuleType)
        and not is_library(module)
        and not name.startswith(_OURSELVES)
    ]
    modules.reverse()  # what a module imports comes later, and is nearer to the owner
    return modules


def _near_entries(own: Sequence[Root], wanted: Mapping[int, object]) -> Iterator[Entry]:
    """Walk from modules, breadth first, until all that is wanted was met or too much else."""
    roots = [root.obj for root in own]
    for number, chain in chains_to(wanted, roots, referents_of, _NEAR_OBJECTS):
        yield Entry(root=number, chain=chain)
