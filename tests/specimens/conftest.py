"""Make the application that the specimens exercise importable."""

from __future__ import annotations

import sys
from pathlib import Path

# The application is not installed, and must not be: its modules leak on purpose. Whoever runs a
# specimen file, from whatever directory and under whatever ini file, finds it through this line.
# (The project's own test run does not collect this folder; its pyproject.toml says so.)
sys.path.insert(0, str(Path(__file__).parent / "app"))
