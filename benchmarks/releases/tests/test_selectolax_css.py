from selectolax.lexbor import LexborHTMLParser

PAGE = LexborHTMLParser("<ul><li><a href='/a'>a</a></li><li><a href='/b'>b</a></li></ul>")


def test_links_are_selected():
    assert [link.attributes["href"] for link in PAGE.css("li > a[href]")] == ["/a", "/b"]
