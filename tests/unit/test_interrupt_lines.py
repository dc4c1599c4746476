"""Does an interrupt in code without a line still have one for those who show it?"""

from __future__ import annotations

import sys

import pytest

from pytest_leakguard.plugin.gate import _with_lines


def _lines(traceback) -> list[int | None]:
    return [] if traceback is None else [traceback.tb_lineno, *_lines(traceback.tb_next)]


def _interrupt(depth: int) -> None:
    if depth:
        _interrupt(depth - 1)
    raise KeyboardInterrupt


#: As the jump that ends a loop is on CPython 3.11, but throughout.
_without_lines = type(_interrupt)(
    _interrupt.__code__.replace(co_linetable=b"", co_firstlineno=7), globals()
)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="each instruction has a line there")
def test_an_entry_without_a_line_is_given_its_function_s_first():
    with pytest.raises(KeyboardInterrupt) as caught:
        _without_lines(1)
    first, none, *rest = _lines(caught.value.__traceback__)
    assert none is None

    given = _with_lines(caught.value.__traceback__)

    assert _lines(given) == [first, 7, *rest]


def test_lines_that_there_are_stay_however_deep_it_is():
    with pytest.raises(KeyboardInterrupt) as caught:
        _interrupt(300)

    given = _with_lines(caught.value.__traceback__)

    assert _lines(given) == _lines(caught.value.__traceback__)
    assert len(_lines(given)) == 302
