import pytest

from pipebench.plurals import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 chunks"), (1, "1 chunk"), (8, "8 chunks")])
def test_one_and_several(number: int, text: str) -> None:
    assert counted(number, "chunk") == text


@pytest.mark.parametrize(("number", "text"), [(1, "1 launch"), (2, "2 launches")])
def test_a_plural_of_its_own(number: int, text: str) -> None:
    assert counted(number, "launch", "launches") == text
