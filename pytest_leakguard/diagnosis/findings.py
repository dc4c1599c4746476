"""How is what accumulates told as a finding?"""

from __future__ import annotations

import gc
import sys
import threading
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import final

from pytest_leakguard.diagnosis import census, naming, paths, traces
from pytest_leakguard.diagnosis.accumulation import Accumulation
from pytest_leakguard.diagnosis.bounds import find_bound
from pytest_leakguard.diagnosis.capacity import kept_bound, slots_bound
from pytest_leakguard.diagnosis.census import Births, Held
from pytest_leakguard.diagnosis.clues import Clue
from pytest_leakguard.diagnosis.fingerprint import fingerprint
from pytest_leakguard.diagnosis.patterns import INTERPRETER, REFERENCE, recognise
from pytest_leakguard.diagnosis.roots import Root
from pytest_leakguard.diagnosis.sites import Sources
from pytest_leakguard.diagnosis.suspended import waiting_text
from pytest_leakguard.diagnosis.traces import Growth
from pytest_leakguard.identity import identity_of
from pytest_leakguard.model import NOWHERE, Bound, Finding, Frame, Share, Step
from pytest_leakguard.units import format_size

_ADVICE = (
    "let the holder drop what a run adds when the run ends (remove it on teardown), bound the"
    " holder, or let it refer weakly"
)
#: Holders of the interpreter's own, that grow by what a test feeds them.
_ADVICE_FOR = {
    "sys.path_importer_cache": (
        "the interpreter remembers each directory that it looked for modules in: reuse one"
        " directory, or drop the entry on teardown"
    ),
    "zipimport._zip_directory_cache": (
        "the interpreter remembers each archive that it looked for modules in: call"
        " importlib.invalidate_caches() and drop the entry on teardown"
    ),
}
_ATOMS = frozenset({"str", "bytes", "int", "float", "bool", "NoneType"})
#: How far it is looked for what refers to something leaked, in steps.
_UP = 3
#: Objects of the test runner hang on stored tracebacks; they are not the test's.
_HARNESS_TYPES = ("_pytest.", "pluggy.", "pytest_leakguard.")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The runs between the censuses, and what is known of their objects.

    Attributes:
        between: Runs from the first census to the last: what rates are taken over.
        last: Number of the last run, from 1.
        births: In which run each new object was first seen.
        sources: Names the lines of allocations.
    """

    between: int
    last: int
    births: Births
    sources: Sources

    def rate(self, growth: float) -> float:
        """Return the growth per run of what grew between the censuses."""
        return _tidy(growth / self.between)


def held_finding(accumulation: Accumulation, root: Root, runs: Runs) -> Finding:
    """Tell what a holder accumulates.

    Args:
        accumulation: The holder, and what it retains more of.
        root: Where the way to the holder begins.
        runs: The runs that it was seen in.
    """
    held = accumulation.held
    candidates = accumulation.direct or accumulation.counts or accumulation.sizes
    # A dictionary's keys are as many as its values, and an object may have one for its attributes.
    leaked_type = max(
        candidates,
        key=lambda name: (
            candidates[name],
            name not in _ATOMS,
            not _is_standard(name),
            accumulation.sizes[name],
        ),
    )
    number = (accumulation.direct or accumulation.counts).get(leaked_type, 0)
    position = _example(held, leaked_type, runs)
    example = held.everything[position]
    allocated = runs.sources.allocation(example)
    kid = held.kids[held.owners[position]]
    named = held.place is not None or not accumulation.direct
    holder, steps = paths.retention_path(root, held.entry.chain, kid if named else None)
    if named and kid is example:
        steps = steps[:-1]
    if isinstance(example, threading.Thread):
        holder = f"thread {example.name}"
    birth = runs.births.runs.get(identity_of(example))
    made = f"made in run {birth}, alive after run {runs.last}" if birth else ""
    return Finding(
        type=leaked_type,
        objects_per_run=runs.rate(number),
        bytes_per_run=runs.rate(max(accumulation.size_bytes, 0)),
        holder=holder,
        path=(*steps, Step(via="[*]", type=leaked_type)),
        allocated=allocated,
        held=tuple(
            Share(
                type=name,
                objects_per_run=runs.rate(count),
                bytes_per_run=runs.rate(accumulation.sizes[name]),
            )
            for name, count in sorted(
                accumulation.counts.items(),
                key=lambda entry: (_is_standard(entry[0]), -accumulation.sizes[entry[0]]),
            )
            if name != leaked_type and not name.startswith(_HARNESS_TYPES)
        ),
        note="; ".join(filter(None, [made, waiting_text([example, *_led_to(held, position)])])),
        advice=_ADVICE_FOR.get(holder, _ADVICE),
        fingerprint=fingerprint(holder, leaked_type, allocated),
    )


def _is_standard(kind: str) -> bool:
    """Tell the name of a class of the interpreter or its library: others say more to a reader."""
    package, dot, _ = kind.partition(".")
    return not dot or package.lstrip("_") in sys.stdlib_module_names


def with_growth(
    finding: Finding,
    grown: tuple[Frame, ...],
    accumulation: Accumulation,
    root: Root,
    runs: Runs,
) -> Finding:
    """Add the lines that made a holder grow, and the pattern that all of it makes.

    Args:
        finding: What is known so far.
        grown: The lines, innermost first; empty if unknown.
        accumulation: The holder, and what it retains more of.
        root: Where the way to the holder begins.
        runs: The runs that it was seen in.
    """
    held = accumulation.held
    position = _example(held, finding.type, runs)
    bound = find_bound((*grown, *finding.allocated), held.entry.chain, held.kids)
    if not bound and accumulation.fills_slots():
        bound = slots_bound(held.entry.holder)
    finding = replace(finding, grown=grown, bound=bound)
    clue = Clue(
        finding=finding,
        root=root.name,
        chain=held.entry.chain,
        example=held.everything[position],
        kid=held.kids[held.owners[position]],
        replaced=held.place is not None or not accumulation.direct,
        retained={identity_of(obj) for obj in held.everything},
    )
    pattern = recognise(clue)
    if (capture := clue.heaviest_capture()) is not None:
        kept = f"its {capture.name} keeps {format_size(capture.weight_bytes)}"
        finding = replace(finding, note="; ".join(filter(None, (finding.note, kept))))
    if pattern is None:
        return finding
    advice = _ADVICE_FOR.get(finding.holder, pattern.advice)
    return finding.with_pattern(pattern.name, pattern.meaning, advice)


def loose_finding(grown: Counter[str], examples: Sequence[object], runs: Runs) -> Finding:
    """Tell what grows and is reached from no root.

    Args:
        grown: How many more there are, by type; not empty.
        examples: Objects of the type that grew most; may be empty.
        runs: The runs that it was seen in.
    """
    (leaked_type, number), *rest = grown.most_common(4)
    example = examples[len(examples) // 2] if examples else None
    allocated = () if example is None else runs.sources.allocation(example)
    others = "".join(f"; with it {name} +{count}" for name, count in rest)
    with _thawed():  # the collector does not look for referrers among what is frozen
        registry = None if example is None else _registry_without_name(example, runs)
        bound = Bound() if example is None else _bound_above(example)
    torn = next((name for name in grown if name.endswith(naming.TORN_DOWN)), "")
    if torn:
        pattern = replace(REFERENCE, advice="make such a class once, or by another metaclass")
        note = (
            f"the collector has taken {torn.removesuffix(naming.TORN_DOWN)} apart and could not"
            " free it: a class that is its own metaclass, say"
        )
    elif registry is None:
        pattern = REFERENCE
        note = (
            "reached from no module, class, thread or frame: held by native code, or a"
            " reference count that was never given back"
        )
    else:
        pattern = INTERPRETER
        note = "kept by a dict of the interpreter, which no module, class or thread leads to"
    return Finding(
        type=leaked_type,
        objects_per_run=runs.rate(number),
        bytes_per_run=0 if example is None else runs.rate(number * census.weigh(example)),
        holder=NOWHERE,
        path=(Step(via=NOWHERE, type=leaked_type),),
        allocated=allocated,
        note=note + others,
        bound=bound,
        pattern=pattern.name,
        meaning=pattern.meaning,
        advice=pattern.advice,
        fingerprint=fingerprint(NOWHERE, leaked_type, allocated),
    )


def _registry_without_name(leaked: object, runs: Runs) -> dict[object, object] | None:
    """Return the dictionary that leads to a leaked object and that nothing else refers to.

    The interpreter has such registries, in no module: no walk from a root meets them.
    """
    seen = {identity_of(leaked)}
    near = [leaked]
    for _ in range(_UP):
        referrers = [obj for obj in _referrers(near) if identity_of(obj) not in seen]
        for obj in referrers:
            is_older = identity_of(obj) not in runs.births.runs
            if type(obj) is dict and is_older and not _referrers([obj], besides=referrers):
                return obj
        near = [obj for obj in referrers if identity_of(obj) in runs.births.runs]
        seen.update(map(identity_of, near))
    return None


def _bound_above(leaked: object) -> Bound:
    """Return the bound that what refers to a leaked object keeps, or the one that refers to that.

    Such as an SQLite connection that only native code or another thread's storage leads to.
    """
    near = _referrers([leaked])
    for obj in (*near, *(_referrers(near) if near else ())):
        if bound := kept_bound([obj]):
            return bound
    return Bound()


@contextmanager
def _thawed() -> Iterator[None]:
    is_frozen = gc.get_freeze_count() > 0
    if is_frozen:
        gc.unfreeze()
    try:
        yield
    finally:
        if is_frozen:
            gc.freeze()


def _referrers(objects: Sequence[object], besides: object = None) -> list[object]:
    """Return what refers to objects, the diagnosis itself left out."""
    given = tuple(objects)  # what is called gets this very one, which refers to all of them
    return [
        obj
        for obj in gc.get_referrers(*given)
        if obj is not objects
        and obj is not given
        and obj is not besides  # a list that is made of a spare one is not known to be ours
        and not naming.is_a(obj, types.FrameType)
        and not traces.is_ours(obj)
    ]


def line_finding(growth: Growth, runs: Runs) -> Finding:
    """Tell what a line leaves behind on every run, where nobody is known to hold it.

    Args:
        growth: The line, with its callers.
        runs: The runs that it was seen in.
    """
    allocated = runs.sources.frames(growth.place)
    return Finding(
        type="memory block",
        objects_per_run=runs.rate(growth.blocks),
        bytes_per_run=runs.rate(growth.size_bytes),
        holder=NOWHERE,
        allocated=allocated,
        note="allocated there on every run and still in use; its holder was not found",
        pattern=REFERENCE.name,
        meaning=REFERENCE.meaning,
        advice=REFERENCE.advice,
        fingerprint=fingerprint(NOWHERE, "memory block", allocated),
    )


def merge_causes(findings: Sequence[Finding]) -> list[Finding]:
    """Put findings with one fingerprint together: one cause is one finding."""
    merged: dict[str, Finding] = {}
    for finding in findings:
        first = merged.setdefault(finding.fingerprint, finding)
        if first is not finding:
            merged[finding.fingerprint] = join(first, finding)
    return list(merged.values())


def join(first: Finding, other: Finding) -> Finding:
    """Return the first of two findings of one cause, with the growth of both."""
    return replace(
        first,
        objects_per_run=_tidy(first.objects_per_run + other.objects_per_run),
        bytes_per_run=_tidy(first.bytes_per_run + other.bytes_per_run),
    )


def _led_to(held: Held, position: int) -> list[object]:
    """Return the objects that hang on the same direct one as an object, itself included."""
    owner = held.owners[position]
    return [obj for obj, one in zip(held.everything, held.owners, strict=True) if one == owner]


def _example(held: Held, leaked_type: str, runs: Runs) -> int:
    """Choose a leaked object of a type: held directly if possible, made early but not first.

    Returns:
        Its position in ``held.everything``, which begins with the direct ones.
    """
    matching = [
        position
        for position, obj in enumerate(held.everything)
        if naming.type_name(obj) == leaked_type
    ]
    direct = [position for position in matching if position < len(held.kids)]
    for position in direct or matching:
        if 1 < runs.births.runs.get(identity_of(held.everything[position]), 0) < runs.last:
            return position
    chosen = direct or matching or [0]
    return chosen[len(chosen) // 2]


def _tidy(per_run: float) -> float:
    return int(per_run) if per_run == int(per_run) else round(per_run, 2)
