import pytest

from pipebench.launching import faults
from pipebench.launching.phases import Phase


def test_each_has_words_of_its_own() -> None:
    assert len({phase.words for phase in Phase}) == len(Phase)
    assert Phase.RACE.words == "racing baselines"


@pytest.mark.parametrize(
    ("text", "phase", "rank", "breaks"),
    [
        ("raise@warm-up", Phase.WARM_UP, 0, True),
        ("raise@warm-up:1", Phase.WARM_UP, 1, True),
        ("raise@warm-up", Phase.WARM_UP, 1, False),
        ("raise@timed", Phase.WARM_UP, 0, False),
        ("raise@warming up", Phase.WARM_UP, 0, False),
    ],
)
def test_a_fault_names_one(
    text: str, phase: Phase, rank: int, breaks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(faults.VARIABLE, text)
    if not breaks:
        faults.happen(phase, rank)
        return
    with pytest.raises(RuntimeError, match="injected at warm-up"):
        faults.happen(phase, rank)
