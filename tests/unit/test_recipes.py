"""Do the recipes name what there is, and does the action's script do what it says?"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_leakguard.plugin.arguments import FAIL_ON, REPORT_FORMATS, add_options

ROOT = Path(__file__).parents[2]
RECIPES = sorted(
    [
        *(ROOT / "docs" / "recipes").iterdir(),
        ROOT / "action.yml",
        ROOT / ".pre-commit-hooks.yaml",
        *(ROOT / "docs" / "how-to").glob("*.md"),
        ROOT / "README.md",
    ]
)


def options() -> set[str]:
    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    return {name for option in parser.getgroup("leakguard").options for name in option.names()}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_a_recipe_names_options_formats_and_extras_that_there_are(recipe):
    text = recipe.read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = project.partition("[project.optional-dependencies]")[2].partition("\n\n")[0]

    assert set(re.findall(r"(?<![\w-])--leak-[a-z-]*[a-z]", text)) <= options()
    assert set(re.findall(r"--leak-report=([a-z]+):", text)) <= set(REPORT_FORMATS)
    for names in re.findall(r"pytest-leakguard\[([a-z,]+)\]", text):
        for name in names.split(","):
            assert f"\n{name} = [" in extras
    for names in re.findall(r"--leak-fail-on=([a-z,]+)", text):
        assert set(names.split(",")) <= {*FAIL_ON, "none"}


_RECORDS = """#!{python}
import json, os, sys
with open(os.environ["RECORD"], "a", encoding="utf-8") as record:
    record.write(json.dumps(sys.argv[1:]) + "\\n")
"""


@pytest.fixture
def action(tmp_path):
    """Run the action's script beside a Python that only records what it was asked for."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    script = dedent(re.search(r"      run: \|\n(.*?)\n    - name:", text, re.DOTALL).group(1))
    python = tmp_path / "python"
    python.write_text(_RECORDS.format(python=sys.executable), encoding="utf-8")
    python.chmod(0o755)

    def run(**inputs: str) -> tuple[list[list[str]], str]:
        record, output = tmp_path / "record", tmp_path / "output"
        given = {"TESTS": "", "OPTIONS": "", "COMPARE": "", "REPORTS": "reports", **inputs}
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHON": str(python),
            "RECORD": str(record),
            "GITHUB_OUTPUT": str(output),
            "GITHUB_ACTION_PATH": "/action",
        }
        subprocess.run(
            [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=tmp_path,
            env={**environment, **given},
            check=True,
            stdout=subprocess.PIPE,
        )
        calls = record.read_text(encoding="utf-8").splitlines()
        return [json.loads(call) for call in calls], output.read_text(encoding="utf-8")

    return run


def test_the_action_installs_itself_and_checks_all(action):
    (install, check), outputs = action()

    assert install == ["-m", "pip", "install", "--quiet", "/action[html]"]
    reports = [f"--leak-report={form}:reports/leaks.{form}" for form in ("json", "html", "sarif")]
    assert check == ["-m", "pytest", "--leak-check", *reports]
    assert outputs == "json=reports/leaks.json\nsarif=reports/leaks.sarif\n"


def test_the_action_s_inputs_are_arguments_and_never_code(action, tmp_path):
    hostile = "$(touch taken); `touch taken` 'a b' \"c"
    (_, check), _ = action(OPTIONS=f"-n\nauto\n\n{hostile}", TESTS="tests/a b.py\n")

    assert check[-4:] == ["-n", "auto", hostile, "tests/a b.py"]
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("exists", [True, False])
def test_the_action_compares_as_soon_as_there_is_something_to_compare_with(
    action, tmp_path, exists
):
    if exists:
        (tmp_path / "base.json").touch()

    (_, check), _ = action(COMPARE="base.json")

    assert ("--leak-compare=base.json" in check) == exists
