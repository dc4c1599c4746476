"""How is a leaking test profiled? It is run some more times under memray, which writes its reports.

Nothing of it reaches the verdict: that and all findings are there before.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, final

from pytest_leakguard.clock import now
from pytest_leakguard.diagnosis.native_sites import has_no_holder
from pytest_leakguard.diagnosis.recording import (
    OBJECTS_SLOWDOWN,
    Leftover,
    UntraceableError,
    in_words,
    leftovers,
    recording,
)
from pytest_leakguard.evidence import Profile
from pytest_leakguard.files import replacing
from pytest_leakguard.model import Result
from pytest_leakguard.profiles import text
from pytest_leakguard.profiles.keeping import CAPTURE, FLAME_GRAPH, TABLE, TEXT, Cabinet
from pytest_leakguard.runner import BrokenRunError, Trial

TOOL = "memray"
#: Runs that are recorded; at least so many, to tell what each run leaves from what the last one
#: has.
RUNS, LEAST_RUNS = 10, 2
#: The least of runs may take so many times the time that a suspect may be run for.
PATIENCE = 3
#: How long one report may take to be written, in seconds.
_RENDER_SECONDS = 120.0
#: memray's own reports: what it calls them, and where they go.
_PAGES = (("flamegraph", FLAME_GRAPH), ("table", TABLE))


class Tool(Protocol):
    """What records, and writes about recordings."""

    def record(self, path: Path, *, native: bool) -> AbstractContextManager[None]:
        """Record what is run inside.

        Raises:
            UntraceableError: It cannot be recorded.
            OSError: The file cannot be written.
        """
        ...

    def leftovers(self, path: Path, *, native: bool) -> Sequence[Leftover]:
        """Return what was alive at the end of a recording."""
        ...

    def render(self, page: str, path: Path, output: Path) -> str:
        """Write a page on what was alive at the end; returns what went wrong."""
        ...


@final
class Memray:
    """memray, by its public interface and its command line."""

    def record(self, path: Path, *, native: bool) -> AbstractContextManager[None]:
        """Record what is run inside, with what Python's own allocators hand out."""
        return recording(str(path), native=native, python_objects=True)

    def leftovers(self, path: Path, *, native: bool) -> Sequence[Leftover]:
        """Return what was alive at the end of a recording."""
        return leftovers(str(path), native=native)

    def render(self, page: str, path: Path, output: Path) -> str:
        """Write a page in a process of its own, so that no template engine is loaded in this."""
        command = [sys.executable, "-m", TOOL, page, "--leaks", "-o", output.name, path.name]
        try:
            subprocess.run(  # noqa: S603  # ourselves, on a file of ours
                command,
                cwd=path.parent,  # where no file of the user's is found instead of a module
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=_RENDER_SECONDS,
                check=True,
            )
        except subprocess.TimeoutExpired:
            return f"memray took longer than {_RENDER_SECONDS:.0f} s for {output.name}"
        except subprocess.CalledProcessError as error:
            said = error.stderr.decode(errors="replace").strip().splitlines()
            return f"memray failed at {output.name}: {said[-1] if said else error.returncode}"
        return ""


@final
class Profiler:
    """Profiles one test.

    Args:
        cabinet: Where the files go.
        test: The test's node id.
        command: What repeats it by hand.
        tool: What records; ``None`` for memray.
        clock: Returns a monotonic time in seconds.
    """

    def __init__(
        self,
        cabinet: Cabinet,
        *,
        test: str,
        command: str,
        tool: Tool | None = None,
        clock: Callable[[], float] = now,
    ) -> None:
        self._cabinet = cabinet
        self._test = test
        self._command = command
        self._tool = tool or Memray()
        self._clock = clock

    def profile(self, trial: Trial, result: Result) -> Profile:
        """Run a leaking test some more times, and return what was recorded, or why nothing was.

        Args:
            trial: The test's runs.
            result: The verdict, with its findings.
        """
        begun = self._clock()
        native = not result.findings or any(map(has_no_holder, result.findings))
        label = self._test.rpartition("::")[2]
        if result.findings:
            label = f"{result.findings[0].fingerprint}-{label}"
        try:
            directory, (runs, problem) = self._cabinet.add(
                label, lambda path: self._fill(path, trial, native=native)
            )
        except UntraceableError as error:
            return self.failed(str(error))
        except BrokenRunError as broken:
            return self.failed(in_words(f"a run under memray does not pass: {broken}"))
        except OSError as error:
            return self.failed(f"it could not be written: {error.strerror or error}")
        kinds = {"flamegraph": FLAME_GRAPH, "table": TABLE, "text": TEXT, "capture": CAPTURE}
        files = {kind: directory / name for kind, name in kinds.items()}
        return Profile(
            tool=TOOL,
            runs=runs,
            seconds=self._clock() - begun,
            files={kind: str(file) for kind, file in files.items() if file.exists()},
            command=self._command,
            problem=problem,
        )

    def failed(self, why: str) -> Profile:
        """Return that there is none.

        Args:
            why: In words.
        """
        return Profile(tool=TOOL, command=self._command, problem=why)

    def _fill(self, directory: Path, trial: Trial, *, native: bool) -> tuple[int, str]:
        """Write the files of a profile; returns how many runs it has seen, and what went wrong."""
        capture = directory / CAPTURE
        runs = self._record(capture, trial, native=native)
        left = self._tool.leftovers(capture, native=native)
        with replacing(directory / TEXT) as file:
            file.write(text.render(left, test=self._test, runs=runs))
        problems = [self._tool.render(page, capture, directory / name) for page, name in _PAGES]
        return runs, "; ".join(filter(None, problems))

    def _record(self, capture: Path, trial: Trial, *, native: bool) -> int:
        budget = trial.settings.confirm
        begun = self._clock()
        trial.run()
        if (self._clock() - begun) * OBJECTS_SLOWDOWN * LEAST_RUNS > budget * PATIENCE:
            raise UntraceableError(
                "its runs are too slow for memray; a longer --leak-confirm allows it"
            )
        deadline = self._clock() + budget
        runs = 0
        with self._tool.record(capture, native=native):
            while runs < LEAST_RUNS or (runs < RUNS and self._clock() < deadline):
                trial.run()
                runs += 1
            trial.heap.collect()  # caches stay: the runs before have filled them
        return runs
