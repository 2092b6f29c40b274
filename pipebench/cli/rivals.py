"""Options that exclude each other: one on the command line takes the place of another that stands in a file.

Without this a switch that a file turns on could not be turned off on the command line.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress

import typer

from pipebench.cli import given
from pipebench.errors import UsageError
from pipebench.plan.device_kind import REAL

Groups = tuple[tuple[str, ...], ...]  # one parameter of a group excludes those of the others

_FORM: Groups = (("form",), ("json",))
RIVALS: Mapping[str, tuple[Groups, ...]] = {
    "run": (
        (("launches",), ("quick",), ("rigorous",)),
        (("text",), ("source", "target"), ("pairs",), ("synthetic",)),
        (("tokens",), ("synthetic",)),
    ),
    "simulate": (
        (("csv",), ("json", "svg")),
        (("links",), ("stages", "hosts", "transfer", "transfer_between")),
        (("backward",), ("backward_input", "backward_weight")),
    ),
    "show": ((("schema",), ("json", "svg")),),
    "compare": (_FORM,),
    "reproduce": (_FORM,),
    "check": ((("self_test",), ("junit", "allow_inconclusive", "allow_mismatch", "against")),),
}
_OF_A_LAUNCHER = ("gpus", "launches", "quick", "rigorous", "machine")  # what torchrun or Slurm decides


def beaten(context: typer.Context) -> set[str]:
    """The parameters that a file gives and that do not count beside what the command line or a launcher says."""
    found = {name for groups in RIVALS.get(str(context.info_name), ()) for name in _others(context, groups)}
    if context.info_name == "run":
        found |= {*_devices(context), *_launcher()}
    return {name for name in found if given.source(context, name) == given.FILE}


def _others(context: typer.Context, groups: Groups) -> Iterator[str]:
    """If one of several groups is typed, the parameters of the other groups."""
    for group in groups:
        if any(given.is_typed(context, name) for name in group):
            yield from (name for other in groups if other is not group for name in other)


def _devices(context: typer.Context) -> Iterator[str]:
    """The one of ``--machine`` and ``--device`` that does not count, since a machine is only for emulated devices."""
    if given.is_typed(context, "device") and context.params["device"] in REAL:
        yield "machine"
    if given.is_typed(context, "machine"):
        yield "device"


def _launcher() -> tuple[str, ...]:
    return () if rank() is None else _OF_A_LAUNCHER


def rank() -> int | None:
    """Which of several processes this is, if a launcher has started them."""
    from pipebench.launching.rendezvous.told import told

    with suppress(UsageError):  # told where the run begins
        found = told(sys.argv[1:], os.environ)
        return None if found is None else found.rank
    return None
