"""Is a release that an error would skip told from one that is safe? On small source files."""

from __future__ import annotations

import pytest

from pytest_leakguard.diagnosis.releases import skips_release
from pytest_leakguard.model import Frame

_UNSAFE = {
    "unguarded_on_the_same_receiver": """
        def send(bus, handler):
            bus.subscribe(handler)  # here
            handler.work()
            bus.unsubscribe(handler)
    """,
    "unguarded_on_an_attribute": """
        def send(self):
            self.pool.checkout()  # here
            self.work()
            self.pool.release()
    """,
    "unguarded_on_what_was_assigned": """
        def read(path):
            file = open(path)  # here
            text = file.read()
            file.close()
            return text
    """,
    "on_a_call_over_several_lines": """
        def read(path):
            file = open(
                path,  # here
            )
            file.close()
    """,
    "under_a_condition": """
        def read(path):
            file = open(path)  # here
            if file.readable():
                file.close()
    """,
    "in_a_coroutine": """
        async def read(pool):
            client = await pool.take()  # here
            await client.ask()
            client.close()
    """,
    "of_what_was_awaited": """
        async def read(pool):
            client = await pool.take()  # here
            await client.ask()
            await client.aclose()
    """,
    "in_try_that_does_not_repeat_it": """
        def read(path):
            try:
                file = open(path)  # here
                file.read()
                file.close()
            except OSError:
                pass
    """,
    "in_a_method": """
        class Reader:
            def read(self, path):
                file = open(path)  # here
                file.close()
    """,
}
_SAFE = {
    "in_finally": """
        def read(path):
            file = open(path)  # here
            try:
                return file.read()
            finally:
                file.close()
    """,
    "in_with": """
        def read(path):
            with open(path) as file:  # here
                return file.read()
    """,
    "in_except": """
        def read(path):
            file = open(path)  # here
            try:
                return file.read()
            except OSError:
                file.close()
                raise
    """,
    "in_try_and_in_its_handler": """
        def read(path):
            try:
                file = open(path)  # here
                file.read()
                file.close()
            except OSError:
                file.close()
    """,
    "on_another_object": """
        def read(path, other):
            file = open(path)  # here
            text = file.read()
            other.close()
            return text
    """,
    "above_the_line": """
        def again(file, path):
            file.close()
            file = open(path)  # here
            return file
    """,
    "in_a_nested_function": """
        def read(path):
            file = open(path)  # here

            def done():
                file.close()

            return done
    """,
    "in_a_lambda": """
        def read(path):
            file = open(path)  # here
            return lambda: file.close()
    """,
    "in_another_function": """
        def read(path):
            file = open(path)  # here
            return file

        def done(file):
            file.close()
    """,
    "that_is_no_release": """
        def read(path):
            file = open(path)  # here
            file.read()
    """,
    "outside_any_function": """
        file = open("path")  # here
        file.close()
    """,
}


def frame_in(tmp_path, source, function="read"):
    """Write a file, and return its line that is marked as looked at."""
    path = tmp_path / "code.py"
    path.write_text("\n".join(line[8:] for line in source.splitlines()), encoding="utf-8")
    lines = source.splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "# here" in text)
    return Frame(file=str(path), line=line, function=function, source="")


@pytest.mark.parametrize("source", _UNSAFE.values(), ids=_UNSAFE)
def test_an_error_skips_a_release(tmp_path, source):
    assert skips_release([frame_in(tmp_path, source)])


@pytest.mark.parametrize("source", _SAFE.values(), ids=_SAFE)
def test_no_error_skips_a_release(tmp_path, source):
    assert not skips_release([frame_in(tmp_path, source)])


_CAUGHT = {
    "by_except": """
        def test_reading(path):
            file = open(path)  # here
            try:
                file.read()
                file.close()
            except OSError:
                pass
    """,
    "by_else": """
        def test_reading(path):
            file = open(path)  # here
            try:
                file.read()
            except OSError:
                pass
            else:
                file.close()
    """,
    "by_pytest": """
        def test_reading(path):
            with pytest.raises(OSError):
                file = open(path)  # here
                file.read()
                file.close()
    """,
    "by_contextlib": """
        def test_reading(path):
            file = open(path)  # here
            with suppress(OSError):
                file.read()
                file.close()
    """,
    "by_unittest": """
        def test_reading(self):
            file = open(self.path)  # here
            with self.assertRaises(OSError):
                file.read()
                file.close()
    """,
}
_NOT_CAUGHT = {
    "nowhere": _UNSAFE["unguarded_on_what_was_assigned"],
    "by_try_with_finally": """
        def test_reading(path):
            file = open(path)  # here
            try:
                file.close()
            finally:
                path.unlink()
    """,
    "after_the_release": """
        def test_reading(path):
            file = open(path)  # here
            file.close()
            with pytest.raises(ValueError):
                file.read()
    """,
}


@pytest.mark.parametrize("function", ["test_reading", "TestFiles.test_reading"])
@pytest.mark.parametrize("source", _NOT_CAUGHT.values(), ids=_NOT_CAUGHT)
def test_nothing_was_skipped_in_a_test_that_passed(tmp_path, source, function):
    assert not skips_release([frame_in(tmp_path, source, function)])


@pytest.mark.parametrize("source", _CAUGHT.values(), ids=_CAUGHT)
def test_a_test_may_skip_a_release_by_an_error_that_it_catches(tmp_path, source):
    assert skips_release([frame_in(tmp_path, source, "test_reading")])


def test_one_of_the_callers_is_enough(tmp_path):
    unknown = Frame(file="<string>", line=1, function="make", source="")
    unsafe = frame_in(tmp_path, _UNSAFE["unguarded_on_the_same_receiver"])

    assert skips_release([unknown, unsafe])
    assert not skips_release([unknown])
    assert not skips_release([])


def test_a_file_that_cannot_be_read_tells_nothing(tmp_path):
    path = tmp_path / "code.py"
    path.write_bytes(b"def read():\n    file = open('\xff')\n    file.close()\n")
    frame = Frame(file=str(path), line=2, function="read", source="")

    assert not skips_release([frame])


@pytest.mark.parametrize("source", ["def read(:\n    pass\n", "\0"], ids=["syntax", "null byte"])
def test_a_file_that_is_no_python_tells_nothing(tmp_path, source):
    path = tmp_path / "code.py"
    path.write_text(source, encoding="utf-8")

    assert not skips_release([Frame(file=str(path), line=2, function="read", source="")])
