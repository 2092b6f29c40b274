"""A stage by itself against the unsplit slice of the model."""

import pytest
import torch

from pipebench.engine.stage import Neighbours, Stage
from pipebench.models.edges import Edge, TensorSpec
from pipebench.models.network import StepBatch
from pipebench.models.outline import Slice
from pipebench.models.stacked_lstm.network import StackedLSTM
from pipebench.models.stacked_lstm.outline import LSTMOutline

WORKLOAD = LSTMOutline(layers=3, hidden=8, vocab=20, batch=4, sequence_length=6, dtype="float64")
MIDDLE = Slice(1, 3, opens=False, closes=False)
EDGE = Edge((TensorSpec((6, 4, 8), "float64", gradient=True),))


def no_words(microbatches: int, chunks: int) -> StepBatch:
    return StepBatch([], [[None] * chunks] * microbatches, 1)


def stage(microbatches: int, chunks: int, checkpoint: str = "none") -> Stage:
    model = StackedLSTM(WORKLOAD, MIDDLE)
    model.initialise(1)
    built = Stage(
        model,
        [Neighbours([EDGE], EDGE, closes=False)],
        loss=torch.zeros(()),
        microbatches=microbatches,
        chunks=chunks,
        checkpoint=checkpoint,
    )
    built.load(no_words(microbatches, chunks))
    return built


def unsplit(
    inputs: torch.Tensor, gradient: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
    model = StackedLSTM(WORKLOAD, MIDDLE)
    model.initialise(1)
    leaf = inputs.clone().requires_grad_()
    output, _ = model.run(leaf, None)
    output.backward(gradient)
    return output.detach(), leaf.grad, [p.grad for p in model.parameters()]  # type: ignore[misc]


@pytest.mark.parametrize(("microbatches", "chunks"), [(1, 1), (2, 1), (1, 3), (2, 3), (4, 6)])
@pytest.mark.parametrize("checkpoint", ["none", "always", "except-last"])
def test_slices_add_up_to_the_whole(microbatches: int, chunks: int, checkpoint: str) -> None:
    inputs, gradient = torch.randn(6, 4, 8, dtype=torch.float64), torch.randn(6, 4, 8, dtype=torch.float64)
    expected_output, expected_input_gradient, expected_gradients = unsplit(inputs, gradient)
    built = stage(microbatches, chunks, checkpoint)
    rows = [part.chunk(chunks, 0) for part in inputs.chunk(microbatches, 1)]
    outputs = [[built.forward(m, c, [(rows[m][c],)])[0] for c in range(chunks)] for m in range(microbatches)]
    found = torch.cat([torch.cat(row, 0) for row in outputs], 1)  # type: ignore[arg-type]
    torch.testing.assert_close(found, expected_output)
    grows = [part.chunk(chunks, 0) for part in gradient.chunk(microbatches, 1)]
    back = [
        [built.backward(m, c, [(grows[m][c],)])[0][0] for c in reversed(range(chunks))][::-1]
        for m in range(microbatches)
    ]
    torch.testing.assert_close(torch.cat([torch.cat(row, 0) for row in back], 1), expected_input_gradient)  # type: ignore[arg-type]
    for parameter, expected in zip(built.part.parameters(), expected_gradients, strict=True):
        torch.testing.assert_close(parameter.grad, expected)


@pytest.mark.parametrize(("checkpoint", "keeping"), [("none", 3), ("always", 0), ("except-last", 1)])
def test_a_checkpointed_forward_saves_nothing_for_autograd(checkpoint: str, keeping: int) -> None:
    built = stage(3, 1, checkpoint)
    kept = []
    for microbatch, part in enumerate(torch.zeros(6, 3, 8, dtype=torch.float64).chunk(3, 1)):
        saved: list[torch.Tensor] = []
        with torch.autograd.graph.saved_tensors_hooks(saved.append, lambda tensor: tensor):
            built.forward(microbatch, 0, [(part,)])
        kept.append(bool(saved))
    assert sum(kept) == keeping


def test_a_backward_without_its_forward_is_noticed() -> None:
    with pytest.raises(AssertionError, match="needs its forward"):
        stage(1, 1).backward(0, 0, [(torch.zeros(6, 4, 8, dtype=torch.float64),)])


def test_a_step_that_was_left_unfinished_is_noticed() -> None:
    built = stage(1, 1)
    built.forward(0, 0, [(torch.zeros(6, 4, 8, dtype=torch.float64),)])
    with pytest.raises(AssertionError, match="never followed by its backward"):
        built.load(no_words(1, 1))


def test_what_goes_out_is_cut_from_the_graph() -> None:
    output = stage(1, 1).forward(0, 0, [(torch.zeros(6, 4, 8, dtype=torch.float64),)])[0]
    assert not output.requires_grad


def test_an_output_that_nobody_takes_is_let_go_and_the_state_goes_on() -> None:
    """Two segments of time: in the first one the stage has nobody above, in the second one it has."""
    alone, taken = Neighbours([EDGE], None, closes=False), Neighbours([EDGE], EDGE, closes=False)
    inputs, gradient = torch.randn(6, 4, 8, dtype=torch.float64), torch.zeros(6, 4, 8, dtype=torch.float64)
    gradient[4:] = torch.randn(2, 4, 8, dtype=torch.float64)
    expected_output, expected_input_gradient, expected_gradients = unsplit(inputs, gradient)
    model = StackedLSTM(WORKLOAD, MIDDLE)
    model.initialise(1)
    built = Stage(model, [alone, taken], loss=torch.zeros(()), microbatches=1, chunks=4)
    built.load(no_words(1, 4))
    slices = inputs.tensor_split((2, 4, 5))
    outputs = [built.forward(0, chunk, [(part,)]) for chunk, part in enumerate(slices)]
    assert outputs[:2] == [None, None]
    found = torch.cat([output[0] for output in outputs[2:] if output is not None])
    torch.testing.assert_close(found, expected_output[4:])
    given = {2: [(gradient[4:5],)], 3: [(gradient[5:],)]}
    back = [built.backward(0, chunk, given.get(chunk, []))[0][0] for chunk in (3, 2, 1, 0)]
    torch.testing.assert_close(torch.cat(back[::-1]), expected_input_gradient)
    for parameter, expected in zip(model.parameters(), expected_gradients, strict=True):
        torch.testing.assert_close(parameter.grad, expected)


def test_a_stage_that_closes_the_model_has_a_loss_in_its_last_segment_alone() -> None:
    closing = Slice(2, 3, opens=False, closes=True)
    both = [Neighbours([EDGE], None, closes=False), Neighbours([EDGE], None, closes=True)]
    model = StackedLSTM(WORKLOAD, closing)
    model.initialise(1)
    built = Stage(model, both, loss=torch.zeros((), dtype=torch.float64), microbatches=1, chunks=2)
    inputs, targets = torch.randn(6, 4, 8, dtype=torch.float64), torch.randint(3, 20, (12,))
    built.load(StepBatch([], [[None, targets]], 10, shared_by=4))
    expected = model.loss(model.run(inputs, None)[0][3:], targets) / 4
    assert built.forward(0, 0, [(inputs[:3],)]) is None
    assert float(built.loss) == 0
    assert built.forward(0, 1, [(inputs[3:],)]) is None
    torch.testing.assert_close(built.loss, expected.detach())
    assert float(built.loss) > 0
