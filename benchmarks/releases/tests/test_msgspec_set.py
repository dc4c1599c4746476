import msgspec


class Tag:
    pass


def test_sets_of_unknown_objects_are_encoded():
    encoder = msgspec.json.Encoder(enc_hook=lambda tag: type(tag).__name__)

    assert encoder.encode({Tag(), Tag()}) == b'["Tag","Tag"]'
