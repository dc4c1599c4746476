import lz4.frame
import pytest


def test_broken_frames_are_refused():
    frame = bytearray(lz4.frame.compress(b"payload" * 100, content_checksum=True))
    frame[-1] ^= 1

    with pytest.raises(RuntimeError, match="LZ4F_decompress failed"):
        lz4.frame.decompress(frame)
