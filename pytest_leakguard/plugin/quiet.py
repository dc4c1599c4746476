"""How does nothing that a re-run prints, logs or writes to a report reach anybody?"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

import pytest
from _pytest.junitxml import xml_key  # no public way to stop record_* from writing

from pytest_leakguard.plugin import allure

_STANDARD = (1, 2)


@contextmanager
def quiet(config: pytest.Config) -> Iterator[None]:
    """Silence descriptors, Python's streams, pytest's log handlers, its JUnit file and Allure.

    Args:
        config: The session's configuration.
    """
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        _quiet_streams(config, nowhere),
        _quiet_descriptors(config, nowhere.fileno()),
        _quiet_logging(config),
        _quiet_junit(config),
        allure.unheard(config),
    ):
        yield


def flush() -> None:
    """Write out what Python's streams still hold back, which they do unless they are a terminal."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        with suppress(Exception):  # closed, or replaced by anything at all
            stream.flush()  # type: ignore[union-attr]  # None raises too


@contextmanager
def _quiet_descriptors(config: pytest.Config, nowhere: int) -> Iterator[None]:
    """Point descriptors 1 and 2 nowhere, and the copies of them to which capturing returns."""
    capturing: Any = getattr(
        config.pluginmanager.get_plugin("capturemanager"), "_global_capturing", None
    )
    saved_by_pytest = [
        saved
        for capture in (getattr(capturing, "out", None), getattr(capturing, "err", None))
        if isinstance(saved := getattr(capture, "targetfd_save", None), int)
    ]
    flush()
    kept: list[tuple[int, int]] = []
    try:
        for number in (*_STANDARD, *saved_by_pytest):
            with suppress(OSError):  # closed by a test
                kept.append((number, os.dup(number)))
                os.dup2(nowhere, number)
        yield
    finally:
        flush()
        for number, copy in kept:
            os.dup2(copy, number)
            os.close(copy)


@contextmanager
def _quiet_streams(config: pytest.Config, nowhere: TextIO) -> Iterator[None]:
    """Replace streams that are no descriptors, such as those of a session inside a test."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    writer: Any = getattr(reporter, "_tw", None)
    replaced: list[tuple[Any, str, Any]] = []
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not _is_standard(stream):
            replaced.append((sys, name, stream))
            setattr(sys, name, nowhere)
    if writer is not None:
        replaced.append((writer, "_file", writer._file))
        replaced.append((writer, "_current_line", writer._current_line))
        writer._file = nowhere
    try:
        yield
    finally:
        for owner, name, value in replaced:
            setattr(owner, name, value)


def _is_standard(stream: Any) -> bool:
    try:
        return stream.fileno() in _STANDARD
    except Exception:  # closed, None, or without a descriptor
        return False


def _reject(record: logging.LogRecord) -> bool:
    del record
    return False


@contextmanager
def _quiet_logging(config: pytest.Config) -> Iterator[None]:
    plugin: Any = config.pluginmanager.get_plugin("logging-plugin")
    handlers: list[logging.Handler] = [
        handler
        for handler in (
            getattr(plugin, "log_cli_handler", None),
            getattr(plugin, "log_file_handler", None),
        )
        if handler is not None
    ]
    for handler in handlers:
        handler.addFilter(_reject)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(_reject)


@contextmanager
def _quiet_junit(config: pytest.Config) -> Iterator[None]:
    xml = config.stash.get(xml_key, None)
    if xml is None:
        yield
        return
    # A fixture of the session that records properties has kept the file's writer.
    properties = xml.global_properties
    xml.global_properties = _Nowhere()
    del config.stash[xml_key]
    try:
        yield
    finally:
        config.stash[xml_key] = xml
        xml.global_properties = properties


class _Nowhere(list[Any]):
    """A list that keeps nothing that is appended."""

    def append(self, item: object, /) -> None:
        del item
