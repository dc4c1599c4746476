import msgspec


def test_structs_can_be_defined():
    point = msgspec.defstruct("Point", [("x", float), ("y", float)])

    assert point(1.0, 2.0).y == 2.0
