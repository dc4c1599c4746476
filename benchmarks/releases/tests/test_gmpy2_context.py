import gmpy2


def test_precision_is_local():
    with gmpy2.local_context(gmpy2.context(), precision=100):
        assert gmpy2.get_context().precision == 100
