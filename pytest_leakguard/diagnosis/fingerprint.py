"""What identifies a leak across edits, interpreters and machines?"""

from __future__ import annotations

import hashlib
import os

from pytest_leakguard.model import SUBSCRIPT, Frame


def fingerprint(holder: str, leaked_type: str, allocated: tuple[Frame, ...]) -> str:
    """Return eight hex digits made of holder, type and allocating function.

    Line numbers, addresses, keys, indices and directories do not enter.
    """
    site = f"{os.path.basename(allocated[0].file)}:{allocated[0].function}" if allocated else ""
    text = "|".join((SUBSCRIPT.sub("[]", holder), leaked_type, site))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
