"""Are sizes, times and counts parsed and printed in one way?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_leakguard.errors import InvalidSettingError
from pytest_leakguard.units import (
    format_duration,
    format_number,
    format_size,
    format_slope,
    format_span,
    parse_count,
    parse_duration,
    parse_size,
    plural,
)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        (0, 0),
        (100, 100),
        ("0", 0),
        ("100", 100),
        ("100 B", 100),
        ("100b", 100),
        ("4 KiB", 4096),
        ("4KiB", 4096),
        (" 4  kib ", 4096),
        ("1.5 MiB", 1_572_864),
        ("2 GiB", 2**31),
        (1.5, 1),
    ],
)
def test_sizes_are_read_in_iec_units(text, size_bytes):
    assert parse_size("max_bytes", text) == size_bytes


@pytest.mark.parametrize(
    "text", [-1, "-1", "4 KB", "4 kB", "four", "", "KiB", "1 2", "1e3", None, True, [4], b"4"]
)
def test_what_is_no_size_is_refused_with_the_setting_and_what_is_accepted(text):
    with pytest.raises(InvalidSettingError, match=r"^max_bytes: expected a size such as '4 KiB'"):
        parse_size("max_bytes", text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (0, 0),
        (10, 10),
        ("10", 10),
        ("10 s", 10),
        ("500 ms", 0.5),
        ("10 min", 600),
        ("1 h", 3600),
        ("1.5s", 1.5),
        (0.25, 0.25),
    ],
)
def test_times_are_read(text, seconds):
    assert parse_duration("confirm", text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", [-1, "-1 s", "soon", "10 sec", "1 d", "", None, False, "inf", "nan"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InvalidSettingError, match=r"^confirm: expected a time such as '500 ms'"):
        parse_duration("confirm", text)


@pytest.mark.parametrize(("value", "count"), [(2, 2), ("2", 2), (" 7 ", 7), (10**9, 10**9)])
def test_counts_are_read(value, count):
    assert parse_count("runs", value, minimum=2) == count


@pytest.mark.parametrize("value", [1, "1", -2, "-2", 2.0, "2.0", "two", "", None, True])
def test_what_is_no_count_or_too_small_is_refused(value):
    with pytest.raises(InvalidSettingError) as caught:
        parse_count("runs", value, minimum=2)

    assert str(caught.value).startswith("runs: expected a whole number of at least 2 (got ")
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (parse_size, -1),
        (parse_size, "-1"),
        (parse_size, -0.5),
        (parse_duration, -1),
        (parse_duration, "1 d"),
    ],
)
def test_an_error_shows_what_was_given_and_not_what_became_of_it(parse, value):
    with pytest.raises(InvalidSettingError) as caught:
        parse("setting", value)

    assert caught.value.value is value
    assert str(caught.value).endswith(f"(got {value!r})")


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (336, "336 B"),
        (1023, "1,023 B"),
        (1024, "1 KiB"),
        (4096, "4 KiB"),
        (1536, "1.5 KiB"),
        (1_572_864, "1.5 MiB"),
        (2**30, "1 GiB"),
        (56.25, "56.2 B"),
        (-4096, "-4 KiB"),
    ],
)
def test_sizes_are_written_in_iec_units(size_bytes, text):
    assert format_size(size_bytes) == text


@given(st.integers(min_value=0, max_value=2**40))
def test_a_size_that_was_written_is_read_again_within_its_rounding(size_bytes):
    text = format_size(size_bytes).replace(",", "")

    assert parse_size("max_bytes", text) == pytest.approx(size_bytes, rel=0.06, abs=0.5)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.34, "340 ms"),
        (1, "1.0 s"),
        (2.54, "2.5 s"),
        (99.9, "99.9 s"),
        (180, "3.0 min"),
    ],
)
def test_times_are_written(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1, "1"), (1.0, "1"), (0.5, "0.5"), (0.333, "0.33"), (1234, "1,234"), (2.10, "2.1")],
)
def test_numbers_have_no_needless_zeros(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (1, "object", "1 object"),
        (2, "object", "2 objects"),
        (0, "test", "0 tests"),
        (0.5, "block", "0.5 blocks"),
        (2, "entry", "2 entries"),
    ],
)
def test_counts_are_written_with_their_nouns(count, noun, text):
    assert plural(count, noun) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.34, "340 ms"),
        (45.4, "45 s"),
        (59.7, "1 min"),
        (200, "3 min 20 s"),
        (600, "10 min"),
        (3_600, "1 h"),
        (7_500, "2 h 5 min"),
    ],
)
def test_a_span_is_written_as_people_watch_it(seconds, text):
    assert format_span(seconds) == text


@pytest.mark.parametrize(
    ("rate", "noun", "text"),
    [
        (0.02, "object", "+0.02 objects"),
        (0.01834, "object", "+0.018 objects"),
        (-0.5, "block", "-0.5 blocks"),
        (1, "object", "+1 object"),
        (2.5, "child process", "+2.5 child processes"),
        (0, "object", "0 objects"),
        (1536, "native byte", "+1.5 KiB native"),
        (0.0031, "mapped byte", "+0.0031 B mapped"),
        (0, "native byte", "0 B native"),
    ],
)
def test_a_slope_is_written_with_its_sign_and_unit(rate, noun, text):
    assert format_slope(rate, noun) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0.0042, "0.0042"), (-0.002, "-0.002"), (0.25, "0.25")]
)
def test_a_small_number_keeps_two_digits(number, text):
    assert format_number(number) == text
