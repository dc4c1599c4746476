"""Logging that is put back, or looks at what it is given and lets it go."""

from __future__ import annotations

import logging
import logging.handlers
import warnings

import pytest
from specimen_app import audit

BUFFERED = logging.handlers.MemoryHandler(capacity=15, target=logging.NullHandler())


def test_handler_is_added_and_removed() -> None:
    handler = logging.StreamHandler()
    audit.log.addHandler(handler)
    audit.log.removeHandler(handler)
    handler.close()

    assert handler not in audit.log.handlers


def test_filter_is_added_and_removed() -> None:
    marker = audit.mark("ann")
    audit.log.removeFilter(marker)

    assert marker not in audit.log.filters


def test_logger_is_asked_for_by_the_same_name() -> None:
    assert audit.logger_for("everyone") is audit.logger_for("everyone")


def test_buffer_of_fifteen_records_is_flushed_when_full() -> None:
    BUFFERED.handle(logging.LogRecord("name", logging.INFO, __file__, 1, "text", (), None))

    assert len(BUFFERED.buffer) < 15


def test_captured_records_belong_to_one_run(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for number in range(50):
            logging.getLogger("specimen").info("number %d", number)

    assert len(caplog.records) == 50


def test_error_is_logged_with_its_traceback() -> None:
    try:
        raise LookupError("no such customer")
    except LookupError:
        logging.getLogger("specimen").exception("failed")


def test_warning_is_issued_on_every_run() -> None:
    with pytest.warns(UserWarning, match="low"):
        warnings.warn("stock is low", stacklevel=1)


def test_warning_reaches_pytest() -> None:
    warnings.warn("stock is low", UserWarning, stacklevel=1)


def test_filter_of_warnings_is_left_for_pytest_to_restore() -> None:
    warnings.filterwarnings("ignore", message="low on")
    warnings.warn("low on stock", UserWarning, stacklevel=1)
