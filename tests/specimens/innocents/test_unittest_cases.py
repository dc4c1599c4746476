"""Test cases in the manner of ``unittest`` that clean up."""

from __future__ import annotations

import unittest
from unittest import mock


class Document:
    """What is made."""


OPEN: list[Document] = []


class CleansUp(unittest.TestCase):
    """Opens a document before each test and closes it after."""

    shared: Document

    @classmethod
    def setUpClass(cls) -> None:
        cls.shared = Document()

    def setUp(self) -> None:
        self.document = Document()
        OPEN.append(self.document)

    def tearDown(self) -> None:
        OPEN.remove(self.document)

    def test_document_is_closed_after_the_test(self) -> None:
        self.assertIn(self.document, OPEN)

    def test_subtests_keep_nothing(self) -> None:
        for size in range(5):
            with self.subTest(size=size):
                self.assertLess(size, 5)

    def test_attributes_of_the_case_go_with_it(self) -> None:
        self.more = [Document() for _ in range(10)]

        self.assertEqual(len(self.more), 10)

    def test_clean_up_closes_another_document(self) -> None:
        document = Document()
        OPEN.append(document)
        self.addCleanup(OPEN.remove, document)

        self.assertIn(document, OPEN)

    def test_patch_is_stopped_by_clean_up(self) -> None:
        patcher = mock.patch.object(CleansUp, "shared", new=None)
        patcher.start()
        self.addCleanup(patcher.stop)

        self.assertIsNone(self.shared)

    def test_expected_error_is_let_go(self) -> None:
        with self.assertRaises(LookupError) as caught:
            raise LookupError("gone")

        self.assertEqual(caught.exception.args, ("gone",))
