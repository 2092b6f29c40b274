import pytest

from pipebench.errors import UsageError
from pipebench.launching.rendezvous.nodelist import first_host


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("node1", "node1"),
        ("node1,node2", "node1"),
        ("gpu[07-09,12]", "gpu07"),
        ("gpu[7]", "gpu7"),
        ("r[1-2]c[03-04]-ib,other", "r1c03-ib"),
        ("a-b.c.d", "a-b.c.d"),
        ("n[001,005-009],m3", "n001"),
    ],
)
def test_the_first_machine(text: str, first: str) -> None:
    assert first_host(text) == first


@pytest.mark.parametrize("text", ["", ",a", "gpu[", "gpu[]", "gpu[x]", " "])
def test_a_list_of_none(text: str) -> None:
    with pytest.raises(UsageError, match="SLURM_STEP_NODELIST: expected machines such as"):
        first_host(text)
