"""Which releases are compared, and where? The pairs of `pairs.toml`, each release in its venv."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple, TypedDict

import tomllib

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
PYTHON = "Scripts/python" if sys.platform == "win32" else "bin/python"


class Pair(TypedDict):
    """A release that leaks and the one that fixed it; `pairs.toml` tells of each key."""

    name: str
    package: str
    leaking: str
    fixed: str
    python: str
    kind: str
    leaks: str
    link: str
    test: str
    needs: list[str]
    settings: list[str]
    runs: int


class Release(NamedTuple):
    """One release of a package, with what its test needs besides."""

    package: str
    version: str
    python: str
    needs: tuple[str, ...]

    @property
    def home(self) -> str:
        """The name of its directory: pairs with the same release and needs share it."""
        needs = [need.replace("==", "-") for need in self.needs]
        return "_".join([self.package, self.version, f"py{self.python}", *needs])


def read_pairs() -> dict[str, Pair]:
    """Read every pair of the list by its name, in the list's order."""
    content = tomllib.loads((HERE / "pairs.toml").read_text(encoding="utf-8"))
    absent = {"needs": [], "settings": [], "runs": 20_000}
    return {entry["name"]: absent | entry for entry in content["pair"]}


def releases(pair: Pair) -> dict[str, Release]:
    """Name the two releases of a pair by what they are there for."""
    needs = tuple(pair["needs"])
    return {
        which: Release(pair["package"], version, pair["python"], needs)
        for which, version in (("leaking", pair["leaking"]), ("fixed", pair["fixed"]))
    }


def prepare(release: Release, work: Path, plugin: Path) -> Path:
    """Install a release, unless an earlier call did; return its interpreter.

    The plugin and what it needs are installed once for each Python, in a virtualenv that those of
    the releases look into: most of the time would else go into installing pytest.

    Raises:
        subprocess.CalledProcessError: pip could not download, build or install something.
        SystemExit: there is no interpreter of the pair's Python.
    """
    base = _prepare_base(release.python, work, plugin)
    home = work / release.home
    python, ready = home / PYTHON, home / "prepared.txt"
    wanted = [f"{release.package}=={release.version}", *release.needs]
    if not ready.exists() or ready.read_text(encoding="utf-8") != "\n".join(wanted):
        rmtree(home, ignore_errors=True)
        subprocess.run([str(base), "-m", "venv", "--without-pip", str(home)], check=True)
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        theirs, ours = (
            subprocess.run(
                [str(one), "-c", where], check=True, capture_output=True, text=True
            ).stdout.strip()
            for one in (base, python)
        )
        # Not the directory alone: an editable plugin is named by a `.pth` file in it.
        shared = f"import site; site.addsitedir({theirs!r})\n"
        Path(ours, "shared.pth").write_text(shared, encoding="utf-8")
        _pip(base, "--python", str(python), "install", *wanted)
        ready.write_text("\n".join(wanted), encoding="utf-8")
    return python


def _prepare_base(version: str, work: Path, plugin: Path) -> Path:
    home = work / f"base-{version}"
    python, ready = home / PYTHON, home / "prepared.txt"
    if not ready.exists() or ready.read_text(encoding="utf-8") != str(plugin):
        found = shutil.which(f"python{version}")
        if found is None:
            raise SystemExit(f"python{version} is not on the PATH")
        rmtree(home, ignore_errors=True)
        subprocess.run([found, "-m", "venv", str(home)], check=True)
        _pip(python, "install", "--upgrade", "pip>=23.1")
        _pip(python, "install", "--editable", str(plugin))
        ready.write_text(str(plugin), encoding="utf-8")
    return python


def _pip(python: Path, *arguments: str) -> None:
    quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run([str(python), "-m", "pip", *quiet, *arguments], check=True)
