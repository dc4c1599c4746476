import asyncio
import itertools

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

NUMBERS = itertools.count()


@web.middleware
async def pass_on(request, handler):
    return await handler(request)


def make_app():
    app = web.Application(middlewares=[pass_on])
    app.router.add_get("/", lambda _: web.Response())
    app.freeze()
    return app


LOOP = asyncio.new_event_loop()
APP = make_app()


async def post():
    try:
        await APP._handle(make_mocked_request("POST", "/", app=APP))
    except web.HTTPMethodNotAllowed as error:
        return error.status
    return None


def test_posting_is_not_allowed():
    assert LOOP.run_until_complete(post()) == 405
