"""What does the command ``memory`` answer: where the memory of this process is, or a program's?"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import final

from pytest_leakguard.counters.footprint import read_rss
from pytest_leakguard.errors import InvalidSettingError
from pytest_leakguard.files import replacing
from pytest_leakguard.memory import Order, measure
from pytest_leakguard.memory.running import Program
from pytest_leakguard.memory.tracing import Tracing
from pytest_leakguard.memory_table import MemoryTable
from pytest_leakguard.units import format_size


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for.

    Attributes:
        program: What is run; ``None`` for this process as it is.
        traced: Start tracemalloc before the program.
        limit: Rows of each list.
        order: Which types come first.
        as_json: Write the value, not the table.
        output: Where to; ``None`` for standard output, or standard error when a program has run.
    """

    program: Program | None = None
    traced: bool = False
    limit: int = 10
    order: Order = "size"
    as_json: bool = False
    output: Path | None = None


def answer(wanted: Wanted) -> int:
    """Do what is asked for, and return the exit code.

    Raises:
        InvalidSettingError: The program cannot be found, or the output not be written.
        SystemExit: The program has ended so.
        KeyboardInterrupt: It was interrupted.
    """
    if wanted.program is None:
        _Teller(wanted).tell()
        return 0
    return wanted.program.run(_Teller(wanted).tell)


class _Teller:
    """Measures and tells, with what there was before a program could replace it.

    Args:
        wanted: What is asked for.

    Raises:
        InvalidSettingError: The output cannot be written.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._stream = sys.stdout if wanted.program is None else sys.stderr
        self._output = None if wanted.output is None else wanted.output.absolute()
        if self._output is not None and (self._output.is_dir() or not self._output.parent.is_dir()):
            raise self._cannot_write("no such directory, or no file")
        self._own_process = os.getpid()
        self._rss_before = read_rss()
        self._tracing = Tracing() if wanted.traced else None

    def tell(self) -> None:
        """Measure, and tell it.

        Raises:
            InvalidSettingError: The output cannot be written.
        """
        if os.getpid() != self._own_process:  # a fork of the program comes to its end as well
            return
        program = self._wanted.program
        table = measure(
            limit=self._wanted.limit,
            order=self._wanted.order,
            root=os.getcwd() if program is None else program.directory,
            moment=self._moment(),
            tracing=self._tracing,
        )
        lines = [*self._lines(table)]
        if self._output is not None:
            self._write(self._output, lines)
            return
        with suppress(OSError, ValueError):  # closed by the program, or nobody reads it
            for line in lines:
                print(line, file=self._stream)
            self._stream.flush()

    def _moment(self) -> str:
        program = self._wanted.program
        if program is None:
            return ""
        before = ""
        if self._rss_before is not None:
            before = f"; RSS was {format_size(self._rss_before)} before"
        return f"as {program.name} ended{before}"

    def _lines(self, table: MemoryTable) -> Iterator[str]:
        if self._wanted.as_json:
            yield json.dumps(table.to_plain(), indent=1, ensure_ascii=True)
            return
        # Only now: it is not measured what telling takes.
        from pytest_leakguard.reports.memory import memory_lines

        limit = self._wanted.limit
        yield from memory_lines(table, limit=limit, hint=f"--limit={limit * 2} shows twice as many")

    def _write(self, output: Path, lines: Iterable[str]) -> None:
        try:
            with replacing(output) as file:
                file.writelines(f"{line}\n" for line in lines)
        except OSError as error:
            raise self._cannot_write(error.strerror) from None

    def _cannot_write(self, why: str | None) -> InvalidSettingError:
        accepted = f"a path that can be written ({why})"
        return InvalidSettingError("--output", str(self._wanted.output), accepted)
