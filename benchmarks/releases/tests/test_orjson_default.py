import orjson
import pytest


def refuse(value):
    raise NotImplementedError(f"cannot serialise {value!r}")


def test_the_cause_of_a_refusal_is_kept():
    with pytest.raises(TypeError) as refused:
        orjson.dumps({"x": object()}, default=refuse)

    assert isinstance(refused.value.__cause__, NotImplementedError)
