import asyncio

from redis.asyncio.connection import HiredisParser


class Idle:
    """Stands for a connection whose socket is never read."""

    _stream = asyncio.StreamReader(loop=asyncio.new_event_loop())
    encoder = type("Encoder", (), {"decode_responses": False, "encoding_errors": "strict"})
    _reader = _stream


def test_a_parser_connects():
    parser = HiredisParser(socket_read_size=65536)
    parser.on_connect(Idle())

    assert parser._reader.gets() is False
