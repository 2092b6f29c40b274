"""Messages between GPUs without NCCL: through pinned host memory, over gloo.

    compute stream  ... produce | copy to the host | produce ...
    a thread                                  wait for the copy, then send
    receiver        wait for the message, then copy to its GPU on the compute stream

gloo cannot send a GPU's tensors point to point. The copy is queued on the stream that computes, and a thread
waits for it, so that a send blocks nothing. Each rank has one such thread, which keeps the order of its messages.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import torch

from pipebench.engine.buffers import Buffers
from pipebench.engine.device import RankDevice
from pipebench.engine.rank_transport import RankTransport
from pipebench.engine.stage import Payload
from pipebench.models.edges import Steps
from pipebench.plan.actions import SENDS
from pipebench.plan.graph import Graph
from pipebench.plan.plan import Program
from pipebench.plan.transfers import Message, messages_by_action


class HostTransport(Protocol):
    """What carries tensors in host memory: see ``RankTransport``."""

    def begin_step(self, *, checked: bool, steps: Steps | None = None) -> None:
        """Post the step's receives."""

    def end_step(self) -> None:
        """Wait for the step's sends."""

    def send(self, message: Message, payload: Payload) -> None:
        """Send tensors of the host."""

    def receive(self, message: Message) -> Payload:
        """Wait for a message; the buffers that hold it."""


class StagedTransport:
    """One rank's end of all its messages, its tensors on a GPU.

    Args:
        graph: the graph of the plan.
        program: this rank's actions, with its transfers.
        pinned: makes the tensors in pinned host memory that messages go through.
        device: the GPU, which the sending thread must use too.
        after_copy: marks this point of the compute stream; its result, when called, waits until the stream gets there.
        host: the transport that carries the pinned tensors; by default gloo.
    """

    def __init__(
        self,
        graph: Graph,
        program: Program,
        *,
        pinned: Callable[[Sequence[Message]], Buffers],
        device: RankDevice,
        after_copy: Callable[[], Callable[[], None]],
        host: HostTransport | None = None,
    ) -> None:
        self._host = host or RankTransport(graph, program, pinned)
        messages = messages_by_action(graph)
        self._all_outgoing = pinned([messages[a] for a in program if a.operation in SENDS])
        self._outgoing: Mapping[Message, Payload] = {}  # of the current step
        self._device, self._after_copy = device.torch, after_copy
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="send", initializer=device.use)
        self._sending: list[Future[None]] = []

    def begin_step(self, *, checked: bool, steps: Steps | None = None) -> None:
        """Post the step's receives."""
        self._outgoing = self._all_outgoing.of(steps)
        self._host.begin_step(checked=checked, steps=steps)

    def end_step(self) -> None:
        """Wait until everything sent has arrived; an error of the sending thread comes out here."""
        for sending in self._sending:
            sending.result()
        self._sending.clear()
        self._host.end_step()

    def send(self, message: Message, payload: Payload) -> None:
        """Queue the copy to the host; the thread sends it when it is there."""
        pinned = self._outgoing[message]
        for there, here in zip(pinned, payload, strict=True):
            there.copy_(here, non_blocking=True)
        copied = self._after_copy()
        self._sending.append(self._thread.submit(self._send, message, pinned, copied))

    def receive(self, message: Message) -> Payload:
        """Wait for the message in host memory, and queue its copy to the device."""
        for sending in self._sending:
            if sending.done():
                sending.result()  # raise the thread's error before this rank waits without end
        return tuple(tensor.to(self._device, non_blocking=True) for tensor in self._host.receive(message))

    def _send(self, message: Message, pinned: Payload, copied: Callable[[], None]) -> None:
        copied()
        self._host.send(message, pinned)


def stream_mark(device: torch.device) -> Callable[[], None]:
    """Record an event on the device's compute stream; call the result to wait until the stream reaches it."""
    event = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(device))
    return event.synchronize
