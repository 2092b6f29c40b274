import torch

from pipebench.engine.device import CpuDevice
from pipebench.launching import messages
from pipebench.measuring.single_device import SingleDevice
from tests.builders import network_of, run_config


class Counting(CpuDevice):
    """Counts every number that a parameter of this process holds, as a GPU's allocator would."""

    def allocated_bytes(self) -> int:
        return next(self.readings)


def test_what_the_baseline_keeps_on_its_device_is_known() -> None:
    config = run_config(synthetic=True)
    device = Counting()
    device.readings = iter([100, 150])  # type: ignore[attr-defined]
    single = SingleDevice(messages.Job(config=config, data=None), network_of(config), device)
    single.choose(messages.Form("chain"))
    assert single.resident_bytes == 50


def test_a_step_takes_time_and_leaves_no_gradients() -> None:
    config = run_config(synthetic=True)
    single = SingleDevice(messages.Job(config=config, data=None), network_of(config), CpuDevice())
    single.choose(messages.Form("fused"))
    before = [parameter.clone() for parameter in single.baseline.model.parameters()]
    assert single.step(0) > 0
    assert all(parameter.grad is None for parameter in single.baseline.model.parameters())
    assert not all(map(torch.equal, before, single.baseline.model.parameters()))
