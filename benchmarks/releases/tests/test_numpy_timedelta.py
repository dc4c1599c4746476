import numpy as np


def test_equal_times_hash_alike():
    assert hash(np.timedelta64(1, "h")) == hash(np.timedelta64(1, "h"))
