"""Which object is it? Told by its address like ``id()``, but without an audit event.

Whoever listens to audit events, as the counter of temporary files does, hears each ``id()``: a call
in Python for every object of a heap, and a dozen microseconds under tracemalloc.
"""

from __future__ import annotations

from collections.abc import Callable

#: Numbers of its own, which are not those of ``id()``: an object's address, rotated.
identity_of: Callable[[object], int] = object.__hash__
