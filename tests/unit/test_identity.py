"""Is an object told apart by its address, and does nobody hear it asked?"""

from __future__ import annotations

import sys

from pytest_leakguard.identity import identity_of


class Equal:
    """Equal to everything, with a hash of its own."""

    def __eq__(self, _other):
        return True

    def __hash__(self):
        return 1


def test_objects_that_are_equal_are_told_apart_and_each_is_itself():
    objects = [Equal(), Equal(), [], [], {}, int, type]

    assert len({*map(identity_of, objects)}) == len(objects)
    assert [*map(identity_of, objects)] == [*map(identity_of, objects)]


def test_no_audit_event_tells_of_it():
    heard = []
    is_on = True
    sys.addaudithook(lambda event, _values: heard.append(event) if is_on else None)

    identity_of(heard)
    silent = [*heard]
    id(heard)
    is_on = False

    assert "builtins.id" not in silent
    assert "builtins.id" in heard
