from typing import Generic, TypeVar

from pydantic import BaseModel
from pydantic.generics import GenericModel

T = TypeVar("T")


class Box(GenericModel, Generic[T]):
    content: T


def test_a_box_takes_any_model():
    class Tea(BaseModel):
        leaves: int

    assert Box[Tea](content=Tea(leaves=3)).content.leaves == 3
