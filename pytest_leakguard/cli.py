"""Which commands are there beside pytest's, and what do they answer?"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from pytest_leakguard.errors import InvalidSettingError, LeakguardError
from pytest_leakguard.files import replacing
from pytest_leakguard.settings import COUNTER_NAMES
from pytest_leakguard.snapshots.comparing import BYS

_DONE, _NOTHING_FOUND, _MISUSED = 0, 1, 2
_LISTED, _PLOTTED, _COMPARED = 20, 100, 10
_PATTERN = "a pattern with * and ?"

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what a command line asks for.

    Args:
        arguments: The words after the program's name; those of this process if not given.

    Returns:
        The exit code: 0 when it is done, 1 when nothing was found, 2 when it could not be done.
    """
    parser = _parser()
    given = parser.parse_args(arguments)
    runs_program = bool(getattr(given, "program_words", ()))  # whose output it is
    # What its encoding lacks is no reason to fail.
    if isinstance(sys.stdout, io.TextIOWrapper) and not runs_program:
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run(given)
        if not runs_program:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough
        with suppress(OSError, ValueError):  # and the interpreter flushes once more as it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _DONE
    return code


def _run(given: argparse.Namespace) -> int:
    command: Command = given.command
    try:
        return command(given)
    except LeakguardError as error:
        print(f"{given.program}: error: {error}", file=sys.stderr)  # noqa: T201  # a command's answer
        return _MISUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pytest_leakguard", description="Commands beside pytest's."
    )
    groups = parser.add_subparsers(required=True, metavar="COMMAND")
    history = groups.add_parser("history", help="list, plot, export and prune a history")
    _add_history(history.add_subparsers(required=True, metavar="COMMAND"))
    _add_compare(groups)
    _add_memory(groups)
    return parser


def _add_history(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    listing = _add(commands, "list", _list, "list sessions, tests or causes, the latest first")
    listing.add_argument("--test", metavar="GLOB", help=f"what was decided on tests: {_PATTERN}")
    listing.add_argument(
        "--holder",
        metavar="GLOB",
        help=f"causes with such a holder: {_PATTERN}; with --test, those that such tests show",
    )
    listing.add_argument("--fingerprint", metavar="F", help="the cause with this fingerprint")
    _add_limit(listing, _LISTED, "lines")
    plotting = _add(commands, "plot", _plot, "plot leaking tests, a cause or a test's counter")
    chosen = plotting.add_mutually_exclusive_group()
    chosen.add_argument("--fingerprint", metavar="F", help="the cause with this fingerprint")
    chosen.add_argument("--test", metavar="GLOB", help=f"the test that fits: {_PATTERN}")
    plotting.add_argument(
        "--counter",
        choices=COUNTER_NAMES,
        metavar="NAME",
        help=f"what the test leaves behind: {', '.join(COUNTER_NAMES)} (default: gc_objects)",
    )
    plotting.add_argument("--bytes", action="store_true", help="bytes of the cause, not objects")
    plotting.add_argument("--ascii", action="store_true", help="use no other characters")
    _add_limit(plotting, _PLOTTED, "sessions")
    exporting = _add(commands, "export", _export, "write everything, a line for each finding")
    exporting.add_argument("--format", choices=("csv", "json"), required=True)
    exporting.add_argument("--output", metavar="PATH", help="where to (default: standard output)")
    pruning = _add(commands, "prune", _prune, "take all but the latest sessions out")
    pruning.add_argument("--keep", type=_count, required=True, metavar="N", help="sessions")


def _add_compare(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "tell what is different between two snapshots of the heap"
    comparing = groups.add_parser("compare", help=text, description=f"{text.capitalize()}.")
    for name, which in (("first", "earlier"), ("second", "later")):
        metavar = "A" if name == "first" else "B"
        comparing.add_argument(name, type=Path, metavar=metavar, help=f"the {which} one's file")
    comparing.add_argument(
        "--by",
        choices=BYS,
        help="what it is told by (default: lines, then types)",
    )
    comparing.add_argument(
        "--sort",
        choices=("size", "count"),
        default="size",
        help="the largest first (default: size)",
    )
    _add_limit(comparing, _COMPARED, "rows of each table")
    comparing.set_defaults(command=_compare, program=comparing.prog)


def _add_memory(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "tell where the memory of a process is"
    showing = groups.add_parser(
        "memory",
        help=text,
        description=f"{text.capitalize()}: of this one, or of a program in the moment it ends.",
        usage="%(prog)s [options] [PROGRAM [ARGUMENT ...] | -m MODULE [ARGUMENT ...]]",
        allow_abbrev=False,  # what follows the program's name is the program's
    )
    showing.add_argument(
        "--traced", action="store_true", help="start tracemalloc first, for bytes by package"
    )
    showing.add_argument(
        "--sort",
        choices=("size", "count"),
        default="size",
        help="the types with most bytes first, or most objects (default: size)",
    )
    _add_limit(showing, _COMPARED, "rows of each list")
    showing.add_argument("--json", action="store_true", help="as JSON, with numbers of bytes")
    showing.add_argument(
        "--output",
        type=Path,
        metavar="PATH",
        help="where to (default: standard output, or standard error after a program)",
    )
    showing.add_argument("-m", dest="is_module", action="store_true", help="run a module")
    showing.add_argument(
        "program_words",
        nargs=argparse.REMAINDER,
        metavar="PROGRAM",
        help="what to run, with its arguments (default: nothing)",
    )
    showing.set_defaults(command=_memory, program=showing.prog, refuse=showing.error)


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    command: Command,
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.add_argument("file", type=Path, metavar="FILE", help="what --leak-history named")
    parser.set_defaults(command=command, program=parser.prog, refuse=parser.error)
    return parser


def _add_limit(parser: argparse.ArgumentParser, number: int, noun: str) -> None:
    text = f"{noun} at most (default: {number})"
    parser.add_argument("--limit", type=_count, default=number, metavar="N", help=text)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1 (got {text!r})")
    return int(text)


def _say(text: str) -> None:
    print(text)  # noqa: T201  # a command's answer


def _list(given: argparse.Namespace) -> int:
    from pytest_leakguard.history import listing, reading
    from pytest_leakguard.history.database import opened

    most = given.limit + 1
    with opened(given.file) as history:
        if given.holder is not None or given.fingerprint is not None:
            seen = reading.causes(
                history,
                fingerprint=given.fingerprint or "*",
                holder=given.holder or "*",
                test=given.test or "*",
                limit=most,
            )
            found, table = len(seen), listing.cause_table(seen[: given.limit])
        elif given.test is not None:
            judged = reading.judged(history, given.test, limit=most)
            found, table = len(judged), listing.judged_table(judged[: given.limit])
        else:
            tallies = reading.tallies(history, limit=most)
            found, table = len(tallies), listing.session_table(tallies[: given.limit])
    if not found:
        return _nothing()
    for line in table:
        _say(line)
    if found == most:
        _say(f"... and more (--limit={given.limit * 2} shows twice as many)")
    return _DONE


def _nothing() -> int:
    print("nothing found", file=sys.stderr)  # noqa: T201  # a command's answer
    return _NOTHING_FOUND


def _plot(given: argparse.Namespace) -> int:
    if given.counter is not None and given.test is None:
        given.refuse("--counter: expected together with --test")
    if given.bytes and given.fingerprint is None:
        given.refuse("--bytes: expected together with --fingerprint")
    from pytest_leakguard.escaping import printable
    from pytest_leakguard.history import series
    from pytest_leakguard.history.database import opened
    from pytest_leakguard.history.plotting import plot

    measured = given.counter or "gc_objects"
    with opened(given.file) as history:
        if given.fingerprint is not None:
            measured = "bytes" if given.bytes else "objects"
            title = f"{measured} per run of {series.name_of(history, given.fingerprint)}"
            points = series.cause_over_time(
                history, given.fingerprint, in_bytes=given.bytes, limit=given.limit
            )
        elif given.test is not None:
            fitting = series.nodeids_like(history, given.test)
            if len(fitting) > 1:
                some = ", ".join(map(printable, fitting[:3]))
                given.refuse(f"--test: expected a pattern of one test (it fits {some})")
            (nodeid,) = fitting or [""]
            title = f"{measured} per run of {nodeid}"
            points = series.counter_over_time(history, nodeid, measured, limit=given.limit)
        else:
            measured = "tests"
            title = "tests that leak, known or not"
            points = series.leaking_over_time(history, limit=given.limit)
    if all(value is None for _, value in points):
        return _nothing()
    drawn = plot(
        points,
        measured,
        width=shutil.get_terminal_size().columns,
        plain=given.ascii or not _can_write("\u28ff"),
    )
    _say(printable(title))
    _say(drawn)
    return _DONE


def _can_write(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _export(given: argparse.Namespace) -> int:
    from pytest_leakguard.history.database import opened
    from pytest_leakguard.history.exporting import WRITERS

    write = WRITERS[given.format]
    with opened(given.file) as history:
        if given.output is None:
            number = write(history, sys.stdout)
        else:
            target = Path(given.output)
            try:
                if target.exists() and target.samefile(given.file):
                    given.refuse("--output: expected another file than the history itself")
                with replacing(target) as file:
                    number = write(history, file)
            except OSError as error:
                raise InvalidSettingError(
                    "--output", given.output, f"a path that can be written ({error.strerror})"
                ) from None
    return _DONE if number else _NOTHING_FOUND


def _prune(given: argparse.Namespace) -> int:
    from pytest_leakguard.history.storing import prune
    from pytest_leakguard.units import plural

    removed, left = prune(given.file, keep=given.keep)
    _say(f"{plural(removed, 'session')} removed, {left} left")
    return _DONE


def _compare(given: argparse.Namespace) -> int:
    from pytest_leakguard.snapshots.answering import DEFAULT, answer

    bys = DEFAULT if given.by is None else (given.by,)
    found = False
    for line, differs in answer(given.first, given.second, bys, given.limit, given.sort):
        _say(line)
        found = found or differs
    return _DONE if found else _NOTHING_FOUND


def _memory(given: argparse.Namespace) -> int:
    from pytest_leakguard.memory.answering import Wanted, answer
    from pytest_leakguard.memory.running import Program

    if given.is_module and not given.program_words:
        given.refuse("-m: expected together with the name of a module")
    if given.traced and not given.program_words:
        given.refuse("--traced: expected together with a program to run")
    program = None
    if given.program_words:
        name, *arguments = given.program_words
        program = Program(name=name, arguments=arguments, is_module=given.is_module)
    wanted = Wanted(
        program=program,
        traced=given.traced,
        limit=given.limit,
        order=given.sort,
        as_json=given.json,
        output=given.output,
    )
    return answer(wanted)
