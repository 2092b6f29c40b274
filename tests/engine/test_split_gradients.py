"""Backwards in halves give the gradients of a single device: every schedule and order, on emulated devices and ranks.

By default some of the shapes; all of them with SPLIT=all (``make matrix``).
"""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.models.layout import Sharing
from pipebench.models.split_softmax import SplitShard
from pipebench.models.stacked_lstm.split.part import SplitPart
from pipebench.plan.actions import COMPUTE, Operation
from pipebench.plan.check import activations_alive, check, weights_waiting
from tests.engine.live_ranks import MOST, Group
from tests.engine.odd_orders import ordered
from tests.engine.test_gradients import PADDED_TEXT, largest_error
from tests.engine.test_transformer import error

ALL = os.environ.get("SPLIT") == "all"
EMULATED, RANKED = (1, 1) if ALL else (97, 83)  # every so many-th case
TOLERANCE = {"float32": 1e-5, "float64": 1e-10}
SIZES = {"layers": 8, "hidden": 16, "batch": 8, "sequence_length": 8, "launches": 1}

# Devices in all, and who shares the softmax: nobody, all, or two devices of its own.
SHAPES: tuple[tuple[int, Sharing], ...] = (
    *((n, None) for n in range(1, 9)),
    *((n, "all") for n in (1, 2, 4, 8)),
    *((n, 2) for n in (3, 4, 6, 8)),
)
WHOLE = (
    ("naive", 1, 1),
    ("gpipe", 4, 1),
    ("gpipe", 2, 8),
    ("1f1b", 8, 1),
    ("1f1b", 4, 2),
    ("wavefront", 1, 8),
    ("wavefront", 2, 4),
)
HALVES = (("zb-h1", 1, 1), ("zb-h1", 8, 1), ("zb-h1", 4, 2), ("zb-h1", 2, 8))
ORDERED = (
    ("wavefront-zb", 1, 8),
    ("wavefront-zb", 2, 8),
    ("wavefront-zb", 2, 4),
    ("wavefront-zb", 4, 2),
    ("wavefront-zb", 8, 1),
)
# Vocabulary, dtype, and whether the text has padding: each pair of values occurs.
INPUTS = ((37, "float32", True), (37, "float64", False), (131, "float32", False), (131, "float64", True))


class Case(NamedTuple):
    """Devices, who shares, the plan, the input; of an order the seed of its costs, and what it may put off."""

    shape: tuple[int, Sharing]
    slicing: tuple[str, int, int]
    vocab: int
    dtype: str
    is_padded: bool
    seed: int | None = None
    most_alive: int | None = None
    most_waiting: int | None = None


def cases(most: int = 99, schedules: tuple[str, ...] = ()) -> Iterator[Case]:
    """Of as many devices at most, and of these schedules; all by default."""
    for number, (shape, slicing, given) in enumerate(product(SHAPES, WHOLE + HALVES + ORDERED, INPUTS)):
        schedule, microbatches, chunks = slicing
        if shape[0] > most or (schedules and schedule not in schedules):
            continue
        if slicing not in ORDERED:
            yield Case(shape, slicing, *given)
            continue
        some = min(chunks + 1, microbatches * chunks)
        for seed, bounds in enumerate(((None, None), (some, None), (None, max(1, chunks // 2)))):
            yield Case(shape, slicing, *given, 3 * number + seed, *bounds)


def named(case: Case) -> str:
    (gpus, sharing), (schedule, m, c), vocab, dtype, is_padded, *order = case
    return f"{gpus}-{sharing}-{schedule}-{m}x{c}-{vocab}-{dtype}-{is_padded}-{order}"


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("text") / "padded.txt"
    path.write_text(PADDED_TEXT)
    return str(path)


def config(case: Case, text: str, device: str = "emulated") -> RunConfig:
    (gpus, sharing), (schedule, microbatches, chunks), *_ = case
    options: dict[str, Any] = SIZES | {
        "gpus": gpus,
        "device": device,
        "softmax_devices": None if sharing is None else str(sharing),
        "schedule": schedule,
        "microbatches": microbatches,
        "chunks": chunks,
        "cell": "split",
        "vocab": case.vocab,
        "dtype": case.dtype,
        "text": text if case.is_padded else None,
        "synthetic": not case.is_padded,
        "most_alive": case.most_alive,
        "most_waiting": case.most_waiting,
    }
    asked = resolve(RunOptions(**options))
    return asked if case.seed is None else ordered(asked, case.seed)


@pytest.mark.parametrize("case", [*cases()][::EMULATED], ids=named)
def test_emulated_devices_compute_the_baselines_gradients(case: Case, text: str) -> None:
    asked = config(case, text)
    assert largest_error(asked) <= TOLERANCE[asked.dtype]
    graph = asked.graph
    for stage, program in (
        (stage, asked.plan.program(graph.device_of[stage])) for stage in range(graph.chain)
    ):
        own = [action for action in program if action.stage == stage]
        assert activations_alive(own) <= (case.most_alive or len(own) * 8)
        assert weights_waiting(own) <= (case.most_waiting or len(own) * 8)


LIVE = [*cases(4, ("gpipe", "zb-h1", "wavefront-zb"))]


@pytest.mark.parametrize("case", LIVE[::RANKED], ids=named)
def test_real_ranks_compute_the_baselines_gradients(
    live_ranks: Group, tmp_path: Path, case: Case, text: str
) -> None:
    assert max(each.shape[0] for each in LIVE) <= MOST
    asked = config(case, text, device="cpu")
    result = live_ranks.run(asked, tmp_path)
    assert result["error"] <= TOLERANCE[asked.dtype]
    assert result["parameter_error"] <= TOLERANCE[asked.dtype]
    ran = sum(action.operation in COMPUTE for program in asked.plan.programs for action in program)
    assert len(result["timeline"]["spans"]) == ran


def test_the_orders_have_cells_that_no_other_schedule_makes(text: str) -> None:
    """Or little of them would be tried above."""
    some = [case for case in cases(4, ("wavefront-zb",)) if case.slicing[1:] in ((2, 8), (4, 2))]
    asked = [config(case, text) for case in some[::3]]
    cells = [(each, a) for each in asked for p in each.plan.programs for a in p if a.slices > 1]
    for each in asked:
        check(each.plan)
    weights, others = (
        [(each, a) for each, a in cells if (a.operation is Operation.BACKWARD_WEIGHT) == of_weights]
        for of_weights in (True, False)
    )
    assert any(1 < a.microbatches < each.microbatches for each, a in weights)
    assert any(a.microbatches > 1 and a.chunks < each.chunks for each, a in weights)
    assert any(a.microbatches == 1 and 1 < a.chunks < each.chunks for each, a in weights)
    assert {a.operation for _, a in others} == {Operation.FORWARD, Operation.BACKWARD_INPUT}
    assert all(a.stage >= each.graph.chain for each, a in others)
    assert len({each.order for each in asked}) > len(asked) // 2


SOME = Case((3, None), ("wavefront-zb", 4, 2), 37, "float64", True, seed=2)


@pytest.mark.parametrize("order", ["device", "dependence"])
@pytest.mark.parametrize("shape", [(3, None), (3, "all"), (4, 2)])
def test_loss_gradients_and_parameters_over_steps_in_a_row(
    shape: tuple[int, Sharing], order: str, text: str
) -> None:
    """Memory of the step before is used again, and all products are of the updated parameters."""
    assert error(config(SOME._replace(shape=shape), text), order) <= TOLERANCE["float64"]


@pytest.mark.parametrize("kind", [SplitPart, SplitShard])
def test_a_cell_of_weights_that_leaves_a_slice_out_is_found(
    kind: type[SplitPart] | type[SplitShard], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = kind.backward_input

    def wrong(self: Any, slices: Any, received: Any) -> Any:
        found = right(self, slices, received)
        if slices[0] == (1, 0):
            for gradients in _waiting(self, slices[0]):
                gradients.zero_()
        return found

    monkeypatch.setattr(kind, "backward_input", wrong)
    with pytest.raises(Exception, match="differs from the baseline"):
        largest_error(config(SOME._replace(shape=(3, "all")), text))


def _waiting(part: Any, at: tuple[int, int]) -> list[Any]:
    """What W of a slice takes."""
    if isinstance(part, SplitShard):
        first, end = part._slots.runs([at])[0]
        return [part._buffers.between(first, end).exponentials_RV]
    return [chunk.gates_NG for chunk in part._pool.of(at[0]).places[at[1]].layers]
