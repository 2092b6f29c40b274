"""What is measured for each reading of the claim: a model, and the pipelines that stand for it. Pure.

talk     a stacked LSTM, one layer on each of 8 devices; over microbatches, and over time
paper    encoder and decoder, 4 layers each on 4 devices, 4 more that share the softmax; over time, one step after
         the other as in 2014, and with several steps in a chunk
"""

from typing import NamedTuple

from msgspec.structs import replace

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.plan.device_kind import DeviceKind
from pipebench.plurals import counted
from pipebench.records.reproduction import Reading

DEVICES = 8  # of both claims
_STEPS_A_CHUNK = 4  # beside the one of 2014


class Pipelines(NamedTuple):
    """The pipelines of one reading, all measured against one baseline."""

    reading: Reading
    full_size: bool
    configs: tuple[RunConfig, ...]


def pipelines(device: DeviceKind, *, full_size: bool) -> list[Pipelines]:
    """What is measured, reading by reading.

    Args:
        device: what a device is.
        full_size: the sizes of the claims; else those that a CPU core has time for.
    """
    talk = RunOptions(device=device, gpus=DEVICES, preset="talk8" if full_size else "talk8-small")
    paper = RunOptions(
        device=device,
        gpus=DEVICES,
        model="seq2seq",
        preset="seq2seq-2014" if full_size else "seq2seq-2014-small",
        softmax_devices="4",
        schedule="wavefront",
    )
    steps = resolve(paper).sequence_length
    assert steps is not None
    found: dict[Reading, list[RunOptions]] = {
        "talk": [replace(talk, schedule="gpipe"), replace(talk, schedule="wavefront")],
        "paper": [
            replace(paper, microbatches=1, chunks=steps),
            replace(paper, microbatches=4, chunks=steps // _STEPS_A_CHUNK),
        ],
    }
    return [Pipelines(reading, full_size, tuple(map(resolve, each))) for reading, each in found.items()]


def pipeline_text(config: RunConfig) -> str:
    """A pipeline in a few words, such as ``wavefront, 1 microbatch x 24 chunks``."""
    microbatches = counted(config.microbatches, "microbatch", "microbatches")
    chunks = counted(config.chunks, "chunk")
    return f"{config.schedule}, {microbatches}" + ("" if config.chunks == 1 else f" x {chunks}")
