"""How many asyncio tasks are alive, in whichever loop?"""

from __future__ import annotations

import sys
from typing import Any

#: Where ``asyncio.tasks`` keeps them, from one version of CPython to the next.
_REGISTRIES = ("_all_tasks", "_scheduled_tasks", "_eager_tasks")


class Tasks:
    """Tasks that asyncio knows of: pending ones, and those done whose object is still kept."""

    name = "tasks"
    noun = "task"

    @staticmethod
    def works() -> bool:
        """Tell whether asyncio lists its tasks where we look: CPython 3.14 does not."""
        return sys.version_info < (3, 14)

    def read(self) -> int:
        """Return their number."""
        module: Any = sys.modules.get("asyncio.tasks")
        if module is None:
            return 0
        return sum(map(len, [getattr(module, name, ()) for name in _REGISTRIES]))
