import pytest
from PIL import Image, ImageFilter

PICTURE = Image.new("F", (64, 64))


def test_floats_cannot_be_sharpened():
    with pytest.raises(ValueError, match="image has wrong mode"):
        PICTURE.filter(ImageFilter.UnsharpMask())
