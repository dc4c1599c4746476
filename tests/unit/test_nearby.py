"""Are the containers near to the tests found, and are those alone held that are told?"""

from __future__ import annotations

import functools
import io
import sys
import types

from pytest_leakguard.counters.nearby import NearbyItems, Neighbourhood, choose
from pytest_leakguard.identity import identity_of

OWN = frozenset({__name__.partition(".")[0]})


class Emitter:
    registry: list[object] = []  # noqa: RUF012  # what is looked for

    def __init__(self):
        self.handlers = {"event": [print]}

    def on(self, event, handler):
        self.handlers.setdefault(event, []).append(handler)


def nothing_is_foreign(package):
    return False


def found_from(*roots, own=OWN, foreign=nothing_is_foreign, **limits):
    return [identity_of(one) for one in choose(roots, own, foreign, **limits)]


def neighbourhood(*roots, key="file", foreign=nothing_is_foreign):
    return Neighbourhood(key=key, near=lambda: [*roots], far=list, own=OWN, foreign=foreign)


def test_containers_are_found_in_globals_instances_classes_closures_and_defaults():
    captured, default, bound = [1], {"a": 1}, bytearray(b"x")

    def function(parameter=default):
        return captured, parameter

    emitter = Emitter()
    namespace = {"f": function, "p": functools.partial(print, bound), "e": [emitter]}
    found = found_from(namespace)

    for container in (captured, default, bound, Emitter.registry, emitter.handlers):
        assert identity_of(container) in found
    assert identity_of(emitter.handlers["event"]) in found


def test_classes_and_functions_of_others_are_not_walked_into():
    assert identity_of(Emitter.registry) not in found_from({"class": Emitter}, own=frozenset())


def test_instances_of_what_runs_the_tests_are_not_walked_into():
    emitter = Emitter()

    assert identity_of(emitter.handlers) not in found_from(
        {"e": emitter}, foreign=lambda package: package in OWN
    )


def test_other_modules_namespaces_are_not_found():
    assert identity_of(vars(sys)) not in found_from({"sys": sys, "types": vars(types)})


def test_the_nearest_are_found_where_there_are_too_many():
    near, far = [0], [[[1]]]

    found = found_from({"near": near, "far": far}, most_containers=3)

    assert identity_of(near) in found
    assert identity_of(far[0][0]) not in found


def test_what_holds_data_is_found_but_not_looked_into():
    records = [[number] for number in range(1_000)]

    found = found_from({"records": records})

    assert identity_of(records) in found
    assert identity_of(records[0]) not in found


def test_items_are_counted_from_each_test_on():
    nearby, kept, buffer = NearbyItems(), [], io.StringIO()
    near = neighbourhood({"kept": kept, "buffer": buffer})

    first = nearby.enter(near)
    kept.append(None)
    buffer.write("two")
    assert first.read() == 4
    assert {identity_of(container): gain for container, gain in first.grown()} == {
        identity_of(kept): 1,
        identity_of(buffer): 3,
    }
    assert nearby.enter(near).read() == 0


def test_what_an_earlier_test_has_added_is_counted_too():
    nearby, emitter = NearbyItems(), Emitter()
    near = neighbourhood({"emitter": emitter})
    nearby.enter(near)
    emitter.on("fresh", print)

    counter = nearby.enter(near)
    emitter.on("fresh", print)

    assert [gain for _, gain in counter.grown()] == [1]


def test_nothing_is_held_after_leaving_or_for_another_file():
    nearby, kept = NearbyItems(), [1]
    before = sys.getrefcount(kept)
    nearby.enter(neighbourhood({"kept": kept}))
    assert sys.getrefcount(kept) > before

    nearby.enter(neighbourhood({}, key="other file"))
    assert sys.getrefcount(kept) == before

    nearby.enter(neighbourhood({"kept": kept}))
    nearby.leave()
    assert sys.getrefcount(kept) == before
