"""Facts attached to objects from the outside, and what is to happen once the objects are gone."""

from __future__ import annotations

import weakref


class Customer:
    """The one who is annotated."""

    def __init__(self, name: str) -> None:
        self.name = name


class Profile:
    """What is known about a customer, which may or may not include the customer."""

    def __init__(self, customer: Customer | None) -> None:
        self.customer = customer


class Config:
    """Lives as long as the program."""


profiles: weakref.WeakKeyDictionary[Customer, Profile] = weakref.WeakKeyDictionary()
aliases: weakref.WeakKeyDictionary[Customer, Customer] = weakref.WeakKeyDictionary()
online: weakref.WeakSet[Customer] = weakref.WeakSet()
by_name: weakref.WeakValueDictionary[str, Customer] = weakref.WeakValueDictionary()
recently_online: list[Customer] = []
config = Config()


def annotate_with_itself(name: str) -> None:
    customer = Customer(name)
    aliases[customer] = customer


def annotate_with_profile(name: str, *, keep_customer: bool) -> None:
    customer = Customer(name)
    profiles[customer] = Profile(customer if keep_customer else None)


def log_on(name: str) -> Customer:
    customer = Customer(name)
    online.add(customer)
    by_name[name] = customer
    return customer


def log_on_and_remember(name: str) -> None:
    """Put the customer into weak collections and, so as not to lose them, into a list."""
    recently_online.append(log_on(name))


def say_goodbye(customer: Customer | str) -> None:
    """Be called back when a customer is gone."""


def announce_departure(name: str) -> None:
    """Hand the callback the very object whose end it waits for."""
    customer = Customer(name)
    weakref.finalize(customer, say_goodbye, customer).atexit = False


def announce_departure_by_name(name: str) -> None:
    customer = Customer(name)
    weakref.finalize(customer, say_goodbye, customer.name).atexit = False


def watch_config(name: str) -> None:
    """Add one more callback to an object that never ends."""
    weakref.finalize(config, say_goodbye, Customer(name)).atexit = False
