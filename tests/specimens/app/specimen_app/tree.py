"""A document tree, with caches beside it."""

from __future__ import annotations

import weakref


class Node:
    """Knows its parent and its children, so that each pair is a cycle."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parent: Node | None = None
        self.children: list[Node] = []

    def append(self, child: Node) -> Node:
        child.parent = self
        self.children.append(child)
        return child

    def detach(self) -> None:
        if self.parent is not None:
            self.parent.children.remove(self)
            self.parent = None


class Document:
    """A root node, and an index of the nodes that ``detach`` knows nothing about."""

    def __init__(self) -> None:
        self.root = Node("root")
        self.by_name: dict[str, Node] = {}

    def add(self, name: str) -> Node:
        node = self.root.append(Node(name))
        self.by_name[name] = node
        return node

    def remove(self, name: str) -> None:
        self.by_name.pop(name).detach()


class WeakDocument:
    """The same with an index that keeps nothing alive."""

    def __init__(self) -> None:
        self.root = Node("root")
        self.by_name: weakref.WeakValueDictionary[str, Node] = weakref.WeakValueDictionary()

    def add(self, name: str) -> Node:
        node = self.root.append(Node(name))
        self.by_name[name] = node
        return node


document = Document()
weak_document = WeakDocument()
selected: list[Node] = []
families: dict[str, Node] = {}
