"""Which environments are those of one of several processes."""

import shlex

import pytest

from pipebench.errors import UsageError
from pipebench.launching.rendezvous import alone


def environment(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in shlex.split(text))


def refusal(text: str, *arguments: str) -> str:
    with pytest.raises(UsageError) as caught:
        alone.check_alone("run", arguments or ("run",), environment(text))
    return str(caught.value)


@pytest.mark.parametrize(
    ("told", "launcher"),
    [
        ("RANK=0 LOCAL_RANK=0 WORLD_SIZE=2 TORCHELASTIC_RUN_ID=x", "torchrun"),
        (
            "RANK=1 LOCAL_RANK=1 WORLD_SIZE=2 TORCHELASTIC_RUN_ID=x SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2",
            "torchrun",
        ),
        (
            "RANK=0 LOCAL_RANK=0 WORLD_SIZE=1 TORCHELASTIC_RUN_ID=x SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2",
            "srun",
        ),
        ("SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=4", "srun"),
        ("SLURM_PROCID=3 SLURM_NTASKS=4", "srun"),
        ("OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=0 PMIX_RANK=0", "mpirun"),
        ("MV2_COMM_WORLD_SIZE=2 MV2_COMM_WORLD_RANK=1", "mpirun"),
        ("PMI_SIZE=2 PMI_RANK=0", "mpiexec"),
        ("MPI_LOCALNRANKS=8 MPI_LOCALRANKID=0", "mpiexec"),
        ("PALS_RANKID=1 PALS_NODEID=0", "mpiexec"),
        ("ALPS_APP_PE=3", "aprun"),
        ("JSM_NAMESPACE_SIZE=6 JSM_NAMESPACE_RANK=0", "jsrun"),
        ("FLUX_JOB_SIZE=2 FLUX_TASK_RANK=0", "flux run"),
        ("HOROVOD_SIZE=2 HOROVOD_RANK=0", "horovodrun"),
        ("PMIX_RANK=1", "PMIx"),
    ],
)
def test_a_launcher_is_named_and_the_command_to_use_stands_at_the_end(told: str, launcher: str) -> None:
    text = refusal(told, "run", "--gpus", "2", "-o", "my results")
    assert launcher in text
    assert text.endswith(f"without {launcher}: pipebench run --gpus 2 -o 'my results'") or launcher == "PMIx"


@pytest.mark.parametrize(
    ("told", "unset"),
    [
        ("RANK=0 LOCAL_RANK=0 WORLD_SIZE=2 MASTER_ADDR=x", "-u WORLD_SIZE -u RANK -u LOCAL_RANK"),
        ("RANK=0 WORLD_SIZE=2", "-u WORLD_SIZE -u RANK"),  # where they count machines
        ("RANK=1", "-u RANK"),
        ("RANK=abc WORLD_SIZE=2", "-u WORLD_SIZE -u RANK"),
        ("WORLD_SIZE=2", "-u WORLD_SIZE"),  # nobody knows which
        ("WORLD_SIZE=2 LOCAL_RANK=0", "-u WORLD_SIZE -u LOCAL_RANK"),
        ("PET_NNODES=2 PET_NODE_RANK=0", "-u PET_NNODES -u PET_NODE_RANK"),
        ("PET_NNODES=1:4 PET_NPROC_PER_NODE=8", "-u PET_NNODES"),
    ],
)
def test_variables_that_no_launcher_of_ours_took_along_are_unset_in_the_command(
    told: str, unset: str
) -> None:
    again = refusal(told, "run", "--gpus", "2").partition("start it on one machine: ")[2]
    assert again == f"env {unset} pipebench run --gpus 2"
    left = environment(told)
    for name in unset.split()[1::2]:
        del left[name]
    alone.check_alone("run", ("run",), left)  # what is suggested works


@pytest.mark.parametrize(
    "told",
    [
        "",
        "RANK=0 LOCAL_RANK=0 WORLD_SIZE=1 MASTER_ADDR=x TORCHELASTIC_RUN_ID=x PET_NNODES=1:4",
        "RANK=0 WORLD_SIZE=1 PET_NNODES=1",
        "WORLD_SIZE= RANK=",
        "WORLD_SIZE=abc",
        "WORLD_SIZE=-1 RANK=-1",
        "WORLD_SIZE=99999999999999999999999",
        "RANK=0",
        "LOCAL_RANK=0",
        "SLURM_PROCID=0 SLURM_NTASKS=4 SLURM_NPROCS=4 SLURM_JOB_ID=7 SLURM_LOCALID=0",  # a batch script
        "SLURM_PROCID=0 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=1",  # a step of one task
        "SLURM_NTASKS=4 SLURM_JOB_ID=7",  # the shell of an allocation
        "SLURM_STEP_NUM_TASKS=4",  # left of a step; this is no process of one
        "OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0 PMIX_RANK=0",
        "PMI_SIZE=1 PMI_RANK=0 MPI_LOCALNRANKS=1",
        "PET_NPROC_PER_NODE=8 PET_NNODES=1",
        "FLUX_JOB_SIZE=4",  # a batch script of flux
    ],
)
def test_one_process_goes_on(told: str) -> None:
    alone.check_alone("run", ("run",), environment(told))


def test_our_own_processes_are_told_no_rank_of_a_launcher() -> None:
    told = "RANK=0 LOCAL_RANK=0 WORLD_SIZE=1 MASTER_ADDR=x MASTER_PORT=1 TORCHELASTIC_RUN_ID=x PET_NNODES=1"
    kept = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "1", "RANKING": "3", "SLURM_PROCID": "0"}
    assert alone.without_ranks(environment(told) | kept) == kept
