"""``simulate`` where stages cost different times and links differ."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipebench.records import store
from pipebench.records.simulation import SimulationRecord
from pipebench.simulate.options import SimulationOptions
from tests.cli.conftest import Pipebench
from tests.cli.test_simulate import SHARED_OPTIONS, simulate
from tests.simulate.test_topologies import on_hosts


def device_order(schedule: str, stage: int, stages: int, microbatches: int) -> list[tuple[str, int]]:
    """The order of a device, written down anew: gpipe mirrors its forwards, 1f1b alternates after the first ones."""
    if schedule == "gpipe":
        every = range(microbatches)
        return [*(("F", m) for m in every), *(("B", m) for m in reversed(every))]
    ahead = min(microbatches, stages - stage)
    order = [("F", m) for m in range(ahead)]
    for m in range(microbatches):
        order += [("B", m), *([("F", ahead + m)] if ahead + m < microbatches else [])]
    return order


def longest_path(
    schedule: str, factors: list[tuple[float, float]], microbatches: int, latencies: list[float]
) -> float:
    """The makespan with a forward of 1 and a backward of 2 seconds, by recursion over what each action waits for.

    Args:
        schedule: gpipe or 1f1b.
        factors: of the forward and of the backward of each stage.
        microbatches: slices of the batch.
        latencies: seconds of a message between each stage and the next one.
    """
    stages = len(factors)
    orders = [device_order(schedule, stage, stages, microbatches) for stage in range(stages)]

    @cache
    def end(operation: str, stage: int, microbatch: int) -> float:
        place = orders[stage].index((operation, microbatch))
        waits = [0.0]
        if place:
            before = orders[stage][place - 1]
            waits.append(end(before[0], stage, before[1]))
        if operation == "F" and stage:
            waits.append(end("F", stage - 1, microbatch) + latencies[stage - 1])
        if operation == "B" and stage < stages - 1:
            waits.append(end("B", stage + 1, microbatch) + latencies[stage])
        return max(waits) + (factors[stage][0] if operation == "F" else 2 * factors[stage][1])

    return max(end("B", 0, microbatch) for microbatch in range(microbatches))


@pytest.mark.parametrize("factor", [1.0, 1.5, 4.0])
@pytest.mark.parametrize("slow", [0, 2, 4])
def test_one_dear_stage_sets_the_pace_of_gpipe(pipebench: Pipebench, factor: float, slow: int) -> None:
    """Wherever it stands: (K - 1 + M f) (F + B)."""
    factors = ["1"] * 5
    factors[slow] = str(factor)
    document: Any = simulate(pipebench, "--stage-costs", ",".join(factors), "-M", "7")
    assert document["makespan_s"] == pytest.approx((4 + 7 * factor) * 3, rel=1e-12)
    assert [device["busy_s"] for device in document["devices"]] == [21 * float(each) for each in factors]


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
@pytest.mark.parametrize(
    ("costs", "factors"),
    [
        ("1,1,1,1", [(1, 1)] * 4),
        ("1,3,0.5,2", [(1, 1), (3, 3), (0.5, 0.5), (2, 2)]),
        ("1:2,2:1,1,0:3", [(1, 2), (2, 1), (1, 1), (0, 3)]),
    ],
)
@pytest.mark.parametrize("latencies", [[0.0, 0.0, 0.0], [0.25, 5.0, 0.25]])
def test_stages_and_links_that_differ_take_the_longest_path(
    pipebench: Pipebench,
    schedule: str,
    costs: str,
    factors: list[tuple[float, float]],
    latencies: list[float],
) -> None:
    links = [f"--link={stage}-{stage + 1} = {latency} s" for stage, latency in enumerate(latencies)]
    document = simulate(pipebench, "--schedule", schedule, "--stage-costs", costs, "-M", "6", *links)
    assert document["makespan_s"] == pytest.approx(longest_path(schedule, factors, 6, latencies), rel=1e-12)


@pytest.mark.parametrize(
    ("options", "stages"),
    [
        (("--stage-costs", "1,2,1"), 3),
        (("--stage-costs", "1,2,1", "--softmax-devices", "2"), 5),
        (("--stage-costs", "1,2,1", "--softmax-devices", "all"), 3),
        (("--stage-costs", "1,2,1", "--stages", "3"), 3),
        (("--stage-costs", "1,2,1", "--stages", "4", "--softmax-devices", "1"), 4),
        ((), 8),
    ],
)
def test_costs_of_stages_tell_how_many_devices_there_are(
    pipebench: Pipebench, options: tuple[str, ...], stages: int
) -> None:
    document: Any = simulate(pipebench, *options)
    assert (document["config"]["stages"], len(document["devices"])) == (stages, stages)


def test_a_shared_softmax_beside_stages_that_differ_by_hand(pipebench: Pipebench) -> None:
    """One stage twice as dear, and the softmax on a device of its own.

    0F0 0-2, 0F1 2-4; 1F0 2-3, 1B0 3-5, 1F1 5-6, 1B1 6-8; 0B1 8-12, 0B0 12-16.
    """
    document: Any = simulate(pipebench, *SHARED_OPTIONS, "--stage-costs", "2", "--softmax-devices", "1")
    assert document["makespan_s"] == 16
    assert [device["busy_s"] for device in document["devices"]] == [12, 6]


def test_the_places_of_a_shared_softmax_follow_the_costs_of_the_stages() -> None:
    options = SimulationOptions(
        stages=2, stage_costs="1,3:9", softmax_devices="all", softmax_s=4, forward_s=2
    )
    assert options.graph(1, 1).work == (2, 6, 2, 2, 0)


@pytest.mark.parametrize("schedule", ["naive", "gpipe", "1f1b", "1f1b-deep", "wavefront", "zb-h1"])
@pytest.mark.parametrize("sharing", [(), ("--softmax-devices", "all"), ("--softmax-devices", "2")])
def test_every_schedule_takes_stages_that_differ(
    pipebench: Pipebench, schedule: str, sharing: tuple[str, ...]
) -> None:
    document: Any = simulate(pipebench, "--schedule", schedule, "--stage-costs", "1,2:3,1", *sharing)
    config = document["config"]
    slices = config["microbatches"] * config["chunks"]
    softmax = sum(device["busy_s"] for device in document["devices"]) - slices * (3 + 2 + 6 + 3)
    assert softmax == pytest.approx(3 * slices if sharing else 0)


def test_the_document_and_the_report_say_what_differs(pipebench: Pipebench) -> None:
    options = (
        "--stage-costs",
        "1,2:3,1",
        "--message",
        "4MiB",
        "--link",
        "2-1 = 1 GB/s, 50 us",
        "--link",
        "x 2",
    )
    config: Any = simulate(pipebench, *options)["config"]
    assert config["stage_costs"] == [
        {"forward": 1, "backward": 1},
        {"forward": 2, "backward": 3},
        {"forward": 1, "backward": 1},
    ]
    assert config["link"] == [
        {"pair": [1, 2], "factor": None, "bytes_per_s": 1e9, "latency_s": 50e-6},
        {"pair": None, "factor": 2, "bytes_per_s": None, "latency_s": None},
    ]
    assert config["message_bytes"] == 2**22
    out = " ".join(pipebench("simulate", *options).out.split())
    assert "stages take 1, 2:3, 1 times as long as given (forward:backward)" in out
    assert "links 1-2 = 1.00 GB/s, 50.0 us; all x 2; a message has 4.0 MiB" in out


@pytest.mark.parametrize(
    ("link", "makespan_s"),
    [
        # nobody waits for a port: 1F0 3-4, 1F1 4-5, 1B1 5-7, 1B0 7-9, 0B1 9-11, 0B0 11-13
        ("0-1 = 2 s", 13),
        # one message after the other: 1F0 3-4, 1F1 5-6, 1B1 6-8, 1B0 8-10, 0B1 10-12, 0B0 12-14
        ("0-1 = 1 MB/s", 14),
        ("= 2 MB/s, 1 s", 14),
        ("0-1 = 0 s", 9),
    ],
)
def test_messages_over_a_link_by_hand(pipebench: Pipebench, link: str, makespan_s: float) -> None:
    sizes = ("--stages", "2", "--microbatches", "2", "--message", "2MB")
    document: Any = simulate(pipebench, *sizes, "--link", link)
    assert document["makespan_s"] == pytest.approx(makespan_s, rel=1e-12)
    assert {transfer["bytes"] for transfer in document["timeline"]["transfers"]} == {2_000_000}


def test_links_come_on_top_of_hosts_and_of_each_other(pipebench: Pipebench) -> None:
    sizes = ("--stages", "4", "--microbatches", "1", "--transfer", "0.5", "--hosts", "2")
    alone = ("--transfer-between", "7", "--link", "1-2 = 3 s")
    assert simulate(pipebench, *sizes, *alone)["makespan_s"] == 4 * 3 + 4 * 0.5 + 2 * 3
    twice = simulate(pipebench, *sizes, *alone, "--link", "2-1 x 2", "--link", "0-1 * 0.5")
    assert twice["makespan_s"] == 4 * 3 + 2 * 0.5 + 2 * 0.25 + 2 * 6
    blocking = simulate(pipebench, *sizes, *alone, "--blocking")
    assert blocking["makespan_s"] == 4 * 3 + 4 * 0.5 + 2 * 3


def test_links_come_on_top_of_those_of_a_run(pipebench: Pipebench, tmp_path: Path) -> None:
    path = str(store.write(on_hosts("a", "a", "b", "b"), tmp_path))
    found = simulate(pipebench, "--links", path, "--microbatches", "1", "--link", "1-2 = 7 s")
    assert found["makespan_s"] == pytest.approx(4 * 3 + 4 * 2e-3 + 2 * 7)
    ended = pipebench("simulate", "--links", path, "--stage-costs", "1,1")
    assert (ended.code, ended.out) == (2, "")
    assert "--stage-costs: expected 4 entries, one for each of the 4 devices, got 2" in ended.err


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            ("--link", "3-4 = 1 GB/s"),
            "--link '3-4 = 1 GB/s': a bandwidth needs the size of a message: add --message, such as --message 4MiB",
        ),
        (("--link", "3-8 = 1 s"), "link '3-8 = 1 s': expected two of the devices 0 to 7, got 8"),
        (("--message", "4"), "--message '4': expected a size such as 24GiB, 512MiB or 16GB"),
        (
            ("--stages", "3", "--stage-costs", "1,2"),
            "--stage-costs: expected 3 entries, one for each of the 3 devices, got 2; give as many, or leave --stages "
            "out",
        ),
        (
            ("--stages", "3", "--stage-costs", "1,2,1", "--softmax-devices", "1"),
            "--stage-costs: expected 2 entries, one for each of the 3 devices less 1 for the softmax, got 3; give as "
            "many, or leave --stages out",
        ),
        (
            ("--chunks", "4", "--chunk-costs", "1,2"),
            "--chunk-costs: expected 4 entries, one for each chunk, got 2; give as many, or leave --chunks out",
        ),
        (
            ("--chunk-costs", "1,-2"),
            "--chunk-costs '1,-2': expected a factor from 0 to 1e+09 for each chunk, or one of its forward and one "
            "of its backward, such as 1,1,1.5,2:3, got '-2'",
        ),
        (
            ("--stage-costs", "1,fast"),
            "--stage-costs '1,fast': expected a factor from 0 to 1e+09 for each stage, or one of its forward and one "
            "of its backward, such as 1,1,1.5,2:3, got 'fast'",
        ),
        (
            ("--transfer", "1e15", "--link", "3-4 x 2"),
            "--link: a message between devices 3 and 4 would take 2e+15 s: expected at most 1e+15 s; give a smaller "
            "--message, or links that are faster",
        ),
    ],
)
def test_stages_and_links_that_make_no_sense_are_refused(
    pipebench: Pipebench, options: tuple[str, ...], error: str
) -> None:
    ended = pipebench("simulate", *options)
    assert (ended.code, ended.out, ended.err) == (2, "", f"pipebench: error: {error}\n")


def test_chunks_that_differ_by_hand(pipebench: Pipebench) -> None:
    """Two stages, the second chunk twice as dear forwards and three times backwards.

    0F0.0 0-1, 0F0.1 1-3; 1F0.0 1-2, 1F0.1 3-5, 1B0.1 5-11, 1B0.0 11-13; 0B0.1 11-17, 0B0.0 17-19.
    """
    document: Any = simulate(pipebench, "--stages", "2", "-M", "1", "--chunk-costs", "1,2:3")
    assert (document["config"]["chunks"], document["makespan_s"]) == (2, 19)
    assert document["config"]["chunk_costs"] == [
        {"forward": 1, "backward": 1},
        {"forward": 2, "backward": 3},
    ]
    out = " ".join(pipebench("simulate", "--stages", "2", "-M", "1", "--chunk-costs", "1,2:3").out.split())
    assert "chunks take 1, 2:3 times as long as given (forward:backward)" in out


def test_factors_of_a_stage_and_of_a_chunk_are_multiplied(pipebench: Pipebench) -> None:
    options = ("--schedule", "wavefront", "-M", "1", "--stage-costs", "1,5", "--chunk-costs", "1,2")
    spans = {each["action"]: each for each in simulate(pipebench, *options)["timeline"]["spans"]}
    lasts = {action: each["end_s"] - each["start_s"] for action, each in spans.items()}
    assert [lasts[f"{stage}F0.{chunk}"] for stage in (0, 1) for chunk in (0, 1)] == [1, 2, 5, 10]
    assert lasts["1B0.1"] == 20


def test_a_projection_costs_the_same_in_every_chunk(pipebench: Pipebench) -> None:
    options = ("--stages", "1", "-M", "1", "--chunk-costs", "1,2", "--softmax", "4")
    spans = {each["action"]: each for each in simulate(pipebench, *options)["timeline"]["spans"]}
    assert [spans[f"0F0.{chunk}"]["end_s"] - spans[f"0F0.{chunk}"]["start_s"] for chunk in (0, 1)] == [5, 6]


def test_a_document_from_before_devices_could_differ_is_read(pipebench: Pipebench) -> None:
    document: Any = simulate(pipebench, "--stages", "2", "-M", "1")
    for name in ("stage_costs", "chunk_costs", "link", "message_bytes"):
        del document["config"][name]
    config = msgspec.json.decode(json.dumps(document), type=SimulationRecord).config
    assert (config.stage_costs, config.chunk_costs, config.link, config.message_bytes) == ((), (), (), None)


def test_the_word_link_may_stand_before_a_change(pipebench: Pipebench) -> None:
    asked = ("simulate", "--stages", "3", "--json", "--link")
    with_it, without = (pipebench(*asked, text) for text in ("link 0-1 = 1 s", "0-1 = 1 s"))
    assert with_it.code == without.code == 0
    assert json.loads(with_it.out)["makespan_s"] == json.loads(without.out)["makespan_s"]


def test_a_factor_of_no_time_has_no_effect_and_says_so(pipebench: Pipebench) -> None:
    told = "--link: no effect, messages take no time that could be multiplied: give --transfer"
    assert told in pipebench("simulate", "--stages", "3", "--link", "x 2").err
    assert "no effect" not in pipebench("simulate", "--stages", "3", "--link", "x 2", "--transfer", "1").err
    assert "no effect" not in pipebench("simulate", "--stages", "3", "--link", "= 1 s", "--link", "x 2").err
