import pytest
from torch import nn

from tests.models.own.ordinary import IN_TIME, ORDINARY, Residual
from tests.models.own.samples import STEPS, WIDTH, between, of_words, probed


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ORDINARY)
@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_an_ordinary_model_passes(name: str, dtype: str) -> None:
    probed(ORDINARY[name](), dtype=dtype)


@pytest.mark.parametrize(("size", "microbatches"), [(1, 1), (2, 2), (3, 1), (3, 3), (5, 1), (6, 3), (64, 4)])
def test_any_batch_size_passes(size: int, microbatches: int) -> None:
    probed(between(Residual()), size=size, microbatches=microbatches)
    probed(of_words(nn.LSTM(WIDTH, WIDTH, batch_first=True), time_dimension=1), size=size, chunks=3)


@pytest.mark.parametrize("chunks", [1, 2, STEPS])
@pytest.mark.parametrize("name", IN_TIME)
def test_an_ordinary_model_in_time_passes(name: str, chunks: int) -> None:
    probed(IN_TIME[name](), chunks=chunks)
