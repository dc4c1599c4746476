"""Detached structures, cycles in long-lived caches, and chains."""

from __future__ import annotations

import itertools

from specimen_app import tree
from specimen_app.journal import UploadError, Uploader, journal

_numbers = itertools.count()


def test_detached_node_stays_in_the_selection() -> None:
    node = tree.document.root.append(tree.Node("paragraph"))
    tree.selected.append(node)

    node.detach()

    assert node not in tree.document.root.children


def test_detached_node_stays_in_the_index_of_its_document() -> None:
    name = f"node {next(_numbers)}"

    tree.document.add(name).detach()

    assert name in tree.document.by_name


def test_child_is_never_detached() -> None:
    child = tree.weak_document.add(f"node {next(_numbers)}")

    assert child.parent is tree.weak_document.root


def test_cycle_of_parent_and_child_is_put_into_a_cache() -> None:
    parent = tree.Node("parent")
    parent.append(tree.Node("child"))

    tree.families[f"family {next(_numbers)}"] = parent


def test_head_of_a_linked_list_is_replaced() -> None:
    journal.write("opened")

    assert journal.head.text == "opened"


def test_last_error_blames_the_error_before_it() -> None:
    Uploader().fail("photo.png")

    assert isinstance(Uploader.last_error, UploadError)
