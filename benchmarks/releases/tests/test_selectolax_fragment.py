from selectolax.lexbor import LexborHTMLParser


def test_fragments_are_parsed():
    fragment = LexborHTMLParser("<li>one</li><li>two</li>", is_fragment=True)

    assert "one" in fragment.html
