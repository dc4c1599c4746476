"""Where is the memory of a session's processes when their tests are over?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_leakguard.plugin.options import Options
from pytest_leakguard.reports.memory_in_short import short_lines

if TYPE_CHECKING:
    from pytest_leakguard.memory_table import MemoryTable

#: Formats that tell of it.
_FORMATS = frozenset({"html", "json", "openmetrics", "prometheus"})
#: Rows of its lists.
ROWS = 10
#: By which name a worker's table travels to the controller.
_CARRIED = "leakguard_memory"


class SessionMemory:
    """The memory of the process that runs tests, or of the one of several that has most of it.

    It is measured where something tells of it: with ``-v``, and for reports and exports.

    Args:
        config: The session's configuration.
        options: What it was asked for.
    """

    def __init__(self, config: pytest.Config, options: Options) -> None:
        self._config = config
        self._worker = str(getattr(config, "workerinput", {}).get("workerid", ""))
        told = {form for form, _ in options.reports}
        self._wanted = bool(
            config.get_verbosity() > 0 or not told.isdisjoint(_FORMATS) or options.exports
        )
        self._tables: list[MemoryTable] = []

    def measure(self) -> None:
        """Measure this process, unless it only has others run the tests."""
        if not self._wanted or self._config.pluginmanager.has_plugin("dsession"):
            return
        from pytest_leakguard.memory import measure  # only where something tells of it

        try:
            table = measure(
                objects=self._config.get_verbosity() > 1,
                root=str(self._config.rootpath),
                limit=ROWS,
                worker=self._worker,
                moment="at the end of the session",
            )
        except Exception:  # verdicts and reports stand without it
            return
        if self._worker:
            self._config.workeroutput[_CARRIED] = table.to_plain()  # type: ignore[attr-defined]  # xdist's
        self._tables.append(table)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # xdist's, which need not be installed
        """Take the table of a worker that has ended by itself."""
        output: Mapping[str, Any] = getattr(node, "workeroutput", None) or {}
        if (plain := output.get(_CARRIED)) is not None:
            from pytest_leakguard.memory_table import MemoryTable

            self._tables.append(MemoryTable.from_plain(plain))

    def lines(self) -> Iterator[str]:
        """Say where it is: in few lines with ``-v``, in full with ``-vv``."""
        table = self.largest()
        verbosity = self._config.get_verbosity()
        if table is None or verbosity < 1:
            return
        if verbosity > 1:
            from pytest_leakguard.reports.memory import memory_lines

            yield from memory_lines(table, limit=ROWS)
            return
        yield f"memory of {table.process}, {table.moment}:"
        for line in short_lines(table):
            yield f"  {line}"

    def largest(self) -> MemoryTable | None:
        """Return the table of the process with most memory; ``None`` if none was measured."""
        if not self._tables:
            return None
        table = max(self._tables, key=lambda one: one.rss_bytes or 0)
        if len(self._tables) == 1:
            return table
        return replace(table, moment=f"{table.moment}, the most of {len(self._tables)} processes")
