import pytest

from pipebench.models.references import is_file, is_own, parted


@pytest.mark.parametrize(
    ("model", "place", "name", "file"),
    [
        ("bench/model.py:build", "bench/model.py", "build", True),
        ("a:b.py:m", "a:b.py", "m", True),
        ("./model:m", "./model", "m", True),
        ("package.module:m", "package.module", "m", False),
        ("model.py:", "model.py", "", True),
    ],
)
def test_a_model_of_ones_own_is_a_file_or_a_module_and_a_name(
    model: str, place: str, name: str, file: bool
) -> None:
    assert is_own(model)
    assert parted(model) == (place, name)
    assert is_file(place) is file


def test_a_built_in_model_is_none() -> None:
    assert not is_own("stacked-lstm")
