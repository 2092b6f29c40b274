from math import inf, nan

import pytest
import torch

from pipebench.errors import RunFailedError
from pipebench.runtime.verification import check_same_loss, relative_error, verify

ONES = torch.ones(4)


def test_the_error_is_the_norm_of_the_difference_over_the_norm() -> None:
    assert relative_error(ONES, 1.5 * ONES) == pytest.approx(0.5)
    assert relative_error(ONES, ONES) == 0


def test_a_missing_gradient_is_all_zeros() -> None:
    assert relative_error(None, None) == 0
    assert relative_error(torch.zeros(3), None) == 0
    assert relative_error(ONES, None) == inf


@pytest.mark.parametrize(
    ("found", "loss", "text"),
    [
        ({"a": 1.001 * ONES, "b": ONES}, 1.0, "a of the pipeline differs"),
        ({"a": ONES, "b": None}, 1.0, "b of the pipeline differs"),
        ({"a": ONES, "b": nan * ONES}, 1.0, "b of the pipeline differs"),
        ({"a": ONES, "b": ONES}, 1.01, "loss of the pipeline differs"),
        ({"a": ONES, "b": ONES}, nan, "the pipeline's loss is nan"),
        ({"a": ONES}, 1.0, "do not share the parameters"),
    ],
)
def test_what_differs_is_refused_by_name(found: dict[str, torch.Tensor], loss: float, text: str) -> None:
    with pytest.raises(RunFailedError, match=text):
        verify({"a": ONES, "b": ONES}, found, expected_loss=1.0, loss=loss, dtype="float32")


def test_what_agrees_is_recorded_with_its_largest_error() -> None:
    result = verify(
        {"a": ONES, "b": ONES},
        {"a": ONES * (1 + 4e-6), "b": ONES},
        expected_loss=1.0,
        loss=1.0,
        dtype="float32",
    )
    assert result.max_relative_gradient_error == pytest.approx(4e-6, rel=0.1)
    assert result.tolerance == 1e-5


def test_losses_that_part_while_training_are_noticed() -> None:
    check_same_loss(6.9, 6.9 + 1e-5, steps=1)
    with pytest.raises(RunFailedError, match="left the baseline's"):
        check_same_loss(6.9, 6.95, steps=4)
    with pytest.raises(RunFailedError, match="baseline's loss is inf"):
        check_same_loss(inf, 6.9, steps=1)


def test_later_on_only_a_finite_loss_is_asked_for() -> None:
    check_same_loss(2.77, 2.78, steps=1500)
    with pytest.raises(RunFailedError, match="pipeline's loss is nan"):
        check_same_loss(2.77, nan, steps=1500)
