"""Transports: what carries a message's tensor from one device to another."""

from collections.abc import Iterable
from typing import Protocol

from torch import Tensor

from pipebench.plan.transfers import Message


class Transport(Protocol):
    """Both ends call it with the same message of the plan, so nothing but the payload need travel."""

    def send(self, message: Message, tensor: Tensor) -> None:
        """Give away the result of ``message.producer``; does not block compute."""

    def receive(self, message: Message) -> Tensor:
        """The tensor sent for this message."""


class Mailbox:
    """Devices of one process: the tensor itself changes hands, nothing is copied.

    What a real link would cost is the virtual clock's business.
    """

    def __init__(self, messages: Iterable[Message]) -> None:
        self._tensors: dict[Message, Tensor | None] = dict.fromkeys(messages)

    def send(self, message: Message, tensor: Tensor) -> None:
        """Put the tensor where its receiver will look."""
        self._tensors[message] = tensor

    def receive(self, message: Message) -> Tensor:
        """Take it; it must have been sent before."""
        tensor, self._tensors[message] = self._tensors[message], None
        assert tensor is not None, "received before it was sent"
        return tensor
