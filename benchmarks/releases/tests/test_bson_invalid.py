import bson
import pytest


def test_unknown_objects_are_refused():
    with pytest.raises(bson.errors.InvalidDocument):
        bson.encode({"what": object()})
