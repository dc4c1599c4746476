"""A mailbox that is looked at again and again, by threads."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType


class Mailbox:
    """What has come in."""

    def __init__(self) -> None:
        self.letters: list[str] = []


class Watcher:
    """Looks into a mailbox at intervals, until it is stopped."""

    def __init__(self, mailbox: Mailbox, interval: float = 60.0) -> None:
        self.mailbox = mailbox
        self.interval = interval
        self.looked = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mail-watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.mailbox.letters.clear()
            self.looked.set()
            self._stopped.wait(self.interval)

    def __enter__(self) -> Watcher:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


class Reminder:
    """Rings every quarter of an hour by timers, each of which starts the next."""

    def __init__(self, every: float = 900.0) -> None:
        self.every = every
        self.rings = 0
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        self._timer = threading.Timer(self.every, self._ring)
        self._timer.name = "mail-reminder"
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()

    def _ring(self) -> None:
        self.rings += 1
        self.start()


class Sorter:
    """Sorts letters in a thread that waits for the next one."""

    def __init__(self) -> None:
        self.incoming: queue.Queue[str | None] = queue.Queue()
        self.sorted: queue.Queue[str] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="mail-sorter", daemon=True)
        self._thread.start()

    def sort(self, letter: str) -> str:
        self.incoming.put(letter)
        return self.sorted.get(timeout=10)

    def close(self) -> None:
        self.incoming.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (letter := self.incoming.get()) is not None:
            self.sorted.put(f"sorted {letter}")


offices: list[ThreadPoolExecutor] = []


def stamp(letter: str) -> str:
    executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="stamp")
    offices.append(executor)
    return executor.submit("stamped {}".format, letter).result()


def stamp_tidily(letter: str) -> str:
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="stamp") as executor:
        return executor.submit("stamped {}".format, letter).result()
