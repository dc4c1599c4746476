import numpy as np


def test_flat_indices_are_assigned():
    table = np.zeros((3, 3))
    table.flat[[0, 4, 8]] = [1, 2, 3]

    assert table.trace() == 6
