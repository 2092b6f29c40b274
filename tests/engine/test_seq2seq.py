"""The encoder-decoder on devices computes what one device does: loss, gradients, and parameters after a clipped update.

By default some of the shapes; all of them with SEQ2SEQ=all (``make matrix``).
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from pipebench.engine.emulator import EmulatedPipeline
from pipebench.engine.stage import Payload
from pipebench.engine.transport import Mailbox
from pipebench.launching.messages import Form
from pipebench.measuring.baseline import Baseline
from pipebench.measuring.verification import relative_errors
from pipebench.models.network import parameters_of
from pipebench.models.outline import BATCHES
from pipebench.models.text.data import PADDING
from pipebench.plan.checkpoints import CHECKPOINTS
from pipebench.plan.transfers import Message, add_transfers, messages_of
from pipebench.timing.links import Link
from tests.builders import network_of
from tests.engine.encoder_decoders import (
    SOME,
    STEPS,
    TOLERANCE,
    Case,
    Shape,
    both,
    cases,
    config,
    errors,
    named,
)
from tests.engine.live_ranks import MOST, Group

pytestmark = pytest.mark.usefixtures("one_thread")

ALL = os.environ.get("SEQ2SEQ") == "all"
EMULATED, RANKED = (1, 5) if ALL else (37, 139)  # every so many-th case


@pytest.mark.parametrize("case", [*cases()][::EMULATED], ids=named)
def test_emulated_devices_compute_what_one_device_does(case: Case, files: dict[str, str]) -> None:
    asked = config(case, files)
    assert max(errors(asked, *both(asked))) <= TOLERANCE[asked.dtype]


@pytest.mark.parametrize("case", [*cases(MOST)][::RANKED], ids=named)
def test_real_ranks_compute_what_one_device_does(
    live_ranks: Group, tmp_path: Path, case: Case, files: dict[str, str]
) -> None:
    asked = config(case, files, device="cpu")
    result = live_ranks.run(asked, tmp_path)
    assert result["error"] <= TOLERANCE[asked.dtype]
    assert result["parameter_error"] <= TOLERANCE[asked.dtype]
    graph, timeline = asked.graph, result["timeline"]
    slices = sum(len(graph.chunks_of(stage)) for stage in range(graph.stages)) * graph.microbatches
    assert len(timeline["spans"]) == 2 * slices
    names = Counter(other["name"] for other in timeline["other"])
    every = dict.fromkeys(("zero_grad", "optimizer", "norm", "clip"), graph.devices)
    assert names == {**every, "norm_total": 1}
    travelling = [(t["action"], t["consumer"]) for t in timeline["transfers"]]
    assert len(travelling) == len(set(travelling)) == len(messages_of(graph))


@pytest.mark.parametrize("bucket", [True, False])
def test_the_batches_have_padding_and_slices_of_unequal_lengths(
    files: dict[str, str], *, bucket: bool
) -> None:
    """Of the cases above, on both sides of the model: or little of them would be tried."""
    asked = config(SOME._replace(bucket=bucket), files)
    network = network_of(asked)
    batches = [network.batch(number, microbatches=2, chunks=3) for number in range(BATCHES)]
    assert all(batch.steps is not None for batch in batches)
    lengths = {steps for batch in batches for steps in batch.steps or ()}
    assert len(lengths) >= 3
    assert any(len(set(steps[:3])) > 1 for steps in lengths)
    assert any(len(set(steps[3:])) > 1 for steps in lengths)
    assert len({batch.items for batch in batches}) > 1
    for batch in batches:
        words = sum(int((target != PADDING).sum()) for row in batch.targets for target in row[3:])
        room = sum(target.numel() for row in batch.targets for target in row[3:])
        begun = sum(int(target.sum()) for row in batch.targets for target in row[:3])
        assert words + begun == batch.items
        assert words < room


@pytest.mark.parametrize("chunks", [1, 4, STEPS])
@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_sentences_of_one_word_leave_whole_chunks_to_nobody(
    tmp_path: Path, checkpoint: str, chunks: int
) -> None:
    for side in ("source", "target"):
        (tmp_path / side).write_text("a\nb\nc\n")
    case = Case(Shape(3, 2), ("wavefront", 2, chunks), checkpoint)
    asked = config(case, {side: str(tmp_path / side) for side in ("source", "target")})
    batch = network_of(asked).batch(0, microbatches=2, chunks=chunks)
    assert sum(not target.any() for target in batch.targets[0][:chunks]) == chunks - 1
    assert max(errors(asked, *both(asked))) <= TOLERANCE["float64"]


@pytest.mark.parametrize("count", [2, 8])
def test_one_device_computes_the_same_in_slices(files: dict[str, str], count: int) -> None:
    asked = config(SOME, files)
    whole, sliced = (Baseline(Form("chain", n), network_of(asked)) for n in (1, count))
    for number in range(BATCHES):
        for baseline in (whole, sliced):
            baseline.step(baseline.batch(number))
        gradients, *_ = relative_errors(whole.gradients(), sliced.gradients())
        parameters, *_ = relative_errors(parameters_of(whole.model), parameters_of(sliced.model))
        assert max(*gradients.values(), *parameters.values()) <= TOLERANCE["float64"]
        assert sliced.loss() == pytest.approx(whole.loss(), rel=1e-12)


def test_a_primed_pipeline_in_another_order_computes_the_same(files: dict[str, str]) -> None:
    asked = config(SOME, files)
    plan, network = add_transfers(asked.plan), network_of(asked)
    pipeline = EmulatedPipeline(plan, network, asked.layout, order="dependence")
    pipeline.prime(network.batch(3, microbatches=2, chunks=3))
    assert max(errors(asked, pipeline, Baseline(Form("chain"), network))) <= TOLERANCE["float64"]


def test_each_message_is_as_large_as_is_said(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By its slice's steps; what is on the way of the norm too."""
    asked = config(Case(Shape(4, 2), ("gpipe", 2, 3)), files)
    sent: dict[Message, int] = {}
    right = Mailbox.send

    def counted(self: Mailbox, message: Message, payload: Payload) -> None:
        sent[message] = sum(tensor.nbytes for tensor in payload)
        right(self, message, payload)

    monkeypatch.setattr(Mailbox, "send", counted)
    pipeline, baseline = both(asked)
    for number in range(BATCHES):
        batch = baseline.network.batch(number, microbatches=2, chunks=3)
        sent.clear()
        costs = pipeline.step(batch)
        assert list(sent) != []
        assert sent == {m: pipeline.message_bytes(m, batch.steps) for m in messages_of(asked.graph)}
        slow = pipeline.timeline(costs, Link(bytes_per_s=1.0), batch.steps)
        for transfer in slow.transfers:
            assert transfer.end_s - transfer.start_s == pytest.approx(sent[transfer.message], rel=1e-6)
