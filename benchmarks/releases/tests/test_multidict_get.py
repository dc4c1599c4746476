from multidict import CIMultiDict


def test_headers_are_found_in_any_case():
    headers = CIMultiDict([("Set-Cookie", "a=1"), ("set-cookie", "b=2")])

    assert headers["SET-COOKIE"] == "a=1"
    assert headers.getall("set-Cookie") == ["a=1", "b=2"]
    assert "Set-cookie" in headers
