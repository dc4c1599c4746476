import awkward as ak


def test_lists_are_iterated():
    array = ak.Array([{"x": [1.5, 2.5]}, {"x": []}])

    assert ak.to_list(array.x) == [[1.5, 2.5], []]
