import re

from msgspec import Meta


def test_meta_takes_a_pattern():
    re.purge()

    assert Meta(pattern="[a-z]+[0-9]").pattern == "[a-z]+[0-9]"
