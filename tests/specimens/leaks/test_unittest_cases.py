"""Test cases in the manner of ``unittest``."""

from __future__ import annotations

import unittest


class Document:
    """What is kept."""


SET_UP: list[Document] = []
TORN_DOWN: list[Document] = []
IN_BODY: list[Document] = []
IN_SUBTEST: list[Document] = []
CLEANED_UP: list[Document] = []


class SetUpLeaks(unittest.TestCase):
    """Keeps a document before each test."""

    def setUp(self) -> None:
        SET_UP.append(Document())

    def test_set_up_keeps_a_document(self) -> None:
        self.assertTrue(SET_UP)


class TearDownLeaks(unittest.TestCase):
    """Keeps a document after each test."""

    def tearDown(self) -> None:
        TORN_DOWN.append(Document())

    def test_tear_down_keeps_a_document(self) -> None:
        self.assertGreaterEqual(len(TORN_DOWN), 0)


class BodyLeaks(unittest.TestCase):
    """Keeps documents while its tests run."""

    drafts: list[Document] = []

    def test_body_keeps_a_document(self) -> None:
        IN_BODY.append(Document())

        self.assertTrue(IN_BODY)

    def test_attribute_of_the_case_keeps_a_document(self) -> None:
        self.drafts.append(Document())

        self.assertTrue(self.drafts)

    def test_one_subtest_of_three_keeps_a_document(self) -> None:
        for size in range(3):
            with self.subTest(size=size):
                if size == 1:
                    IN_SUBTEST.append(Document())

                self.assertLess(size, 3)

    def test_clean_up_keeps_a_document(self) -> None:
        self.addCleanup(CLEANED_UP.append, Document())
