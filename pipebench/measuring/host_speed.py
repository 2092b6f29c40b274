"""This host's speed on the built-in model, from which the time dilation of an emulated machine is computed.

The speed of a machine preset's card is known for the built-in model only. How fast a Transformer or a model of the
user's own runs on that card is not known. So host and card are compared on the built-in model.
"""

from pipebench.engine.device import RankDevice
from pipebench.measuring.race import race
from pipebench.models.outline import whole
from pipebench.models.registry import given_to, network_for, reference


def host_flops_per_s(device: RankDevice) -> float:
    """Race the forms of the built-in model; the operations per second of the fastest step."""
    asked = reference()
    network = network_for(asked, given_to(asked).data)
    candidates = race(network, device, lambda _: None).candidates
    flops = network.outline.step_flops(whole(network.outline))
    assert flops is not None, "the operations of the built-in model are known"
    return flops / min(min(candidate.step_s) for candidate in candidates)
