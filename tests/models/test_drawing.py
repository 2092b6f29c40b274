import pytest
import torch

from pipebench.models.drawing import draw
from pipebench.models.outline import Rows


def drawn(
    *shape: int, seed: int = 1, name: str = "a.weight", bound: float = 0.25, **rows: object
) -> torch.Tensor:
    dtype = torch.float64
    parameter = torch.full(shape, 9.0, dtype=dtype)
    draw(parameter, seed, name, bound, **rows)  # type: ignore[arg-type]
    return parameter


@pytest.mark.parametrize("bound", [0.08, 0.25, 3.0])
def test_numbers_are_uniform_up_to_the_bound(bound: float) -> None:
    found = drawn(200, 50, bound=bound) / bound
    assert -1 <= found.min() < -0.99
    assert 0.99 < found.max() <= 1
    assert float(found.mean()) == pytest.approx(0.0, abs=0.02)
    quarters = torch.histc(found, bins=4, min=-1, max=1) / found.numel()
    assert quarters.tolist() == pytest.approx([0.25] * 4, abs=0.02)


def test_the_same_seed_and_name_are_the_same_numbers_and_any_other_are_not() -> None:
    assert torch.equal(drawn(7, 3), drawn(7, 3))
    others = [drawn(7, 3, seed=2), drawn(7, 3, name="a.bias"), drawn(7, 3, name="b.weight")]
    assert not any(torch.equal(drawn(7, 3), other) for other in others)


def test_nothing_else_that_is_drawn_has_a_part_in_it() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = drawn(7, 3)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    assert torch.equal(drawn(7, 3), first)


@pytest.mark.parametrize("rows", [Rows(0, 7), Rows(0, 1), Rows(2, 5), Rows(6, 7)], ids=str)
def test_some_rows_are_those_of_the_whole(rows: Rows) -> None:
    assert torch.equal(drawn(rows.number, 3, of=7, rows=rows), drawn(7, 3)[rows.first : rows.end])
    assert torch.equal(drawn(rows.number, of=7, rows=rows), drawn(7)[rows.first : rows.end])


def test_a_parameter_keeps_its_kind_and_whether_it_is_trained() -> None:
    parameter = torch.nn.Parameter(torch.zeros(3, dtype=torch.float32))
    draw(parameter, 1, "a", 0.5)
    assert (parameter.dtype, parameter.requires_grad, parameter.grad_fn) == (torch.float32, True, None)
    assert parameter.abs().max() > 0


def test_large_seeds_are_seeds_too() -> None:
    assert not torch.equal(drawn(5, seed=2**63 - 1), drawn(5, seed=2**63 - 2))
