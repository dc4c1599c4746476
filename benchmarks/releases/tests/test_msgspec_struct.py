import msgspec


class User(msgspec.Struct):
    name: str
    groups: list[str]


def test_users_are_decoded():
    user = msgspec.json.decode(b'{"name": "ann", "groups": ["a", "b"]}', type=User)

    assert user == User("ann", ["a", "b"])
