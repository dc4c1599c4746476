from typing import Annotated

import msgspec
import pytest


def test_what_is_no_multiple_is_refused():
    decoder = msgspec.json.Decoder(Annotated[int, msgspec.Meta(multiple_of=10**6)])

    with pytest.raises(msgspec.ValidationError):
        decoder.decode(str(10**30 + 1000))
