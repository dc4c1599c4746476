import pytest
import ujson


def test_what_cannot_be_encoded_is_refused():
    with pytest.raises((TypeError, OverflowError)):
        ujson.dumps(["x" * 100_000, object()])
