"""What cannot be pipelined exactly is found before anything is timed, by what the user's code does."""

from pipebench.models.own.probes.model import probe, probe_batch

__all__ = ["probe", "probe_batch"]
