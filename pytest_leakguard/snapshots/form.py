"""How does a file of snapshots begin and end, and what may be in it at most?

Everything is little-endian. The file begins with ``MAGIC`` and the version of the format; then come
sections, each a tag, its length, its packed length and its content packed by zlib; at the end is
the SHA-256 of all before it.
"""

from __future__ import annotations

import struct

#: As PNG's: what is changed by a transfer as text is seen at once.
MAGIC = b"\x89LKS\r\n\x1a\n"
VERSION = 1
START = struct.Struct("<8sI")
SECTION = struct.Struct("<4sQQ")
HEADER_TAG, NAMES_TAG = b"HEAD", b"NAME"
SUM_BYTES = 32
SUFFIX = ".leaksnap"

#: What a file may have at most, in bytes: as it is, and unpacked. 1 million different tracebacks
#: of 25 frames take 120 MiB unpacked.
MOST_FILE_BYTES = 1 << 30
MOST_BYTES = 2 << 30
#: The same of what stands before the columns, and the number of names.
MOST_HEADER_BYTES, MOST_NAMES_BYTES, MOST_NAMES = 1 << 20, 256 << 20, 1 << 20
#: A section is at most so many times larger than it is packed, and some room: a small file does
#: not unpack to a large one. One that would is written without packing.
MOST_TIMES, ROOM_BYTES = 100, 1 << 20


def is_in_proportion(unpacked: int, packed: int) -> bool:
    """Tell whether a section may become as large as this, both in bytes."""
    return unpacked <= packed * MOST_TIMES + ROOM_BYTES
