"""Structures that are taken apart, and cycles that the garbage collector takes apart."""

from __future__ import annotations

import gc
import itertools

from specimen_app import tree
from specimen_app.journal import UploadError, Uploader, journal

_numbers = itertools.count()


def test_detached_node_is_dropped() -> None:
    node = tree.document.root.append(tree.Node("paragraph"))

    node.detach()

    assert node not in tree.document.root.children


def test_removed_node_leaves_the_index_as_well() -> None:
    name = f"node {next(_numbers)}"
    tree.document.add(name)

    tree.document.remove(name)

    assert name not in tree.document.by_name


def test_detached_node_leaves_a_weak_index_by_itself() -> None:
    name = f"node {next(_numbers)}"
    tree.weak_document.add(name).detach()
    gc.collect()

    assert name not in tree.weak_document.by_name


def test_cycle_of_parent_and_child_is_dropped() -> None:
    parent = tree.Node("parent")
    parent.append(tree.Node("child"))

    assert parent.children[0].parent is parent


def test_cycle_in_a_cache_is_evicted() -> None:
    parent = tree.Node("parent")
    parent.append(tree.Node("child"))
    tree.families["family"] = parent
    del tree.families["family"]

    assert "family" not in tree.families


def test_thousand_cycles_are_dropped_at_once() -> None:
    for _ in range(1_000):
        pair: list[object] = []
        pair.append(pair)

    assert pair[0] is pair


def test_cycle_with_a_destructor_is_collected() -> None:
    gone: list[str] = []

    class Handle:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            gone.append("handle")

    Handle()
    gc.collect()

    assert gone == ["handle"]


def test_head_of_a_linked_list_is_rewritten() -> None:
    journal.rewrite("opened")

    assert journal.head.text == "opened"


def test_last_error_stands_alone() -> None:
    Uploader().fail_alone("photo.png")

    assert isinstance(Uploader.last_error, UploadError)
