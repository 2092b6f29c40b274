"""A pipeline's gradients, losses and parameters are held against the baseline's, and none that is wrong passes."""

from math import inf, nan

import pytest
import torch
from torch import Tensor

from pipebench.errors import RunFailedError
from pipebench.measuring.verification import (
    check_same_loss,
    check_same_start,
    relative_errors,
    update_error,
    verify,
)
from tests.measuring.gradients import ONES, error, held

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def test_the_error_is_the_norm_of_the_difference_over_the_norm() -> None:
    assert error(ONES, (1 + 2**-20) * ONES, beside=1.0) == pytest.approx(2**-20)
    assert error(ONES, ONES, beside=1.0) == 0


def test_a_small_gradient_s_error_is_over_a_thousandth_of_the_norm_of_all() -> None:
    small = torch.tensor([3e-7, 4e-7])  # a norm of 5e-7 beside one of 12: all of it is wrong
    assert error(small, -small, beside=12.0) == pytest.approx(2 * 5e-7 / (1e-3 * 12.0))
    assert error(small, None, beside=12.0) == pytest.approx(5e-7 / (1e-3 * 12.0))


def test_rounding_in_a_gradient_that_is_0_in_exact_arithmetic_is_no_mismatch() -> None:
    """As of the bias that attention adds to all keys, which softmax takes out again."""
    noise = [1e-9 * torch.randn(8, generator=torch.Generator().manual_seed(n)) for n in range(2)]
    assert error(*noise, beside=1.0) < 1e-5


def test_a_missing_gradient_is_all_zeros() -> None:
    assert error(None, None, beside=1.0) == 0
    assert error(torch.zeros(3), None, beside=1.0) == 0
    assert error(None, torch.zeros(3), beside=1.0) == 0
    assert error(None, ONES, beside=1.0) == pytest.approx(2 / 1e-3)


WRONG = {
    "lost": lambda g: None,
    "all zeros": torch.zeros_like,
    "sign": torch.neg,
    "doubled": lambda g: 2 * g,
    "rolled": lambda g: g.roll(1, 0),
    "a sixteenth missing": lambda g: g * (15 / 16),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("share", [1.0, 0.5, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
@pytest.mark.parametrize("wrong", WRONG)
def test_one_wrong_tensor_is_caught_down_to_a_millionth_of_the_whole(
    wrong: str, share: float, dtype: str
) -> None:
    """Each tensor in turn, the small one among others of every size and the large ones beside it."""
    generator = torch.Generator().manual_seed(1)
    norms = {"small": share, "middle": 1e-3, "large": 1.0}
    right: dict[str, Tensor | None] = {}
    for name, norm in norms.items():
        drawn = torch.randn(5, 3, generator=generator, dtype=DTYPES[dtype])
        right[name] = drawn * (norm / drawn.norm())
    assert held(right, right, dtype).vanishing == []
    for name, gradient in right.items():
        with pytest.raises(RunFailedError, match=f"{name} of the pipeline differs"):
            held(right, {**right, name: WRONG[wrong](gradient)}, dtype)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("share", [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
def test_an_error_of_a_millionth_of_the_whole_is_caught_in_all_but_the_largest_tensors(
    share: float, dtype: str
) -> None:
    """An error that is small beside its own tensor: the tolerance is relative, so it is seen in a tensor of a tenth."""
    right: dict[str, Tensor | None] = {
        name: torch.full((4,), norm / 2, dtype=torch.float64) for name, norm in {"a": share, "b": 1.0}.items()
    }
    found = {**right, "a": torch.full((4,), (share + 1.1e-6) / 2, dtype=torch.float64)}
    with pytest.raises(RunFailedError, match="a of the pipeline differs"):
        held(right, found, dtype)


def test_how_many_are_wrong_is_told_and_the_norm_of_all_is_kept() -> None:
    right: dict[str, Tensor | None] = {name: torch.full((4,), 1.5, dtype=torch.float64) for name in "abc"}
    assert held(right, right, "float64").gradient_norm == pytest.approx(3 * 3**0.5)
    wrong = {name: 0.5 * gradient if name != "b" else gradient for name, gradient in right.items()}  # type: ignore[operator]
    with pytest.raises(RunFailedError, match="; 2 of 3 gradients differ by more; there is no"):
        held(right, wrong, "float64")


@pytest.mark.parametrize(("dtype", "least"), [("float32", 1e-8), ("float64", 1e-13)])
def test_gradients_vanish_where_a_wrong_one_would_not_show(dtype: str, least: float) -> None:
    right: dict[str, Tensor | None] = {
        "gone": None,
        "zeros": torch.zeros(2, dtype=torch.float64),
        "below": torch.tensor([0.99 * least], dtype=torch.float64),
        "above": torch.tensor([1.01 * least], dtype=torch.float64),
        "whole": torch.ones(1, dtype=torch.float64),
    }
    result = held(right, right, dtype)
    assert (result.vanishing, result.tensors) == (["gone", "zeros", "below"], 5)
    held(right, {**right, "below": None}, dtype)
    with pytest.raises(RunFailedError, match="above of the pipeline differs"):
        held(right, {**right, "above": None}, dtype)


@pytest.mark.parametrize("nothing", [None, torch.zeros(3)])
def test_gradients_that_are_0_everywhere_verify_nothing(nothing: Tensor | None) -> None:
    with pytest.raises(RunFailedError, match="all gradients of the baseline are 0"):
        held({"a": nothing, "b": nothing}, {"a": nothing, "b": nothing})


@pytest.mark.parametrize("size", [1e-44, 1e-38, 1e-30, 1e30, 1e38])
def test_tiny_and_huge_gradients_are_held_against_each_other_as_others_are(size: float) -> None:
    right: dict[str, Tensor | None] = {"a": torch.full((4,), size), "b": torch.full((9,), size)}
    assert held(right, right).max_relative_gradient_error == 0
    with pytest.raises(RunFailedError, match="b of the pipeline differs"):
        held(right, {**right, "b": None})


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e300])
def test_so_are_those_whose_squares_float64_cannot_hold(size: float) -> None:
    right: dict[str, Tensor | None] = {"a": torch.full((4,), size, dtype=torch.float64)}
    assert held(right, right, "float64").max_relative_gradient_error == 0
    for wrong in (2 * size, -size, 0.0):
        with pytest.raises(RunFailedError, match="a of the pipeline differs"):
            held(right, {"a": torch.full((4,), wrong, dtype=torch.float64)}, "float64")


def test_what_overflows_even_so_is_no_agreement() -> None:
    huge = torch.full((4,), 1.7e308, dtype=torch.float64)
    with pytest.raises(RunFailedError, match="too large"):
        held({"a": huge}, {"a": -huge}, "float64")
    with pytest.raises(RunFailedError, match="a of the pipeline differs from the baseline by inf"):
        held({"a": huge[:1]}, {"a": -huge[:1]}, "float64")


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize("side", ["baseline", "pipeline"])
def test_a_gradient_that_is_not_finite_is_refused_by_side_and_name(value: float, side: str) -> None:
    bad: dict[str, Tensor | None] = {"a": ONES, "b": torch.tensor([1.0, value, 1.0, 1.0])}
    good: dict[str, Tensor | None] = {"a": ONES, "b": ONES}
    expected, found = (bad, good) if side == "baseline" else (good, bad)
    with pytest.raises(RunFailedError, match=f"the {side}'s gradient of b is not finite"):
        held(expected, found)


def test_a_gradient_of_another_shape_is_not_stretched() -> None:
    with pytest.raises(RunFailedError, match=r"gradient of a has the shape \(1,\), the baseline's \(4,\)"):
        held({"a": ONES}, {"a": ONES[:1]})


@pytest.mark.parametrize(
    ("found", "loss", "text"),
    [
        ({"a": 1.001 * ONES, "b": ONES}, 1.0, "a of the pipeline differs"),
        ({"a": ONES, "b": None}, 1.0, "b of the pipeline differs"),
        ({"a": ONES, "b": ONES}, 1.01, "loss of the pipeline differs"),
        ({"a": ONES, "b": ONES}, nan, "the pipeline's loss is nan"),
        ({"a": ONES}, 1.0, "do not share the parameters"),
    ],
)
def test_what_differs_is_refused_by_name(found: dict[str, torch.Tensor], loss: float, text: str) -> None:
    with pytest.raises(RunFailedError, match=text):
        verify({"a": ONES, "b": ONES}, found, expected_loss=1.0, loss=loss, tolerance=1e-5)


def test_what_agrees_is_recorded_with_its_largest_error() -> None:
    result = verify(
        {"a": ONES, "b": ONES},
        {"a": ONES * (1 + 4e-6), "b": ONES},
        expected_loss=1.0,
        loss=1.0,
        tolerance=1e-5,
    )
    assert result.max_relative_gradient_error == pytest.approx(4e-6, rel=0.1)
    assert result.tolerance == 1e-5


def test_a_loss_near_0_is_no_reason_to_divide_by_it() -> None:
    for expected, loss in ((0.0, 0.0), (0.0, 1e-7), (1e-9, 2e-9), (1e-30, 0.0)):
        verify({"a": ONES}, {"a": ONES}, expected_loss=expected, loss=loss, tolerance=1e-5)
        check_same_loss(expected, loss, steps=1)
    with pytest.raises(RunFailedError, match=r"loss of the pipeline differs from the baseline's by 1\.0e-03"):
        verify({"a": ONES}, {"a": ONES}, expected_loss=0.0, loss=1e-3, tolerance=1e-5)
    with pytest.raises(RunFailedError, match="left the baseline's"):
        check_same_loss(0.0, 1e-3, steps=1)


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


def test_the_imaginary_part_of_a_gradient_counts() -> None:
    right = {"a": torch.tensor([1 + 2j, 3 - 1j])}
    errors, *_ = relative_errors(right, {"a": right["a"].conj().resolve_conj()})
    assert errors["a"] > 0.5
    assert relative_errors(right, {"a": right["a"].clone()})[0] == {"a": 0.0}


def test_both_sides_must_start_from_the_same() -> None:
    check_same_start({"a": "1", "b": "2"}, {"a": "1", "b": "2"})
    with pytest.raises(RunFailedError, match=r"do not start from the same a \(and 1 more differ\)"):
        check_same_start({"a": "1", "b": "2"}, {"a": "3"})


def test_parameters_after_an_update_are_held_against_each_other() -> None:
    one = {"a": torch.ones(4), "b": torch.ones(4)}
    assert update_error(one, one, tolerance=1e-5) == 0
    with pytest.raises(
        RunFailedError, match="after one update with the same gradients b of the pipeline differs"
    ):
        update_error(one, {"a": torch.ones(4), "b": torch.full((4,), 1.1)}, tolerance=1e-5)
