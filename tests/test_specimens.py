"""Labelled leaks are caught and explained, and no sound twin is accused, in real sessions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.specimens import score

HERE = Path(__file__).parent / "specimens"
FILES = [
    path.relative_to(HERE).as_posix()
    for folder in score.FOLDERS
    for path in sorted((HERE / folder).glob("test_*.py"))
]
#: What of the score this test holds. Patterns are not named yet.
HELD = ("caught", "holder", "allocation", "pattern", "accused", "inconclusive")
#: What is known to fall short, by what is missed: the test, and why.
KNOWN = {
    ("allocation", "test_price_tag_is_mounted_and_never_unmounted"): "its bound method is named",
    ("allocation", "test_number_of_an_open_descriptor_is_lost"): "descriptors are not traced",
    ("allocation", "test_pipe_stays_open_when_its_text_cannot_be_encoded"): "the same",
    ("allocation", "test_four_kibibytes_of_malloc_are_never_freed"): "malloc is not traced",
    ("allocation", "test_sixty_four_bytes_of_malloc_are_never_freed"): "the same",
    ("holder", "test_logger_of_its_own_for_each_customer"): "as near by another way",
    ("holder", "test_number_of_an_open_descriptor_is_lost"): "said to be the process",
    ("holder", "test_pipe_stays_open_when_its_text_cannot_be_encoded"): "said to be the process",
    ("holder", "test_settings_are_shadowed_by_one_more_layer"): "the name that is replaced",
    ("holder", "test_four_kibibytes_of_malloc_are_never_freed"): "said to be the process",
    ("holder", "test_sixty_four_bytes_of_malloc_are_never_freed"): "said to be the process",
    ("holder", "test_environment_variable_has_another_value_each_time"): "said to be the process",
}


@pytest.fixture(scope="session")
def labels() -> dict[str, Any]:
    """What each specimen should be said to leak."""
    return score.tomllib.loads((HERE / "labels.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_file_is_judged_as_labelled(name: str, labels: dict[str, Any]) -> None:
    run = score._run(HERE / name, sys.executable, None)

    judged = score._judge([run], labels, everything=True)

    assert run.error is None
    misses = [
        miss
        for miss in judged.misses
        if miss.startswith(HELD)
        and not any(miss.startswith(f"{what}: ") and f"::{test}:" in miss for what, test in KNOWN)
    ]
    assert misses == []


def test_labels_cover_only_specimens_that_exist(labels: dict[str, Any]) -> None:
    labelled = {label["test"].partition("::")[0] for label in labels["leak"]}

    assert labelled <= set(FILES)
    assert len(labels["leak"]) >= 142
