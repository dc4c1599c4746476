"""Work that waits, and what is counted about it."""

from __future__ import annotations

import heapq
import queue
from collections import ChainMap, Counter, defaultdict
from contextlib import ExitStack


class Job:
    """Something to do."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __lt__(self, other: Job) -> bool:
        return self.name < other.name

    def undo(self) -> None:
        self.name = ""


inbox: queue.Queue[Job] = queue.Queue()
deadlines: list[tuple[float, Job]] = []
by_user: defaultdict[str, list[Job]] = defaultdict(list)
hits: Counter[str] = Counter()
undo = ExitStack()
results: dict[str, dict[str, Job]] = {"done": {}, "failed": {}}
settings: ChainMap[str, Job] = ChainMap()


def submit(name: str) -> None:
    inbox.put(Job(name))


def work_off() -> int:
    done = 0
    while not inbox.empty():
        inbox.get().undo()
        done += 1
    return done


def schedule(due: float, name: str) -> None:
    heapq.heappush(deadlines, (due, Job(name)))


def expire(now: float) -> None:
    while deadlines and deadlines[0][0] <= now:
        heapq.heappop(deadlines)


def open_jobs_of(user: str) -> int:
    """Only look, which is enough for a ``defaultdict`` to make an entry."""
    return len(by_user[user])


def open_jobs_of_known(user: str) -> int:
    return len(by_user.get(user, ()))


def hit(path: str) -> None:
    hits[path] += 1


def do(name: str) -> None:
    undo.callback(Job(name).undo)


def fail(name: str) -> None:
    results["failed"][name] = Job(name)


def override(name: str) -> None:
    """Shadow the settings by one more layer."""
    global settings
    settings = settings.new_child({name: Job(name)})
