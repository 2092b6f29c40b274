"""Transports carry a message's tensors from one device to another."""

from collections.abc import Iterable
from typing import Protocol

from pipebench.engine.stage import Payload
from pipebench.plan.transfers import Message


class Transport(Protocol):
    """Carries messages; both ends name the same message of the plan, so only the payload has to travel."""

    def send(self, message: Message, payload: Payload) -> None:
        """Send the result of ``message.producer``, without blocking compute."""

    def receive(self, message: Message) -> Payload:
        """Wait for this message; the tensors that were sent."""


class Mailbox:
    """The transport between devices of one process: it hands over the tensors themselves, without a copy.

    The virtual clock adds what a real link would cost.
    """

    def __init__(self, messages: Iterable[Message]) -> None:
        self._payloads: dict[Message, Payload | None] = dict.fromkeys(messages)

    def send(self, message: Message, payload: Payload) -> None:
        """Keep the payload for the receiver."""
        self._payloads[message] = payload

    def receive(self, message: Message) -> Payload:
        """Take the payload out; it must have been sent before."""
        payload, self._payloads[message] = self._payloads[message], None
        assert payload is not None, "received before it was sent"
        return payload
