"""Transports: what carries a message's tensors from one device to another."""

from collections.abc import Iterable
from typing import Protocol

from pipebench.engine.stage import Payload
from pipebench.plan.transfers import Message


class Transport(Protocol):
    """Both ends call it with the same message of the plan, so nothing but the payload need travel."""

    def send(self, message: Message, payload: Payload) -> None:
        """Give away the result of ``message.producer``; does not block compute."""

    def receive(self, message: Message) -> Payload:
        """The tensors sent for this message."""


class Mailbox:
    """Devices of one process: the tensors themselves change hands, nothing is copied.

    What a real link would cost is the virtual clock's business.
    """

    def __init__(self, messages: Iterable[Message]) -> None:
        self._payloads: dict[Message, Payload | None] = dict.fromkeys(messages)

    def send(self, message: Message, payload: Payload) -> None:
        """Put it where its receiver will look."""
        self._payloads[message] = payload

    def receive(self, message: Message) -> Payload:
        """Take it; it must have been sent before."""
        payload, self._payloads[message] = self._payloads[message], None
        assert payload is not None, "received before it was sent"
        return payload
