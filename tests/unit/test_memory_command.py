"""Does the command tell where a program's memory is, and leave the program as it is?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_leakguard.cli import main
from pytest_leakguard.memory_table import MemoryTable

MIB = 2**20
PROGRAM = """
import os, sys
kept = [bytearray(1 << 20) for _ in range(20)]
print(sys.argv[1:], __name__, os.path.basename(sys.argv[0]), sys.stdout.errors)
def fail():
    local = bytearray(7 << 20)
    raise ValueError("on purpose")
if "fail" in sys.argv:
    fail()
if "exit" in sys.argv:
    sys.exit(5)
if "fork" in sys.argv and not os.fork():
    sys.exit(0)
"""


def python(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd)


def command(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return python("-m", "pytest_leakguard", "memory", *arguments, cwd=cwd)


@pytest.fixture
def program(tmp_path) -> Path:
    path = tmp_path / "shop.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def test_a_program_s_output_stays_its_own_and_the_table_follows_on_standard_error(program):
    done = command("--limit", 1, program, "--limit", "x", "-m")

    assert done.returncode == 0
    assert done.stdout == python(program, "--limit", "x", "-m").stdout
    first, _, headings, *lines = done.stderr.splitlines()
    assert first.startswith("memory of process ")
    assert f"as {program} ended; RSS was " in first
    assert headings.split() == ["where", "size", "number", "what", "it", "is"]
    types = lines.index("objects, by type")
    assert lines[types + 2].split()[-1] == "bytearray"
    assert "(--limit=2 shows twice as many)" in lines[types + 3]


def test_json_has_what_the_table_has(program):
    done = command("--json", program)

    table = MemoryTable.from_plain(json.loads(done.stderr))
    assert table.objects.types[0].name == "bytearray"
    assert table.objects.types[0].size_bytes >= 20 * MIB


def test_an_exit_code_is_passed_on_after_the_table(program):
    done = command("--limit", 1, program, "exit")

    assert done.returncode == 5
    assert done.stderr.startswith("memory of process ")


def test_an_exception_is_shown_after_the_table_as_python_shows_it(program):
    done = command("--json", program, "fail")
    plain = python(program, "fail")

    table, mark, traceback = done.stderr.partition("Traceback")
    assert mark + traceback == plain.stderr
    assert done.returncode == plain.returncode == 1
    # What the function that failed had made is still there.
    types = MemoryTable.from_plain(json.loads(table)).objects.types
    assert types[0].size_bytes >= 27 * MIB


def test_a_module_is_run_as_python_does(tmp_path, program):
    done = command("-m", "shop", "--json", cwd=tmp_path)

    assert done.stdout == python("-m", "shop", "--json", cwd=tmp_path).stdout
    assert "as shop ended" in done.stderr
    assert "\n}" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_fork_that_comes_to_the_end_tells_nothing(program):
    done = command("--limit", 1, program, "fork")

    assert done.stderr.count("memory of process") == 1


def test_traced_bytes_are_told_by_package(program, tmp_path):
    output = tmp_path / "table.json"

    done = command("--traced", "--json", "--output", output, program)

    assert done.stderr == ""
    table = MemoryTable.from_plain(json.loads(output.read_text(encoding="utf-8")))
    assert table.traced.packages[0].name == "shop"
    assert table.traced.packages[0].size_bytes >= 20 * MIB


def test_this_process_is_told_of_on_standard_output(capsys):
    code = main(["memory", "--limit=2", "--sort=count"])

    said = capsys.readouterr()
    assert code == 0
    assert said.err == ""
    assert f"process {os.getpid()}" in said.out
    assert "objects, by type" in said.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.py"], "memory: expected the path of a program (got 'nowhere.py')"),
        (["-m", "no_such_module"], "expected a program: No module named no_such_module"),
        (["-m"], "-m: expected together with the name of a module"),
        (["--traced"], "--traced: expected together with a program to run"),
        (["--limit=0"], "expected a whole number of at least 1 (got '0')"),
        (["--sort=colour"], "invalid choice: 'colour'"),
        (["--output", "no/such/table", "-m", "this"], "--output: expected a path that can be"),
    ],
)
def test_misuse_is_named_and_runs_nothing(arguments, said):
    done = command(*arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
