"""A process that torchrun or Slurm started runs its part: rank 0 leads, the others follow."""

import os
from collections.abc import Callable

import msgspec

from pipebench.errors import ExitCode, PipebenchError
from pipebench.hosts.exchange import Exchange, opened
from pipebench.hosts.leader import Leader
from pipebench.hosts.member import Member
from pipebench.hosts.seats import present
from pipebench.hosts.words import present_key, status_key
from pipebench.launching.rendezvous.told import Told
from pipebench.measuring.torch_check import check_torch
from pipebench.system import signals


def joined(told: Told, lead: Callable[[Leader], int]) -> int:
    """Run this rank's part; return the exit code that all ranks end with.

    Args:
        told: what the launcher has told this process.
        lead: what rank 0 does, with the others as its company; its exit code is everybody's.

    Raises:
        PipebenchError: On rank 0, what ended the run; on any rank, that it cannot join.
    """
    asked = os.environ.get("TORCH_CPP_LOG_LEVEL")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")  # c10d says at length what we say in a line
    check_torch()
    os.environ["TORCH_CPP_LOG_LEVEL"] = asked or "ERROR"  # for measuring processes, which have logs
    with signals.orderly_end():
        exchange = Exchange(opened(told), status_key(told.rank))
        try:
            exchange.leave(present_key(told.rank), msgspec.json.encode(present(told)))
            return _led(Leader(told, exchange), lead) if told.rank == 0 else Member(told, exchange).serve()
        finally:
            signals.ignore()  # the launcher ends all once one has ended, and this one is ending
            exchange.close()


def _led(leader: Leader, lead: Callable[[Leader], int]) -> int:
    code: int = ExitCode.BUG
    try:
        code = lead(leader)
    except PipebenchError as error:
        code = error.exit_code
        raise
    finally:
        with signals.held():
            leader.finish(code)
    return code
