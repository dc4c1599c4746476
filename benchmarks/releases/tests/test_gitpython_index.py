import tempfile
from pathlib import Path

from git import Repo

HOME = Path(tempfile.mkdtemp())
REPOSITORY = Repo.init(HOME)
(HOME / "tea.txt").write_text("3")
REPOSITORY.index.add(["tea.txt"])


def test_the_index_is_read():
    assert ("tea.txt", 0) in REPOSITORY.index.entries
