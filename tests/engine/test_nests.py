from typing import NamedTuple

import torch

from pipebench.engine import nests


class Pair(NamedTuple):
    one: torch.Tensor
    other: object


ONE, TWO, THREE = (torch.full((1,), float(number)) for number in (1, 2, 3))
NEST = [None, (ONE, [TWO]), {"a": THREE, "b": 7}, Pair(ONE, "text")]


def test_tensors_come_in_the_order_of_the_nest() -> None:
    assert [float(tensor) for tensor in nests.tensors(NEST)] == [1, 2, 3, 1]
    assert list(nests.tensors(None)) == []
    assert list(nests.tensors(ONE)) == [ONE]


def test_a_changed_nest_has_the_same_form() -> None:
    found = nests.mapped(lambda tensor: tensor * 10, NEST)
    assert [float(tensor) for tensor in nests.tensors(found)] == [10, 20, 30, 10]
    assert found[0] is None
    assert isinstance(found[1], tuple)
    assert isinstance(found[1][1], list)
    assert found[2]["b"] == 7
    assert found[3] == Pair(found[3].one, "text")
