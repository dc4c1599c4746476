import threading

from websockets.sync.client import connect
from websockets.sync.server import serve


def test_a_server_answers():
    with serve(lambda socket: socket.send(socket.recv()), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with connect(f"ws://127.0.0.1:{server.socket.getsockname()[1]}") as client:
            client.send("hello")

            assert client.recv() == "hello"
        server.shutdown()
        thread.join()
