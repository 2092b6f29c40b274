import pytest

from tests.engine.encoder_decoders import written


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Sentences of an encoder-decoder and their translations."""
    return written(tmp_path_factory.mktemp("pairs"))
