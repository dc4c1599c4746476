from frozendict import frozendict


def test_equal_dicts_hash_alike():
    assert hash(frozendict(a=1000, b="x")) == hash(frozendict(b="x", a=1000))
