import mmh3


def test_buffers_are_hashed():
    assert mmh3.hash_from_buffer(bytearray(b"foo" * 1000)) == mmh3.hash(b"foo" * 1000)
