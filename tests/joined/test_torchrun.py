"""Ranks that torchrun or Slurm started make one run: on this machine, and across hosts in network namespaces.

By default one of each kind; all of them with HOSTS=all (``make hosts``).
"""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

import pytest

from pipebench.plan.actions import parse_action
from pipebench.records import store
from pipebench.records.schema import RunRecord
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.simulator import simulate
from pipebench.topologies import topology_of
from tests import pretend
from tests.builders import plan_of
from tests.cli.conftest import Pipebench
from tests.joined.hosts import Hosts, hosts, why_not
from tests.joined.launching import (
    Ended,
    begun_by_hand,
    by_hand,
    end,
    launched,
    measuring,
    records,
    start,
    until_timed,
)

ALL = os.environ.get("HOSTS") == "all"
MISSING = why_not()
several = pytest.mark.skipif(MISSING is not None, reason=f"hosts of one's own: {MISSING}")
slow = pytest.mark.skipif(not ALL, reason="make hosts")
LONG = ("--steps", "100000", "--deadline", "600")  # until something ends it
WITHIN_S = 10.0


@pytest.fixture
def two() -> Iterator[Hosts]:
    with hosts(2) as found:
        yield found


def of_rank_0_alone(ended: list[Ended], folder: Path) -> RunRecord:
    """The one record, which is also what stdout of rank 0's launcher holds; all others say nothing."""
    assert [each.code for each in ended] == [0] * len(ended), [each.err[-2000:] for each in ended]
    assert [each.out for each in ended[1:]] == [""] * (len(ended) - 1)
    (path,) = records(folder)
    record = store.read(path)
    assert isinstance(record, RunRecord)
    assert ended[0].out.encode() == path.read_bytes()
    return record


@several
def test_two_ranks_on_each_of_two_hosts_make_one_verified_run(two: Hosts, tmp_path: Path) -> None:
    """The master by its name, which leads its own machine to 127.0.1.1, as Debian has it."""
    record = of_rank_0_alone(launched(two, 2, cwd=tmp_path, master=two.names[0]), tmp_path)
    assert (record.clock, record.device.count, record.status) == ("wall", 4, "completed")
    assert record.verification is not None
    assert record.verification.max_relative_gradient_error <= 1e-5
    assert record.speedup is not None
    assert record.speedup.low is None
    assert [(rank.host, rank.local_rank) for rank in record.device.ranks] == [
        (host, local_rank) for host in two.names for local_rank in range(2)
    ]
    assert [link.hosts for link in record.device.links] == [
        (two.names[0], two.names[0]),
        (two.names[0], two.names[1]),
    ]
    assert [clock.host for clock in record.launches[0].host_clocks] == [two.names[1]]
    (clock,) = record.launches[0].host_clocks
    assert abs(clock.offset_s) <= clock.uncertainty_s  # it is one clock
    assert not (tmp_path / "host1").exists()


@several
def test_clocks_that_differ_by_seconds_are_one_in_the_timeline(two: Hosts, tmp_path: Path) -> None:
    ended = launched(two, 1, "--steps", "20", cwd=tmp_path, PIPEBENCH_INJECT="clock@1:3.5")
    record = of_rank_0_alone(ended, tmp_path)
    (clock,) = record.launches[0].host_clocks
    assert clock.offset_s == pytest.approx(-3.5, abs=0.05)  # it gains, too
    assert record.timeline is not None
    wrong_s = 2 * clock.uncertainty_s + 1e-3
    assert record.timeline.makespan_s < 1.0
    assert min(each.end_s - each.ready_s for each in record.timeline.transfers) > -wrong_s
    assert "clock-wrong-on-purpose" in {warning.code for warning in record.warnings}


@several
@pytest.mark.parametrize("rank", [3, pytest.param(0, marks=slow), pytest.param(1, marks=slow)])
def test_a_rank_that_is_killed_ends_all_and_is_named(two: Hosts, tmp_path: Path, rank: int) -> None:
    processes = start(two, 2, *LONG, cwd=tmp_path)
    found = until_timed(two, 4)
    os.kill(found[rank], signal.SIGKILL)
    began = time.monotonic()
    ended = end(processes)
    assert time.monotonic() - began < WITHIN_S
    assert [each.code for each in ended] == [1, 1]  # torchrun's
    assert f"rank {rank} on {two.names[rank // 2]} was killed by SIGKILL" in ended[0].told
    assert "kept: 0 of 1 launches" in ended[0].told
    assert measuring(two) == {}


@several
@slow
@pytest.mark.parametrize("host", [0, 1])
def test_an_interface_that_goes_down_ends_both_sides(two: Hosts, tmp_path: Path, host: int) -> None:
    processes = start(two, 2, *LONG, cwd=tmp_path)
    until_timed(two, 4)
    two.set_link(host, "down")
    began = time.monotonic()
    ended = end(processes)
    assert time.monotonic() - began < WITHIN_S
    assert f"rank 2 on {two.names[1]} is lost: nothing was heard of it for" in ended[0].told
    assert "rank 0 is lost: nothing was heard of it for" in ended[1].told
    assert len(records(tmp_path)) == 1
    assert measuring(two) == {}


@several
@slow
@pytest.mark.parametrize(("host", "words"), [(0, "terminated"), (1, "rank 2 on {1}: terminated")])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_a_launcher_ends_all(
    two: Hosts, tmp_path: Path, host: int, words: str, number: signal.Signals
) -> None:
    """Of a scheduler, or by Ctrl-C; torchrun sends its ranks SIGTERM or SIGINT in turn."""
    processes = start(two, 2, *LONG, cwd=tmp_path)
    until_timed(two, 4)
    os.killpg(processes[host].pid, number)
    began = time.monotonic()
    ended = end(processes)
    assert time.monotonic() - began < WITHIN_S
    assert all(each.code for each in ended)
    text = words.format(*two.names)
    assert (text if number == signal.SIGTERM else text.replace("terminated", "interrupted")) in ended[0].told
    assert "kept: 0 of 1 launches" in ended[0].told
    assert measuring(two) == {}


@several
@slow
def test_a_hang_ends_at_the_deadline_with_the_culprit_named(two: Hosts, tmp_path: Path) -> None:
    began = time.monotonic()
    ended = launched(two, 2, "--deadline", "25", cwd=tmp_path, PIPEBENCH_INJECT="hang@timed:3")
    assert time.monotonic() - began < 25 + 5 + 8  # torchrun and torch take some seconds to start, and to end
    assert f"the deadline passed while rank 3 on {two.names[1]} was between steps" in ended[0].told
    (log,) = tmp_path.rglob("*.log")
    assert f"rank 1 on {two.names[0]} was waiting for a message" in log.read_text()


@several
@slow
def test_ipv6_alone_is_enough(tmp_path: Path) -> None:
    with hosts(2, version=6) as found:
        record = of_rank_0_alone(launched(found, 2, cwd=tmp_path), tmp_path)
    assert len(record.device.links) == 2


@several
@slow
def test_four_hosts(tmp_path: Path) -> None:
    with hosts(4) as found:
        record = of_rank_0_alone(launched(found, 2, cwd=tmp_path), tmp_path)
        assert [rank.host for rank in record.device.ranks] == [name for name in found.names for _ in range(2)]
    assert len(record.device.links) == 4
    assert len(record.launches[0].host_clocks) == 3


def free_port() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return str(server.getsockname()[1])


def slurm(ranks: int) -> dict[str, str]:
    return {
        "SLURM_PROCID": "{rank}",
        "SLURM_LOCALID": "{rank}",
        "SLURM_STEP_NUM_TASKS": str(ranks),
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_JOB_ID": "77",
        "MASTER_PORT": free_port(),
    }


def test_srun_is_joined_by_its_variables(tmp_path: Path) -> None:
    ended = by_hand(2, tmp_path, **slurm(2))
    record = of_rank_0_alone(ended, tmp_path)
    assert record.device.count == 2
    assert len(record.device.links) == 1
    assert record.launches[0].host_clocks == []


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("raise@timed:1", 6, "rank 1 on {host}: RuntimeError: injected at timed"),
        pytest.param("mismatch", 6, "rank 0 on {host}: verification: ", marks=slow),
        pytest.param("memory@start:1", 6, "rank 1 on {host}: out of memory", marks=slow),
    ],
)
def test_all_ranks_end_with_one_exit_code(tmp_path: Path, fault: str, code: int, words: str) -> None:
    ended = by_hand(2, tmp_path, PIPEBENCH_INJECT=fault, **slurm(2))
    assert [each.code for each in ended] == [code, code]
    assert words.format(host=socket.gethostname()) in ended[0].told
    assert ended[1].told == ""
    assert len(records(tmp_path)) == 1


def test_what_rank_0_refuses_ends_all(tmp_path: Path) -> None:
    ended = by_hand(2, tmp_path, "--layers", "0", **slurm(2))
    assert [each.code for each in ended] == [2, 2]
    assert "--layers must be at least 1" in ended[0].told
    assert ended[1].told == ""
    assert records(tmp_path) == []


@pytest.mark.parametrize(
    ("environment", "code", "words"),
    [
        ({"RANK": "0", "WORLD_SIZE": "2"}, 2, "start it by torchrun: torchrun --nnodes 2 --node-rank 0"),
        ({"PET_NNODES": "2"}, 2, "start it by torchrun: torchrun -m pipebench run"),
    ],
)
def test_a_rank_that_cannot_be_told_is_refused_with_the_command(
    pipebench: Pipebench, tmp_path: Path, environment: dict[str, str], code: int, words: str
) -> None:
    ended = pipebench("run", "--gpus", "2", "--device", "cpu", cwd=tmp_path, **environment)
    assert (ended.code, ended.out) == (code, "")
    assert words in ended.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--gpus", "3"), "--gpus 3: expected 2, a device for each rank that srun started"),
        (("--device", "emulated"), "--device emulated: srun started 2 ranks"),
        (("--quick",), "--quick: srun started one launch"),
    ],
)
def test_what_does_not_fit_the_ranks_is_refused_at_once(
    pipebench: Pipebench, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    told = {name: text.format(rank=0) for name, text in slurm(2).items()}
    ended = pipebench("run", *options, cwd=tmp_path, **told)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err


@several
@slow
def test_two_jobs_at_once_do_not_meet(two: Hosts, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    jobs = [start(two, 1, cwd=folder, port=29520 + n) for n, folder in enumerate(folders)]
    for folder, processes in zip(folders, jobs, strict=True):
        of_rank_0_alone(end(processes), folder)


@several
@slow
def test_a_delay_is_transfer_and_as_long_as_the_simulator_says(tmp_path: Path) -> None:
    """50 ms each way, which dwarf all noise: the link as measured and the actions as timed give the step."""
    with hosts(2, delay_s=0.05) as found:
        record = of_rank_0_alone(
            launched(found, 1, "--steps", "10", "--microbatches", "4", cwd=tmp_path), tmp_path
        )
    timeline, (launch,) = record.timeline, record.launches
    assert timeline is not None
    assert all(0.05 <= each.end_s - each.ready_s < 0.08 for each in timeline.transfers)
    assert sum(each.end_s - each.start_s for each in timeline.spans) < 0.05
    (message_bytes,) = {each.bytes for each in timeline.transfers}
    topology = topology_of(record.device, message_bytes)
    assert topology is not None
    assert topology.across.latency_s == pytest.approx(0.05, rel=0.15)
    costs = MeasuredCosts({parse_action(each.action): each.end_s - each.start_s for each in timeline.spans})
    predicted = simulate(plan_of("gpipe", 2, 4), costs, topology, message_bytes=lambda _: message_bytes)
    measured_s = median(launch.pipeline.step_s)
    assert predicted.makespan_s == pytest.approx(measured_s, rel=0.1)


def pretended(ranks: int, **more: str) -> dict[str, str]:
    root = Path(pretend.__file__).parent
    path = os.pathsep.join(map(str, (root, root.parent.parent, os.environ.get("PYTHONPATH", ""))))
    return slurm(ranks) | {"PYTHONPATH": path, "PRETEND_GPUS": str(ranks)} | more


@pytest.mark.parametrize("shown", ["0,1", "{rank}"], ids=["all GPUs shown", "each its own"])
def test_ranks_on_pretended_gpus_have_one_each(tmp_path: Path, shown: str) -> None:
    """Whether a launcher shows all GPUs to each rank, or its own alone."""
    more = pretended(2, CUDA_VISIBLE_DEVICES=shown)
    record = of_rank_0_alone(by_hand(2, tmp_path, "--device", "cuda", **more), tmp_path)
    assert (record.device.kind, record.device.count) == ("cuda", 2)
    assert [rank.local_rank for rank in record.device.ranks] == [0, 1]
    assert all(rank.uuid and rank.uuid.startswith("GPU-") and rank.pci for rank in record.device.ranks)
    names = ["Pretended GPU 0", "Pretended GPU 1" if shown == "0,1" else "Pretended GPU 0"]
    assert record.device.names == names
    assert record.verification is not None
    assert record.verification.max_relative_gradient_error <= 1e-5
    assert record.baseline is not None
    assert shown == "0,1" or record.baseline.device == 0  # rank 0 reaches no other one


@slow
def test_a_job_of_many_bytes_reaches_all_ranks(tmp_path: Path) -> None:
    """Its batches are more than torch's store takes at once."""
    sizes = (
        "--batch",
        "512",
        "--sequence-length",
        "300",
        "--layers",
        "2",
        "--hidden",
        "4",
        "--dtype",
        "float64",
    )
    ended = by_hand(2, tmp_path, *sizes, "--steps", "1", "--warmup", "0", **slurm(2))
    assert of_rank_0_alone(ended, tmp_path).config.batch == 512


def test_two_jobs_that_meet_at_one_port_do_not_mix(tmp_path: Path) -> None:
    """As scripts do that all export the same MASTER_PORT."""
    one, other = slurm(2), slurm(2) | {"SLURM_JOB_ID": "78"}
    other["MASTER_PORT"] = one["MASTER_PORT"]
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    first = begun_by_hand(2, folders[0], **one)
    time.sleep(3)
    second = begun_by_hand(2, folders[1], **other)
    of_rank_0_alone(end(first), folders[0])
    refused, stray = second
    assert stray.poll() is None  # waits for its own rank 0; srun ends it, or its patience
    stray.kill()
    (told, _) = end([refused, stray])
    assert told.code == 7
    assert "cannot listen at localhost port" in told.told
    assert records(folders[1]) == []


@several
@slow
def test_a_launcher_of_one_rank_that_is_killed_is_named(two: Hosts, tmp_path: Path) -> None:
    """By the kernel for lack of memory, say; torchrun then ends the others by SIGTERM."""
    processes = start(two, 2, *LONG, cwd=tmp_path)
    found = until_timed(two, 4)
    parent = int(Path(f"/proc/{found[3]}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    began = time.monotonic()
    ended = end(processes)
    assert time.monotonic() - began < WITHIN_S
    assert f"rank 3 on {two.names[1]} is lost" in ended[0].told
    assert measuring(two) == {}
