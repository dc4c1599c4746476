import tempfile

import pygit2

REPOSITORY = pygit2.init_repository(tempfile.mkdtemp(), bare=True)
ANN = pygit2.Signature("Ann Other", "ann@example.org", 1_700_000_000, 60, "iso-8859-1")
COMMIT = REPOSITORY[
    REPOSITORY.create_commit(
        None, ANN, ANN, "first", REPOSITORY.TreeBuilder().write(), [], "iso-8859-1"
    )
]


def test_a_commit_knows_its_author():
    assert COMMIT.author.name == "Ann Other"
