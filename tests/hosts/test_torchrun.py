"""Ranks that torchrun started make one run, across hosts in network namespaces.

By default one of each kind; all of them with HOSTS=all (``make hosts``).
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from pipebench.plan.actions import parse_action
from pipebench.simulate.topologies import topology_of
from pipebench.timing.costs import MeasuredCosts
from pipebench.timing.simulator import simulate
from tests.builders import plan_of
from tests.hosts.hosts import Hosts, hosts, why_not
from tests.hosts.launching import (
    end,
    launched,
    measuring,
    of_rank_0_alone,
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
