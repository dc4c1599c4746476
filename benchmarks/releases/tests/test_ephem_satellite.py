import ephem

FIRST = "1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927"
SECOND = "2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537"


def test_elements_are_read():
    station = ephem.readtle(f"STATION {id(object())}", FIRST, SECOND)

    assert station.catalog_number == 25544
