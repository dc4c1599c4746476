import msgspec


def test_long_tuples_are_decoded():
    numbers = tuple(range(1000, 1032))

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(numbers), type=tuple[int, ...]) == numbers
