import cbor2


def test_long_strings_are_decoded():
    text = ("a" * 65535 + "€") * 2

    assert cbor2.loads(cbor2.dumps(text)) == text
