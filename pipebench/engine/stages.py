"""Make the stages from the parts of a model, with fused or with split backwards.

With ``split``, a part that has a split cell of its own runs by it. Any other part puts off the gradients of its linear
layers' weights.
"""

from collections.abc import Mapping

import torch

from pipebench.engine.any_stage import AnyStage
from pipebench.engine.split_stage import SplitStage
from pipebench.engine.stage import Neighbours, Stage
from pipebench.models.deferred.products import found_products
from pipebench.models.deferred.weights import Deferred
from pipebench.models.edges import Edges
from pipebench.models.layout import Layout
from pipebench.models.network import Network, Part
from pipebench.models.split import Split, SplitNetwork
from pipebench.plan.graph import Graph


def stages_of(
    parts: Mapping[int, Part],
    layout: Layout,
    edges: Edges,
    graph: Graph,
    *,
    network: Network,
    cell: str = "fused",
    checkpoint: str = "none",
    device: torch.device | None,
) -> dict[int, AnyStage]:
    """A stage for each part.

    Args:
        parts: the part of each stage.
        layout: the layout of the model.
        edges: what the stages give each other.
        graph: the graph of the plan.
        network: the model that the parts belong to.
        cell: ``fused`` or ``split``.
        checkpoint: which microbatches keep only their input; see ``plan.checkpoints``.
        device: where they run.
    """
    splits = cell == "split"
    if splits:
        find_libraries(network, graph.microbatches, device)

    def made(stage: int, part: Part) -> AnyStage:
        loss = torch.zeros((), dtype=network.dtype, device=device)
        split = _split(part, network, graph) if splits else None
        if split is not None:
            return SplitStage(part, split, loss=loss, microbatches=graph.microbatches, chunks=graph.chunks)
        return Stage(
            part,
            [_neighbours(stage, segment, layout, edges, graph) for segment in range(graph.segments)],
            loss=loss,
            microbatches=graph.microbatches,
            chunks=graph.chunks,
            checkpoint=checkpoint,
            deferred=Deferred(part) if splits else None,
        )

    return {stage: made(stage, part) for stage, part in parts.items()}


def find_libraries(network: Network, microbatches: int, device: torch.device | None) -> None:
    """Find by which libraries the split cells of a network compute here; its ``found`` then says so.

    Args:
        network: the model.
        microbatches: of the plan.
        device: where the stages run.
    """
    if isinstance(network, SplitNetwork):
        network.products(microbatches, device)
    elif any(network.found.values()):  # some of its linear layers use oneDNN
        network.found.update(found_products())


def _split(part: Part, network: Network, graph: Graph) -> Split | None:
    """A part's own split cell, if it has one."""
    if not isinstance(network, SplitNetwork):
        return None
    return network.split(part, microbatches=graph.microbatches, chunks=graph.chunks)


def _neighbours(stage: int, segment: int, layout: Layout, edges: Edges, graph: Graph) -> Neighbours:
    """The neighbours of a stage that live in this segment of time."""
    above = [other for other in graph.feeds[stage] if segment in graph.lives[other]]
    return Neighbours(
        [edges[other, stage] for other in graph.fed_by(stage) if segment in graph.lives[other]],
        edges[stage, above[0]] if above else None,
        closes=layout.parts[stage].closes and segment == graph.segments - 1,
    )
