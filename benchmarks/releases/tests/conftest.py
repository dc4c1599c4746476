"""Mark every test with `noleak` when `--marked` asks for it."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--marked", action="store_true", help="mark every test with `noleak`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--marked"):
        for item in items:
            item.add_marker(pytest.mark.noleak)
