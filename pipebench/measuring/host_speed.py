"""This host's speed on the built-in model: what the time dilation of an emulated machine is made of, for every model.

A machine preset's card is known by its speed on that model. What a Transformer or a model of the user's own does in a
second on such a card nobody knows, so the host is held against the card by the work that both are known to do.
"""

from pipebench.engine.device import RankDevice
from pipebench.measuring.race import race
from pipebench.models.outline import whole
from pipebench.models.registry import given_to, network_for, reference


def host_flops_per_s(device: RankDevice) -> float:
    """Race the forms of the reference; the fastest step counts."""
    asked = reference()
    network = network_for(asked, given_to(asked).data)
    candidates = race(network, device, lambda _: None).candidates
    flops = network.outline.step_flops(whole(network.outline))
    assert flops is not None, "the operations of the built-in model are known"
    return flops / min(min(candidate.step_s) for candidate in candidates)
