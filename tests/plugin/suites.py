"""Suites that several tests of sessions look at."""

#: A test that leaks, and one that does not.
ONE_LEAK = """
kept = []

class Document:
    pass

def test_leaks():
    kept.append(Document())

def test_is_clean():
    pass
"""
