"""Which specimens are judged? Leaks of each size and frequency, and innocents of many kinds.

The list was written before any of it was judged. What is judged wrongly stays in it.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: All that is random in the corpus follows from it.
SEED = 20
APPS = Path(__file__).with_name("apps")
#: What a leak leaves behind each time. A ``bytes`` of 1 KiB has that size, its header included.
SIZES = (
    "16 B", "64 B", "1 KiB", "64 KiB", "1 MiB",
    "None", "small object", "malloc 64 B", "malloc 4 KiB",
)  # fmt: skip
#: A leak every so many runs; 0 for one in two, at random.
FREQUENCIES = {
    1: "every run",
    2: "every 2nd",
    3: "every 3rd",
    5: "every 5th",
    10: "every 10th",
    0: "random, 1 in 2",
}
#: What the rule promises to see always.
PROMISED = (1, 2, 3)
#: What else each run does: nothing; makes 200 things of the leaked type and drops as many; drops
#: texts for others of random sizes; has a thread that makes and drops objects all the time.
TRAFFICS = ("none", "churn", "sizes", "thread")


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """One test whose verdict is known.

    Attributes:
        name: Unique in the corpus.
        family: What it is counted with; a leak's size.
        call: What its test calls, in the module ``app``.
        leaks: Whether every so many of its runs leave something behind for good.
        every: A leak's frequency; see ``FREQUENCIES``.
        traffic: What else a leak's runs do.
        quick: Part of the smaller corpus.
    """

    name: str
    family: str
    call: str
    leaks: bool
    every: int = 1
    traffic: str = ""
    quick: bool = False

    @property
    def app(self) -> Path:
        """The module that it calls."""
        return APPS / ("leaking.py" if self.leaks else "innocent.py")

    @property
    def stem(self) -> str:
        """Its name as part of a module's."""
        return re.sub(r"\W+", "_", self.name)

    def write(self, directory: Path, *, marked: bool = False) -> str:
        """Write its test and its application into a directory; return the test file's name."""
        shutil.copyfile(self.app, directory / f"app_{self.stem}.py")
        marker = "@pytest.mark.noleak\n" if marked else ""
        test = f"import pytest\n\nimport app_{self.stem} as app\n\n\n{marker}"
        test += f"def test_specimen():\n    app.{self.call}\n"
        path = directory / f"test_{self.stem}.py"
        path.write_text(test, encoding="utf-8")
        return path.name


def leaks() -> Iterator[Specimen]:
    """Yield a leak of each size, frequency and traffic; which run it begins with is random."""
    phases = random.Random(SEED)
    for size in SIZES:
        for every, frequency in FREQUENCIES.items():
            for traffic in TRAFFICS:
                phase = phases.randrange(every or 1)
                options = f"every={every}, phase={phase}, traffic={traffic!r}"
                yield Specimen(
                    name=f"{size}, {frequency}, {traffic}",
                    family=size,
                    call=f"keep({size!r}, {options}, seed={phases.randrange(1000)})",
                    leaks=True,
                    every=every,
                    traffic=traffic,
                    quick=traffic == ("none", "churn")[SIZES.index(size) % 2],
                )


_CAPACITIES = (1, 5, 20, 50, 100, 500, 2000)
#: Family, function, and the arguments to call it with, one specimen each.
INNOCENTS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("cache, bound not stated", "cache_of_unstated_size", _CAPACITIES),
    ("cache, bound not stated", "largest_of_all", (5, 50)),
    ("cache, bound not stated", "slots_of_none", (5, 50)),
    ("cache, bound stated", "cache_with_maxsize", _CAPACITIES),
    ("cache, bound stated", "cache_of_functools", _CAPACITIES),
    ("cache, bound stated", "ring_of_deque", _CAPACITIES),
    ("cache, set of keys", "cache_of_a_fixed_set_of_keys", (5, 20, 50, 200)),
    ("cache, set of keys", "histogram", (10, 64)),
    ("pool", "pool_with_a_plateau", (5, 20, 50)),
    ("pool", "pool_of_buffers", (3, 10)),
    ("sawtooth", "cache_that_is_cleared_when_full", (5, 20, 100)),
    ("sawtooth", "buffer_flushed", (2, 3, 5, 7, 10, 20, 50, 100)),
    ("sawtooth", "buffer_flushed_at_random", (5, 20)),
    ("sawtooth", "text_flushed", (4, 12)),
    ("sawtooth", "triangle", (6, 20, 60)),
    ("sawtooth", "generations", (5, 20)),
    ("random", "text_of_random_size", (100, 100_000)),
    ("random", "texts_of_random_sizes", (5, 50)),
    ("random", "random_number_of_records", (5, 30)),
    ("random", "random_walk", (5, 30)),
    ("random", "random_order", (20,)),
    ("random", "random_work", (100,)),
    ("weak references", "weak_references_pruned", (8, 32, 128)),
    ("weak references", "weak_values", ()),
    ("weak references", "weak_keys", ()),
    ("weak references", "weak_set", ()),
    ("weak references", "weak_set_while_it_is_iterated", ()),
    ("weak references", "finalizer_that_is_called", ()),
    ("cycles", "cycles", (1, 100)),
    ("cycles", "cycles_with_finalizers", (10,)),
    ("cycles", "chain_of_cycles", (5, 20)),
    ("cycles", "cycles_while_the_collector_is_off", ()),
    ("thread", "thread_with_bounded_growth", (20, 200)),
    ("thread", "thread_with_a_ring", (20,)),
    ("thread", "thread_with_a_sawtooth", (100,)),
    ("thread", "thread_that_is_joined", ()),
    ("thread", "thread_that_ends_a_little_later", ()),
    ("thread", "executor", ()),
    ("thread", "value_of_a_thread", ()),
    ("thread", "timer_that_is_cancelled", ()),
    ("store with expiry", "store_with_expiry", (20, 500, 5000)),
    ("store with expiry", "store_with_expiry_and_maximum", (20, 100)),
    ("once, or at first", "work_once", (2, 4, 10, 30)),
    ("once, or at first", "work_thrice", (3, 7)),
    ("once, or at first", "modules_imported_as_needed", (3, 10, 30)),
    ("once, or at first", "table_made_at_first_use", ()),
    ("once, or at first", "property_made_at_first_use", ()),
    *(
        ("interpreter and library", function, ())
        for function in (
            "interned_texts", "records_logged", "records_logged_by_a_handler_of_its_own",
            "patterns_compiled", "names_matched", "dates_parsed", "formats_of_struct",
            "addresses_parsed", "types_written", "class_made", "dataclass_made",
            "enumeration_made", "named_tuple_made", "abstract_class_asked", "dispatched_by_type",
            "dispatched_by_a_type_of_its_own", "exception_caught",
            "exception_kept_until_the_next", "traceback_formatted", "warning_caught", "decimals",
            "encoded_and_decoded", "table_read", "identifiers_drawn", "templates_filled",
            "context_variable_reset", "context_variable_overwritten",
            "generator_dropped_half_way", "context_manager", "loop_run", "task_cancelled",
            "database_in_memory", "file_written", "process_run", "patched",
        )
    ),
    ("replaced on each run", "last_result", ()),
    ("replaced on each run", "number_counted_up", ()),
    ("replaced on each run", "tail_of_a_log", (500, 5000)),
    ("replaced on each run", "buffer_reused", ()),
    ("replaced on each run", "listener_removed", ()),
)  # fmt: skip


def innocents() -> Iterator[Specimen]:
    """Yield the innocents."""
    for family, function, arguments in INNOCENTS:
        for argument in arguments or ("",):
            name = function.replace("_", " ")
            yield Specimen(
                name=f"{name}, {argument}" if argument else name,
                family=family,
                call=f"{function}({argument})",
                leaks=False,
                quick=argument in {"", arguments[:1] and arguments[0], 100},
            )


def corpus(*, quick: bool = False) -> tuple[Specimen, ...]:
    """Return the generated corpus, or the smaller one."""
    return tuple(one for one in (*leaks(), *innocents()) if one.quick or not quick)
