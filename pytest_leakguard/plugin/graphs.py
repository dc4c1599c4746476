"""How do retention paths become files and pictures?"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from pytest_leakguard.files import replacing
from pytest_leakguard.reports.causes import Cause

#: Seconds that Graphviz may take for one picture.
_PATIENCE = 20.0
_PICTURES = ("svg", "png")


def write_graphs(directory: Path, causes: Iterable[Cause]) -> str:
    """Draw each cause's retention path, in files that are called as its fingerprint.

    Args:
        directory: Where they go.
        causes: What is drawn; those without a path are left out.

    Returns:
        Why there are no pictures but only files in the DOT language; empty if there are.

    Raises:
        OSError: A file cannot be written.
    """
    from pytest_leakguard.diagnosis.graph import graph_of

    graphviz = shutil.which("dot")
    trouble = "" if graphviz else "Graphviz is not installed, so that graphs are not drawn"
    for cause in causes:
        graph = graph_of(cause.finding) if cause.finding is not None else ""
        if graph:
            path = directory / f"{cause.fingerprint}.dot"
            with replacing(path) as file:
                file.write(graph)
            if graphviz and not trouble:
                trouble = _draw(graphviz, path)
    return trouble


def _draw(graphviz: str, path: Path) -> str:
    """Make pictures of a graph; return what went wrong."""
    partial = {form: path.with_name(f".{path.stem}.partial.{form}") for form in _PICTURES}
    command = [
        graphviz,
        *(word for form in _PICTURES for word in (f"-T{form}", f"-o{partial[form]}")),
    ]
    try:
        subprocess.run(  # noqa: S603  # the program that the PATH has, on a file of ours
            [*command, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_PATIENCE,
            check=True,
        )
    except subprocess.TimeoutExpired:
        return f"Graphviz took longer than {_PATIENCE:.0f} s for {path.name}: graphs are not drawn"
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        return f"Graphviz failed at {path.name}: {said[0] if said else error.returncode}"
    else:
        for form, drawn in partial.items():
            drawn.replace(path.with_suffix(f".{form}"))
        return ""
    finally:
        for drawn in partial.values():
            drawn.unlink(missing_ok=True)
