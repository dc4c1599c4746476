"""Write the outputs that README and docs show, by running the example.

``python docs/generate.py`` rewrites them; ``--check`` fails if any differs in more than its
numbers, which depend on the interpreter. A place for an output is a comment,
``<!-- shown: NAME -->``, and the code block after it.

The page of a pattern shows the report on its own leaking form. These take a minute in all, so that
``--check`` leaves them out; ``--patterns`` does them and nothing else, with or without ``--check``.
"""

from __future__ import annotations

import argparse
import atexit
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "reference" / "patterns"
_CODE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_TEST = """\
import pytest

import shop


@pytest.mark.noleak
def test_shop():
    shop.leaks()
"""
_ASYNC_TEST = """\
import asyncio

import pytest

import shop

LOOP = asyncio.new_event_loop()


@pytest.mark.noleak
def test_shop():
    LOOP.run_until_complete(shop.leaks())
"""
_SHOP = """\
remembered = []

class Customer:
    pass

def test_shop_remembers():
    for _ in range({kept}):
        remembered.append(Customer())

def test_shop_opens():
    pass
"""
_REGISTRY = """\
audit_log = []

def handle(order):
    audit_log.append(bytearray(1024))
"""
_MANY_TESTS = """\
import pytest

import shop

@pytest.mark.parametrize("order", range(200))
def test_{name}(order):
    shop.handle(order)
"""
_PROGRAM = """\
pictures = [bytearray(1 << 20) for _ in range(20)]
customers = [str(number) for number in range(300_000)]
del customers[::3]
"""
_RARE = """\
import itertools

import pytest

remembered = []
numbers = itertools.count()

class Order:
    pass

@pytest.mark.noleak(duration="5 s", confirm="30 s")
def test_checkout():
    order = Order()
    if next(numbers) % 50 == 0:  # a retry
        remembered.append(order)
"""
#: What some forms leave running would keep the process for an hour.
_CONFTEST = """\
import os
import sys


def pytest_unconfigure():
    sys.stdout.flush()
    os._exit(0)
"""
_PLACE = re.compile(r"(<!-- shown: (\S+) -->\n+```\w*\n)(.*?)(```\n)", re.DOTALL)


def _pytest(directory: Path, *options: str) -> str:
    # Only this plugin: a contributor's environment has others, whose lines would show up.
    command = [sys.executable, "-m", "pytest", "--disable-plugin-autoload", "-p", "leakguard"]
    command += ["-p", "no:cacheprovider", *options]
    done = subprocess.run(  # noqa: S603 - runs pytest on an example
        command, cwd=directory, capture_output=True, text=True, check=False
    )
    return done.stdout


@functools.cache
def _example(*options: str) -> str:
    return _pytest(ROOT / "examples", *options)


def _lines(text: str, first: str, last: str) -> str:
    """Return the lines from one that matches ``first`` to one before ``last``."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if re.search(first, line))
    stop = next(i for i, line in enumerate(lines[start:], start) if re.search(last, line))
    return "\n".join(lines[start:stop]) + "\n"


def failure() -> str:
    """Show the report of the leaking test."""
    return _lines(_example("-q"), r"^___", r"leak check")


def suite() -> str:
    """Show what a whole-suite check says beside the failure."""
    text = _example("--leak-check", "--tb=line")
    ending = _lines(text, r"^-+ leak check", r"^===")
    return _lines(text, r"^leakguard", r"^rootdir") + "…\n" + ending


def options() -> str:
    """Show the options as pytest's help has them."""
    return _lines(_example("--help"), r"^memory leaks", r"^$")


def finding() -> str:
    """Show the leaking test in the JSON report."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "leaks.json")
        _example(f"--leak-report=json:{path}", "-q")
        report = json.loads(path.read_text(encoding="utf-8"))
    leaking = next(test for test in report["tests"] if test["verdict"] == "leak")
    return _on_few_lines(leaking) + "\n"


def _on_few_lines(value: object, margin: str = "") -> str:
    """Write JSON with what is short on one line."""
    short = json.dumps(value, ensure_ascii=False)
    if len(margin + short) <= 88 or not isinstance(value, dict | list):
        return short
    deeper = f"{margin}  "
    if isinstance(value, dict):
        entries = [f'"{key}": {_on_few_lines(entry, deeper)}' for key, entry in value.items()]
    else:
        entries = [_on_few_lines(entry, deeper) for entry in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    body = f",\n{deeper}".join(entries)
    return f"{opening}\n{deeper}{body}\n{margin}{closing}"


def pattern(page: Path) -> str:
    """Show the report on a test of the leaking form that the page of a pattern has."""
    code = _CODE.search(page.read_text(encoding="utf-8"))[1]
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        Path(directory, "shop.py").write_text(code, encoding="utf-8")
        Path(directory, "conftest.py").write_text(_CONFTEST, encoding="utf-8")
        test = _ASYNC_TEST if "async def leaks" in code else _TEST
        Path(directory, "test_shop.py").write_text(test, encoding="utf-8")
        text = _pytest(Path(directory), "-q")
    return _lines(text, r"^___", r"leak check").replace(directory, "…")


@functools.cache
def _shop_with_history() -> tempfile.TemporaryDirectory[str]:
    """Record the history of a shop that comes to leak, leaks more, and is mended."""
    directory = tempfile.TemporaryDirectory()
    atexit.register(directory.cleanup)
    roles = ("AUTHOR", "COMMITTER")
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("GIT_")},
        **{f"GIT_{role}_NAME": "shop" for role in roles},
        **{f"GIT_{role}_EMAIL": "shop@example.org" for role in roles},
        **{
            f"GIT_{role}_DATE": "2030-01-01T00:00:00Z" for role in roles
        },  # commits keep their names
    }

    def git(*words: str) -> None:
        command = ["git", "-C", directory.name, *words]
        subprocess.run(command, env=environment, check=True)  # noqa: S603 - no shell

    git("init", "--quiet", "--initial-branch=main")
    test = Path(directory.name, "test_shop.py")
    for kept in (0, 1, 1, 2, 0):
        test.write_text(_SHOP.format(kept=kept), encoding="utf-8")
        git("add", test.name)
        git("commit", "--quiet", "--allow-empty", "--message=shop")
        _pytest(test.parent, "--leak-check", "--leak-confirm=1 s", "--leak-history=leaks.db")
    return directory


def _history(command: str, *options: str) -> str:
    words = [sys.executable, "-m", "pytest_leakguard", "history", command, "leaks.db", *options]
    done = subprocess.run(  # noqa: S603 - no shell
        words,
        cwd=_shop_with_history().name,
        env={**os.environ, "COLUMNS": "88"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def history_list() -> str:
    """Show sessions."""
    return _history("list")


def history_holder() -> str:
    """Show a cause over time."""
    return _history("list", "--holder=test_shop.*")


def history_plot() -> str:
    """Show a plot."""
    return _history("plot", "--test=*remembers", "--ascii")


@functools.cache
def _example_with_snapshots() -> tempfile.TemporaryDirectory[str]:
    """Save the snapshots of the leaking test."""
    directory = tempfile.TemporaryDirectory()
    atexit.register(directory.cleanup)
    # With time enough for as many traced runs as ever, however busy the machine is.
    _example("-q", "--leak-confirm=60 s", f"--leak-snapshots={directory.name}/heap")
    return directory


def _compare(*options: str) -> str:
    directory = _example_with_snapshots().name
    after, before = sorted(path.name for path in Path(directory, "heap").iterdir())
    words = [sys.executable, "-m", "pytest_leakguard", "compare", before, after, *options]
    done = subprocess.run(  # noqa: S603 - no shell
        words, cwd=Path(directory, "heap"), capture_output=True, text=True, check=True
    )
    return done.stdout


def compare() -> str:
    """Show what is different between two snapshots."""
    return _compare("--by=line", "--limit=3")


def compare_tracebacks() -> str:
    """Show it by traceback."""
    return _lines(_compare("--by=traceback", "--limit=1") + "\n\n", r"^by traceback", r"^$")


def monitor() -> str:
    """Show what is warned of when each test of a suite adds to a list."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        Path(directory, "shop.py").write_text(_REGISTRY, encoding="utf-8")
        for name in ("orders", "returns"):
            test = _MANY_TESTS.format(name=name)
            Path(directory, f"test_{name}.py").write_text(test, encoding="utf-8")
        text = _pytest(Path(directory), "--leak-monitor")
    return "".join(
        f"{line}\n"
        for line in text.splitlines()
        if line.startswith(("steady growth: ", "  shop.py", "leak monitor: "))
    )


def memory() -> str:
    """Show where the memory of a program is, without its lists."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "shop.py").write_text(_PROGRAM, encoding="utf-8")
        words = [sys.executable, "-m", "pytest_leakguard", "memory", "shop.py"]
        done = subprocess.run(  # noqa: S603 - no shell
            words, cwd=directory, capture_output=True, text=True, check=True
        )
    shown = _lines(done.stderr, r"^memory of", r"^explained")
    # Not all versions tell of these.
    return re.sub(r"(?m)^  free lists .*\n", "", shown)


def soak() -> str:
    """Show the report on a leak that a soak has found."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        Path(directory, "test_shop.py").write_text(_RARE, encoding="utf-8")
        text = _pytest(Path(directory), "-q")
    return _lines(text, r"^___", r"leak check")


SHOWN = {
    "failure": failure,
    "suite": suite,
    "options": options,
    "finding": finding,
    "monitor": monitor,
    "history-list": history_list,
    "history-holder": history_holder,
    "history-plot": history_plot,
    "soak": soak,
    "compare": compare,
    "compare-tracebacks": compare_tracebacks,
    "memory": memory,
}


def fill(text: str) -> str:
    """Put the current outputs into a document."""
    return _PLACE.sub(lambda place: place[1] + SHOWN[place[2]]() + place[4], text)


def fill_page(page: Path) -> str:
    """Put the current report into the page of a pattern."""
    text = page.read_text(encoding="utf-8")
    return _PLACE.sub(lambda place: place[1] + pattern(page) + place[4], text)


def _documents(*, patterns: bool) -> Iterator[tuple[Path, str]]:
    """Yield each document that shows an output, with what it should be."""
    if patterns:
        pages = sorted(PAGES.glob("*.md"))
        with ThreadPoolExecutor(2) as executor:
            yield from zip(pages, executor.map(fill_page, pages), strict=True)
        return
    for path in [*ROOT.glob("*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("docs/**/*.md")]:
        if path.parent != PAGES:
            yield path, fill(path.read_text(encoding="utf-8"))


#: Which lines of code stand in these tables hangs on when a list was last enlarged, and so on how
#: often the test has run; in a small environment the table behind os.environ is one of them.
_ROWS = re.compile(r"(<!-- shown: compare\S* -->\n+```\w*\n.*? blocks/run\n).*?(```\n)", re.DOTALL)


def _without_numbers(text: str) -> str:
    text = _ROWS.sub(r"\1\2", text)
    text = re.sub(r" \(at most [^)]*\)", "", text)  # said of runs that are not alike
    text = re.sub(r"\|[ .*]+$", "|", text, flags=re.MULTILINE)  # a curve
    return re.sub(r"[-=_ ]+", " ", re.sub(r"[\d.,]+( [KMG]iB| B| ms| s| min)?", "#", text))


def main() -> int:
    """Rewrite or check every document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if outdated")
    parser.add_argument("--patterns", action="store_true", help="do the pages of patterns alone")
    arguments = parser.parse_args()
    checking = arguments.check
    if sys.version_info < (3, 11):
        print("not checked: before Python 3.11 each instance has a dictionary, which is shown too")  # noqa: T201 - a command's answer
        return 0 if checking else 1
    outdated = []
    for path, after in _documents(patterns=arguments.patterns):
        before = path.read_text(encoding="utf-8")
        if _without_numbers(after) != _without_numbers(before):
            outdated.append(path.relative_to(ROOT))
        if not checking and after != before:
            path.write_text(after, encoding="utf-8")
    if checking and outdated:
        print("outdated, run docs/generate.py:", *outdated)  # noqa: T201 - a command's answer
    return 1 if checking and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
