"""The gloo transport: real messages between processes.

Sizes and order come from the plan on both ends (gloo aborts the receiver on a size mismatch, and NCCL knows
no tags). Receives are posted ahead, all of a step before it starts, into buffers that the steps reuse; sends
do not block compute. In a checked step each payload follows a header that names it.
"""

from collections.abc import Callable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from pipebench.errors import RunFailedError
from pipebench.plan.actions import RECEIVES, Operation
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Program
from pipebench.plan.transfers import Message, messages_by_action

_HEADER = 6  # step, operation, stage, microbatch, chunk, numbers
_OPERATIONS = list(Operation)


class GlooTransport:
    """One rank's end of all its messages.

    Args:
        graph: of the plan.
        program: this rank's actions, with its transfers.
        buffer: makes an empty tensor of a message's shape and dtype.
    """

    def __init__(self, graph: Graph, program: Program, buffer: Callable[[], Tensor]) -> None:
        messages = messages_by_action(graph)
        self._incoming: Sequence[Message] = [messages[a] for a in program if a.operation in RECEIVES]
        self._buffers = {message: buffer() for message in self._incoming}
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
                self._posted[message] = dist.irecv(self._buffers[message], message.sender)

    def end_step(self) -> None:
        """Wait until everything sent has arrived."""
        for work, _ in self._sent:
            work.wait()
        self._sent.clear()

    def send(self, message: Message, tensor: Tensor) -> None:
        """Give a result away; it is kept until the receiver has it."""
        payload = tensor.contiguous()
        if self._checked:
            self._isend(self._header(message, payload), message.receiver)
        self._isend(payload, message.receiver)

    def receive(self, message: Message) -> Tensor:
        """The buffer with the message in it; it is free again when the next step begins."""
        buffer = self._buffers[message]
        if self._checked:
            self._check_header(message, buffer)
            dist.recv(buffer, message.sender)
            return buffer
        work = self._posted[message]
        assert work is not None, "received in a step that was not begun"
        work.wait()
        self._posted[message] = None
        return buffer

    def _isend(self, tensor: Tensor, receiver: int) -> None:
        work = dist.isend(tensor, receiver)
        assert work is not None, "a rank sends to another rank"
        self._sent.append((work, tensor))

    def _header(self, message: Message, payload: Tensor) -> Tensor:
        operation, stage, microbatch, chunk = message.producer
        number = _OPERATIONS.index(operation)
        return torch.tensor(
            [self._step, number, stage, microbatch, chunk, payload.numel()], dtype=torch.int64
        )

    def _check_header(self, message: Message, buffer: Tensor) -> None:
        found = torch.empty(_HEADER, dtype=torch.int64)
        dist.recv(found, message.sender)
        expected = self._header(message, buffer)
        if not torch.equal(found, expected):
            raise RunFailedError(
                f"verification: rank {message.receiver} expected {message.producer} of step {self._step} from "
                f"rank {message.sender} (header {expected.tolist()}), got header {found.tolist()}"
            )
