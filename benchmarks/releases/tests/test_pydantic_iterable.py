from collections.abc import Iterable

from pydantic import BaseModel


class Numbers(BaseModel):
    items: Iterable[int]


def test_numbers_are_validated_lazily():
    def count(holder):
        holder.append(numbers)
        yield from (1, 2, 3)

    holder = []
    numbers = Numbers(items=count(holder))

    assert list(numbers.items) == [1, 2, 3]
