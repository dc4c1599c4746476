"""Do the reports for services say each cause once, in the shape that the service reads?

``REWRITE_GOLDEN=1`` in the environment rewrites the golden files. ``SARIF_SCHEMA``, if it names the
published schema of SARIF 2.1.0, has the SARIF report validated by it.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from sample import EMPTY, FACTS, KNOWN, ROOT, SUBSCRIPTION, facts, outcome

from pytest_leakguard.plugin.arguments import REPORT_FORMATS
from pytest_leakguard.reports import renderer_of
from pytest_leakguard.reports.causes import causes_of, place_of
from pytest_leakguard.reports.github import workflow_commands
from pytest_leakguard.reports.markdown import MOST_BYTES, render_markdown

GOLDEN = Path(__file__).parent.parent / "golden"
#: What GitLab's parser of code quality reports requires of each issue.
GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string"},
            "check_name": {"type": "string", "pattern": "^[a-z/-]+$"},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^[^/]"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


def check_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("REWRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")

    assert text == path.read_text(encoding="utf-8")


def test_one_cause_that_many_tests_show_is_told_once_as_it_grows_most():
    causes = causes_of(FACTS, ROOT)

    told = [(cause.fingerprint, cause.status, len(cause.tests)) for cause in causes]
    unexplained = causes[1].fingerprint
    assert told == [
        ("7f3c9a1e", "new", 2),
        (unexplained, "new", 1),
        ("deadbeef", "worse", 1),
        ("00c0ffee", "known", 2),
    ]
    assert causes[0].sentence.startswith("bus.Subscription: +1 per run, +272 B per run, held by")
    assert causes[1].sentence == "+512 B native per run; what holds it is not known"


def test_a_cause_is_placed_at_the_first_line_of_the_user_s_own():
    assert place_of(SUBSCRIPTION.allocated, ROOT) == ("bus/bus.py", 88)
    assert place_of(SUBSCRIPTION.allocated[:2], ROOT) is None
    cause = causes_of(
        facts(outcome("a/test_b.py::T::test[x/y]", replace(KNOWN, allocated=()))), ROOT
    )
    assert (cause[0].file, cause[0].line) == ("a/test_b.py", 1)


@pytest.mark.parametrize(
    ("form", "ending"),
    [("markdown", "md"), ("gitlab", "gitlab.json"), ("sarif", "sarif")],
)
def test_each_format_for_services_is_written_as_its_golden_text(form, ending):
    text = renderer_of(form)(FACTS, ROOT)
    if form == "sarif":
        text = re.sub(r'"semanticVersion": "[^"]+"', '"semanticVersion": "0"', text)
    check_golden(f"services.{ending}", text)


@pytest.mark.parametrize("form", REPORT_FORMATS)
def test_a_session_without_leaks_is_written_as_well(form):
    text = renderer_of(form)(EMPTY, ROOT)

    assert text.endswith("\n")
    if form == "gitlab":
        assert json.loads(text) == []
    elif form == "sarif":
        assert json.loads(text)["runs"][0]["results"] == []


def test_gitlab_s_report_has_what_gitlab_reads():
    issues = json.loads(renderer_of("gitlab")(FACTS, ROOT))

    jsonschema.validate(issues, GITLAB)
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == 4
    assert [issue["severity"] for issue in issues] == ["major", "major", "major", "info"]


def test_sarif_s_rules_places_and_suppressions_fit_together():
    document = json.loads(renderer_of("sarif")(FACTS, ROOT))

    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        for location in result["locations"]:
            artifact = location["physicalLocation"]["artifactLocation"]
            assert artifact["uriBaseId"] in run["originalUriBaseIds"]
            assert re.fullmatch(r"[!-~]+", artifact["uri"])  # as a URI has it
            assert location["physicalLocation"]["region"]["startLine"] >= 1
    suppressed = [result for result in run["results"] if result["suppressions"]]
    assert [result["partialFingerprints"]["leakguard/v1"] for result in suppressed] == ["00c0ffee"]
    assert suppressed[0]["suppressions"][0]["justification"] == "by design"


@pytest.mark.skipif("SARIF_SCHEMA" not in os.environ, reason="SARIF_SCHEMA names no schema")
@pytest.mark.parametrize("session", [FACTS, EMPTY], ids=["leaks", "none"])
def test_sarif_is_valid_by_its_published_schema(session):
    schema = json.loads(Path(os.environ["SARIF_SCHEMA"]).read_text(encoding="utf-8"))

    jsonschema.validate(json.loads(renderer_of("sarif")(session, ROOT)), schema)


def test_a_page_stays_below_what_a_service_takes():
    many = [
        outcome(f"tests/test_{n}.py::test", replace(SUBSCRIPTION, fingerprint=f"{n:08x}"))
        for n in range(2500)
    ]

    page = render_markdown(facts(*many), ROOT)

    assert len(page.encode()) < MOST_BYTES + 200
    assert re.search(r"(?m)^[\d,]+ causes more, not unfolded here", page)
    assert page.count("| **new** |") == 2500


def test_commands_are_lines_that_nothing_breaks():
    commands = [*workflow_commands(FACTS, ROOT, ROOT.parent)]

    assert len(commands) == 3
    pattern = r"::error file=project/[^,:\n]+,line=\d+,title=\w+ leak [0-9a-f]{8}::[^\n\r]+"
    assert all(re.fullmatch(pattern, command) for command in commands)
    hostile = commands[-1]
    assert "file=project/näme with blank%2C%3A%25.py,line=7" in hostile
    assert "%250A" in hostile
