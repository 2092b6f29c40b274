"""What a launcher's environment says, and what is refused with the command that works."""

import shlex

import pytest

from pipebench.errors import UsageError
from pipebench.launching.rendezvous.told import Told, told

TORCHRUN = (
    "RANK=3 LOCAL_RANK=1 WORLD_SIZE=4 LOCAL_WORLD_SIZE=2 GROUP_RANK=1 MASTER_ADDR=node1 MASTER_PORT=29501 "
    "TORCHELASTIC_RUN_ID=x TORCHELASTIC_USE_AGENT_STORE=True TORCHELASTIC_RESTART_COUNT=0"
)
SRUN = (
    "SLURM_PROCID=5 SLURM_LOCALID=1 SLURM_STEP_NUM_TASKS=8 SLURM_STEP_NODELIST=gpu[07-09,12] SLURM_JOB_ID=77 "
    "SLURM_STEP_ID=2"
)


def environment(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in shlex.split(text))


def refusal(text: str, *arguments: str) -> str:
    with pytest.raises(UsageError) as caught:
        told(arguments or ("run",), environment(text))
    return str(caught.value)


def test_torchrun_tells_all_of_it() -> None:
    assert told((), environment(TORCHRUN)) == Told("torchrun", 3, 1, 4, "node1", 29501, True, "x")


def test_other_launchers_of_torch_are_joined_too_and_rank_0_listens() -> None:
    found = told((), environment("RANK=1 LOCAL_RANK=0 WORLD_SIZE=2 MASTER_ADDR=10.0.0.1 MASTER_PORT=1234"))
    assert found == Told("torchrun", 1, 0, 2, "10.0.0.1", 1234, False, "")


def test_srun_is_filled_in() -> None:
    found = told((), environment(SRUN))
    assert found == Told("srun", 5, 1, 8, "gpu07", 20000 + (101 * 77 + 2) % 12000, False, "77.2.")


@pytest.mark.parametrize(
    ("more", "address", "port"),
    [
        ("MASTER_ADDR=10.1.1.1 MASTER_PORT=99", "10.1.1.1", 99),
        ("MASTER_PORT=99", "gpu07", 99),
        ("SLURM_STEP_RESV_PORTS=12000-12003", "gpu07", 12000),
        ("SLURM_STEP_RESV_PORTS=12000-12003 MASTER_PORT=99", "gpu07", 99),
    ],
)
def test_of_srun_nothing_is_overwritten(more: str, address: str, port: int) -> None:
    found = told((), environment(f"{SRUN} {more}"))
    assert found is not None
    assert (found.address, found.port, found.rank) == (address, port, 5)


def test_two_steps_of_a_job_have_two_ports() -> None:
    ports = {
        found.port
        for step in range(50)
        if (found := told((), environment(SRUN.replace("STEP_ID=2", f"STEP_ID={step}")))) is not None
    }
    assert len(ports) == 50


def test_torchrun_under_srun_is_torchrun() -> None:
    found = told((), environment(f"{TORCHRUN} SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_STEP_NUM_TASKS=2"))
    assert found is not None
    assert (found.launcher, found.rank) == ("torchrun", 3)


def test_one_process_of_torchrun_is_alone_unless_srun_started_several() -> None:
    single = TORCHRUN.replace("RANK=3", "RANK=0").replace("LOCAL_RANK=1", "LOCAL_RANK=0").replace("=4", "=1")
    assert told((), environment(single)) is None
    found = told((), environment(f"{single} {SRUN}"))
    assert found is not None
    assert (found.launcher, found.ranks) == ("srun", 8)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SLURM_PROCID=0 SLURM_NTASKS=4 SLURM_JOB_ID=7 SLURM_LOCALID=0",  # a batch script
        "SLURM_PROCID=0 SLURM_NTASKS=4 SLURM_STEP_NUM_TASKS=1",  # a step of one task
        "SLURM_STEP_NUM_TASKS=4",  # the shell of an allocation
        "RANK=0",
        "WORLD_SIZE=1 RANK=0 PET_NNODES=1:1",
        "PET_NNODES=1 PET_NPROC_PER_NODE=8",
        "MASTER_ADDR=x MASTER_PORT=1",
    ],
)
def test_one_process_is_alone(text: str) -> None:
    assert told((), environment(text)) is None


@pytest.mark.parametrize(
    ("text", "arguments", "command"),
    [
        (
            "RANK=1 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=7",  # PAI and Kubeflow: they count machines
            ("run", "--gpus", "8"),
            "torchrun --nnodes 2 --node-rank 1 --nproc-per-node 4 --master-addr a --master-port 7 -m pipebench run "
            "--gpus 8",
        ),
        (
            "RANK=0 WORLD_SIZE=2",
            ("run", "--device", "cuda", "--quick", "-o", "my results"),
            "torchrun --nnodes 2 --node-rank 0 --nproc-per-node gpu --master-addr FIRST_MACHINE --master-port 29500 "
            "-m pipebench run --device cuda -o 'my results'",
        ),
        (
            "WORLD_SIZE=2 LOCAL_RANK=0",
            ("run", "--launches=6", "--steps", "3"),
            "torchrun --nnodes 2 --node-rank NUMBER --nproc-per-node gpu --master-addr FIRST_MACHINE --master-port "
            "29500 -m pipebench run --steps 3",
        ),
        (
            "RANK=1",
            ("run", "--launches", "6"),
            "torchrun --nnodes 2 --node-rank 1 --nproc-per-node gpu --master-addr FIRST_MACHINE --master-port 29500 "
            "-m pipebench run",
        ),
        (
            "PET_NNODES=2 PET_NODE_RANK=0",
            ("run", "--device=cpu"),
            "torchrun -m pipebench run --device=cpu",
        ),
        ("PET_NNODES=1:4", ("run",), "torchrun -m pipebench run"),
    ],
)
def test_a_rank_that_is_missing_is_never_0(text: str, arguments: tuple[str, ...], command: str) -> None:
    assert refusal(text, *arguments).endswith(f"; start it by torchrun: {command}")


def test_what_is_missing_is_named() -> None:
    text = refusal("RANK=0 WORLD_SIZE=2 MASTER_ADDR=a")
    assert "RANK=0, WORLD_SIZE=2, MASTER_ADDR=a without LOCAL_RANK, MASTER_PORT" in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("RANK=3", "RANK=x"), "RANK: expected a whole number up to 65536, got 'x'"),
        (("RANK=3", "RANK=4"), "RANK=4 with WORLD_SIZE=4: expected a rank below"),
        (("29501", "99999"), "MASTER_PORT: expected a whole number up to 65535"),
        (("WORLD_SIZE=4", "WORLD_SIZE=-4"), "WORLD_SIZE: expected"),
    ],
)
def test_numbers_that_are_none_are_refused(change: tuple[str, str], words: str) -> None:
    assert words in refusal(TORCHRUN.replace(*change, 1))


def test_srun_without_its_machines_is_refused() -> None:
    assert "set MASTER_ADDR to the first one" in refusal(SRUN.replace("gpu[07-09,12]", ""))


@pytest.mark.parametrize(
    "exported", ["WORLD_SIZE=8", "WORLD_SIZE=8 RANK=5 MASTER_ADDR=a", "MASTER_ADDR=a MASTER_PORT=9"]
)
def test_what_a_batch_script_exports_for_torch_does_not_hide_slurm(exported: str) -> None:
    found = told((), environment(f"{SRUN} {exported}"))
    assert found is not None
    assert (found.launcher, found.rank, found.ranks) == ("srun", 5, 8)


def test_what_contradicts_slurm_is_refused() -> None:
    assert "WORLD_SIZE=2" in refusal(f"{SRUN} WORLD_SIZE=2")


def test_restarts_are_refused_with_the_command() -> None:
    text = refusal(f"{TORCHRUN} TORCHELASTIC_MAX_RESTARTS=3", "run", "--device", "cpu")
    assert "torchrun --max-restarts 3: expected 0" in text
    assert told((), environment(f"{TORCHRUN} TORCHELASTIC_MAX_RESTARTS=0")) is not None
