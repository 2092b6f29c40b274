import subprocess
import sys
from math import prod

import msgspec
import pytest

from pipebench.records.on_paper import OnPaper
from pipebench.reproduction.claims import CLAIMS, PAPER_EIGHT_GPUS, PAPER_ONE_GPU

SECONDS_OF_CPU = 5


def test_it_is_read_as_it_is_written(result: OnPaper) -> None:
    assert msgspec.json.decode(msgspec.json.encode(result), type=OnPaper) == result
    assert (result.kind, result.evidence) == ("on-paper", "simulated")


def test_residuals_are_what_is_above_the_paper(result: OnPaper) -> None:
    for machine in result.machines:
        assert machine.one_gpu_words_per_s == pytest.approx(PAPER_ONE_GPU)
        assert machine.words_per_s_residual == machine.words_per_s - PAPER_EIGHT_GPUS
        assert machine.ratio_residual == machine.ratio - CLAIMS["paper"].ratio
        assert machine.ratio_residual > 0  # the simulation leaves something out that slows eight GPUs
        assert machine.words_per_s_residual > 0
    residuals = {claim.reading: claim.residual for claim in result.claims}
    assert residuals == {
        "talk": None,
        "paper": result.ratio - CLAIMS["paper"].ratio,
    }  # the paper's layout is simulated


def test_each_machine_has_an_efficiency_of_its_own_and_nearly_the_same_prediction(result: OnPaper) -> None:
    by_name = {machine.name: machine for machine in result.machines}
    assert len(by_name) == 3
    assert by_name["K20c, PCIe 2.0 x16"].efficiency > by_name["K40, PCIe 2.0 x16"].efficiency
    ratios = [machine.ratio for machine in result.machines]
    assert max(ratios) / min(ratios) < 1.01
    (used,) = (machine for machine in result.machines if machine.used)
    assert (used.name, used.ratio, used.efficiency) == (result.machine, result.ratio, result.efficiency)


def test_losses_lead_from_the_devices_to_the_prediction_and_on_to_the_paper(result: OnPaper) -> None:
    assert result.devices_used / prod(loss.factor for loss in result.losses) == pytest.approx(result.ratio)
    assert [loss.ratio for loss in result.losses] == sorted(
        (loss.ratio for loss in result.losses), reverse=True
    )
    assert result.losses[-1].ratio == result.ratio
    assert result.ratio / result.unexplained == pytest.approx(CLAIMS["paper"].ratio)


def test_the_devices_of_the_layers_wait_longest(result: OnPaper) -> None:
    assert [device.device for device in result.devices] == list(range(8))
    layers, softmax = result.devices[:4], result.devices[4:]
    assert max(device.busy_s for device in layers) < min(device.busy_s for device in softmax)
    for device in result.devices:
        parts = device.busy_s, device.waiting_s, device.transfer_s, device.idle_s
        assert sum(parts) == pytest.approx(result.makespan_s)
    work = sum(device.busy_s for device in result.devices)
    assert work / result.makespan_s == pytest.approx(
        result.ratio, rel=0.02
    )  # little is done eight times over


def test_the_notes_say_how_lengths_are_treated(result: OnPaper) -> None:
    assert "25.3 and 29.0 words on average; steps are whole, so 25 and 29" in result.notes[0]
    assert result.step.words == result.step.source_steps + result.step.target_steps == 54


def test_it_takes_seconds_and_no_torch() -> None:
    code = (
        "import sys, time\nfrom pipebench.reproduction.on_paper import on_paper\non_paper()\n"
        "print(time.process_time(), sorted({'torch', 'scipy'} & sys.modules.keys()))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    took, heavy = ended.stdout.split(maxsplit=1)
    assert float(took) < SECONDS_OF_CPU
    assert heavy.strip() == "[]"
