"""Handlers, filters and loggers that are added on every run."""

from __future__ import annotations

import itertools

from specimen_app import audit

_numbers = itertools.count()


def test_handler_is_added_to_the_one_logger() -> None:
    audit.open_audit("ann").info("bought")

    assert audit.log.handlers


def test_filter_is_added_to_the_one_logger() -> None:
    marker = audit.mark("ann")

    assert marker in audit.log.filters


def test_logger_of_its_own_for_each_customer() -> None:
    logger = audit.logger_for(f"number{next(_numbers)}")

    assert not logger.handlers


def test_handler_keeps_all_records() -> None:
    audit.trace.info("customer %s bought", "ann")

    assert audit.kept.records[-1].getMessage() == "customer ann bought"
