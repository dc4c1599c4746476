import numpy as np


def test_sums_are_accumulated():
    sums = np.empty(1000)

    np.add.accumulate(np.arange(1000.0), out=sums)

    assert sums[-1] == 499_500
