"""Gradients that hold some rows of a table are held against each other as whole tables are."""

import re
from math import inf, nan

import pytest
import torch
from torch import Tensor

from pipebench.errors import RunFailedError
from tests.measuring.gradients import ONES, error, held


def rows(found: dict[int, list[float]], *, twice: bool = False) -> Tensor:
    """A gradient of 6 rows that has these; each in two halves, so that it must be added up."""
    numbers = [*found] * (2 if twice else 1)
    values = torch.tensor([*found.values()] * (2 if twice else 1)) * (0.5 if twice else 1.0)
    with torch.sparse.check_sparse_tensor_invariants(enable=True):
        return torch.sparse_coo_tensor(torch.tensor([numbers]), values, (6, 2))


TABLE = {0: [1.0, 2.0], 4: [-3.0, 0.5], 3: [0.25, 1.0]}
SPARSE_WRONG = {
    "wrong numbers": rows(TABLE | {4: [-3.0, 0.6]}),
    "another row": rows({0: TABLE[0], 5: TABLE[4], 3: TABLE[3]}),
    "a row too few": rows({0: TABLE[0], 4: TABLE[4]}),
    "a row too many": rows(TABLE | {1: [0.01, 0.0]}),
    "half of it": 0.5 * rows(TABLE),
}


@pytest.mark.parametrize("twice", [False, True], ids=["each row once", "each row in two halves"])
@pytest.mark.parametrize("dense", [False, True], ids=["sparse", "dense"])
@pytest.mark.parametrize("side", ["expected", "found"])
def test_rows_are_added_up_and_may_be_all_rows_on_the_other_side(
    side: str, *, dense: bool, twice: bool
) -> None:
    one = rows(TABLE, twice=twice)
    other = rows(TABLE).to_dense() if dense else rows({n: TABLE[n] for n in (3, 0, 4)})
    both = {"a": one, "b": ONES}, {"a": other, "b": ONES}
    expected, found = both if side == "expected" else both[::-1]
    result = held(expected, found)  # type: ignore[arg-type]
    assert (result.max_relative_gradient_error, result.tensors, result.vanishing) == (0.0, 2, [])


@pytest.mark.parametrize("dense", ["neither", "expected", "found"])
@pytest.mark.parametrize("wrong", SPARSE_WRONG)
def test_a_wrong_row_a_missing_one_and_one_too_many_are_found(wrong: str, dense: str) -> None:
    right, found = rows(TABLE, twice=True), SPARSE_WRONG[wrong]
    distance = float((found.to_dense() - right.to_dense()).norm() / right.to_dense().norm())
    assert distance > 1e-3
    expected = {"a": right.to_dense() if dense == "expected" else right}
    given = {"a": found.to_dense() if dense == "found" else found}
    with pytest.raises(
        RunFailedError, match=re.escape(f"a of the pipeline differs from the baseline by {distance:.1e}")
    ):
        held(expected, given)  # type: ignore[arg-type]


def test_a_table_of_which_no_row_occurs_is_all_zeros() -> None:
    nothing = rows({0: [0.0, 0.0]})
    empty = torch.zeros(6, 2).to_sparse()
    for one in (nothing, empty, None, torch.zeros(6, 2)):
        for other in (nothing, empty, None, torch.zeros(6, 2)):
            assert error(one, other, beside=1.0) == 0
        assert error(one, rows(TABLE), beside=1.0) > 1
        assert error(rows(TABLE), one, beside=1.0) == pytest.approx(1)


@pytest.mark.parametrize("bad", [inf, nan])
def test_a_row_that_is_not_finite_is_found_on_either_side(bad: float) -> None:
    right, wrong = {"a": rows(TABLE)}, {"a": rows(TABLE | {2: [0.0, bad]})}
    for expected, found, side in ((right, wrong, "pipeline"), (wrong, right, "baseline")):
        with pytest.raises(RunFailedError, match=f"the {side}'s gradient of a is not finite"):
            held(expected, found)  # type: ignore[arg-type]


def test_tables_of_other_sizes_are_told_apart() -> None:
    with torch.sparse.check_sparse_tensor_invariants(enable=True):
        larger = torch.sparse_coo_tensor(torch.tensor([[0]]), torch.ones(1, 2), (7, 2))
    with pytest.raises(RunFailedError, match=r"has the shape \(7, 2\), the baseline's \(6, 2\)"):
        held({"a": rows(TABLE)}, {"a": larger})
