"""Activation checkpointing: which microbatches keep only their input, and what a device then holds at most.

A checkpointed forward keeps its input and nothing else; its backward first runs the forward again.

    none          every forward keeps all that its backward needs
    always        every microbatch is checkpointed
    except-last   all but the last one, whose backward comes soonest (GPipe's and torchgpipe's usual choice)
"""

from collections.abc import Iterable

from pipebench.plan.actions import Action, Operation

CHECKPOINTS = ("none", "always", "except-last")
_STARTS = frozenset({Operation.BACKWARD, Operation.BACKWARD_INPUT})
_FREES = frozenset({Operation.BACKWARD, Operation.BACKWARD_WEIGHT})


def is_checkpointed(checkpoint: str, microbatch: int, microbatches: int) -> bool:
    """Whether the forwards of this microbatch (0-based) keep only their input."""
    return checkpoint == "always" or (checkpoint == "except-last" and microbatch < microbatches - 1)


def peak_saved(
    actions: Iterable[Action], *, checkpoint: str, microbatches: int, whole: int, input_only: int
) -> int:
    """The most that a device holds for its backwards at any time, in the unit of the two sizes.

    Args:
        actions: of the device, in program order.
        checkpoint: one of ``CHECKPOINTS``.
        microbatches: of the graph.
        whole: what a (microbatch, chunk) slice keeps without checkpointing.
        input_only: what it keeps with.
    """
    held = peak = 0
    for action in actions:
        checkpointed = is_checkpointed(checkpoint, action.microbatch, microbatches)
        if action.operation is Operation.FORWARD:
            held += input_only if checkpointed else whole
        elif action.operation in _STARTS and checkpointed:
            held += whole - input_only  # what the forward that runs again brings back
        peak = max(peak, held)
        if action.operation in _FREES:
            held -= whole
    return peak
