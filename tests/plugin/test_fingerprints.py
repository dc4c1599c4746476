"""Does a leak keep its fingerprint while the code around it changes, and has no other the same?"""

from __future__ import annotations

import pytest

_SHOP = """
class Tag:
    def __init__(self, article):
        self.article = article


class Feed:
    def __init__(self):
        self._listeners = {}

    def subscribe(self, article, listener):
        self._listeners.setdefault(article, []).append(listener)


feed = Feed()


def follow(article):
    feed.subscribe(article, Tag(article))


def note(article):
    feed.subscribe(article, [article])
"""
_TEST = """
import shop

def test_follows():
    shop.follow("tea")
"""
#: Edits to the two files: what is replaced, and by what.
EDITS = {
    "lines before": ("class Tag:", "import os\n\nNAMES = [\n    1,\n]\n\n\nclass Tag:"),
    "a function before": ("feed = Feed()", "def other():\n    pass\n\n\nfeed = Feed()"),
    "a comment at the line": ("Tag(article))", "Tag(article))  # noted"),
    "the line in two": (
        "(article, Tag(article))",
        "(\n        article,\n        Tag(article),\n    )",
    ),
    "a local variable": (
        "    feed.subscribe(article, Tag",
        "    kind = Tag\n    feed.subscribe(article, kind",
    ),
    "another argument's name": (
        "def follow(article):\n    feed.subscribe(article, Tag(article))",
        "def follow(name):\n    feed.subscribe(name, Tag(name))",
    ),
    "another key": ('shop.follow("tea")', 'shop.follow("milk")'),
    "another test's name": ("test_follows", "test_follows_a_price"),
    "a class for the test": (
        "def test_follows():\n    shop",
        "class TestFeed:\n    def test_follows(self):\n        shop",
    ),
    "a fixture for it": (
        "def test_follows():\n    shop.follow",
        "import pytest\n\n@pytest.fixture\ndef follow():\n    return shop.follow\n\n"
        "def test_follows(follow):\n    follow",
    ),
    "a helper in between": (
        "def test_follows():\n    shop.follow",
        "def helped(article):\n    shop.follow(article)\n\ndef test_follows():\n    helped",
    ),
    "more attributes": (
        "        self.article = article",
        "        self.article = article\n        self.label = None",
    ),
    "a loop around": (
        '    shop.follow("tea")',
        '    for _ in range(2):\n        shop.follow("tea")',
    ),
    "a method renamed": ("subscribe(", "listen("),
}


@pytest.fixture
def fingerprints(lab):
    def of(shop: str, test: str, *options: str, plugins: tuple[str, ...] = ()) -> set[str]:
        lab.write({"shop.py": shop, "test_it.py": test})
        lab.checked("--leak-confirm=1 s", *options, plugins=plugins)
        (judged,) = (test for test in lab.json()["tests"] if test["verdict"] == "leak")
        return {finding["fingerprint"] for finding in judged["findings"]}

    return of


@pytest.fixture(scope="module")
def before() -> dict[str, set[str]]:
    """Hold the fingerprint before any edit, once it is known."""
    return {}


@pytest.mark.parametrize("edit", EDITS)
def test_it_stays_while_the_code_around_it_changes(fingerprints, before, edit):
    old, new = EDITS[edit]
    assert (old in _SHOP) != (old in _TEST)
    if not before:
        before["all"] = fingerprints(_SHOP, _TEST)

    after = fingerprints(_SHOP.replace(old, new), _TEST.replace(old, new))

    assert len(after) == 1
    assert after == before["all"]


def test_it_stays_with_workers_and_in_a_child(fingerprints):
    alone = fingerprints(_SHOP, _TEST)

    assert fingerprints(_SHOP, _TEST, "-n4", plugins=("xdist",)) == alone
    assert fingerprints(_SHOP, _TEST, "--leak-isolate") == alone


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Tag(article))", "[article])"),
        ("_listeners", "_others"),
        (
            "def follow(article):\n    feed.subscribe(article, Tag(article))",
            "def make():\n    return Tag('')\n\n"
            "def follow(article):\n    feed.subscribe(article, make())",
        ),
    ],
    ids=["another type", "another holder", "another allocating function"],
)
def test_another_leak_has_another(fingerprints, old, new):
    assert old in _SHOP

    one = fingerprints(_SHOP, _TEST)
    other = fingerprints(_SHOP.replace(old, new), _TEST)

    assert len(one) == len(other) == 1
    assert not one & other


def test_attributes_are_as_near_whether_their_dictionary_was_made_or_not(fingerprints):
    suite = """
class Manager:
    def __init__(self):
        self.made = []

class Client:
    def __init__(self, manager):
        self.manager = manager
        self.name = "x"

manager = Manager()
first, second = Client(manager), Client(manager)
del manager

def test_makes():
    second.manager.made.append(object())
"""
    asked = suite.replace("def test_makes", "first.__dict__\n\ndef test_makes")

    assert fingerprints("", suite) == fingerprints("", asked)
