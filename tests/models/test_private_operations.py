from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from pipebench.models.private_operations import NOT_THERE, are_right

ONES = torch.ones(3)


@pytest.mark.parametrize(("error", "right"), [(0.0, True), (5e-6, True), (2e-5, False), (torch.nan, False)])
def test_right_is_what_is_near_float64(error: float, right: bool) -> None:
    assert are_right([(ONES, ONES.double()), (ONES * (1 + error), ONES.double())]) is right


@pytest.mark.parametrize("error", NOT_THERE)
def test_what_cannot_be_called_is_not_right(error: type[Exception]) -> None:
    def cases() -> Iterator[tuple[Tensor, Tensor]]:
        yield ONES, ONES
        raise error

    assert not are_right(cases())


def test_another_error_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        are_right((ONES, ONES / number) for number in (1, 1 // 0))
