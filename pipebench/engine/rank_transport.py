"""Real messages between processes, over gloo or NCCL.

Both ends know sizes and order from the plan (gloo aborts the receiver on a size mismatch, and NCCL knows no
tags). Receives are posted ahead, into buffers that the steps reuse. On a CPU all receives of a step are posted
before it starts. On a GPU only a few are posted in each direction, since a waiting receive occupies the GPU and
its queues. Sends do not block compute. In a checked step each payload follows a header that names it.

With NCCL each direction between two ranks has a communicator of its own, so that no message queues behind
one of another direction. Then the GPU's stream waits for a message, and the host goes on.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from pipebench.engine.buffers import Buffers
from pipebench.engine.stage import Payload
from pipebench.errors import RunFailedError
from pipebench.models.edges import Steps
from pipebench.plan.actions import RECEIVES, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Program
from pipebench.plan.transfers import Message, messages_by_action

Groups = Mapping[tuple[int, int], Any]  # the process group of each direction: sender, receiver

_HEADER = 8  # step, operation, stage, microbatch, chunk, consumer's stage, tensor's number, tensor's elements
_OPERATIONS = list(Operation)


def _nexts(incoming: Sequence[Message], ahead: int) -> dict[Message | None, list[Message]]:
    """The receives to post at the step's start (key ``None``), and those to post after each message is received."""
    result: dict[Message | None, list[Message]] = {None: []}
    by_direction: dict[tuple[int, int], list[Message]] = defaultdict(list)
    for message in incoming:
        earlier = by_direction[message.sender, message.receiver]
        result.setdefault(earlier[-ahead] if len(earlier) >= ahead else None, []).append(message)
        earlier.append(message)
    return result


class RankTransport:
    """One rank's end of all its messages.

    Args:
        graph: the graph of the plan.
        program: this rank's actions, with its transfers.
        buffers: makes the tensors in which messages arrive.
        groups: the group of each direction; a direction without one uses the group of all ranks.
        ahead: how many receives of a direction are posted before they are needed; by default all of a step.
    """

    def __init__(
        self,
        graph: Graph,
        program: Program,
        buffers: Callable[[Sequence[Message]], Buffers],
        groups: Groups | None = None,
        *,
        ahead: int | None = None,
    ) -> None:
        messages = messages_by_action(graph)
        self._incoming: Sequence[Message] = [messages[a] for a in program if a.operation in RECEIVES]
        self._all_buffers = buffers(self._incoming)
        self._buffers: Mapping[Message, Payload] = {}  # of the current step
        self._groups = groups or {}
        self._posted: dict[Message, list[dist.Work] | None] = dict.fromkeys(self._incoming)
        self._next = _nexts(self._incoming, ahead or len(self._incoming))
        self._sent: deque[tuple[dist.Work, Tensor]] = deque()
        self._step = 0
        self._checked = False

    def begin_step(self, *, checked: bool, steps: Steps | None = None) -> None:
        """Post this step's receives; a checked step receives each message when it is asked for.

        ``steps`` are the time steps of the batch's slices, if slices differ in length.
        """
        self._buffers = self._all_buffers.of(steps)
        self._step += 1
        self._checked = checked
        if not checked:
            for message in self._next[None]:
                self._post(message)

    def end_step(self) -> None:
        """Wait until everything sent has arrived."""
        for work, _ in self._sent:
            work.wait()
        self._sent.clear()

    def send(self, message: Message, payload: Payload) -> None:
        """Send a result; its tensors are kept until the receiver has them."""
        while self._sent and self._sent[0][0].is_completed():
            self._sent.popleft()
        for number, tensor in enumerate(payload):
            whole = tensor.contiguous()
            if self._checked:
                self._isend(message, self._header(message, number, whole))
            self._isend(message, whole)

    def receive(self, message: Message) -> Payload:
        """Wait for a message; the buffers that hold it, which the next step uses again."""
        buffers = self._buffers[message]
        if self._checked:
            for number, buffer in enumerate(buffers):
                self._check_header(message, number, buffer)
                self._irecv(message, buffer).wait()
            return buffers
        works = self._posted[message]
        assert works is not None, "received in a step that was not begun"
        for work in works:
            work.wait()
        self._posted[message] = None
        for following in self._next.get(message, ()):
            self._post(following)
        return buffers

    def _post(self, message: Message) -> None:
        self._posted[message] = [self._irecv(message, buffer) for buffer in self._buffers[message]]

    def _group(self, message: Message) -> Any:
        return self._groups.get((message.sender, message.receiver))

    def _isend(self, message: Message, tensor: Tensor) -> None:
        work = dist.isend(tensor, message.receiver, group=self._group(message))
        assert work is not None, "a rank sends to another rank"
        self._sent.append((work, tensor))

    def _irecv(self, message: Message, tensor: Tensor) -> dist.Work:
        work = dist.irecv(tensor, message.sender, group=self._group(message))
        assert work is not None, "a rank receives from another rank"
        return work

    def _header(self, message: Message, which: int, tensor: Tensor) -> Tensor:
        operation, stage, microbatch, chunk = message.producer[:4]
        number = _OPERATIONS.index(operation)
        return torch.tensor(
            [self._step, number, stage, microbatch, chunk, message.consumer.stage, which, tensor.numel()],
            dtype=torch.int64,
            device=tensor.device,
        )

    def _check_header(self, message: Message, number: int, buffer: Tensor) -> None:
        found = torch.empty(_HEADER, dtype=torch.int64, device=buffer.device)
        self._irecv(message, found).wait()
        expected = self._header(message, number, buffer)
        if not torch.equal(found, expected):
            raise RunFailedError(
                f"verification: rank {message.receiver} expected {message.producer} of step {self._step} from "
                f"rank {message.sender} (header {expected.tolist()}), got header {found.tolist()}"
            )
