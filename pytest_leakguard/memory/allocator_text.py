"""What does CPython's own text on its allocator say?

CPython 3.10 to 3.14 write it in one form (``Objects/obmalloc.c``). What a version leaves out is
unknown here, too; a line of another form is somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_leakguard.memory_table import Arenas, FreeList, SizeClass

_CLASS = re.compile(r"\s*\d+\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*")
_FREE_LIST = re.compile(r"\s*(\d+) free (.+?)s? \* (\d+) bytes each =\s*[\d,]+\s*")
#: Names of figures, and the lines that have them.
_FIGURES = {
    "arenas": r"(\d+) arenas \* \d+ bytes/arena +=.*",
    "arena_bytes": r"\d+ arenas \* (\d+) bytes/arena +=.*",
    "most": r"# arenas highwater mark +=\s*([\d,]+)\s*",
    "reclaimed": r"# arenas reclaimed +=\s*([\d,]+)\s*",
    "in_use_bytes": r"# bytes in allocated blocks +=\s*([\d,]+)\s*",
    "free_block_bytes": r"# bytes in available blocks +=\s*([\d,]+)\s*",
    "free_pools": r"(\d+) unused pools \* \d+ bytes +=.*",
    "pool_bytes": r"\d+ unused pools \* (\d+) bytes +=.*",
    "header_bytes": r"# bytes lost to pool headers +=\s*([\d,]+)\s*",
    "rounding_bytes": r"# bytes lost to quantization +=\s*([\d,]+)\s*",
    "alignment_bytes": r"# bytes lost to arena alignment +=\s*([\d,]+)\s*",
}
_PATTERNS = {name: re.compile(pattern) for name, pattern in _FIGURES.items()}
#: The other lines of the same text.
_REST = re.compile(
    r"(?:Small block threshold = .*|Medium block threshold = .*|Large object max size = .*"
    r"|class   size   num pools .*|-----   ----   -+ .*"
    r"|# arenas allocated (?:total|current) +=.*|Total +=.*"
    r"|arena map counts|# arena map \w+ nodes +=.*|# bytes lost to arena map \w+ +=.*"
    r"|    (?:Allocated Blocks|Allocated Bytes(?: w/ Overhead)?|Bytes Reserved|Bytes Committed): .*"
    r"|\s*)"
)
#: What is said of the allocator of free-threaded builds, which has no arenas of this kind.
_MIMALLOC = re.compile(r"(?m)^Large object max size = ")


def arenas_of(text: str) -> Arenas | None:
    """Read the arenas out of the text; ``None`` if it has none, or not what they are made of."""
    figures: dict[str, int] = {}
    classes = []
    free_lists = []
    for line in text.splitlines():
        if found := _CLASS.fullmatch(line):
            size, pools, in_use, free = map(int, found.groups())
            classes.append(SizeClass(block_bytes=size, pools=pools, in_use=in_use, free=free))
        elif found := _FREE_LIST.fullmatch(line):
            number, size = int(found[1]), int(found[3])
            free_lists.append(FreeList(type=found[2], number=number, size_bytes=number * size))
        else:
            for name, pattern in _PATTERNS.items():
                if found := pattern.fullmatch(line):
                    figures[name] = int(found[1].replace(",", ""))
    if not {"arenas", "arena_bytes", "in_use_bytes"} <= figures.keys():
        return None
    return Arenas(
        number=figures.pop("arenas"),
        arena_bytes=figures.pop("arena_bytes"),
        in_use_bytes=figures.pop("in_use_bytes"),
        classes=tuple(classes),
        free_lists=tuple(free_lists),
        **figures,
    )


def is_of_mimalloc(text: str) -> bool:
    """Tell whether the text is that of a free-threaded build."""
    return _MIMALLOC.search(text) is not None


def strangers(text: str) -> Iterator[str]:
    """Yield the lines that are not of this text, with their ends: somebody else wrote them."""
    known = (_CLASS, _FREE_LIST, _REST, *_PATTERNS.values())
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\r\n")
        if not any(pattern.fullmatch(bare) for pattern in known):
            yield line
