"""One operation of one stage on one (microbatch, chunk), and its text form.

    2F0      forward of stage 2 on microbatch 0
    2B0.3    backward of stage 2 on chunk 3 of microbatch 0
    3RECV_F0 stage 3 receives the input of its 3F0

The text form without chunks is the one of ``torch.distributed.pipelining``.
"""

import re
from enum import StrEnum
from typing import NamedTuple

from pipebench.errors import UsageError


class Operation(StrEnum):
    """What an action does; the value is its letter in the text form."""

    FORWARD = "F"
    BACKWARD = "B"  # the full backward: gradients of input, state and weights
    BACKWARD_INPUT = "I"  # gradients of input and state only
    BACKWARD_WEIGHT = "W"  # gradients of the weights only
    SEND_FORWARD = "SEND_F"
    RECEIVE_FORWARD = "RECV_F"
    SEND_BACKWARD = "SEND_B"
    RECEIVE_BACKWARD = "RECV_B"


COMPUTE = frozenset(
    {Operation.FORWARD, Operation.BACKWARD, Operation.BACKWARD_INPUT, Operation.BACKWARD_WEIGHT}
)
SENDS = frozenset({Operation.SEND_FORWARD, Operation.SEND_BACKWARD})
RECEIVES = frozenset({Operation.RECEIVE_FORWARD, Operation.RECEIVE_BACKWARD})

_TEXT = re.compile(r"(\d{1,9})(SEND_F|RECV_F|SEND_B|RECV_B|F|B|I|W)(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)


class Action(NamedTuple):
    """Small, frozen and hashable; holds no times, peers or buffers.

    ``stage``, ``microbatch`` and ``chunk`` count from 0. ``chunk`` is a slice of the time axis; a graph
    without chunks uses 0 throughout.
    """

    operation: Operation
    stage: int
    microbatch: int
    chunk: int = 0

    def text(self, *, chunks: bool) -> str:
        """The text form, with ``.chunk`` at the end where the graph has ``chunks``."""
        suffix = f".{self.chunk}" if chunks else ""
        return f"{self.stage}{self.operation.value}{self.microbatch}{suffix}"

    def __str__(self) -> str:
        return self.text(chunks=self.chunk > 0)


def parse_action(text: str) -> Action:
    """Read the text form.

    Raises:
        UsageError: The text is not an action, or one that pipebench does not know.
    """
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"expected an action such as 2F0, 2B0.3 or 3RECV_F0 (operations F, B, I, W, SEND_F, RECV_F, "
            f"SEND_B, RECV_B), got {text.strip()!r}"
        )
    stage, operation, microbatch, chunk = match.groups()
    return Action(Operation(operation), int(stage), int(microbatch), int(chunk or 0))
