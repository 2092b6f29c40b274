import pytest
import torch

from pipebench.models.stacked_lstm.split.row_sums import row_sums
from tests.models.stacked_lstm.split.building import drawn, lstm, split


@pytest.mark.parametrize("rows", [1, 2047, 2048, 2049, 100_000])
@pytest.mark.parametrize("around", [0.0, 1.0], ids=["random", "like"])
def test_a_bias_s_gradient_over_many_rows_does_not_drift(rows: int, around: float) -> None:
    gates_NG = (drawn(rows, 32) + around).float()
    exact_G = gates_NG.double().sum(0)
    assert (row_sums(gates_NG) - exact_G).norm() <= 2e-6 * exact_G.norm()


def test_w_of_many_rows_gives_the_bias_its_exact_sum() -> None:
    layer = lstm(8, torch.float32)
    ours = split(layer)
    buffers = ours.buffers(100, 1000)
    buffers.gates_TBG.copy_(drawn(100, 1000, 32))
    exact_G = buffers.gates_TBG.double().sum((0, 1))
    exact_G.chunk(4)[2].mul_(-2)
    ours.backward_weight([buffers.chunk(0, 100)])
    ours.finish()
    for name in ("bias_ih_l0", "bias_hh_l0"):
        found_G = layer.get_parameter(name).grad
        assert found_G is not None
        assert (found_G - exact_G).norm() <= 2e-6 * exact_G.norm()
