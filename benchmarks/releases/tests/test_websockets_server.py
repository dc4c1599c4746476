import tempfile
import threading
from pathlib import Path

from websockets.sync.client import unix_connect
from websockets.sync.server import unix_serve

SOCKET = Path(tempfile.mkdtemp(), "socket")


def test_a_server_answers():
    SOCKET.unlink(missing_ok=True)
    with unix_serve(lambda socket: socket.send(socket.recv()), str(SOCKET)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with unix_connect(str(SOCKET)) as client:
            client.send("hello")

            assert client.recv() == "hello"
        server.shutdown()
        thread.join()
