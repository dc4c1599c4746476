"""Parts of a page that listen while they are shown, and a socket that reconnects."""

from __future__ import annotations

from collections.abc import Callable


class Subject:
    """Calls its observers whenever its value changes."""

    def __init__(self) -> None:
        self.observers: list[Callable[[object], None]] = []

    def change(self, value: object) -> None:
        for observer in tuple(self.observers):
            observer(value)


prices = Subject()


class PriceTag:
    """Subscribes when mounted."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.shown: object = None

    def mount(self) -> None:
        self.subject.observers.append(self.show)

    def unmount(self) -> None:
        self.subject.observers.remove(self.show)

    def show(self, value: object) -> None:
        self.shown = value


class Socket:
    """Calls back on each message."""

    def __init__(self) -> None:
        self.on_message: list[Callable[[str], None]] = []
        self.messages = 0

    def count(self, message: str) -> None:
        self.messages += len(message)

    def reconnect(self) -> None:
        """Listen anew each time, with a new function."""

        def count(message: str) -> None:
            self.messages += len(message)

        self.on_message.append(count)

    def reconnect_once(self) -> None:
        if self.count not in self.on_message:
            self.on_message.append(self.count)

    def disconnect(self) -> None:
        self.on_message.clear()


socket = Socket()
