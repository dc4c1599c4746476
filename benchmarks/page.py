"""Print how long a browser takes to open a large session's page: ``python -m benchmarks.page``.

Needs the extra ``html``, selenium, Chromium and its driver. Each row is a session of 2,000 tests of
which some leak, each for a cause of its own: the page's size, the time until it is loaded, and how
many times that is what the page of an empty session takes; medians of several.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from pytest_leakguard.model import Finding, Frame, Result, Share, Step
from pytest_leakguard.reports import SelfCheck, SessionFacts, TestOutcome
from pytest_leakguard.reports.html import render_html

ROOT = Path(__file__).resolve().parents[1]
TESTS = 2_000
LEAKING = (0, 100, TESTS)
_LINE = 8
_SOURCE = Path(__file__).read_text(encoding="utf-8").splitlines()[_LINE - 1]
_COUNTERS = ("gc_objects", "blocks", "container_items", "traced_bytes")
_BATCHES = (5, 7, 11, 13)
_OPENED = """
const [opened] = performance.getEntriesByType("navigation");
return opened.loadEventEnd;
"""


def _leak(number: int) -> Result:
    frame = Frame(file=__file__, line=_LINE, function="make", source=_SOURCE)
    finding = Finding(
        type="app.Subscription",
        objects_per_run=1,
        bytes_per_run=272,
        holder=f"app.buses[{number}]._subscriptions",
        path=tuple(
            Step(via=f".step_{step}", type=f"app.Bus{number}") for step in range(number % 7 + 2)
        ),
        allocated=(frame,) * 4,
        grown=(replace(frame, function="grow"),) * 4,
        held=(Share(type="function", objects_per_run=1, bytes_per_run=64),) * 3,
        note="made in run 9, alive after run 26",
        pattern="event listener",
        meaning="subscribed on every run, never unsubscribed",
        advice="keep the handler and remove it on teardown",
        fingerprint=f"{number:08x}",
        status="new",
    )
    totals = [sum(_BATCHES[:taken]) for taken in range(len(_BATCHES) + 1)]
    return Result(
        verdict="leak",
        executions=59,
        seconds=1.5,
        growth=dict.fromkeys(_COUNTERS, number + 1),
        series={name: tuple(total * (number + 1) for total in totals) for name in _COUNTERS},
        batches=_BATCHES,
        findings=(finding,),
        evidence="gc_objects: 5, 7, 11, 13 more runs grew alike",
    )


def _session(tests: int, leaking: int) -> SessionFacts:
    clean = Result(verdict="clean", executions=5, seconds=0.01, series={"gc_objects": (5, 5)})
    return SessionFacts(
        mode="all",
        python="3.13.1",
        pytest="9.0.0",
        platform="Linux",
        counters=_COUNTERS,
        self_check=SelfCheck(),
        executions=tests * 5,
        extra_seconds=1.0,
        tests=tuple(
            TestOutcome(
                nodeid=f"tests/test_{number % 50}.py::test_{number}",
                kind="suite",
                result=_leak(number) if number < leaking else clean,
            )
            for number in range(tests)
        ),
    )


def main() -> None:
    """Render, open and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often each page is opened")
    rounds = parser.parse_args().rounds
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome")
    for argument in ("--headless=new", "--no-sandbox"):
        options.add_argument(argument)
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(shutil.which("chromedriver"))
    )
    sessions = {"empty": (0, 0)} | {f"{leaking} leak": (TESTS, leaking) for leaking in LEAKING}
    times: dict[str, list[float]] = {name: [] for name in sessions}
    with tempfile.TemporaryDirectory() as directory:
        pages = {name: Path(directory, f"{name.replace(' ', '-')}.html") for name in sessions}
        for name, (tests, leaking) in sessions.items():
            pages[name].write_text(render_html(_session(tests, leaking), ROOT), encoding="utf-8")
        for _ in range(rounds):
            for name, path in pages.items():
                driver.get("about:blank")
                driver.get(path.as_uri())
                times[name].append(driver.execute_script(_OPENED))
        driver.quit()
        least = statistics.median(times["empty"])
        print(f"{TESTS} tests   {'size':>8}   {'opened in':>9}   times the empty page")
        for name, path in pages.items():
            median = statistics.median(times[name])
            size = f"{path.stat().st_size / 2**20:.1f} MiB"
            print(f"{name:<10}   {size:>8}   {median:6.0f} ms   {median / least:.1f}")


if __name__ == "__main__":
    main()
