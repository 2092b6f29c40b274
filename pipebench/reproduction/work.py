"""The work of one step on paper: what each action asks of a card, on the real graph, layout and messages. Pure.

Operations are the outline's. A product of a step reads its weights once in a forward; a backward reads them again, and
reads and writes their gradients. Kernels are counted as a program without a library for recurrent nets has them.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from pipebench.models.edges import bytes_of
from pipebench.models.layout import Layout, Shape, edges_of, graph_of, layout_of
from pipebench.models.outline import Slice, whole
from pipebench.models.seq2seq.outline import SEGMENTS, Seq2SeqOutline
from pipebench.plan.actions import REDUCTIONS, Action, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Plan
from pipebench.plan.schedules import SCHEDULES
from pipebench.plan.transfers import Message, add_transfers, messages_of
from pipebench.reproduction.assumptions import PRESET, Lengths, Slicing

CHAIN = SHARDS = 4  # devices
_OF_TRAINING = {Operation.FORWARD: 1 / 3, Operation.BACKWARD: 2 / 3}  # of the operations
_PASSES = {Operation.FORWARD: 1, Operation.BACKWARD: 3}  # of weights, or of their gradients, through memory

# a forward: two products and the gates; a backward: the gates, four products and the biases
LSTM_KERNELS = {Operation.FORWARD: 3, Operation.BACKWARD: 6}
# a forward: a product, the largest logit, the sum; a backward: the probabilities, two products and the bias
SOFTMAX_KERNELS = {Operation.FORWARD: 3, Operation.BACKWARD: 4}
_EMBEDDING_KERNELS = _LOSS_KERNELS = 1  # in each direction


class Task(NamedTuple):
    """What a card is asked for: operations, bytes through its memory meanwhile, kernels."""

    flops: float = 0.0
    bytes: float = 0.0
    kernels: int = 0
    softmax: bool = False


class StepWork:
    """One step of the pipeline, cut as ``slicing`` says, and the same step on a single GPU, word by word.

    Segments have equally many chunks. The first chunks of the shorter one are empty: messages of no bytes, no work.
    """

    def __init__(self, lengths: Lengths, slicing: Slicing) -> None:
        self.lengths, self.slicing = lengths, slicing
        steps = max(lengths.steps)
        source, target = (float(slicing.batch * each) for each in lengths.steps)
        sizes = {**PRESET, "batch": slicing.batch, "sequence_length": steps}
        self.outline = Seq2SeqOutline(**sizes, positions_read=(source, target))  # type: ignore[arg-type]
        self.chunks = -(-steps // slicing.steps_each)
        self.steps = tuple(
            number for length in lengths.steps for number in _cut(length, slicing.steps_each, self.chunks)
        )

    @property
    def words(self) -> int:
        """The words of the batch."""
        return self.slicing.batch * self.lengths.words

    @cached_property
    def layout(self) -> Layout:
        """One pair of layers a device, four more for the softmax."""
        return layout_of([1] * CHAIN, self.outline.head_rows, SHARDS)

    @cached_property
    def graph(self) -> Graph:
        """The graph of the step."""
        work = tuple(
            self._compute(part, Operation.FORWARD, self.slicing.steps_each).flops
            for part in self.layout.parts
        )
        shape = Shape(CHAIN, SHARDS, segments=self.outline.segments, clips=self.outline.clips)
        return graph_of(shape, self.slicing.microbatches, self.chunks, work)

    @cached_property
    def plan(self) -> Plan:
        """The plan of the wavefront, with its messages."""
        return add_transfers(SCHEDULES["wavefront"].plan(self.graph))

    @cached_property
    def message_bytes(self) -> dict[Message, int]:
        """The bytes of each message."""
        edges = edges_of(self.outline, self.layout, self.slicing.microbatches, self.chunks)
        steps = (self.steps,) * self.slicing.microbatches
        return {message: bytes_of(edges, message, steps) for message in messages_of(self.graph)}

    @cached_property
    def handled_bytes(self) -> dict[Action, list[int]]:
        """The bytes of the messages that begin or end with each action."""
        found: dict[Action, list[int]] = defaultdict(list)
        for message, size in self.message_bytes.items():
            found[message.producer].append(size)
            found[message.consumer].append(size)
        return found

    @cached_property
    def tasks(self) -> dict[Action, Task]:
        """The task of every action."""
        return {action: self._task(action) for action in self.graph.actions()}

    def flops(self, device: int, segment: int) -> float:
        """Operations of a device while a segment is computed."""
        return sum(
            task.flops
            for action, task in self.tasks.items()
            if self.graph.device(action) == device and self.graph.segment_of(action.chunk) == segment
        )

    def zeroing(self, device: int) -> Task:
        """The task before a device's first action."""
        return Task(bytes=self._gradients_bytes(self.layout.parts_on(device)), kernels=1)

    def update(self, device: int, *, all_rows: bool) -> Task:
        """The task after a device's last action."""
        return self._update(self.layout.parts_on(device), all_rows=all_rows)

    def single(self, *, all_rows: bool) -> Counter[Task]:
        """What one GPU does in a step, and how often."""
        found: Counter[Task] = Counter()
        layers, head = range(self.outline.layers), Slice(CHAIN, CHAIN, opens=False, closes=True)
        for operation in self.graph.operations:
            for layer in layers:
                part = Slice(layer, layer + 1, opens=layer == 0, closes=False)
                found[self._compute(part, operation, 1)] += sum(self.lengths.steps)
            found[self._compute(head, operation, 1)] += self.lengths.steps[-1]
        everything = [whole(self.outline)]
        found[self._norm(everything)] += 1
        found[Task(bytes=self._gradients_bytes(everything), kernels=1)] += 1
        found[self._update(everything, all_rows=all_rows)] += 1
        return found

    def _task(self, action: Action) -> Task:
        if action.operation is Operation.NORM:
            return self._norm(self.layout.parts_on(self.graph.device(action)))
        if action.operation in REDUCTIONS:
            return Task(kernels=1)
        steps, count = self.steps[action.chunk], self.slicing.microbatches
        return self._compute(self.layout.parts[action.stage], action.operation, steps, microbatches=count)

    def _compute(self, part: Slice, operation: Operation, steps: int, *, microbatches: int = 1) -> Task:
        """The task of ``steps`` time steps of a microbatch in one segment."""
        if not steps:
            return Task()
        alone, softmax = part._replace(opens=False), part.layers == 0
        kernels = part.closes * _LOSS_KERNELS
        if softmax:
            calls, all_steps = 1, self.lengths.steps[-1]  # of all steps at once
            weights = self.outline.parameters(alone)
            kernels += (not part.joins) * SOFTMAX_KERNELS[operation]
        else:
            calls, all_steps = steps, sum(self.lengths.steps)
            weights = self.outline.parameters(alone) // len(SEGMENTS)
            kernels += steps * (part.layers * LSTM_KERNELS[operation] + part.opens * _EMBEDDING_KERNELS)
        return Task(
            flops=self.outline.step_flops(alone) * _OF_TRAINING[operation] * steps / all_steps / microbatches,
            bytes=calls * _PASSES[operation] * weights * self.outline.element_bytes,
            kernels=kernels,
            softmax=softmax,
        )

    def _norm(self, parts: Sequence[Slice]) -> Task:
        return Task(bytes=self._gradients_bytes(parts), kernels=1)

    def _update(self, parts: Sequence[Slice], *, all_rows: bool) -> Task:
        """The update: gradients are read, parameters read and written, all or those that have gradients."""
        gradients = self._gradients_bytes(parts)
        changed = sum(self.outline.memory(part, 0).parameters for part in parts) if all_rows else gradients
        return Task(bytes=gradients + 2 * changed, kernels=1)

    def _gradients_bytes(self, parts: Sequence[Slice]) -> int:
        """Bytes of the gradients: those of the embeddings' rows that occur, and of all else."""
        return sum(self.outline.memory(part, 0).gradients for part in parts)


def _cut(length: int, each: int, chunks: int) -> list[int]:
    """The steps in each chunk: empty ones first, so that the last one ends with the sentence."""
    full, rest = divmod(length, each)
    filled = [*([rest] if rest else []), *[each] * full]
    return [0] * (chunks - len(filled)) + filled


@lru_cache(maxsize=64)
def step_work(lengths: Lengths, slicing: Slicing) -> StepWork:
    """The work of a step, which is kept: making its plan takes time."""
    return StepWork(lengths, slicing)
