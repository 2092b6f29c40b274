"""Which kind of stage each part becomes, and whom it has for neighbours in each segment of time."""

import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.engine.any_stage import AnyStage
from pipebench.engine.split_stage import SplitStage
from pipebench.engine.stage import Stage
from pipebench.engine.stages import stages_of
from pipebench.models.layout import edges_of
from pipebench.models.split_softmax import SplitLoss, SplitShard
from pipebench.models.stacked_lstm.split.part import SplitPart
from tests.builders import network_of


def config(model: str, **options: object) -> RunConfig:
    sizes = {"layers": 4, "hidden": 8, "vocab": 20, "batch": 4, "sequence_length": 4}
    given = {"model": model, "gpus": 3, "microbatches": 2, "chunks": 2, "partition": "2,1,1"}
    return resolve(RunOptions(**(sizes | given | options)))  # type: ignore[arg-type]


def made(asked: RunConfig) -> dict[int, AnyStage]:
    network, layout, graph = network_of(asked), asked.layout, asked.graph
    edges = edges_of(network.outline, layout, graph.microbatches, graph.chunks_each)
    parts = {stage: network.part(part) for stage, part in enumerate(layout.parts)}
    return stages_of(parts, layout, edges, graph, network=network, cell=asked.cell, device=None)


@pytest.mark.parametrize("model", ["stacked-lstm", "transformer", "seq2seq"])
def test_of_fused_cells_nothing_is_put_off(model: str) -> None:
    stages = made(config(model))
    assert [*stages] == [0, 1, 2]
    assert all(isinstance(stage, Stage) and stage.deferred is None for stage in stages.values())


def test_parts_with_a_split_cell_of_their_own_run_by_it() -> None:
    stages = made(config("stacked-lstm", cell="split", softmax_devices="all"))
    kinds = [type(stage.split) for stage in stages.values() if isinstance(stage, SplitStage)]
    assert kinds == [SplitPart] * 3 + [SplitShard] * 3 + [SplitLoss]


@pytest.mark.parametrize("model", ["transformer", "seq2seq"])
def test_other_parts_put_off_what_their_linear_layers_can(model: str) -> None:
    stages = made(config(model, cell="split"))
    found = []
    for stage in stages.values():
        assert isinstance(stage, Stage)
        assert stage.deferred is not None
        found.append(stage.deferred.splits_anything)
    assert found == ([True] * 3 if model == "transformer" else [False, False, True])


def test_a_stage_meets_those_alone_that_live_in_its_segment() -> None:
    """An encoder-decoder whose last device has the projection alone: nobody is there to take what encoders give."""
    stages = made(config("seq2seq", layers=2, partition="1,1,0", cell="split"))
    neighbours = [stage.neighbours for stage in stages.values() if isinstance(stage, Stage)]
    below = [[len(each.below) for each in segments] for segments in neighbours]
    above = [[each.above is not None for each in segments] for segments in neighbours]
    assert below == [[0, 0], [1, 1], [1, 1]]
    assert above == [[True, True], [False, True], [False, False]]
    assert [segments[-1].closes for segments in neighbours] == [False, False, True]
    assert not any(segments[0].closes for segments in neighbours)
