"""Real messages between processes, over gloo or NCCL.

Sizes and order come from the plan on both ends (gloo aborts the receiver on a size mismatch, and NCCL knows
no tags). Receives are posted ahead, all of a step before it starts, into buffers that the steps reuse; sends
do not block compute. In a checked step each payload follows a header that names it.

With NCCL each direction between two ranks has a communicator of its own, so that no message queues behind
one of another direction, and waiting is the GPU's business: the stream waits, the host goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from pipebench.errors import RunFailedError
from pipebench.plan.actions import RECEIVES, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Program
from pipebench.plan.transfers import Message, messages_by_action

Groups = Mapping[tuple[int, int], Any]  # the process group of each direction: sender, receiver

_HEADER = 6  # step, operation, stage, microbatch, chunk, numbers
_OPERATIONS = list(Operation)


class RankTransport:
    """One rank's end of all its messages.

    Args:
        graph: of the plan.
        program: this rank's actions, with its transfers.
        buffer: makes an empty tensor of a message's shape and dtype, where messages arrive.
        groups: by direction; a direction that is not there uses the group of all ranks.
    """

    def __init__(
        self, graph: Graph, program: Program, buffer: Callable[[], Tensor], groups: Groups | None = None
    ) -> None:
        messages = messages_by_action(graph)
        self._incoming: Sequence[Message] = [messages[a] for a in program if a.operation in RECEIVES]
        self._buffers = {message: buffer() for message in self._incoming}
        self._groups = groups or {}
        self._posted: dict[Message, dist.Work | None] = dict.fromkeys(self._incoming)
        self._sent: list[tuple[dist.Work, Tensor]] = []
        self._step = 0
        self._checked = False

    def begin_step(self, *, checked: bool) -> None:
        """Post this step's receives; a checked step receives each message when it is asked for."""
        self._step += 1
        self._checked = checked
        if not checked:
            for message in self._incoming:
                self._posted[message] = self._irecv(message, self._buffers[message])

    def end_step(self) -> None:
        """Wait until everything sent has arrived."""
        for work, _ in self._sent:
            work.wait()
        self._sent.clear()

    def send(self, message: Message, tensor: Tensor) -> None:
        """Give a result away; it is kept until the receiver has it."""
        payload = tensor.contiguous()
        if self._checked:
            self._isend(message, self._header(message, payload))
        self._isend(message, payload)

    def receive(self, message: Message) -> Tensor:
        """The buffer with the message in it; it is free again when the next step begins."""
        buffer = self._buffers[message]
        if self._checked:
            self._check_header(message, buffer)
            self._irecv(message, buffer).wait()
            return buffer
        work = self._posted[message]
        assert work is not None, "received in a step that was not begun"
        work.wait()
        self._posted[message] = None
        return buffer

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

    def _header(self, message: Message, payload: Tensor) -> Tensor:
        operation, stage, microbatch, chunk = message.producer
        number = _OPERATIONS.index(operation)
        return torch.tensor(
            [self._step, number, stage, microbatch, chunk, payload.numel()],
            dtype=torch.int64,
            device=payload.device,
        )

    def _check_header(self, message: Message, buffer: Tensor) -> None:
        found = torch.empty(_HEADER, dtype=torch.int64, device=buffer.device)
        self._irecv(message, found).wait()
        expected = self._header(message, buffer)
        if not torch.equal(found, expected):
            raise RunFailedError(
                f"verification: rank {message.receiver} expected {message.producer} of step {self._step} from "
                f"rank {message.sender} (header {expected.tolist()}), got header {found.tolist()}"
            )
