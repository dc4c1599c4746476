from zope.interface import Interface, implementer


def test_a_derived_interface_is_provided():
    class Priced(Interface):
        """Has a price."""

    class Sold(Priced):
        """Is sold."""

    @implementer(Sold)
    class Tea:
        pass

    assert Priced.providedBy(Tea())
