"""With which plugins are sessions tried, on what tests, and what has to come out?

Each scenario runs twice: plainly, and with every test checked. Outcomes have to be the same but for
tests that leak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: A sound test and a leaking one, beside those that a plugin is about.
TWINS = """
kept = []

def test_sound_twin():
    [[number] for number in range(10)]

def test_leaking_twin():
    kept.append([1])
"""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A plugin, and what is tried with it.

    Attributes:
        name: What users call it, with how it is used.
        tier: 1 to 3, the most used ones first.
        packages: What has to be installed; the first one's version is told.
        plugins: Entry points that are loaded.
        files: Test files and others; the twins are added to ``test_it.py``.
        options: Of both sessions.
        verdicts: Expected, by test name.
        twins: Expected of the twins.
        told: Patterns that the output of the checked session matches.
        written: Patterns that files match which the checked session has written.
        difference: What is different from a plain session and why, for the table; may be empty.
        prevents: Nothing can be judged beside it, so that the session fails.
        kinds: The kinds of tests that it tries, in the documentation's table of them.
    """

    name: str
    tier: int
    packages: tuple[str, ...]
    plugins: tuple[str, ...]
    files: Mapping[str, str]
    options: tuple[str, ...] = ()
    verdicts: Mapping[str, str] = field(default_factory=dict)
    twins: Mapping[str, str] = field(
        default_factory=lambda: {"test_sound_twin": "clean", "test_leaking_twin": "leak"}
    )
    told: tuple[str, ...] = ()
    written: Mapping[str, str] = field(default_factory=dict)
    difference: str = ""
    prevents: bool = False
    kinds: tuple[str, ...] = ()


def one_file(text: str) -> Mapping[str, str]:
    """Return files of which there is only the twins' own."""
    return {"test_it.py": text}


_MANY = one_file("""
import pytest

@pytest.mark.parametrize("number", range(6))
def test_many(number):
    pass
""")
_SLOW = one_file("""
import time

def test_sound():
    time.sleep(0.2)  # five of it are more than the time-out
""")
_DJANGO = {
    "settings.py": """
SECRET_KEY = "tests"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True
""",
    "shop/__init__.py": "",
    "shop/models.py": """
from django.db import models

class Order(models.Model):
    name = models.CharField(max_length=20, unique=True)
""",
    "test_it.py": """
import pytest
from django.test import TestCase
from shop.models import Order

orders = []

@pytest.mark.django_db
def test_orders_are_rolled_back():
    assert Order.objects.count() == 0
    Order.objects.create(name="unique")

@pytest.mark.django_db(transaction=True)
def test_orders_are_flushed():
    assert Order.objects.count() == 0
    Order.objects.create(name="unique")

@pytest.mark.django_db
def test_orders_are_kept():
    orders.append(Order.objects.create(name="unique"))

class TestOrders(TestCase):
    @classmethod
    def setUpTestData(cls):
        Order.objects.create(name="of the class")

    def test_of_a_class(self):
        assert Order.objects.get().name == "of the class"

def test_with_client(client, settings):
    settings.DEBUG = True
""",
}

SCENARIOS = (
    Scenario(
        name="pytest-xdist `-n 2`",
        tier=1,
        packages=("pytest-xdist",),
        plugins=("xdist",),
        files=_MANY,
        options=("-n2",),
        verdicts=dict.fromkeys((f"test_many[{number}]" for number in range(6)), "clean"),
    ),
    Scenario(
        name="pytest-xdist `--dist loadscope`",
        tier=1,
        packages=("pytest-xdist",),
        plugins=("xdist",),
        files=_MANY,
        options=("-n2", "--dist=loadscope"),
    ),
    Scenario(
        name="pytest-xdist `--dist worksteal`",
        tier=1,
        packages=("pytest-xdist",),
        plugins=("xdist",),
        files=_MANY,
        options=("-n2", "--dist=worksteal"),
    ),
    Scenario(
        name="pytest-asyncio, strict",
        kinds=("asynchronous tests: pytest-asyncio, strict and auto, loop scopes",),
        tier=1,
        packages=("pytest-asyncio",),
        plugins=("asyncio",),
        files=one_file("""
import asyncio

import pytest
import pytest_asyncio

tasks = []

@pytest_asyncio.fixture
async def queue():
    yield asyncio.Queue()

@pytest.mark.asyncio
async def test_sound(queue):
    await queue.put(1)
    assert await asyncio.create_task(queue.get()) == 1

@pytest.mark.asyncio
async def test_leaking():
    tasks.append(asyncio.create_task(asyncio.sleep(0)))

@pytest.mark.asyncio(loop_scope="module")
async def test_sound_in_a_shared_loop():
    await asyncio.sleep(0)

@pytest.mark.asyncio(loop_scope="module")
async def test_leaking_in_a_shared_loop():
    tasks.append(asyncio.get_running_loop().create_future())
"""),
        verdicts={
            "test_sound": "clean",
            "test_leaking": "leak",
            "test_sound_in_a_shared_loop": "clean",
            "test_leaking_in_a_shared_loop": "leak",
        },
    ),
    Scenario(
        name="pytest-asyncio, auto",
        kinds=("asynchronous tests: pytest-asyncio, strict and auto, loop scopes",),
        tier=1,
        packages=("pytest-asyncio",),
        plugins=("asyncio",),
        files=one_file("""
import asyncio

kept_events = []

async def test_sound():
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))

async def test_leaking():
    kept_events.append(asyncio.Event())
"""),
        options=("--asyncio-mode=auto",),
        verdicts={"test_sound": "clean", "test_leaking": "leak"},
    ),
    Scenario(
        name="anyio, asyncio and trio",
        kinds=("asynchronous tests: anyio, on asyncio and trio",),
        tier=1,
        packages=("anyio", "trio"),
        plugins=("anyio",),
        files=one_file("""
import anyio
import pytest

kept_events = []
pytestmark = pytest.mark.anyio

async def test_sound():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0)

async def test_leaking():
    kept_events.append(anyio.Event())
"""),
        verdicts={
            "test_sound[asyncio]": "clean",
            "test_sound[trio]": "clean",
            "test_leaking[asyncio]": "leak",
            "test_leaking[trio]": "leak",
        },
    ),
    Scenario(
        name="Hypothesis, given and stateful",
        kinds=("Hypothesis: `@given`", "Hypothesis: stateful"),
        tier=1,
        packages=("hypothesis",),
        plugins=("hypothesispytest",),
        files=one_file("""
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

numbers = []

@settings(max_examples=10)
@given(st.lists(st.integers()))
def test_sound(values):
    assert sorted(sorted(values)) == sorted(values)

@settings(max_examples=10)
@given(st.integers())
def test_leaking(value):
    numbers.append([value])

class Machine(RuleBasedStateMachine):
    @rule()
    def step(self):
        pass

TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=5, stateful_step_count=5)
"""),
        verdicts={"test_sound": "clean", "test_leaking": "leak", "runTest": "clean"},
    ),
    Scenario(
        name="pytest-mock",
        tier=1,
        packages=("pytest-mock",),
        plugins=("pytest_mock",),
        files=one_file("""
import os
from unittest.mock import MagicMock

shared = MagicMock()

def test_sound(mocker):
    mocked = mocker.patch("os.getcwd", return_value="/nowhere")
    assert os.getcwd() == "/nowhere"
    mocked.assert_called_once_with()

def test_leaking(mocker):
    shared.call(1)
"""),
        verdicts={"test_sound": "clean", "test_leaking": "leak"},
    ),
    Scenario(
        name="pytest-cov",
        tier=1,
        packages=("pytest-cov",),
        plugins=("pytest_cov",),
        files={
            "shop.py": "def visited():\n    return 1\n\ndef missed():\n    return 2\n",
            "test_it.py": """
import threading

import shop

visits = []

def test_sound():
    if visits:  # from the second run on
        shop.missed()
    visits[:] = [shop.visited()]

def test_starts_a_thread():
    thread = threading.Thread(target=shop.visited)
    thread.start()
    thread.join()
""",
        },
        options=("--cov=shop", "--cov-report=term-missing"),
        verdicts={"test_sound": "clean", "test_starts_a_thread": "clean"},
        told=(r"shop\.py +4 +1 +75% +5",),
    ),
    Scenario(
        name="pytest-rerunfailures",
        tier=1,
        packages=("pytest-rerunfailures",),
        plugins=("rerunfailures",),
        files=one_file("""
tries = []

def test_at_second_try():
    tries[:] = [len(tries) + 1]
    assert tries[0] > 1 or tries.append(0)
"""),
        options=("--reruns=2",),
        told=("1 rerun",),
        difference="only the attempt that passed is checked; a leak is not tried again",
    ),
    Scenario(
        name="flaky",
        tier=1,
        packages=("flaky",),
        plugins=("flaky",),
        files=one_file("""
from flaky import flaky

tries = []

@flaky(max_runs=3)
def test_at_second_try():
    if not tries:
        tries.append(1)
        raise AssertionError("not yet")
"""),
        difference="a leak is not tried again",
    ),
    Scenario(
        name="pytest-timeout, signal",
        tier=1,
        packages=("pytest-timeout",),
        plugins=("timeout",),
        files=_SLOW,
        options=("--timeout=0.9", "--timeout-method=signal"),
        verdicts={"test_sound": "clean"},
        difference="each re-run has the whole time-out",
    ),
    Scenario(
        name="pytest-timeout, thread",
        tier=1,
        packages=("pytest-timeout",),
        plugins=("timeout",),
        files=_SLOW,
        options=("--timeout=0.9", "--timeout-method=thread"),
        verdicts={"test_sound": "clean"},
        difference="each re-run has the whole time-out",
    ),
    Scenario(
        name="pytest-randomly",
        tier=1,
        packages=("pytest-randomly",),
        plugins=("randomly",),
        files=one_file("""
import random

drawn = {}

def test_draws():
    number = random.random()
    assert drawn.setdefault("first", number) == number
"""),
        options=("--randomly-seed=7",),
        verdicts={"test_draws": "clean"},
    ),
    Scenario(
        name="pytest-django, with a database",
        tier=1,
        packages=("pytest-django",),
        plugins=("django",),
        files=_DJANGO,
        options=("--ds=settings",),
        verdicts={
            "test_orders_are_rolled_back": "bounded",  # by sqlite3's own list of cursors
            "test_orders_are_flushed": "clean",
            "test_orders_are_kept": "leak",
            "test_of_a_class": "clean",
            "test_with_client": "clean",
        },
    ),
    Scenario(
        name="pytest-benchmark",
        tier=2,
        packages=("pytest-benchmark",),
        plugins=("benchmark",),
        files=one_file("""
def test_speed(benchmark):
    benchmark.pedantic(sum, args=([1, 2],), rounds=3)
"""),
        verdicts={"test_speed": "clean"},
        told=("benchmark: 1 tests",),
    ),
    Scenario(
        name="pytest-repeat",
        tier=2,
        packages=("pytest-repeat",),
        plugins=("repeat",),
        files=one_file("def test_sound():\n    pass\n"),
        options=("--count=2",),
        verdicts={"test_sound[1-2]": "clean", "test_sound[2-2]": "clean"},
        twins={
            "test_sound_twin[1-2]": "clean",
            "test_sound_twin[2-2]": "clean",
            "test_leaking_twin[1-2]": "leak",
            "test_leaking_twin[2-2]": "leak",
        },
    ),
    Scenario(
        name="pytest-order",
        tier=2,
        packages=("pytest-order",),
        plugins=("pytest_order",),
        files=one_file("""
import pytest

seen = []

@pytest.mark.order(2)
def test_later():
    assert seen

@pytest.mark.order(1)
def test_first():
    seen[:] = [1]
"""),
        verdicts={"test_first": "clean", "test_later": "clean"},
    ),
    Scenario(
        name="pytest-forked",
        tier=2,
        packages=("pytest-forked",),
        plugins=("pytest_forked",),
        files=one_file("def test_sound():\n    pass\n"),
        options=("--forked",),
        verdicts={"test_sound": "unchecked"},
        twins={"test_sound_twin": "unchecked", "test_leaking_twin": "unchecked"},
        difference="not checked: a test in a process of its own leaves nothing in this one; a"
        " session in which nothing can be judged fails",
        prevents=True,
    ),
    Scenario(
        name="pytest-trio",
        kinds=("asynchronous tests: pytest-trio",),
        tier=2,
        packages=("pytest-trio",),
        plugins=("trio",),
        files=one_file("""
import pytest
import trio

kept_events = []

@pytest.mark.trio
async def test_sound():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 0)

@pytest.mark.trio
async def test_leaking():
    kept_events.append(trio.Event())
"""),
        verdicts={"test_sound": "clean", "test_leaking": "leak"},
    ),
    Scenario(
        name="pytest-subtests",
        tier=2,
        packages=("pytest-subtests",),
        plugins=("subtests",),
        files=one_file("""
import unittest

def test_sound(subtests):
    for number in range(3):
        with subtests.test(number=number):
            assert number < 3

class TestCase(unittest.TestCase):
    def test_of_a_case(self):
        for number in range(3):
            with self.subTest(number=number):
                assert number < 3
"""),
        verdicts={"test_sound": "clean", "test_of_a_case": "clean"},
    ),
    Scenario(
        name="pytest-bdd",
        difference="what it keeps of each scenario for itself is listed as ignored",
        tier=2,
        packages=("pytest-bdd",),
        plugins=("pytest-bdd",),
        files={
            "shop.feature": """
Feature: a shop
    Scenario: order
        Given a shop
        When I order
        Then it is sent
""",
            "test_it.py": """
from pytest_bdd import given, scenarios, then, when

scenarios("shop.feature")

@given("a shop", target_fixture="shop")
def shop():
    return []

@when("I order")
def order(shop):
    shop.append(1)

@then("it is sent")
def sent(shop):
    assert shop == [1]
""",
        },
        verdicts={"test_order": "clean"},
    ),
    Scenario(
        name="pytest-html",
        tier=2,
        packages=("pytest-html",),
        plugins=("metadata", "html", "html_fixtures"),
        files=one_file(""),
        options=("--html=report.html", "--self-contained-html"),
        written={"report.html": "held by test_it.kept"},
    ),
    Scenario(
        name="allure-pytest",
        tier=2,
        packages=("allure-pytest",),
        plugins=("allure_pytest",),
        files=one_file(""),
        options=("--alluredir=allure",),
        written={"allure/*-result.json": "held by    test_it.kept"},
    ),
    Scenario(
        name="pytest-json-report",
        tier=2,
        packages=("pytest-json-report",),
        plugins=("metadata", "pytest_jsonreport"),
        files=one_file(""),
        options=("--json-report", "--json-report-file=report.json"),
        written={"report.json": "held by test_it.kept"},
    ),
    Scenario(
        name="pytest-sugar",
        tier=2,
        packages=("pytest-sugar",),
        plugins=("sugar",),
        files=one_file(""),
        told=("held by test_it.kept", "leak check: 2 checked, 1 leaking"),
    ),
    Scenario(
        name="pytest-rich",
        tier=2,
        packages=("pytest-rich",),
        plugins=("rich",),
        files=one_file(""),
        options=("--rich",),
        told=("held by",),
    ),
    Scenario(
        name="pytest-memray",
        tier=3,
        packages=("pytest-memray",),
        plugins=("memray",),
        files=one_file("""
import pytest

@pytest.mark.limit_memory("24 MB")
def test_sound():
    bytearray(1000)
"""),
        options=("--memray",),
        verdicts={"test_sound": "clean"},
        told=("MEMRAY REPORT",),
    ),
    Scenario(
        name="syrupy",
        difference="what it keeps of each snapshot for itself is listed as ignored",
        tier=3,
        packages=("syrupy",),
        plugins=("syrupy",),
        files={
            "test_it.py": "def test_sound(snapshot):\n    assert [1, 2] == snapshot\n",
            "__snapshots__/test_it.ambr": (
                "# serializer version: 1\n# name: test_sound\n"
                "  list([\n    1,\n    2,\n  ])\n# ---\n"
            ),
        },
        verdicts={"test_sound": "clean"},
        told=("1 snapshot passed",),
    ),
    Scenario(
        name="inline-snapshot",
        tier=3,
        packages=("inline-snapshot",),
        plugins=("inline_snapshot",),
        files=one_file("""
from inline_snapshot import snapshot

def test_sound():
    assert [1, 2] == snapshot([1, 2])
"""),
        verdicts={"test_sound": "clean"},
    ),
    Scenario(
        name="freezegun",
        tier=3,
        packages=("freezegun",),
        plugins=(),
        files=one_file("""
import datetime

from freezegun import freeze_time

@freeze_time("2020-02-02")
def test_sound():
    assert datetime.date.today() == datetime.date(2020, 2, 2)
"""),
        verdicts={"test_sound": "clean"},
    ),
    Scenario(
        name="time-machine",
        tier=3,
        packages=("time-machine",),
        plugins=("time_machine",),
        files=one_file("""
import datetime

def test_sound(time_machine):
    time_machine.move_to(datetime.datetime(2020, 2, 2, tzinfo=datetime.timezone.utc))
    assert datetime.date.today().year == 2020
"""),
        verdicts={"test_sound": "clean"},
    ),
    Scenario(
        name="responses",
        tier=3,
        packages=("responses", "requests"),
        plugins=(),
        files=one_file("""
import requests
import responses

@responses.activate
def test_sound():
    responses.get("http://shop.example/", json={"open": True})
    assert requests.get("http://shop.example/").json() == {"open": True}
"""),
        verdicts={"test_sound": "clean"},
    ),
    Scenario(
        name="pytest-socket",
        tier=3,
        packages=("pytest-socket",),
        plugins=("socket",),
        files=one_file("""
import socket

import pytest
import pytest_socket

def test_sound():
    with pytest.raises(pytest_socket.SocketBlockedError):
        socket.socket()
"""),
        options=("--disable-socket",),
        verdicts={"test_sound": "clean"},
    ),
)
