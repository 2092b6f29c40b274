import json
import re
from pathlib import Path
from typing import Any

import pytest

from pipebench.records import store
from tests.cli.conftest import Pipebench
from tests.simulate.test_topologies import on_hosts


def simulate(pipebench: Pipebench, *arguments: str) -> dict[str, object]:
    ended = pipebench("simulate", *arguments, "--json")
    assert ended.code == 0, ended.err
    document: dict[str, object] = json.loads(ended.out)
    return document


@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_the_closed_form_through_the_command(pipebench: Pipebench, schedule: str) -> None:
    sizes = ("--stages", "8", "--microbatches", "8", "--forward", "1", "--backward", "2")
    document = simulate(pipebench, "--schedule", schedule, *sizes)
    assert document["makespan_s"] == pytest.approx(45, rel=1e-12)
    assert document["bubble"]["fraction"] == pytest.approx(7 / 15, rel=1e-12)  # type: ignore[index]
    alive = [device["activations_alive"] for device in document["devices"]]  # type: ignore[attr-defined]
    assert alive == ([8] * 8 if schedule == "gpipe" else [8, 7, 6, 5, 4, 3, 2, 1])


def test_halves_add_up_to_a_backward(pipebench: Pipebench) -> None:
    halves = simulate(pipebench, "--stages", "2", "--backward-input", "1.5", "--backward-weight", "0.5")
    assert halves["makespan_s"] == simulate(pipebench, "--stages", "2", "--backward", "2")["makespan_s"]


def test_a_schedule_that_runs_the_halves_by_themselves(pipebench: Pipebench) -> None:
    """By hand: 0F0 0-1, 0F1 1-2; 1F0 1-2, 1I0 2-4, 1F1 4-5, 1I1 5-7, 1W0 7-10, 1W1 10-13;

    0I0 4-6, 0W0 6-9, 0I1 9-11, 0W1 11-14.
    """
    options = ("--schedule", "zb-h1", "--stages", "2", "--microbatches", "2")
    document: Any = simulate(pipebench, *options, "--backward-input", "2", "--backward-weight", "3")
    assert document["makespan_s"] == 14
    config = document["config"]
    assert [config[name] for name in ("backward_s", "backward_input_s", "backward_weight_s")] == [5, 2, 3]
    assert [device["activations_alive"] for device in document["devices"]] == [2, 2]
    assert "zb-h1, 2 stages, 2 microbatches" in pipebench("simulate", *options).out


def test_either_half_takes_as_long_as_a_forward_where_nobody_says(pipebench: Pipebench) -> None:
    document: Any = simulate(pipebench, "--schedule", "zb-h1", "--forward", "3")
    config = document["config"]
    assert [config[name] for name in ("backward_s", "backward_input_s", "backward_weight_s")] == [6, 3, 3]
    assert document["makespan_s"] == 3 * (3 * 16 + 7)


def test_the_report_says_simulated(pipebench: Pipebench) -> None:
    out = pipebench("simulate", "--schedule", "wavefront", "--stages", "3").out
    assert out.startswith("simulated: wavefront, 3 stages, 4 microbatches, 8 chunks")
    assert "nothing" in out


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--stages", "0"], "--stages must be at least 1, got 0"),
        (["--microbatches", "-1"], "--microbatches must be at least 1, got -1"),
        (["--chunks", "0"], "--chunks must be at least 1, got 0"),
        (["--softmax", "nan"], "--softmax must be a number of seconds from 0 to 1e+15, got nan"),
        (
            ["--stages", "2", "--softmax-devices", "2"],
            "--softmax-devices 2: expected less than --stages 2, which counts them too, so that one device at least is "
            "left for the layers; use --stages 3 or more, or --softmax-devices all",
        ),
        (["--forward", "nan"], "--forward must be a number of seconds from 0 to 1e+15, got nan"),
        (
            ["--backward", "3", "--backward-weight", "1"],
            "the halves backward-input and backward-weight go together: give both or neither",
        ),
        (
            ["--backward", "3", "--backward-input", "1", "--backward-weight", "1"],
            "backward is 3.0, but its halves backward-input and backward-weight add up to 2.0: leave one out",
        ),
        (
            ["--schedule", "zb-h1", "--backward", "3"],
            "--backward: schedule zb-h1 runs the two halves of a backward by themselves: give --backward-input and "
            "--backward-weight instead",
        ),
    ],
)
@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_errors_name_the_option(
    pipebench: Pipebench, options: list[str], error: str, form: list[str]
) -> None:
    ended = pipebench("simulate", *options, *form)
    assert (ended.code, ended.out, ended.err) == (2, "", f"pipebench: error: {error}\n")


SHARED_OPTIONS = ("--microbatches", "2", "--softmax", "1")


@pytest.mark.parametrize(
    ("options", "makespan_s"),
    [
        # the last of two stages has it: 1F0 1-3, 1F1 3-5, 1B1 5-9, 1B0 9-13, 0B0 13-15
        (("--stages", "2"), 15),
        # half of it on each: 1F0 1-2, 3F0 2-2.5, 1F1 2.5-3.5, 3F1 3.5-4, 3B0 4-5, 3B1 5-6, 1B1 6-8, 1B0 8-10, 0B0 10-12
        (("--stages", "2", "--softmax-devices", "all"), 12),
        # on a device of its own, as a second stage: 1F0 1-2, 1F1 2-3, 1B1 3-5, 1B0 5-7, 0B0 7-9
        (("--stages", "2", "--softmax-devices", "1"), 9),
        (("--stages", "2", "--softmax-devices", "1", "--transfer", "0.5"), 10),
        (("--stages", "2", "--softmax-devices", "1", "--transfer", "0.5", "--blocking"), 11),
        # two devices with half of it each: 1F0 1-1.5, 1B0 1.5-2.5, 1F1 2.5-3, 1B1 3-4, 0B1 4-6, 0B0 6-8
        (("--stages", "3", "--softmax-devices", "2"), 8),
        # one device has everything whoever shares it: 2 x (1 + 2 + 1 + 2)
        (("--stages", "1"), 12),
        (("--stages", "1", "--softmax-devices", "all"), 12),
        (("--stages=2", "--softmax-devices=all", "--backward-input=1.5", "--backward-weight=0.5"), 12),
        (("--stages", "2", "--softmax-devices", "all", "--forward", "0"), 3),
    ],
)
def test_a_softmax_by_hand(pipebench: Pipebench, options: tuple[str, ...], makespan_s: float) -> None:
    assert simulate(pipebench, *SHARED_OPTIONS, *options)["makespan_s"] == pytest.approx(
        makespan_s, rel=1e-12
    )


def test_the_document_says_who_has_the_softmax_and_what_it_costs(pipebench: Pipebench) -> None:
    document: Any = simulate(
        pipebench, *SHARED_OPTIONS, "--stages", "4", "--softmax-devices", "2", "--forward", "2"
    )
    assert (document["config"]["stages"], document["config"]["softmax_devices"]) == (4, 2)
    assert document["config"]["softmax_s"] == 1
    assert [device["layers"] for device in document["devices"]] == [
        "stage 0",
        "stage 1",
        "softmax 1/2 + loss",
        "softmax 1/2",
    ]
    assert [device["busy_s"] for device in document["devices"]] == [12, 12, 3, 3]
    ends = {(transfer["action"], transfer["consumer"]) for transfer in document["timeline"]["transfers"]}
    assert {("1F0", "2F0"), ("1F0", "3F0"), ("3F1", "4F1"), ("4B1", "3B1")} <= ends
    assert ("2F0", "4F0") not in ends  # both on device 2


@pytest.mark.parametrize(
    ("options", "sharing", "softmax_s"),
    [
        ((), None, None),
        (("--softmax", "0.5"), None, 0.5),
        (("--softmax-devices", "all"), "all", 3),
        (("--softmax-devices", "1"), 1, 3),
        (("--softmax-devices", "003", "--softmax", "0"), 3, 0),
    ],
)
def test_a_softmax_takes_as_long_as_a_forward_where_only_its_devices_are_named(
    pipebench: Pipebench, options: tuple[str, ...], sharing: int | str | None, softmax_s: float | None
) -> None:
    config: Any = simulate(pipebench, "--forward", "3", *options)["config"]
    assert (config["stages"], config["softmax_devices"], config["softmax_s"]) == (8, sharing, softmax_s)


@pytest.mark.parametrize("schedule", ["naive", "gpipe", "1f1b", "wavefront", "zb-h1"])
def test_the_default_sizes_of_every_schedule_take_a_shared_softmax(
    pipebench: Pipebench, schedule: str
) -> None:
    ended = pipebench("simulate", "--schedule", schedule, "--softmax-devices", "all")
    assert (ended.code, ended.err) == (0, "")
    assert re.search(r"stage 7 \+ softmax.*1/8", ended.out, re.DOTALL)
    assert re.search(r"stage 3 \+ softmax.*1/8 \+.*loss", ended.out, re.DOTALL)


def test_blocking_transfers_to_several_shards_get_stuck(pipebench: Pipebench) -> None:
    ended = pipebench("simulate", "--stages", "3", "-M", "3", "--softmax-devices", "2", "--blocking")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "pipebench: error: deadlock: device 0: 0SEND_F1 waits for 1RECV_F1; device 1: 1SEND_B0 waits for 0RECV_B0; "
        "device 2: 2SEND_B0>0 waits for 0RECV_B0<2; with --blocking a device that sends waits until the other one "
        "receives, and here they wait for each other: such a step would never end; leave out --blocking\n"
    )


@pytest.mark.parametrize("schedule", ["1f1b", "zb-h1"])
def test_an_order_that_gets_stuck_with_blocking_transfers_is_told_what_to_use(
    pipebench: Pipebench, schedule: str
) -> None:
    options = ("--blocking", "--stages", "4", "--transfer", "0.1")
    ended = pipebench("simulate", "--schedule", schedule, *options)
    assert ended.code == 2
    assert ended.err.endswith("would never end; leave out --blocking, or use --schedule gpipe\n")
    assert pipebench("simulate", "--schedule", "gpipe", *options).code == 0


def test_the_table_says_what_it_counts(pipebench: Pipebench) -> None:
    words = " ".join(pipebench("simulate", "--schedule", "zb-h1", "--stages", "2").out.split())
    assert (
        "busy to idle: share of the step; alive: slices kept for backward; for W: the most of them that wait only for"
        in words
    )


def test_a_half_that_is_not_given_takes_as_long_as_a_forward(pipebench: Pipebench) -> None:
    alone = pipebench("simulate", "--schedule", "zb-h1", "--backward-weight", "0")
    both = pipebench("simulate", "--schedule", "zb-h1", "--backward-input", "1", "--backward-weight", "0")
    assert alone.code == both.code == 0
    assert alone.out == both.out


@pytest.mark.parametrize("value", ["0", "-1", "2.0", "1e3", "ALL", "al", "", " 2", "+2", "٣", "none"])
def test_devices_for_the_softmax_that_are_no_number_are_refused_in_one_line(
    pipebench: Pipebench, value: str
) -> None:
    ended = pipebench("simulate", f"--softmax-devices={value}")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"pipebench: error: --softmax-devices {value!r}: expected a number of devices from 1 on, or all for a piece of "
        "the softmax on each device\n"
    )


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--stages", "100000000", "--softmax-devices", "all"), "100000000 with layers, 100000000 with"),
        (
            ("--stages", "9000", "--softmax-devices", "all"),
            "9000 with layers, 9000 with a piece of the softmax",
        ),
        (("--stages", "10000", "--softmax-devices", "2"), "9998 with layers, 2 with a piece of the softmax"),
    ],
)
def test_more_stages_than_can_be_is_said_at_once(
    pipebench: Pipebench, options: tuple[str, ...], error: str
) -> None:
    ended = pipebench("simulate", *options)
    assert (ended.code, ended.out) == (2, "")
    assert f"pipebench: error: expected at most 10,000 stages, got {error}" in ended.err
    assert "Traceback" not in ended.err


def test_the_help_says_who_is_counted(pipebench: Pipebench) -> None:
    words = " ".join(re.sub("[│╭╮╰╯─]", " ", pipebench("simulate", "--help").out).split())
    assert "--softmax-devices" in words
    assert "N|all" in words
    assert "its backward takes" in words


def test_hosts_have_a_link_between_them(pipebench: Pipebench) -> None:
    sizes = ("--stages", "4", "--microbatches", "1", "--transfer", "0.5")
    document = simulate(pipebench, *sizes, "--hosts", "2", "--transfer-between", "7")
    assert document["makespan_s"] == 4 * 3 + 4 * 0.5 + 2 * 7
    assert (document["config"]["hosts"], document["config"]["transfer_between_s"]) == (2, 7)  # type: ignore[index]
    same = simulate(pipebench, *sizes, "--hosts", "2")
    assert same["makespan_s"] == simulate(pipebench, *sizes)["makespan_s"]
    assert "4 stages, 1 microbatch, 1 chunk, on 2 hosts" in pipebench("simulate", *sizes, "--hosts", "2").out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--hosts", "0"), "--hosts must be at least 1, got 0"),
        (("--hosts", "3"), "--hosts 3: expected a divisor of the 8 devices"),
        (("--transfer-between", "1"), "--transfer-between is between hosts: say how many with --hosts"),
        (("--hosts", "2", "--transfer-between", "-1"), "--transfer-between must be a number of seconds"),
    ],
)
def test_hosts_that_make_no_sense_are_refused(
    pipebench: Pipebench, options: tuple[str, ...], words: str
) -> None:
    ended = pipebench("simulate", *options)
    assert ended.code == 2
    assert words in ended.err


def test_the_links_of_a_run_are_taken_and_no_option_may_contradict_them(
    pipebench: Pipebench, tmp_path: Path
) -> None:
    path = store.write(on_hosts("a", "a", "b", "b"), tmp_path)
    document = simulate(pipebench, "--links", str(path), "--microbatches", "1")
    config = document["config"]
    assert (config["stages"], config["hosts"]) == (4, 2)  # type: ignore[index]
    assert document["makespan_s"] == pytest.approx(4 * 3 + 4 * 2e-3 + 2 * 20e-3)
    for option in (("--stages", "4"), ("--transfer", "1"), ("--hosts", "2")):
        ended = pipebench("simulate", "--links", str(path), *option)
        assert (ended.code, ended.out) == (2, "")
        assert f"--links tells {option[0]} too" in ended.err
    assert pipebench("simulate", "--links", str(tmp_path / "missing")).code == 2
