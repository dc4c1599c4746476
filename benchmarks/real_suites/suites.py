"""Which test suites are measured, and where? Those of `suites.toml`, each in its own venv."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path
from shutil import rmtree
from typing import TypedDict

import tomllib

CHECKOUT = Path(__file__).resolve().parents[2]
PYTHON = "venv/Scripts/python" if sys.platform == "win32" else "venv/bin/python"


class Suite(TypedDict):
    """The test suite of one release of one package; `suites.toml` tells of each key."""

    name: str
    packages: list[str]
    requirement: str
    style: str
    default: bool
    tests: list[str]
    expected: int
    needs: list[str]
    arguments: list[str]
    deselect: list[dict[str, str]]


def read_suites() -> dict[str, Suite]:
    """Read every suite of the list by its name, in the list's order."""
    content = tomllib.loads(Path(__file__).with_name("suites.toml").read_text(encoding="utf-8"))
    absent = {"arguments": [], "deselect": [], "default": False}
    suites: dict[str, Suite] = {}
    for entry in content["suite"]:
        absent |= {"packages": [entry["name"]]}
        suites[entry["name"]] = absent | entry
        suites[entry["name"]]["needs"] = [*content["needs"], *entry.get("needs", ())]
    return suites


def prepare(suite: Suite, home: Path, *, base_python: str, plugin: bool = True) -> None:
    """Download, unpack and install a suite in its home, unless an earlier call did.

    The plugin is installed editable, so that each run uses the checkout as it is then.

    Raises:
        subprocess.CalledProcessError: pip could not download, build or install something.
    """
    ready = home / "prepared.txt"
    wanted = "\n".join([base_python, suite["requirement"], *suite["needs"]])
    if not ready.exists() or ready.read_text(encoding="utf-8") != wanted:
        rmtree(home, ignore_errors=True)
        subprocess.run([base_python, "-m", "venv", str(home / "venv")], check=True)
        # The source distribution, because wheels leave the tests out.
        only_source = ("--no-binary", ":all:", "--no-deps", "--dest", str(home / "sdist"))
        _pip(home, "download", *only_source, suite["requirement"])
        (archive,) = (home / "sdist").iterdir()
        with tarfile.open(archive) as sdist:
            sdist.extractall(home / "source", filter="data")
        # One call, so that pip weighs the needs of the package and of its tests together.
        _pip(home, "install", str(archive), suite["requirement"], *suite["needs"])
        ready.write_text(wanted, encoding="utf-8")
    if plugin:
        _pip(home, "install", "--editable", str(CHECKOUT))


def _pip(home: Path, *arguments: str) -> None:
    subprocess.run([str(home / PYTHON), "-m", "pip", *arguments, "--quiet"], check=True)
