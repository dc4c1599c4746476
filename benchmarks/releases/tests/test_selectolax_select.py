from selectolax.lexbor import LexborHTMLParser

PAGE = LexborHTMLParser("<ul><li>one</li><li>two</li></ul>")


def test_items_are_matched():
    assert PAGE.css_matches("ul > li:first-child")
