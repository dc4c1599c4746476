import simplejson


def test_odd_keys_are_left_out():
    totals = {("a", 1): [1000, 2000], "b": 2}

    assert simplejson.dumps(totals, skipkeys=True, sort_keys=True) == '{"b": 2}'
