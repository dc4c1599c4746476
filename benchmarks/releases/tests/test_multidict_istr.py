from multidict import CIMultiDict


def test_names_keep_their_spelling():
    headers = CIMultiDict({"Content-Type": "text/html"})

    assert list(headers) == ["Content-Type"]
