"""The devices of a simulated step: what each has, in words, and which of them send each other messages. Pure."""

from pipebench.plan.graph import Graph


def talking(graph: Graph) -> set[tuple[int, int]]:
    """The pairs of devices between which messages go, the lower one first."""
    ends = (
        sorted((graph.device_of[stage], graph.device_of[other]))
        for stage, fed in enumerate(graph.feeds)
        for other in fed
    )
    return {(low, high) for low, high in ends if low != high}


def device_texts(graph: Graph, *, softmax: bool) -> list[str]:
    """What each device has, in words."""
    return [_text(graph, device, softmax=softmax) for device in range(graph.devices)]


def _text(graph: Graph, device: int, *, softmax: bool) -> str:
    chain, last = graph.chain, graph.last_stage
    if graph.is_chain:
        return f"stage {device}{' + softmax' if softmax and device == last else ''}"
    shards = "softmax" if last - chain == 1 else f"softmax 1/{last - chain}"
    return " + ".join(
        f"stage {stage}" if stage < chain else shards if stage < last else "loss"
        for stage in graph.stages_of(device)
    )
