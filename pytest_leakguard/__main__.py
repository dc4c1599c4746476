"""What does ``python -m pytest_leakguard`` do?"""

from __future__ import annotations

import sys

from pytest_leakguard.cli import main

if __name__ == "__main__":
    sys.exit(main())
