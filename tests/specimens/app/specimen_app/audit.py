"""The audit log."""

from __future__ import annotations

import logging

log = logging.getLogger("specimen_app.audit")
log.propagate = False
log.setLevel(logging.INFO)


class MarkCustomer(logging.Filter):
    """Adds the customer to each record."""

    def __init__(self, customer: str) -> None:
        super().__init__()
        self.customer = customer

    def filter(self, record: logging.LogRecord) -> bool:
        record.customer = self.customer
        return True


class RecordList(logging.Handler):
    """Keeps the records that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


trace = logging.getLogger("specimen_app.audit.trace")
trace.propagate = False
trace.setLevel(logging.INFO)
kept = RecordList()
trace.addHandler(kept)


def open_audit(customer: str) -> logging.Logger:
    """Give the one logger another handler on each call."""
    handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter(f"{customer} %(message)s"))
    log.addHandler(handler)
    return log


def mark(customer: str) -> MarkCustomer:
    marker = MarkCustomer(customer)
    log.addFilter(marker)
    return marker


def logger_for(customer: str) -> logging.Logger:
    """Make a logger of its own for each customer; the logging module never forgets one."""
    return logging.getLogger(f"specimen_app.customer.{customer}")
