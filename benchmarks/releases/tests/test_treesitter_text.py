import tree_sitter_python
from tree_sitter import Language, Parser

LINES = ("x = 1\n", "y = x\n")
PYTHON = Language(tree_sitter_python.language())


def read(_, point):
    return LINES[point.row][point.column :].encode() if point.row < len(LINES) else b""


TREE = Parser(PYTHON).parse(read)


def test_a_node_knows_its_text():
    assert TREE.root_node.children[1].text == b"y = x"
