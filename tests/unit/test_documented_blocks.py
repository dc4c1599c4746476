"""Does an object take as many blocks as the documentation says, under this interpreter?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

_PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "set-thresholds.md"
_MEASURES = """
import gc
import sys

class Two:
    def __init__(self):
        self.a = self.b = None

class Forty:
    def __init__(self):
        for number in range(40):
            setattr(self, f"a{number}", None)

class Slots:
    __slots__ = ("a",)

    def __init__(self):
        self.a = None

def asked():
    two = Two()
    two.__dict__
    return two

def blocks(make, number=1000):
    kept = [None] * number
    for _ in range(5):
        make()
    gc.collect()
    gc.disable()
    before = sys.getallocatedblocks()
    for position in range(number):
        kept[position] = make()
    return round((sys.getallocatedblocks() - before) / number, 1)

rows = (
    (Two,),
    (Forty,),
    (asked,),
    (Slots,),
    (list,),
    (lambda: [None], lambda: {"a": None}),
    (lambda: str(id(object())), lambda: float("1.5")),
)
for makes in rows:
    print(*{blocks(make) for make in makes})
"""


def test_the_table_of_blocks_is_what_is_measured():
    heading, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in re.findall(r"(?m)^\|.*\|$", _PAGE.read_text(encoding="utf-8"))
        if not line.startswith("|---")
    ]
    versions = [cell.removeprefix("CPython ") for cell in heading]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version not in versions:
        pytest.skip(f"not measured under CPython {version}")

    done = subprocess.run(
        [sys.executable, "-c", _MEASURES], capture_output=True, text=True, check=True, timeout=60
    )

    documented = [float(row[versions.index(version)]) for row in rows]
    assert [float(line) for line in done.stdout.splitlines()] == documented
