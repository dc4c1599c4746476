"""Is a file replaced whole, or left as it was?"""

from __future__ import annotations

import os
import stat

import pytest

from pytest_leakguard.files import replacing


def write(path, text: str) -> None:
    with replacing(path) as file:
        file.write(text)


def test_a_new_file_has_the_rights_of_new_files(tmp_path):
    (tmp_path / "other").touch()

    write(tmp_path / "leaks.json", "after")

    assert (tmp_path / "leaks.json").read_text(encoding="utf-8") == "after"
    rights = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("other", "leaks.json")}
    assert len(rights) == 1


def test_a_file_keeps_its_rights_and_a_link_its_target(tmp_path):
    path, link = tmp_path / "leaks.json", tmp_path / "link.json"
    path.write_text("before", encoding="utf-8")
    path.chmod(0o640)
    link.symlink_to(path)

    write(link, "after")

    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == "after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_writer_that_fails_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "leaks.json"
    path.write_text("before", encoding="utf-8")

    with pytest.raises(LookupError), replacing(path) as file:  # noqa: PT012  # both belong to it
        file.write("after")
        raise LookupError

    assert path.read_text(encoding="utf-8") == "before"
    assert [*tmp_path.iterdir()] == [path]


def test_a_disk_without_room_leaves_the_file_as_it_was(tmp_path):
    resource = pytest.importorskip("resource", reason="limits are of POSIX")
    path = tmp_path / "leaks.json"
    path.write_text("before", encoding="utf-8")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(path, "after" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert path.read_text(encoding="utf-8") == "before"
    assert [*tmp_path.iterdir()] == [path]


def test_half_a_character_is_written_as_its_escape(tmp_path):
    write(tmp_path / "leaks.json", '"\udc80"')

    assert (tmp_path / "leaks.json").read_text(encoding="utf-8") == r'"\udc80"'


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    write(pipe, "text")

    assert os.read(reading, 100) == b"text"
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    os.close(reading)
