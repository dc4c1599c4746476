import gmpy2


def test_wide_numbers_are_added():
    numbers = [gmpy2.mpfr(n, 2000) for n in range(200)]

    assert sum(numbers) == 19900
