import pytest

from pipebench.reproduction.cards import K20C, K40, PLAUSIBLE, USED
from pipebench.timing.machines import MACHINES


def test_the_machine_that_is_used_is_the_preset_s() -> None:
    preset = MACHINES["k40-pcie3"]
    assert USED in PLAUSIBLE
    assert USED.bus.link == preset.link
    assert f"NVIDIA {USED.card.name}" == preset.card


def test_a_memory_sustains_the_share_that_was_measured_on_a_k40() -> None:
    assert K40.bytes_per_s / 288e9 == pytest.approx(K20C.bytes_per_s / 208e9)
    assert K40.bytes_per_s == 202.7e9


def test_every_machine_has_a_name_of_its_own_and_says_what_is_assumed() -> None:
    assert len({machine.name for machine in PLAUSIBLE}) == len(PLAUSIBLE)
    assert all("assumed" in machine.bus.source for machine in PLAUSIBLE)
    assert all("datasheet" in machine.card.source for machine in PLAUSIBLE)
