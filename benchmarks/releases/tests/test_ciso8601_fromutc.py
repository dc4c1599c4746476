import datetime as dt

import ciso8601


def test_times_are_converted_to_an_offset():
    there = ciso8601.parse_datetime("2024-05-01T12:00:00+02:00")
    utc = dt.datetime(2024, 5, 1, 8, tzinfo=dt.timezone.utc)

    assert utc.astimezone(there.tzinfo).hour == 10
