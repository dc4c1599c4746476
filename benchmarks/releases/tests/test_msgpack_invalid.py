import msgpack
import pytest


def test_broken_messages_are_refused():
    unpacker = msgpack.Unpacker()
    unpacker.feed(b"\x93\x92\xa5hello\xa5world\x92\xcf\x00\x00\x01\x00\x00\x00\x00\x00\xc1")

    with pytest.raises(msgpack.FormatError):
        unpacker.unpack()
