"""This host's speed on the built-in LSTM: what the time dilation of an emulated machine is made of, for every model.

A machine preset's card is known by its speed on an LSTM. What a model of the user's own does in a second on such a
card nobody knows, so its host is held against the card by the work that both are known to do.
"""

from pipebench.models.kind import Asked
from pipebench.models.outline import whole
from pipebench.models.registry import DEFAULT_MODEL, MODELS
from pipebench.runtime.baseline import race
from pipebench.runtime.device import RankDevice

_LAYERS = 2  # as many operations a second as with all of the preset's, to 1 %, in a quarter of the time


def host_flops_per_s(device: RankDevice) -> float:
    """Race the forms of the built-in model at its default sizes but for the layers; the fastest step counts."""
    kind = MODELS[DEFAULT_MODEL]
    sizes = next(iter(kind.presets.values()))
    asked = Asked(
        model=DEFAULT_MODEL,
        layers=_LAYERS,
        hidden=sizes["hidden"],
        vocab=sizes["vocab"],
        batch=sizes["batch"],
        sequence_length=sizes["sequence_length"],
        dtype="float32",
        microbatches=1,
        chunks=1,
        text=None,
        tokens="words",
        synthetic=True,
        seed=0,
        device="cpu",
    )
    network = kind.network(asked, kind.given(asked).data)
    candidates = race(network, device, lambda _: None).candidates
    flops = network.outline.step_flops(whole(network.outline))
    assert flops is not None, "the operations of the built-in model are known"
    return flops / min(min(candidate.step_s) for candidate in candidates)
