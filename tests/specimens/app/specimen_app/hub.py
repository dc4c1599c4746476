"""Open web socket connections, by room."""

from __future__ import annotations


class Connection:
    """One peer."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.is_open = True

    def receive(self, frame: bytes) -> str:
        return frame.decode("ascii")

    def close(self) -> None:
        self.is_open = False


class Hub:
    """Registers connections; whoever serves one has to take it out again."""

    def __init__(self) -> None:
        self.rooms: dict[str, set[Connection]] = {"lobby": set(), "support": set()}

    def connect(self, room: str, peer: str) -> Connection:
        connection = Connection(peer)
        self.rooms[room].add(connection)
        return connection

    def disconnect(self, room: str, connection: Connection) -> None:
        connection.close()
        self.rooms[room].discard(connection)

    def serve(self, room: str, peer: str, frame: bytes) -> str:
        """Disconnect after a good frame only: a bad one raises past that line."""
        connection = self.connect(room, peer)
        text = connection.receive(frame)
        self.disconnect(room, connection)
        return text

    def serve_safely(self, room: str, peer: str, frame: bytes) -> str:
        connection = self.connect(room, peer)
        try:
            return connection.receive(frame)
        finally:
            self.disconnect(room, connection)

    def sweep(self, room: str) -> None:
        closed = {connection for connection in self.rooms[room] if not connection.is_open}
        self.rooms[room] -= closed


hub = Hub()
