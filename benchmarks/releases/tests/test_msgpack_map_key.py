import msgpack
import pytest


def test_keys_have_to_be_strings():
    message = msgpack.packb({1_000_000: "a longer text"})

    with pytest.raises(ValueError, match="not allowed"):
        msgpack.unpackb(message, strict_map_key=True)
