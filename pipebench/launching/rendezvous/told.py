"""What torchrun or Slurm told this process, so that it joins the others instead of starting a run of its own. Pure.

    torchrun   RANK LOCAL_RANK WORLD_SIZE MASTER_ADDR MASTER_PORT, all of them; its agent has the store
    srun       SLURM_PROCID SLURM_LOCALID SLURM_STEP_NUM_TASKS SLURM_STEP_NODELIST; rank 0 has the store

A missing rank is not taken for 0: on PAI and Kubeflow RANK and WORLD_SIZE count machines, so a process on each machine
would take itself for rank 0. The address and the port of srun's store are MASTER_ADDR and MASTER_PORT if they are set;
else they follow from Slurm's variables.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from pipebench.errors import UsageError
from pipebench.launching.rendezvous.nodelist import first_host
from pipebench.system import pasting

_TOGETHER = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_MOST_RANKS = 65536
_FIRST_PORT, _PORTS = 20000, 12000  # below the ports that systems hand out


class Told(NamedTuple):
    """One process's place among those that a launcher started, and where they meet.

    ``store_is_there``: the launcher listens at the address; else rank 0 must listen. ``job`` is the same for all
    processes of one start, and differs from other starts that meet at the same port.
    """

    launcher: Literal["torchrun", "srun"]
    rank: int
    local_rank: int
    ranks: int
    address: str
    port: int
    store_is_there: bool
    job: str = ""


def told(arguments: Sequence[str], environment: Mapping[str, str]) -> Told | None:
    """What a launcher told this process; ``None`` if it is alone.

    Args:
        arguments: all arguments of ``pipebench``.
        environment: the environment of this process.

    Raises:
        UsageError: This process is one of several, but its rank is not known; or torchrun may restart it.
    """
    if all(environment.get(name) for name in _TOGETHER):
        found = _by_torchrun(environment)
        if found.ranks > 1:
            _check_restarts(arguments, environment)
            return found
        return _by_srun(environment)
    by_srun = _by_srun(environment)
    if by_srun is not None and _agree(by_srun, environment):
        return by_srun
    missing = _incomplete(environment)
    if missing is not None:
        raise UsageError(f"{missing}; start it by torchrun: {_by_hand(arguments, environment)}")
    return by_srun


def _agree(by_srun: Told, environment: Mapping[str, str]) -> bool:
    """Whether the variables that a batch script exported for torch, if any, agree with Slurm's."""
    return (
        _number_or(environment, "WORLD_SIZE", by_srun.ranks) == by_srun.ranks
        and _number_or(environment, "RANK", by_srun.rank) == by_srun.rank
        and _number_or(environment, "LOCAL_RANK", by_srun.local_rank) == by_srun.local_rank
    )


def _check_restarts(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Refuse restarts: a group of processes that is started again is another launch, with other ranks."""
    if _number_or(environment, "TORCHELASTIC_MAX_RESTARTS", 0) > 0:
        asked = environment["TORCHELASTIC_MAX_RESTARTS"]
        raise UsageError(
            f"torchrun --max-restarts {asked}: expected 0, since one start is one launch; "
            f"use torchrun --max-restarts 0 ... -m pipebench {' '.join(map(pasting.quoted, arguments))}"
        )


def _by_torchrun(environment: Mapping[str, str]) -> Told:
    rank, local_rank, ranks, port = (
        _number(environment, name, most)
        for name, most in (
            ("RANK", _MOST_RANKS),
            ("LOCAL_RANK", _MOST_RANKS),
            ("WORLD_SIZE", _MOST_RANKS),
            ("MASTER_PORT", 65535),
        )
    )
    if rank >= ranks:
        raise UsageError(f"RANK={rank} with WORLD_SIZE={ranks}: expected a rank below the number of ranks")
    return Told(
        launcher="torchrun",
        rank=rank,
        local_rank=local_rank,
        ranks=ranks,
        address=environment["MASTER_ADDR"],
        port=port,
        store_is_there=environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        job=environment.get("TORCHELASTIC_RUN_ID", ""),
    )


def _by_srun(environment: Mapping[str, str]) -> Told | None:
    """What srun told a process of a step of several tasks.

    ``None`` for one process: a batch script, the shell of an allocation, or a step of one task.
    """
    if "SLURM_PROCID" not in environment or not environment.get("SLURM_STEP_NUM_TASKS"):
        return None
    ranks = _number(environment, "SLURM_STEP_NUM_TASKS", _MOST_RANKS)
    if ranks < 2:
        return None
    rank, local_rank = (_number(environment, name, _MOST_RANKS) for name in ("SLURM_PROCID", "SLURM_LOCALID"))
    return Told(
        launcher="srun",
        rank=rank,
        local_rank=local_rank,
        ranks=ranks,
        address=environment.get("MASTER_ADDR") or first_host(environment.get("SLURM_STEP_NODELIST", "")),
        port=_number(environment, "MASTER_PORT", 65535)
        if environment.get("MASTER_PORT")
        else _port_of_step(environment),
        store_is_there=False,
        job=".".join(environment.get(f"SLURM_{name}", "") for name in ("JOB_ID", "STEP_ID", "RESTART_COUNT")),
    )


def _port_of_step(environment: Mapping[str, str]) -> int:
    """The first port that Slurm reserved, or else one computed from job and step, so that two steps mostly differ."""
    reserved = re.match("[0-9]+", environment.get("SLURM_STEP_RESV_PORTS", ""))
    if reserved:
        return int(reserved[0])
    job, step = (
        int("0" + re.sub("[^0-9]", "", environment.get(f"SLURM_{name}_ID", ""))) for name in ("JOB", "STEP")
    )
    return _FIRST_PORT + (101 * job + step) % _PORTS


def _incomplete(environment: Mapping[str, str]) -> str | None:
    """What is missing in an environment that tells of several processes, but not which one this is; else ``None``."""
    if _several(environment, "PET_NNODES") and not environment.get("RANK"):
        told_of = f"PET_NNODES={environment['PET_NNODES']}"
        return f"{told_of} are options of torchrun, which did not start this process"
    if not (_several(environment, "WORLD_SIZE") or _number_or(environment, "RANK", 0) > 0):
        return None
    there = [f"{name}={environment[name]}" for name in _TOGETHER if environment.get(name)]
    missing = [name for name in _TOGETHER if not environment.get(name)]
    counted = (
        " (RANK and WORLD_SIZE count machines here, so they do not name a rank)"
        if "LOCAL_RANK" in missing
        else ""
    )
    return f"{', '.join(there)} without {', '.join(missing)}: expected all of them, as torchrun sets them{counted}"


def _by_hand(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """The torchrun command for each machine; if ``PET_*`` variables are set, torchrun reads its options from them."""
    words = ["torchrun"]
    if not _several(environment, "PET_NNODES"):
        machines = max(_number_or(environment, "WORLD_SIZE", 1), _number_or(environment, "RANK", 0) + 1)
        a_machine = _processes(arguments, machines)
        words += ["--nnodes", str(machines), "--node-rank", environment.get("RANK") or "NUMBER"]
        words += ["--nproc-per-node", a_machine]
        words += ["--master-addr", environment.get("MASTER_ADDR") or "FIRST_MACHINE"]
        words += ["--master-port", environment.get("MASTER_PORT") or "29500"]
    return " ".join(map(pasting.quoted, [*words, "-m", "pipebench", *_of_one_launch(arguments)]))


def _of_one_launch(arguments: Sequence[str]) -> Iterator[str]:
    """The arguments without options for the number of launches, since torchrun starts one launch."""
    left_out = False
    for word in arguments:
        if not (left_out or word in ("--quick", "--rigorous") or word.partition("=")[0] == "--launches"):
            yield word
        left_out = word == "--launches"


def _processes(arguments: Sequence[str], machines: int) -> str:
    """The processes of one machine: its share of --gpus, or ``gpu``, which is one for each of its GPUs."""
    text = " ".join(arguments)
    asked = re.search(r"--(?:gpus|devices)[= ]([0-9]{1,5})\b", text)
    if asked and int(asked[1]) >= machines and int(asked[1]) % machines == 0:
        return str(int(asked[1]) // machines)
    return "gpu"


def _several(environment: Mapping[str, str], name: str) -> bool:
    return _number_or(environment, name, 1) > 1


def _number_or(environment: Mapping[str, str], name: str, default: int) -> int:
    """A number, or the default if the variable has none: ``1:4`` gives 4."""
    text = environment.get(name, "").rpartition(":")[2].strip()
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else default


def _number(environment: Mapping[str, str], name: str, most: int) -> int:
    text = environment.get(name, "")
    if not re.fullmatch("[0-9]{1,9}", text.strip()) or int(text) > most:
        raise UsageError(f"{name}: expected a whole number up to {most}, got {text!r}")
    return int(text)
