import msgpack


def test_an_unpacker_can_start_over():
    unpacker = msgpack.Unpacker()
    unpacker.feed(b"\x92\xa5hello")

    unpacker.__init__(max_buffer_size=4096)
    unpacker.feed(b"\x01")

    assert unpacker.unpack() == 1
