"""Make the applications importable."""

from __future__ import annotations

import sys
from pathlib import Path

# They are not installed, and must not be: half of them leak on purpose.
sys.path.insert(0, str(Path(__file__).parent / "app"))
