import numpy as np
import orjson
import pytest


def test_complex_arrays_are_refused():
    with pytest.raises(TypeError):
        orjson.dumps(np.array([1, 2j]), option=orjson.OPT_SERIALIZE_NUMPY)
