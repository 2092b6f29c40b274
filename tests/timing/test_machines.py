import pytest

from pipebench.errors import UsageError
from pipebench.timing.machines import (
    LOCAL,
    LSTM_EFFICIENCY,
    MACHINE_NAMES,
    MACHINES,
    check_machine,
    machine_for,
)
from tests.timing.test_measured_link import LINK


def test_each_preset_stands_under_its_name() -> None:
    assert {"2014", "k40-pcie3", "a100-nvlink", "h100-nvlink4"} <= MACHINES.keys()
    assert all(machine.name == name for name, machine in MACHINES.items())


def test_the_2014_speed_is_fitted_to_1700_words_a_second_and_to_nothing_else() -> None:
    """4 LSTM layers of 8 M multiply-adds, and 80 M of the softmax for the target words: 304 M of 652 M."""
    softmax_share = 304 / 652
    multiply_adds = 4 * 8e6 + 80e6 * softmax_share
    fitted = 1_700 * 6 * multiply_adds
    assert MACHINES["2014"].flops_per_s == pytest.approx(fitted, rel=0.08)
    assert "1,700 words/s" in MACHINES["2014"].source


def test_the_efficiency_of_a_k40_gives_the_fitted_speed() -> None:
    assert LSTM_EFFICIENCY == 0.18
    assert MACHINES["k40-pcie3"].flops_per_s == pytest.approx(MACHINES["2014"].flops_per_s, rel=0.02)


@pytest.mark.parametrize(
    ("name", "peak", "latency", "bandwidth"),
    [
        ("k40-pcie3", 4.29e12, 10e-6, 10e9),
        ("a100-nvlink", 19.5e12, 10e-6, 195e9),
        ("h100-nvlink4", 66.9e12, 10e-6, 292.5e9),
    ],
)
def test_presets_follow_the_datasheets_with_an_efficiency(
    name: str, peak: float, latency: float, bandwidth: float
) -> None:
    machine = MACHINES[name]
    assert machine.flops_per_s == pytest.approx(0.18 * peak, rel=1e-12)
    assert machine.link.latency_s == latency
    assert machine.link.bytes_per_s == pytest.approx(bandwidth, rel=1e-12)
    assert machine.link.ports


@pytest.mark.parametrize("name", ["2014", "k40-pcie3", "a100-nvlink", "h100-nvlink4"])
def test_each_source_says_what_is_assumed(name: str) -> None:
    assert "assumed" in MACHINES[name].source


def test_time_dilation_is_card_speed_over_host_speed() -> None:
    machine = MACHINES["2014"]
    assert machine.time_dilation(machine.flops_per_s) == 1.0
    assert machine.time_dilation(85e9) == pytest.approx(0.762e12 / 85e9, rel=1e-12)


def test_an_unknown_machine_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        UsageError, match="unknown machine 'tpu': expected one of 2014, k40-pcie3, a100-nvlink"
    ):
        check_machine("tpu")


@pytest.mark.parametrize("name", MACHINE_NAMES)
def test_every_machine_can_be_named_and_had(name: str) -> None:
    assert check_machine(name) == name
    assert machine_for(name, host_flops_per_s=85e9, measured=LINK, message_bytes=1000).name == name


def test_the_local_machine_is_this_host_with_the_link_that_was_measured() -> None:
    machine = machine_for(LOCAL, host_flops_per_s=85e9, measured=LINK, message_bytes=1000)
    assert machine.time_dilation(85e9) == 1.0
    assert machine.link == LINK.at(1000)
    assert "link measured 2026-11-24 between 2 processes on 2 cores" in machine.source
