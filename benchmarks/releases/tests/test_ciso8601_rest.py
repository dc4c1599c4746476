import ciso8601
import pytest


def test_more_than_a_time_is_refused():
    with pytest.raises(ValueError, match="unconverted data"):
        ciso8601.parse_datetime("2024-05-01T12:00:00+02:00 noon")
