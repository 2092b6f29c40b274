"""Find out from the environment whether a launcher started this process as one of several. Pure.

``pipebench`` starts the processes of a run itself. If torchrun, srun or mpirun started it once for each rank, several
whole runs would run side by side and slow each other down. Their figures would be wrong, and nothing would show it.

A launcher tells each process its rank and the number of processes. There are several if the number is 2 or more, or the
rank is above 0. A missing rank is not taken for 0, since it is not known which process this is.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipebench.errors import UsageError
from pipebench.system import pasting


class _Habit(NamedTuple):
    """The variables by which one kind of launcher tells a process its rank and the number of processes."""

    name: str  # empty if the variables are set by hand, or for every process of a container
    size: str
    rank: str
    mark: str = ""  # a variable without which the other two mean nothing


# The first one that fits names the launcher: torchrun under srun is torchrun.
_HABITS = (
    _Habit("torchrun", "WORLD_SIZE", "RANK", "TORCHELASTIC_RUN_ID"),
    _Habit("srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_PROCID"),
    _Habit("mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    _Habit("mpirun", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"),
    _Habit("mpiexec", "PMI_SIZE", "PMI_RANK"),
    _Habit("mpiexec", "MPI_LOCALNRANKS", "MPI_LOCALRANKID"),
    _Habit("mpiexec", "PALS_SIZE", "PALS_RANKID"),
    _Habit("aprun", "ALPS_SIZE", "ALPS_APP_PE"),
    _Habit("jsrun", "JSM_NAMESPACE_SIZE", "JSM_NAMESPACE_RANK"),
    _Habit("flux run", "FLUX_JOB_SIZE", "FLUX_TASK_RANK", "FLUX_TASK_RANK"),
    _Habit("horovodrun", "HOROVOD_SIZE", "HOROVOD_RANK"),
    _Habit("a launcher that speaks PMIx", "PMIX_SIZE", "PMIX_RANK"),
    _Habit("", "WORLD_SIZE", "RANK"),  # deepspeed, accelerate; Kubeflow and PAI, where they count machines
    _Habit("", "WORLD_SIZE", "LOCAL_RANK"),
    _Habit("", "PET_NNODES", "PET_NODE_RANK"),
)
_BY_HAND = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "PET_NNODES", "PET_NODE_RANK")

# Variables of a launcher that torch reads: our own processes must not take them for theirs.
_OF_TORCH = frozenset(
    {
        *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "ROLE_NAME"),
        *("WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE"),
        *("MASTER_ADDR", "MASTER_PORT"),
    }
)
_PREFIXES_OF_TORCH = ("TORCHELASTIC_", "PET_")


def check_alone(command: str, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Refuse to measure as one of several processes, with the command to use instead.

    Args:
        command: the command that measures, such as ``run``.
        arguments: all arguments of ``pipebench``.
        environment: the environment of this process.

    Raises:
        UsageError: A launcher started this process as one of several.
    """
    habit = _several(environment)
    if habit is None:
        return
    told = ", ".join(f"{name}={environment[name]}" for name in habit[1:3] if environment.get(name))
    again = pasting.command(*arguments)
    if habit.name:
        why, instead = f"{habit.name} started it as one of several", f"start it without {habit.name}"
    else:
        why, instead = "by its environment it is one of several", "start it on one machine"
        again = f"env {' '.join(f'-u {name}' for name in _BY_HAND if name in environment)} {again}"
    raise UsageError(
        f"{command} starts its processes itself, and {why} ({told}): all of them would measure at once; "
        f"{instead}: {again}"
    )


def without_ranks(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for processes of our own, without what a launcher of torch told this process."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _OF_TORCH and not name.startswith(_PREFIXES_OF_TORCH)
    }


def _several(environment: Mapping[str, str]) -> _Habit | None:
    """The first habit that shows several processes; ``None`` if there is none."""
    for habit in _HABITS:
        if habit.mark and habit.mark not in environment:
            continue
        if habit.size == "PET_NNODES" and _is_told_by_torchrun(environment):
            continue
        if max(_count(environment, habit.size), _count(environment, habit.rank) + 1) > 1:
            return habit
    return None


def _is_told_by_torchrun(environment: Mapping[str, str]) -> bool:
    """Whether torchrun, whose options the ``PET_*`` variables are, has followed them and told this process its rank."""
    return _count(environment, "RANK") >= 0 and _count(environment, "WORLD_SIZE") > 0


def _count(environment: Mapping[str, str], name: str) -> int:
    """A rank or a number of processes: ``1:4`` gives 4, and anything that is no number gives -1."""
    text = environment.get(name, "").rpartition(":")[2].strip()
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else -1
