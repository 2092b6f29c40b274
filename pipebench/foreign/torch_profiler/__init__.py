"""Traces that ``torch.profiler`` writes of ``torch.distributed.pipelining``, one file a rank.

document     a file's bytes: unpacked, bounded, hashed
events       the bytes as events of one rank
labels       what the schedule wrote: which operation, stage and microbatch, from when to when
pipelines    which ranks are one pipeline, and each one's device
steps        which optimizer step a label belongs to
on_cpu       times of computing and of messages, by gloo
on_gpu       the same, by kernels and NCCL
reading      all of these, one after the other: files -> rows
"""

from pipebench.foreign.torch_profiler.document import is_trace
from pipebench.foreign.torch_profiler.reading import read_traces

__all__ = ["is_trace", "read_traces"]
