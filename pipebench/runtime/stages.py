"""The stages that the parts of a model become: of fused cells, or of split ones."""

from collections.abc import Mapping

import torch

from pipebench.models.edges import Edges
from pipebench.models.layout import Layout
from pipebench.models.network import Network, Part
from pipebench.models.split import SplitNetwork
from pipebench.plan.graph import Graph
from pipebench.runtime import stage
from pipebench.runtime.any_stage import AnyStage
from pipebench.runtime.split_stage import SplitStage


def stages_of(
    parts: Mapping[int, Part],
    layout: Layout,
    edges: Edges,
    graph: Graph,
    *,
    network: Network,
    cell: str,
    checkpoint: str,
    device: torch.device | None,
) -> dict[int, AnyStage]:
    """A stage for each part.

    Args:
        parts: by stage.
        layout: of the model.
        edges: what its stages give each other.
        graph: of the plan.
        network: that the parts are of.
        cell: ``fused`` or ``split``.
        checkpoint: which microbatches keep only their input.
        device: where they run.
    """
    found: dict[int, AnyStage] = {}
    for number, part in parts.items():
        own = _split(part, graph, network, device) if cell == "split" else None
        if own is None:
            made = stage.stages_of(
                {number: part},
                layout,
                edges,
                graph,
                checkpoint=checkpoint,
                dtype=network.dtype,
                device=device,
            )
            found[number] = made[number]
        else:
            found[number] = own
    return found


def _split(part: Part, graph: Graph, network: Network, device: torch.device | None) -> SplitStage | None:
    """Of a network that has a split cell; ``None`` of another one, and of a part that has none."""
    sizes = {"microbatches": graph.microbatches, "chunks": graph.chunks}
    split = network.split(part, **sizes) if isinstance(network, SplitNetwork) else None
    if split is None:
        return None
    return SplitStage(part, split, loss=torch.zeros((), dtype=network.dtype, device=device), **sizes)
