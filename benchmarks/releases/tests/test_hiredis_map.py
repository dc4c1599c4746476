import hiredis


def test_maps_are_parsed():
    reader = hiredis.Reader()
    reader.feed(b"%2\r\n+first\r\n:1000\r\n+second\r\n$5\r\nhello\r\n")

    assert reader.gets() == {b"first": 1000, b"second": b"hello"}
