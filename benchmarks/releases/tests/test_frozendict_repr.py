from frozendict import frozendict


def test_a_frozendict_shows_its_items():
    assert "'colour'" in repr(frozendict(colour="green"))
