"""Weak collections and finalizers that keep alive what they were to let go."""

from __future__ import annotations

import gc

from specimen_app import annotations


def test_value_of_a_weak_mapping_is_its_own_key() -> None:
    annotations.annotate_with_itself("ann")

    assert len(annotations.aliases) >= 1


def test_value_of_a_weak_mapping_refers_to_its_key() -> None:
    annotations.annotate_with_profile("ann", keep_customer=True)

    assert len(annotations.profiles) >= 1


def test_list_beside_a_weak_set_keeps_the_members() -> None:
    annotations.log_on_and_remember("ann")
    gc.collect()

    assert annotations.recently_online[-1] in annotations.online


def test_finalizer_holds_the_object_that_it_waits_for() -> None:
    annotations.announce_departure("ann")


def test_finalizers_pile_up_on_an_object_that_never_ends() -> None:
    annotations.watch_config("ann")
