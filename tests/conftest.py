"""What the whole suite shares."""

from __future__ import annotations

from hypothesis import settings

pytest_plugins = ["pytester"]

# The same examples on every machine, and none that fails because a machine is slow.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")
