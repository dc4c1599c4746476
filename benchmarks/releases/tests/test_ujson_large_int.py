import ujson


def test_large_integers_are_parsed():
    assert ujson.loads("[18446744073709551616, -9223372036854775809]") == [2**64, -(2**63) - 1]
