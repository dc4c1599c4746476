from PIL import Image

PICTURE = Image.new("L", (1000, 1000), 7)


class Coordinate:
    def __init__(self, number):
        self.number = number

    def __int__(self):
        return self.number * 2


def test_pixels_are_found():
    assert PICTURE.im.getpixel((Coordinate(300), Coordinate(400))) == 7
