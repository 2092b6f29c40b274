"""Kernels and their launches: in traces that the test makes, and in real ones (``nccl/README.md``)."""

from pathlib import Path

import pytest

from pipebench.errors import CorruptRecordError
from pipebench.foreign.torch_profiler.events import Args, Event, Trace
from pipebench.foreign.torch_profiler.labels import labels_of
from pipebench.foreign.torch_profiler.on_gpu import has_kernels, timed
from pipebench.foreign.torch_profiler.steps import Numbered
from tests.foreign.torch_profiler.bubbles import check

REAL = Path(__file__).parent / "nccl"


class Made:
    """A trace that grows: labels of the host, and kernels with their launches. In microseconds."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def label(self, name: str, start: float, end: float, cat: str = "user_annotation") -> "Made":
        self.events.append(Event("X", cat, name, 1, 1, start, end - start))
        return self

    def kernel(
        self, name: str, launched: float, start: float, end: float, *, tid: int = 1, cat: str = "cuda_runtime"
    ) -> "Made":
        number = len(self.events)
        self.events.append(Event("X", cat, "cudaLaunchKernel", 1, tid, launched, 1, Args(number)))
        self.events.append(Event("X", "kernel", name, 0, 7, start, end - start, Args(number)))
        return self

    def pieces(self) -> dict[tuple[str, int | None], tuple[float, float]]:
        trace = Trace("t.json", 0, 1, (), 0, list(enumerate(self.events)))
        assert has_kernels(trace)
        found = timed(trace, [Numbered(0, label) for label in labels_of(trace)])
        return {(piece.operation, piece.microbatch): (piece.start, piece.end) for piece in found}


NCCL = "ncclDevKernel_SendRecv(ncclDevKernelArgsStorage<4096ul>)"


def test_a_forward_computes_while_its_kernels_run() -> None:
    made = Made().label("Forward 0", 0, 50).label("Forward 1", 50, 90)
    made.label("c10d::recv_", 1, 5, cat="cpu_op").kernel(NCCL, 2, 10, 100)
    made.kernel("gemm", 10, 100, 150).kernel("relu", 20, 155, 170, cat="cuda_driver")
    made.label("c10d::send", 30, 40, cat="cpu_op").kernel(NCCL, 31, 170, 190)
    made.kernel("gemm", 60, 170, 240)
    assert made.pieces() == {
        ("F", 0): (100, 170),
        ("RECV_F", 0): (10, 100),
        ("SEND_F", 0): (170, 190),
        ("F", 1): (170, 240),
    }


def test_kernels_of_autograds_threads_belong_to_the_backward_that_waits_for_them() -> None:
    made = Made().label("PP:1RECV_B0", 0, 5).kernel(NCCL, 1, 3, 60)
    made.label("PP:1B0", 5, 40).kernel("gemm", 6, 61, 80, tid=99).kernel("gemm", 30, 80, 130, tid=99)
    made.label("PP:1SEND_B0", 40, 45).kernel(NCCL, 41, 130, 150)
    made.label("PP:1REDUCE_GRAD", 45, 50)
    made.label("Optimizer.step#SGD.step", 50, 60).kernel("foreach", 51, 150, 160)
    assert made.pieces() == {
        ("RECV_B", 0): (3, 60),
        ("B", 0): (61, 130),
        ("SEND_B", 0): (130, 150),
        ("REDUCE_GRAD", None): (45, 50),
        ("OPTIMIZER", None): (150, 160),
    }


def test_a_graph_is_one_launch_of_many_kernels() -> None:
    made = Made().label("PP:0F0", 0, 10).kernel("a", 5, 20, 30)
    made.events.append(made.events[-1].__class__("X", "kernel", "b", 0, 7, 35, 10, made.events[-1].args))
    assert made.pieces() == {("F", 0): (20, 45)}


def test_a_forward_without_kernels_is_told() -> None:
    with pytest.raises(CorruptRecordError, match=r"t\.json event 0: .* F of microbatch 3, got none"):
        Made().label("PP:0F3", 0, 10).kernel("late", 20, 30, 40).pieces()


def test_the_first_stages_gradient_of_no_input_takes_no_time_when_its_turn_comes() -> None:
    made = Made().label("PP:0F0", 0, 5).kernel("gemm", 1, 10, 50)
    made.label("PP:0RECV_B0", 5, 8).kernel(NCCL, 6, 20, 90)
    made.label("PP:0I0", 8, 9)
    made.label("PP:0W0", 9, 20).kernel("gemm", 12, 90, 120)
    assert made.pieces() == {
        ("F", 0): (10, 50),
        ("RECV_B", 0): (20, 90),
        ("I", 0): (90, 90),
        ("W", 0): (90, 120),
    }


def test_a_stage_without_parameters_has_no_gradients_of_weights_to_compute() -> None:
    made = Made().label("PP:1F0", 0, 5).kernel("relu", 1, 10, 50)
    made.label("PP:1I0", 5, 8).kernel("relu_backward", 6, 60, 80)
    made.label("PP:1W0", 8, 9)
    assert made.pieces()["W", 0] == (80, 80)


@pytest.mark.parametrize(("schedule", "operations"), [("gpipe", "FB"), ("zero-bubble", "FIW")])
def test_the_bubble_of_two_nccl_ranks_is_the_one_that_cuda_events_measured(
    schedule: str, operations: str
) -> None:
    check(REAL / schedule, 2, operations, within=0.001)
