"""Does an interrupt in code without a line still have one for those who show it?"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import FrameType, TracebackType

from pytest_leakguard.plugin.gate import _with_lines


@dataclass
class WithoutLine:
    """Stands for an entry at the jump that ends a loop, as CPython 3.11 has them."""

    tb_frame: FrameType
    tb_next: TracebackType | None = None
    tb_lasti: int = 0
    tb_lineno: None = None


def test_an_entry_without_a_line_is_given_its_function_s():
    frame = sys._getframe()
    inner = TracebackType(None, frame, 0, 7)

    given = _with_lines(WithoutLine(frame, inner))

    assert given.tb_lineno == frame.f_code.co_firstlineno
    assert given.tb_next.tb_lineno == 7
    assert given.tb_frame is frame
