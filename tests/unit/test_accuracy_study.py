"""Are the intervals, counts and tables of the accuracy study right? Without judging anything."""

from __future__ import annotations

import math
import random
import sys
from collections import Counter

import pytest

from benchmarks.accuracy import corpus
from benchmarks.accuracy.apps import innocent
from benchmarks.accuracy.intervals import Z_95, percentile, wilson
from benchmarks.accuracy.rules import CHECKPOINTS, Rule
from benchmarks.accuracy.sequential import filling, fluctuating, judge, leaking, simulate
from benchmarks.accuracy.suites import read_suite
from benchmarks.accuracy.tables import Study, flips_of, per_thousand, render, share


def outcome(name="one", *, leaks=False, verdict="clean", round_=0, **more):
    """Make what was said of a specimen."""
    return {
        "name": name, "family": "16 B" if leaks else "pool", "leaks": leaks, "every": 1,
        "traffic": "none", "round": round_, "verdict": verdict, "reason": "", "executions": 5,
        "seconds": 0.0, "holders": [], "figures": {}, **more,
    }  # fmt: skip


def rendered(outcomes, suites=()):
    return render(Study(outcomes=outcomes, suites=suites, mode="whole suite"))


def test_interval_is_that_of_the_literature():
    # Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine
    # 17 (1998) 857-872, table I, method 3.
    assert [round(bound, 4) for bound in wilson(81, 263)] == [0.2553, 0.3662]
    assert [round(bound, 4) for bound in wilson(15, 148)] == [0.0624, 0.1605]
    assert [round(bound, 4) for bound in wilson(0, 20)] == [0.0, 0.1611]
    assert [round(bound, 4) for bound in wilson(1, 29)] == [0.0061, 0.1718]


@pytest.mark.parametrize("trials", [1, 10, 1000])
def test_without_events_the_bound_falls_with_the_trials(trials):
    low, high = wilson(0, trials)

    assert low == 0
    assert math.isclose(high, Z_95**2 / (trials + Z_95**2))


@pytest.mark.parametrize("trials", [1, 7, 100])
def test_interval_holds_the_proportion_and_is_symmetric(trials):
    for successes in range(trials + 1):
        low, high = wilson(successes, trials)
        mirrored = wilson(trials - successes, trials)

        assert 0 <= low <= successes / trials <= high <= 1
        assert math.isclose(low, 1 - mirrored[1], abs_tol=1e-12)


def test_nothing_tried_says_nothing():
    assert wilson(0, 0) == (0, 1)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3)])
def test_counts_that_cannot_be_are_refused(successes, trials):
    with pytest.raises(ValueError, match="between 0 and the trials"):
        wilson(successes, trials)


def test_percentile_is_a_value_that_was_seen():
    values = [5, 1, 4, 2, 3]

    assert [percentile(values, percent) for percent in (0, 50, 95, 100)] == [1, 3, 5, 5]


def test_percentile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_shares_and_rates_carry_their_intervals():
    assert share(9, 10) == "9 of 10, 90 % (60 to 98)"
    assert share(0, 0) == "none"
    assert per_thousand(0, 1000) == "0.0 (0.0 to 3.8)"


def test_names_of_specimens_differ_as_modules_too():
    specimens = corpus.corpus()

    assert len({one.stem for one in specimens}) == len(specimens)
    assert len({one.name for one in specimens}) == len(specimens)


def test_every_size_is_met_with_every_frequency_and_traffic():
    leaks = list(corpus.leaks())

    combined = {(one.family, one.every, one.traffic) for one in leaks}
    assert len(combined) == len(leaks)
    assert len(leaks) == len(corpus.SIZES) * len(corpus.FREQUENCIES) * len(corpus.TRAFFICS)


@pytest.mark.skipif(sys.platform == "win32", reason="calls malloc of the C library")
def test_every_size_can_be_leaked():
    from benchmarks.accuracy.apps import leaking

    assert list(leaking.KINDS) == list(corpus.SIZES)


def test_corpus_is_the_same_each_time():
    assert corpus.corpus() == corpus.corpus()


def test_quick_corpus_has_each_size_frequency_and_family():
    quick, full = corpus.corpus(quick=True), corpus.corpus()

    assert 0 < len(quick) < len(full) / 2
    assert {(one.family, one.every) for one in quick} == {(one.family, one.every) for one in full}


def test_innocents_call_what_there_is():
    for specimen in corpus.innocents():
        assert callable(getattr(innocent, specimen.call.partition("(")[0]))


def test_written_test_calls_its_own_copy_of_the_application(tmp_path):
    specimen = next(corpus.leaks())

    name = specimen.write(tmp_path, marked=True)

    test = (tmp_path / name).read_text(encoding="utf-8")
    assert f"import app_{specimen.stem} as app" in test
    assert "@pytest.mark.noleak\ndef test_specimen():" in test
    assert (tmp_path / f"app_{specimen.stem}.py").read_bytes() == specimen.app.read_bytes()


def test_rule_accuses_what_grew_by_more_than_it_allows():
    rule = Rule(name="r", figure="traced", allowed=1024)
    figures = {"traced": [1024, 1025]}

    assert [rule.accuses(figures, checkpoint) for checkpoint in CHECKPOINTS] == [False, True]
    assert not rule.accuses({}, CHECKPOINTS[0])


def test_flips_are_counted_by_name():
    outcomes = [
        outcome("steady", round_=0),
        outcome("steady", round_=1),
        outcome("torn", round_=0),
        outcome("torn", round_=1, verdict="leak"),
        outcome("torn", round_=2),
    ]

    assert {name: dict(counts) for name, counts in flips_of(outcomes).items()} == {
        "torn": {"clean": 2, "leak": 1}
    }


def test_tables_tell_caught_from_missed_and_accused_from_innocent():
    text = rendered([
        outcome("a", leaks=True, verdict="leak"),
        outcome("b", leaks=True, verdict="bounded", reason="growth ended"),
        outcome("c", verdict="leak"),
        outcome("d"),
        outcome("e", verdict="unchecked"),
    ])  # fmt: skip

    row = next(line for line in text.splitlines() if line.startswith("| pytest-leakguard"))
    assert "| 1 of 2, 50 %" in row
    assert "| 333.3 (" in row
    assert "| b | bounded | growth ended |" in text
    assert "| c | leak |  |" in text
    assert "| e | unchecked |  |" in text
    assert "| pool | 3 | 1 | 1 |" in text


def test_simple_rules_are_shown_where_they_were_asked():
    measured = {"resident": [0, 0], "types": [0, 1], "traced": [16, 80], "own": [0, 0]}

    without = rendered([outcome(leaks=True)])
    beside = rendered([outcome(leaks=True, figures=measured)])

    assert "| traced bytes grew | 50 |" not in without
    assert "| traced bytes grew | 50 | 1 of 1, 100 %" in beside
    assert "| traced bytes grew by more than 1 KiB | 50 | 0 of 1, 0 %" in beside


def test_only_the_first_round_counts_but_for_flips():
    text = rendered([outcome(), outcome(verdict="leak", round_=1)])

    assert "Innocents accused**, by name" not in text
    assert "2 rounds with other hashes, 1 specimens" in text
    assert "| one | clean 1, leak 1 |" in text


def test_accusation_in_a_real_suite_is_true_if_a_finding_was_found_true():
    def test(verdict, holder="", executions=40):
        findings = [{"holder": holder}] if holder else []
        return {"verdict": verdict, "executions": executions, "findings": findings}

    suite = read_suite(
        {"name": "some", "requirement": "some==1"},
        [
            test("clean", executions=5),
            test("leak", "sys.path_importer_cache"),
            test("leak", "thread Thread-7"),
            test("leak", "unknown"),
            test("leak"),
            test("unchecked", executions=1),
            test("inconclusive"),
        ],
        [
            {"suite": "*", "holder": "sys.path_importer_cache", "true": True},
            {"suite": "some", "holder": "thread Thread-*", "true": False},
            {"suite": "other", "holder": "unknown", "true": True},
        ],
    )

    assert (suite["judged"], suite["accused"]) == (6, 4)
    assert (suite["true"], suite["false"]) == (1, 1)
    assert suite["inconclusive"] == 1
    assert suite["executions"]["clean"] == [5]


def test_certain_leak_is_always_convicted_and_none_always_clean():
    assert simulate(leaking, 1, seed=1, draws=20) == {"leak": 20}
    assert simulate(leaking, 0, seed=1, draws=20) == {"clean": 20}


def test_fluctuation_is_never_convicted():
    assert simulate(fluctuating, 1, seed=1, draws=200)["leak"] == 0


def test_small_cache_that_fills_is_not_convicted():
    verdict, executions = judge(filling(5, random.Random(1)))

    assert verdict in {"clean", "bounded"}
    assert executions >= 5


def test_simulated_verdicts_are_shown_as_shares():
    simulated = {"a coin": Counter(leak=1, clean=3)}

    text = render(Study(outcomes=[outcome()], suites=(), mode="whole suite", simulated=simulated))

    assert "| what a counter reads | clean | leak |" in text
    assert "| a coin | 75 % (30 to 95) | 25 % (5 to 70) |" in text


def test_a_suite_judged_together_is_shown_by_its_flips():
    outcomes = [outcome(round_=0), outcome(round_=1)]

    text = render(Study(outcomes=outcomes, suites=(), mode="together"))

    assert "in one session" in text
    assert "not always the same outcome of the test: 0." in text
    assert "precision" not in text


def test_skipped_specimens_are_no_part_of_it():
    skipped = outcome("b", verdict="unchecked", reason="the test was skipped")

    text = rendered([outcome("a"), skipped])

    assert "| pool | 1 | 0 | 0 |" in text
    assert "not decided" not in text
