"""Which tests of a whole-suite check are left out, to save time?

Marked tests are never left out: their authors have asked for them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import final

import pytest

from pytest_leakguard.errors import InvalidSettingError
from pytest_leakguard.reports import TestOutcome
from pytest_leakguard.repository import git
from pytest_leakguard.units import format_duration, format_number

#: Times its own duration that a sound test costs: its re-runs.
_RERUNS = 4
#: What any check costs, in seconds.
_LEAST_SECONDS = 0.002
_HASH_BITS = 64
_COSTS = "leakguard/seconds"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A share of the tests, drawn by their names: the same in each process.

    Attributes:
        percent: How many of a hundred, above 0.
        seed: Draws others.
    """

    percent: float
    seed: int

    def __str__(self) -> str:
        return (
            f"a sample of {format_number(self.percent)} % is checked, drawn again by"
            f" --leak-sample-seed={self.seed}"
        )

    def refusal(self, nodeid: str) -> str:
        """Say why a test is left out; empty if it is not."""
        digest = blake2b(f"{self.seed} {nodeid}".encode(), digest_size=_HASH_BITS // 8).digest()
        if int.from_bytes(digest, "big") < self.percent / 100 * 2**_HASH_BITS:
            return ""
        return f"not in the sample of {format_number(self.percent)} %"


@final
class Changed:
    """The tests in files that have changed since a revision, as git says.

    Args:
        place: How the user has spelled the option.
        revision: Anything that git takes for a commit. Where it is on another branch, what has
            changed there since the branches parted does not count.
        root: A directory in the repository.

    Raises:
        InvalidSettingError: Git is not there, or knows no such commit.
    """

    def __init__(self, place: str, revision: str, root: Path) -> None:
        self._revision = revision
        try:
            top = Path(git(root, "rev-parse", "--show-toplevel").rstrip("\n"))
            commit = git(
                root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}"
            ).strip()
        except (OSError, subprocess.CalledProcessError) as error:
            said = getattr(error, "stderr", "") or str(error)
            accepted = f"a revision that git knows in {root} ({said.strip().splitlines()[-1]})"
            raise InvalidSettingError(place, revision, accepted) from None
        with suppress(subprocess.CalledProcessError):  # a shallow clone does not reach so far back
            commit = git(root, "merge-base", commit, "HEAD").strip()
        listed = git(top, "diff", "--name-only", "-z", commit, "--")
        listed += git(top, "ls-files", "--others", "--exclude-standard", "-z")
        self._files = {Path(os.path.realpath(top / name)) for name in listed.split("\0") if name}
        self._directories = {path.parent for path in self._files if path.name == "conftest.py"}

    def __str__(self) -> str:
        return f"tests in files that have changed since {self._revision} are checked"

    def refusal(self, path: Path) -> str:
        """Say why the tests of a file are left out; empty if they are not.

        A changed ``conftest.py`` changes what is below it.
        """
        real = Path(os.path.realpath(path))
        if real in self._files or not self._directories.isdisjoint(real.parents):
            return ""
        return f"its file has not changed since {self._revision}"


@final
class Budget:
    """A time that all checks of this process may take, spent on the cheapest tests first.

    What a test's check costs is known from earlier sessions. Others get an equal share of what is
    not needed for those: what is left over by one goes to the next.

    Args:
        seconds: The time.
        costs: What checks have cost before, in seconds, by test.
        processes: How many processes share out the tests.
    """

    def __init__(self, seconds: float, costs: Mapping[str, float], *, processes: int = 1) -> None:
        self._seconds = seconds
        self._costs = dict(costs)
        self._processes = processes
        self._spent = 0.0
        self._promised: dict[str, float] = {}
        self._unknown = 0

    def __str__(self) -> str:
        return f"checks may take {format_duration(self._seconds)}, the cheapest tests come first"

    @property
    def left(self) -> float:
        """Time that is left, in seconds."""
        return max(self._seconds - self._spent, 0.0)

    def plan(self, nodeids: Iterable[str]) -> None:
        """Promise time to the cheapest of the tests whose cost is known."""
        every = list(nodeids)
        known = sorted((self._costs[name], name) for name in every if name in self._costs)
        self._unknown = len(every) - len(known)
        total = 0.0
        for cost, name in known:
            total += cost / self._processes
            if total > self._seconds:
                break
            self._promised[name] = cost

    def refusal(self, nodeid: str, own_seconds: float) -> str:
        """Say why a test is left out; empty if it is not.

        Args:
            nodeid: The test, which has run once.
            own_seconds: How long it took.
        """
        if nodeid in self._costs:
            affordable = self._promised.pop(nodeid, None) is not None and self.left > 0
        else:
            free = self.left - sum(self._promised.values()) / self._processes
            share = free / max(self._unknown / self._processes, 1)
            self._unknown -= 1
            affordable = max(own_seconds * _RERUNS, _LEAST_SECONDS) <= share
        return "" if affordable else f"beyond the budget of {format_duration(self._seconds)}"

    def spend(self, seconds: float) -> None:
        """Take off what a check has cost."""
        self._spent += seconds


def read_costs(config: pytest.Config) -> dict[str, float]:
    """Return what checks have cost in earlier sessions, in seconds, by test."""
    cache = getattr(config, "cache", None)
    costs = cache.get(_COSTS, {}) if cache is not None else {}
    if not isinstance(costs, dict):
        return {}
    return {
        name: float(cost)
        for name, cost in costs.items()
        if isinstance(name, str) and isinstance(cost, (int, float))
    }


def write_costs(config: pytest.Config, tests: Iterable[TestOutcome]) -> None:
    """Keep what checks have cost for later sessions, beside what was known of other tests.

    What a leak has cost is not what its test will, once it is mended: only a share of that counts.
    """
    costs = {
        test.nodeid: test.result.seconds * min((1 + _RERUNS) / max(test.result.executions, 1), 1.0)
        for test in tests
    }
    if (cache := getattr(config, "cache", None)) is not None and costs:
        known = {**read_costs(config), **costs}
        cache.set(_COSTS, {name: round(cost, 4) for name, cost in sorted(known.items())})
