"""Activation checkpointing: which microbatches keep only their input, and what a device then holds at most.

A checkpointed forward keeps its input and nothing else; its backward first runs the forward again.

    none          every forward keeps all that its backward needs
    always        every microbatch is checkpointed
    except-last   all but the last one, whose backward comes soonest (GPipe's and torchgpipe's usual choice)
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipebench.plan.actions import Action, Operation

CHECKPOINTS = ("none", "always", "except-last")
_STARTS = frozenset({Operation.BACKWARD, Operation.BACKWARD_INPUT})
_FREES = frozenset({Operation.BACKWARD, Operation.BACKWARD_WEIGHT})


def is_checkpointed(checkpoint: str, microbatch: int, microbatches: int) -> bool:
    """Whether the forwards of this microbatch (0-based) keep only their input."""
    return checkpoint == "always" or (checkpoint == "except-last" and microbatch < microbatches - 1)


class Kept(NamedTuple):
    """What a stage keeps of a (microbatch, chunk) slice, without checkpointing and with it.

    In both cases it keeps ``past`` more for each earlier chunk of the microbatch.
    """

    whole: int
    input_only: int
    past: int = 0

    def of(self, chunk: int) -> tuple[int, int]:
        """What is kept of this chunk: whole, and with checkpointing."""
        return self.whole + chunk * self.past, self.input_only + chunk * self.past


def peak_saved(actions: Iterable[Action], kept: Sequence[Kept], *, checkpoint: str, microbatches: int) -> int:
    """The most that a device holds for its backwards at any time, in the unit of ``kept``.

    Args:
        actions: the device's actions, in program order.
        kept: what each stage keeps of a slice.
        checkpoint: one of ``CHECKPOINTS``.
        microbatches: the graph's number of microbatches.
    """
    held = peak = 0
    for action in actions:
        whole, input_only = kept[action.stage].of(action.chunk)
        checkpointed = is_checkpointed(checkpoint, action.microbatch, microbatches)
        if action.operation is Operation.FORWARD:
            held += input_only if checkpointed else whole
        elif action.operation in _STARTS and checkpointed:
            held += whole - input_only  # what the repeated forward saves again
        peak = max(peak, held)
        if action.operation in _FREES:
            held -= whole
    return peak
