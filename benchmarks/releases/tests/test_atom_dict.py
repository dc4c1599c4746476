from atom.api import Atom, Dict, Set


class Stock(Atom):
    pieces = Dict(default={"tea": 3})
    shelves = Set(default={1, 2})


def test_a_stock_has_its_defaults():
    stock = Stock()

    assert stock.pieces == {"tea": 3}
    assert stock.shelves == {1, 2}
