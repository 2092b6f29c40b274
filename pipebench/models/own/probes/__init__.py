"""Finds what cannot be pipelined exactly by running the user's code, before anything is timed."""

from pipebench.models.own.probes.model import probe, probe_batch

__all__ = ["probe", "probe_batch"]
