"""What of this process belongs to pytest and its plugins, and is used by no test?"""

from __future__ import annotations

import pytest

from pytest_leakguard.forkable import Harness


def harness_of(config: pytest.Config) -> Harness:
    """Return it, as far as a fork has to know."""
    return Harness(
        connections=lambda: _connections_of_plugins(config),
        interrupts=(pytest.exit.Exception,),
    )


def _connections_of_plugins(config: pytest.Config) -> list[int]:
    """Return the descriptor by which pytest-rerunfailures counts for all workers."""
    connection = getattr(getattr(config, "failures_db", None), "sock", None)
    return [connection.fileno()] if connection is not None else []
