"""Is what moves without a test's doing brought to rest?"""

from __future__ import annotations

import os
import sys

import pytest

from pytest_leakguard.settle import renew_environment_table

NUMBERS_OF_VARIABLES = range(1, 120)


@pytest.fixture
def environment(monkeypatch):
    """Put a new environment in the place of the real one; called with the number of variables."""

    def new(variables: int) -> dict[bytes, bytes]:
        table = {b"SPECIMEN_%d" % number: b"" for number in range(variables)}
        monkeypatch.setattr(os.environ, "_data", table)
        return table

    return new


def sizes_while_set_and_removed(table):
    sizes = {sys.getsizeof(table)}
    for _ in range(2000):
        table[b"PYTEST_CURRENT_TEST"] = b""
        sizes.add(sys.getsizeof(table))
        del table[b"PYTEST_CURRENT_TEST"]
    return sizes


def test_the_table_of_the_environment_grows_no_more_once_it_was_renewed(environment):
    grows = [
        number
        for number in NUMBERS_OF_VARIABLES
        if len(sizes_while_set_and_removed(environment(number))) > 1
    ]
    assert grows  # as it is without

    for number in NUMBERS_OF_VARIABLES:
        table = environment(number)
        before = list(table)
        renew_environment_table()

        assert list(table) == before
        assert len(sizes_while_set_and_removed(table)) == 1, number


def test_an_environment_without_variables_is_left_alone(environment):
    table = environment(0)

    renew_environment_table()

    assert table == {}
