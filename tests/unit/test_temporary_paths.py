"""Are pytest's own temporary directories told in paths and texts of any length?"""

from __future__ import annotations

import pytest

from pytest_leakguard.plugin.session import _temporary_paths


class Config:
    def __init__(self, basetemp=None):
        self.basetemp = basetemp

    def getoption(self, name, default=None):
        assert name == "basetemp"
        return self.basetemp


@pytest.mark.parametrize(
    ("basetemp", "text", "is_found"),
    [
        (None, "/tmp/pytest-of-me/pytest-3/test_it0/file", True),
        (None, "/tmp/pytest-of-me", False),
        (None, "/tmp/pytest-of/file", False),
        ("/base", "/base/test_it0/file", True),
        ("/base", "PATH=/bin:/base/test_it0", True),
        ("/base", "/data/base/test_it0/file", False),
        ("/base", "/database/file", False),
        ("/base", "/tmp/pytest-of-me/pytest-3/file", True),
    ],
)
def test_a_path_below_them_is_found(basetemp, text, is_found):
    assert bool(_temporary_paths(Config(basetemp)).search(text)) is is_found


@pytest.mark.parametrize("filling", ["a", "/", "/pytest-of-", "/base"])
def test_a_long_text_is_searched_once(filling):
    pattern = _temporary_paths(Config("/base/dir"))
    text = filling * (10_000_000 // len(filling))  # what took time by its square would not end

    assert not pattern.search(text)
    assert pattern.search(f"{text} /tmp/pytest-of-me/file")
