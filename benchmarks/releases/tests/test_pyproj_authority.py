from pyproj import CRS

MERCATOR = CRS.from_wkt(CRS.from_epsg(3857).to_wkt().replace('ID["EPSG",3857]', ""))


def test_the_authority_is_found():
    assert MERCATOR.to_authority(min_confidence=20) is not None
