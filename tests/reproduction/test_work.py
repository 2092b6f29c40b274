import pytest

from pipebench.models.outline import whole
from pipebench.plan.actions import REDUCTIONS, Action, Operation
from pipebench.plan.check import check
from pipebench.reproduction.assumptions import CORPUS, Lengths, Slicing
from pipebench.reproduction.work import StepWork, Task, step_work

SLICINGS = [
    *(Slicing(steps_each=each) for each in (1, 2, 4, 8, 29)),
    *(Slicing(microbatches=count) for count in (2, 4)),
    Slicing(batch=32),
]


def paper() -> StepWork:
    return step_work(CORPUS, Slicing())


def test_the_graph_is_the_paper_s() -> None:
    graph = paper().graph
    assert (graph.stages, graph.devices, graph.chain) == (9, 8, 4)
    assert (graph.chunks, graph.segments, graph.microbatches, graph.clips) == (58, 2, 1, True)
    assert paper().words == 128 * 54


@pytest.mark.parametrize("slicing", SLICINGS)
def test_the_plan_is_one_and_no_word_is_lost(slicing: Slicing) -> None:
    work = StepWork(CORPUS, slicing)
    check(work.plan)
    half = work.graph.chunks_each
    assert (sum(work.steps[:half]), sum(work.steps[half:])) == CORPUS.steps
    assert max(work.steps) == slicing.steps_each


@pytest.mark.parametrize("slicing", SLICINGS)
def test_pipeline_and_single_gpu_do_the_operations_of_the_outline(slicing: Slicing) -> None:
    work = StepWork(CORPUS, slicing)
    expected = work.outline.step_flops(whole(work.outline))
    assert sum(task.flops for task in work.tasks.values()) == pytest.approx(expected)
    single = work.single(all_rows=True)
    assert sum(count * task.flops for task, count in single.items()) == pytest.approx(expected)


def test_operations_are_8_million_a_word_and_layer_and_80_million_a_target_word() -> None:
    work, batch = paper(), 128
    layer, shard = (work.tasks[Action(Operation.FORWARD, stage, 0, 57)].flops / 2 / batch for stage in (1, 4))
    assert layer == pytest.approx(8e6)
    assert shard == pytest.approx(20e6)
    backward = work.tasks[Action(Operation.BACKWARD, 1, 0, 57)].flops / 2 / batch
    assert backward == pytest.approx(16e6)
    share = 80 * CORPUS.target / (80 * CORPUS.target + 32 * CORPUS.words)
    assert share == pytest.approx(0.57, abs=0.005)  # of the softmax in all work


def test_an_lstm_step_reads_32_mb_of_weights() -> None:
    work = paper()
    forward = work.tasks[Action(Operation.FORWARD, 1, 0, 57)]
    assert forward.bytes == pytest.approx(32e6, rel=0.002)  # with its biases
    assert work.tasks[Action(Operation.BACKWARD, 1, 0, 57)].bytes == 3 * forward.bytes
    together = StepWork(CORPUS, Slicing(steps_each=4))
    assert together.tasks[Action(Operation.FORWARD, 1, 0, 15)].bytes == 4 * forward.bytes
    shard = Action(Operation.FORWARD, 4, 0, 15)  # one product for all steps
    assert together.tasks[shard].bytes == work.tasks[shard._replace(chunk=57)].bytes
    assert together.tasks[shard].kernels == work.tasks[shard._replace(chunk=57)].kernels


def test_what_is_empty_costs_nothing_and_sends_nothing() -> None:
    work = paper()
    assert work.steps[:4] == (0, 0, 0, 0)
    assert all(steps == 1 for steps in work.steps[4:])
    empty = [action for action in work.tasks if work.steps[action.chunk] == 0]
    slices = [action for action in empty if action.operation not in REDUCTIONS]
    assert slices
    assert all(work.tasks[action] == Task() for action in slices)
    sizes = {
        size
        for message, size in work.message_bytes.items()
        if message.producer in slices and message.consumer in slices
    }
    assert sizes == {0}


def test_messages_are_activations_figures_and_shares_of_the_norm() -> None:
    activations, figures, scales = 128 * 1000 * 4, 128 * 3 * 4, 128 * 4
    assert set(paper().message_bytes.values()) == {0, activations, figures, scales, 8}
    by_four = StepWork(CORPUS, Slicing(microbatches=4))
    assert max(by_four.message_bytes.values()) == activations // 4


def test_the_update_of_a_device_goes_through_its_parameters() -> None:
    work = paper()
    lstm = 2 * (8_000_000 + 8_000) * 4  # bytes of a pair of layers
    assert work.update(1, all_rows=True).bytes == work.update(1, all_rows=False).bytes == 3 * lstm
    embeddings = 240_000 * 1000 * 4
    assert work.update(0, all_rows=True).bytes > 2 * embeddings > work.update(0, all_rows=False).bytes
    whole_ones = [task for task in work.single(all_rows=True) if not task.flops and task.bytes]
    assert max(task.bytes for task in whole_ones) > sum(
        work.update(device, all_rows=True).bytes for device in range(8)
    ) * (1 - 1e-9)


def test_the_end_of_a_sentence_is_a_step_and_no_word() -> None:
    lengths = Lengths(25, 29, 1)
    work = StepWork(lengths, Slicing())
    assert work.words == paper().words
    assert work.graph.chunks == 60
