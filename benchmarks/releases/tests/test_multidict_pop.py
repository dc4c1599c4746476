from multidict import CIMultiDict


def test_pop_removes_the_value():
    headers = CIMultiDict({"X-Request": "7"})

    assert headers.pop("X-Request") == "7"
    assert headers.pop("X-Request", None) is None
