from collections.abc import Iterator

import pytest
import torch

from tests.engine.encoder_decoders import written


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As a launch has it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Sentences of an encoder-decoder and their translations."""
    return written(tmp_path_factory.mktemp("pairs"))
