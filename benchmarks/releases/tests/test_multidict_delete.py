from multidict import MultiDict


def test_deleting_empties_the_headers():
    headers = MultiDict({"Accept": "text/html", "Host": "localhost"})

    del headers["Accept"]
    del headers["Host"]

    assert len(headers) == 0
