"""Whose code is a module: the user's, or a library's?"""

from __future__ import annotations

import sys
import types


def is_library(module: object) -> bool:
    """Tell whether something is a module of the standard library or of an installed package."""
    if not isinstance(module, types.ModuleType):
        return False
    name = getattr(module, "__name__", "")
    if not isinstance(name, str) or name.partition(".")[0] in sys.stdlib_module_names:
        return True
    file = getattr(module, "__file__", None)
    return not isinstance(file, str) or "site-packages" in file or "dist-packages" in file
