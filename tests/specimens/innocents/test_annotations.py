"""Weak references that work."""

from __future__ import annotations

import abc
import gc
import weakref

from specimen_app import annotations


class Countable(abc.ABC):
    """Has virtual subclasses, which it refers to weakly."""


def test_value_of_a_weak_mapping_knows_nothing_of_its_key() -> None:
    gc.collect()
    before = len(annotations.profiles)
    annotations.annotate_with_profile("ann", keep_customer=False)
    gc.collect()

    assert len(annotations.profiles) == before


def test_members_of_weak_collections_go() -> None:
    customer = annotations.log_on("bob")
    assert customer in annotations.online

    del customer
    gc.collect()

    assert "bob" not in {online.name for online in annotations.online}
    assert "bob" not in annotations.by_name


def test_finalizer_holds_the_name_only() -> None:
    annotations.announce_departure_by_name("ann")


def test_callback_of_a_weak_reference_is_called() -> None:
    gone: list[object] = []
    customer = annotations.Customer("ann")
    reference = weakref.ref(customer, gone.append)
    del customer
    gc.collect()

    assert gone == [reference]


def test_finalizer_on_an_object_that_never_ends_is_detached() -> None:
    finalizer = weakref.finalize(annotations.config, annotations.say_goodbye, "ann")

    assert finalizer.detach() is not None


def test_virtual_subclass_is_held_weakly() -> None:
    class Bag:
        pass

    Countable.register(Bag)

    assert isinstance(Bag(), Countable)


def test_object_is_revived_once_while_it_is_deleted() -> None:
    revived: list[object] = []

    class Phoenix:
        def __del__(self) -> None:
            revived.append(self)

    Phoenix()

    assert len(revived) == 1
