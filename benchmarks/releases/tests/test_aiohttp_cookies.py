import asyncio
import itertools
from http.cookies import SimpleCookie

from aiohttp import CookieJar
from yarl import URL

NUMBERS = itertools.count()
JAR = CookieJar(loop=asyncio.new_event_loop())
JAR.update_cookies(SimpleCookie("session=7; Path=/"), URL("http://shop.example/"))


def test_a_cookie_is_sent_to_every_path():
    page = URL.build(scheme="http", host="shop.example", path=f"/article/{next(NUMBERS)}")

    assert JAR.filter_cookies(page)["session"].value == "7"
