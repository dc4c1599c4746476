"""Are callbacks seen that the interpreter keeps in C?"""

from __future__ import annotations

import atexit
import codecs
import os
import signal
import sys

import pytest

from pytest_leakguard.diagnosis.registries import (
    ATEXIT,
    AUDIT_HOOKS,
    CODECS,
    FORK_HOOKS,
    SIGNALS,
    Registries,
)


def callback(*args, **kwargs):
    del args, kwargs


def other(*args):
    del args


def test_callbacks_for_the_exit_are_noted_with_their_arguments_until_unregistered():
    registries = Registries()
    values = registries.values[ATEXIT]

    with registries.recording():
        atexit.register(callback, 1, key=2)
        assert atexit.register(other, 3) is other
        atexit.register(callback)
        assert values == [callback, 1, 2, other, 3, callback]
        atexit.unregister(callback)
        assert values == [other, 3]
        atexit.unregister(other)
        assert values == []


def test_the_functions_are_put_back():
    before = atexit.register, atexit.unregister, sys.addaudithook

    with Registries().recording():
        assert atexit.register is not before[0]

    assert (atexit.register, atexit.unregister, sys.addaudithook) == before


def test_what_a_test_puts_in_their_place_for_good_stays():
    before = atexit.register
    try:
        with Registries().recording():
            atexit.register = other
        assert atexit.register is other
    finally:
        atexit.register = before


def test_search_functions_of_codecs_are_seen():
    codecs.register(search)
    try:
        assert search in Registries().values[CODECS]
    finally:
        codecs.unregister(search)


def search(name):
    del name


def test_handlers_of_signals_are_seen_by_the_signal_s_name():
    registries = Registries()
    before = signal.signal(signal.SIGUSR1, other)
    try:
        registries.refresh()
        assert registries.values[SIGNALS]["SIGUSR1"] is other
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_audit_hooks_begin_with_none():
    assert Registries().values[AUDIT_HOOKS] == []


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="the platform does not fork")
def test_fork_hooks_are_noted():
    registries = Registries()

    with registries.recording():
        os.register_at_fork(before=callback, after_in_child=other)

    assert registries.values[FORK_HOOKS] == [callback, other]
