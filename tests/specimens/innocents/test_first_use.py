"""Work that is done on first use and remembered by the standard library."""

from __future__ import annotations

import copy
import datetime
import decimal
import difflib
import fnmatch
import fractions
import glob
import inspect
import itertools
import json
import linecache
import locale
import pathlib
import pickle
import random
import re
import string
import struct
import tokenize
import traceback
import typing
import urllib.parse
import uuid

_numbers = itertools.count()


def test_module_is_imported_in_the_body() -> None:
    import colorsys

    assert colorsys.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)


def test_many_regular_expressions_are_compiled() -> None:
    number = next(_numbers)

    assert all(re.search(f"{number}x{index}$", f"{number}x{index}") for index in range(20))


def test_dates_are_parsed() -> None:
    parsed = datetime.datetime.strptime("2020-02-29 12:30", "%Y-%m-%d %H:%M")

    assert parsed.strftime("%j") == "060"


def test_decimal_context_is_changed_for_a_block() -> None:
    with decimal.localcontext() as context:
        context.prec = 5

        assert str(decimal.Decimal(1) / 3) == "0.33333"


def test_fractions_are_hashed() -> None:
    number = next(_numbers)

    assert hash(fractions.Fraction(number, 7)) == hash(fractions.Fraction(number * 2, 14))


def test_objects_are_pickled_and_copied() -> None:
    value = {"when": datetime.date(2020, 2, 29), "what": {1, 2}, "id": uuid.UUID(int=1)}

    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value


def test_types_are_subscripted() -> None:
    assert typing.Dict[str, typing.List[int]] == typing.Dict[str, typing.List[int]]  # noqa: UP006
    assert typing.get_type_hints(_annotated)["numbers"] == typing.Sequence[int]


def _annotated(numbers: typing.Sequence[int]) -> None:
    """Have annotations to be resolved."""


def test_urls_with_fresh_paths_are_parsed() -> None:
    parts = urllib.parse.urlsplit(f"https://example.org/orders/{next(_numbers)}?page=1")

    assert urllib.parse.parse_qs(parts.query) == {"page": ["1"]}


def test_paths_with_fresh_names_are_matched() -> None:
    name = f"file-{next(_numbers)}.txt"

    assert fnmatch.fnmatch(name, f"*{name[4:]}")
    assert pathlib.PurePath("orders", name).suffix == ".txt"
    assert not glob.glob(name)


def test_numbers_are_packed_with_many_formats() -> None:
    sizes = [struct.calcsize(f"{count}i") for count in range(1, 60)]

    assert sizes == sorted(sizes)


def test_source_lines_are_looked_up() -> None:
    lines, _ = inspect.getsourcelines(_annotated)

    assert linecache.getline(__file__, 1).startswith('"""')
    assert lines[0].startswith("def")


def test_traceback_is_formatted() -> None:
    try:
        json.loads("{")
    except ValueError as error:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))

    assert "JSONDecodeError" in text


def test_source_is_tokenized_and_compiled() -> None:
    source = f"answer = {next(_numbers)}\n"
    namespace: dict[str, object] = {}
    exec(compile(source, "<specimen>", "exec"), namespace)  # noqa: S102 - compiling is the point

    assert "answer" in namespace
    assert list(tokenize.generate_tokens(iter([source]).__next__))


def test_template_and_difference_of_texts() -> None:
    text = string.Template("$name has $count").substitute(name="ann", count=3)

    assert list(difflib.unified_diff([text], ["ann has 4"]))


def test_locale_is_asked_for() -> None:
    assert locale.localeconv()["decimal_point"]


def test_seeded_numbers_are_shuffled() -> None:
    numbers = list(range(1_000))
    random.Random(next(_numbers)).shuffle(numbers)

    assert sum(numbers) == 499_500


def test_text_goes_through_several_codecs() -> None:
    codecs = ("utf-8", "utf-16", "latin-1", "cp1252", "idna")

    assert all("shop".encode(codec).decode(codec) == "shop" for codec in codecs)
