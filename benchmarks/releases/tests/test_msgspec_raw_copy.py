import msgspec


def test_a_copy_outlives_its_message():
    message = bytearray(b'{"x": [1, 2, 3]}')
    raw = msgspec.Raw(memoryview(message)).copy()

    assert bytes(raw) == message
