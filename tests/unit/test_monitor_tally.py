"""What tests retain, summed up."""

from __future__ import annotations

from pytest_leakguard.monitor.tally import STRETCH, Tally


def tally_of(*rows):
    tally = Tally()
    for number, values in enumerate(rows):
        tally.add(f"test_a.py::test_{number}", "test_a.py", values)
    return tally


def test_what_each_test_leaves_to_pytest_is_not_told():
    tally = tally_of(*[(0, 40, 1_072, 0, 0)] * 50)

    assert tally.tests() == ()
    assert tally.files() == ()


def test_a_test_that_keeps_more_than_the_others_is_told_with_what_is_more():
    rows = [(0, 40, 1_072, 0, 0)] * 49
    tally = tally_of(*rows, (1, 45, 5_168, 2, 1))

    (told,) = tally.tests()

    assert told.name == "test_a.py::test_49"
    assert (told.items, told.blocks, told.native_bytes, told.fds, told.threads) == (
        1,
        5,
        4_096,
        2,
        1,
    )
    assert tally.files()[0].tests == 50


def test_garbage_that_is_collected_later_is_set_off():
    rows = [(0, 40, 0, 0, 0)] * 40 + [(0, 140, 0, 0, 0)] * 4 + [(0, -360, 0, 0, 0)]

    assert tally_of(*rows).tests() == ()


def test_a_leak_beside_garbage_is_told_by_its_share():
    rows = [(0, 0, 0, 0, 0)] * 10 + [(0, 101, 0, 0, 0)] * 4 + [(0, -400, 0, 0, 0)]

    assert [told.blocks for told in tally_of(*rows).tests()] == [1] * 4


def test_memory_stays_bounded_and_the_worst_are_remembered():
    tally = Tally()
    for number in range(40 * STRETCH):
        worst = number == 3
        tally.add(f"test_{number}", f"file_{number % 7}", (1_000 if worst else 1, 0, 0, 0, 0))

    told = tally.tests()

    assert told[0].name == "test_3"
    assert len(told) == 20
    assert len(tally._known) <= 60
    assert len(tally.files()) == 7
