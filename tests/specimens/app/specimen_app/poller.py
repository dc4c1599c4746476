"""Threads that work in the background."""

from __future__ import annotations

import sched
import threading
import time
from concurrent.futures import Executor, ThreadPoolExecutor


class Poller:
    """Looks for news until it is stopped."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="news-poller", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _poll(self) -> None:
        self._stopped.wait()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()


class Retry:
    """An attempt to be made again."""

    def __init__(self, name: str) -> None:
        self.name = name

    def attempt(self) -> None:
        self.name = ""


def retry_in_an_hour(name: str) -> threading.Timer:
    timer = threading.Timer(3_600, Retry(name).attempt)
    timer.name = "retry-timer"
    timer.daemon = True
    timer.start()
    return timer


agenda = sched.scheduler(time.monotonic)


def retry_by_agenda(name: str) -> sched.Event:
    return agenda.enter(3_600, 1, Retry(name).attempt)


executors: list[Executor] = []


def start_executor() -> Executor:
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="report")
    executor.submit(int).result()
    executors.append(executor)
    return executor
