"""``pipebench run`` from outside: the record's fields and identities, and what a person sees."""

import json
import math
import re
import statistics
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main

from pipebench.cli import running
from pipebench.cli.app import application
from pipebench.cli.main import run
from pipebench.config.run_config import RunOptions
from pipebench.plan.schedules import SCHEDULES
from tests.cli.conftest import COMMAND, TINY, CompletedRun, Pipebench, environment

LOCAL = ("run", "--gpus", "2", *TINY, "--launches", "1", "--machine", "local")


def test_what_is_printed_is_what_is_stored(completed: CompletedRun) -> None:
    assert completed.path.read_text() == completed.printed


def test_an_emulated_record_says_virtual_everywhere(completed: CompletedRun) -> None:
    record = completed.record
    assert (record["clock"], record["device"]["kind"], record["timeline"]["clock"]) == (
        "virtual",
        "emulated",
        "virtual",
    )
    assert record["machine"]["name"] == "2014"
    assert record["machine"]["time_dilation"] == pytest.approx(
        record["machine"]["card_flops_per_s"] / record["machine"]["host_flops_per_s"]
    )
    assert record["device"]["count"] == len(record["device"]["names"]) == len(record["devices"]) == 4


def test_the_speed_up_is_the_geometric_mean_of_the_launches_ratios(completed: CompletedRun) -> None:
    record = completed.record
    logs = [
        math.log(statistics.median(x["baseline"]["step_s"]) / statistics.median(x["pipeline"]["step_s"]))
        for x in record["launches"]
    ]
    assert len(logs) == 3
    speedup = record["speedup"]
    assert speedup["value"] == pytest.approx(math.exp(statistics.mean(logs)))
    half = 4.302652729911275 * statistics.stdev(logs) / math.sqrt(3)
    assert math.log(speedup["high"] / speedup["value"]) == pytest.approx(half)
    assert math.log(speedup["value"] / speedup["low"]) == pytest.approx(half)
    assert record["pipeline"]["words_per_s"] / record["baseline"]["words_per_s"] == pytest.approx(
        speedup["value"]
    )
    assert record["efficiency"] == pytest.approx(speedup["value"] / 4)


def test_a_launch_is_abba_with_its_raw_samples(completed: CompletedRun) -> None:
    for launch in completed.record["launches"]:
        assert [b["kind"] for b in launch["blocks"]] == ["baseline", "pipeline", "pipeline", "baseline"]
        assert len(launch["baseline"]["step_s"]) == len(launch["pipeline"]["step_s"]) == 2
        starts = [b["start_s"] for b in launch["blocks"]]
        assert starts == sorted(starts)


def test_the_timeline_holds_every_action_and_devices_account_for_the_makespan(
    completed: CompletedRun,
) -> None:
    record = completed.record
    timeline, config = record["timeline"], record["config"]
    assert len(timeline["spans"]) == 4 * 2 * config["microbatches"] * config["chunks"]
    busy = 0.0
    for device in record["devices"]:
        parts = [device[f"{name}_s"] for name in ("busy", "waiting", "transfer", "idle")]
        assert sum(parts) == pytest.approx(timeline["makespan_s"], rel=1e-9)
        busy += parts[0]
    assert record["bubble"]["fraction"] == pytest.approx(1 - busy / (4 * timeline["makespan_s"]))
    steps = [step for launch in record["launches"] for step in launch["pipeline"]["step_s"]]
    all_busy = [work for launch in record["launches"] for work in launch["pipeline"]["busy_s"]]
    assert (timeline["makespan_s"], pytest.approx(busy)) in zip(steps, all_busy, strict=True)
    steps = [s for launch in record["launches"] for s in launch["pipeline"]["step_s"]]
    nearest = min(steps, key=lambda s: abs(s - record["pipeline"]["step_s"]))
    assert timeline["makespan_s"] == nearest


def test_the_race_is_recorded(completed: CompletedRun) -> None:
    baseline = completed.record["baseline"]
    forms = {(c["kind"], c["microbatches"]) for c in baseline["candidates"]}
    assert {("fused", 1), ("chain", 1), ("chain-microbatches", 2)} <= forms
    assert (baseline["kind"], baseline["microbatches"]) in forms


def test_the_environment_is_an_allow_list(completed: CompletedRun) -> None:
    environment = completed.record["environment"]
    assert environment["torch"].startswith("2.")
    assert environment["threads"] == 1
    text = json.dumps(environment).lower()
    assert "path" not in environment
    assert not any(word in text for word in ("/root", "/home", "token", "secret", "hostname"))


def test_the_report_labels_every_figure(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench("run", "--gpus", "2", *TINY, "--launches", "1", "--partition", "balanced", cwd=tmp_path)
    assert ended.code == 0, ended.err
    (path,) = (tmp_path / "results" / "runs").glob("*.json")
    name = f"results/runs/{path.name}"
    lines = ended.out.splitlines()
    assert lines[0].startswith("speed-up  ")
    assert "x, emulated, virtual time; no interval from 1 launch" in lines[0]
    for words in (
        " devices, virtual time",
        "; CPU time",
        "times are this host's",
        "verified  yes: ",
        "forward",
        "(emulated, virtual time)",
        "warning  one-launch: one launch says nothing of the spread between launches",
        "warning  slower-than-one-device: the pipeline is slower than one device",
        f"record   {name}",
        f"all      pipebench show --all {name}",
        f"next     pipebench explain {name}",  # not a plan with still smaller slices
        "why      where the time goes, and what would win it back",
    ):
        assert words in ended.out
    assert all(len(line) <= 80 for line in lines if "results/runs" not in line)
    whole = pipebench("show", "--all", cwd=tmp_path).out
    for words in (
        "2 emulated devices, virtual time",
        "verified",
        "dilation",
        "(balanced)",
        "forward",
        "one-launch",
        "slower-than-one-device",
    ):
        assert words in whole
    assert "2014 talk" not in whole  # that is of 8 GPUs
    told = [
        line
        for line in whole.splitlines()
        if not re.fullmatch(r" *(next +)?pipebench (run|explain) .+", line)
    ]
    assert all(len(line) <= 80 for line in told), "only a command may be longer: it is to be pasted"
    assert pipebench("show", cwd=tmp_path).out == ended.out  # both are to be explained next
    partition = json.loads(path.read_text())["config"]["partition"]
    assert len(partition) == 2
    assert sum(partition) == 8


def test_a_text_file_is_read(pipebench: Pipebench, tmp_path: Path) -> None:
    text = tmp_path / "words.txt"
    text.write_text("the cat sat on the mat. the dog ran! " * 30)
    ended = pipebench(
        "run",
        "--gpus",
        "2",
        "--preset",
        "tiny",
        "--launches",
        "1",
        "--text",
        str(text),
        "--json",
        cwd=tmp_path,
    )
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    assert record["config"]["input"]["kind"] == "text"
    assert record["config"]["input"]["words_per_step"] < 32 * 16  # padding is not counted
    assert record["verification"]["max_relative_gradient_error"] <= 1e-5


@pytest.fixture
def idle(tmp_path: Path) -> dict[str, str]:
    """A machine on which nothing ran in the minute before, whatever this one does, and a cache folder of its own."""
    (tmp_path / "idle").mkdir()
    (tmp_path / "idle/sitecustomize.py").write_text("import os\nos.getloadavg = lambda: (0.0, 0.0, 0.0)\n")
    return {"PYTHONPATH": str(tmp_path / "idle"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


def test_two_first_local_runs_at_once_measure_the_link_once(tmp_path: Path, idle: dict[str, str]) -> None:
    """One measures it, the other one waits for it; only one that was measured alone is kept."""
    both = [
        subprocess.Popen(
            [COMMAND, *LOCAL, "--json", "-o", str(tmp_path / name)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(**idle),
        )
        for name in ("a", "b")
    ]
    ended = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    told = sorted(next(line for line in err.splitlines() if line.startswith("link: ")) for _, err in ended)
    assert told[0].startswith("link: as measured on 2")
    assert told[1].startswith("link: measured between 2 processes, kept in ")
    one, other = (json.loads(out)["machine"]["link"] for out, _ in ended)
    assert one == other
    assert len(list((tmp_path / "cache/pipebench").glob("link-*.json"))) == 1


def test_the_local_machine_has_the_link_that_was_measured_here(
    pipebench: Pipebench, tmp_path: Path, idle: dict[str, str]
) -> None:
    arguments = (*LOCAL, "-o", str(tmp_path / "runs"))
    first = pipebench(*arguments, **idle)
    assert first.code == 0, first.err
    assert "link: measured between 2 processes, kept in" in first.err
    assert "local: this host, emulated on " in first.out
    whole = pipebench("show", "--all", "-o", str(tmp_path / "runs")).out
    assert "speed measured in this run; link measured 2" in " ".join(whole.split())
    assert "dilation" not in whole
    again = pipebench(*arguments, "--json", **idle)
    assert "link: as measured on 2" in again.err
    machine = json.loads(again.out)["machine"]
    assert (machine["name"], machine["time_dilation"]) == ("local", 1.0)
    assert machine["link"]["latency_s"] == machine["link"]["host_latency_s"] > 0
    assert machine["link"]["overhead_s"] > 0


def test_a_dry_run_measures_nothing_and_writes_nothing(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench("run", "--gpus", "4", "--partition", "balanced", "--dry-run", cwd=tmp_path)
    assert ended.code == 0
    assert "nothing was measured" in ended.out
    assert "assumed" in ended.out
    assert "by computed operations" in " ".join(ended.out.split())
    assert "order from costs on paper" not in ended.out
    assert "alive: slices kept for backward; memory: computed" in " ".join(ended.out.split())
    once = pipebench("run", "--preset", "tiny", "--launches", "1", "--dry-run", cwd=tmp_path)
    assert "for 1 launch," in " ".join(once.out.split())
    ended = pipebench("run", "--preset", "tiny", "--schedule", "wavefront-zb", "--dry-run", cwd=tmp_path)
    assert "order from costs on paper, a run measures them" in " ".join(ended.out.split())
    document = json.loads(pipebench("run", "--gpus", "4", "--dry-run", "--json", cwd=tmp_path).out)
    assert document["deadline_s"] >= 600
    assert not list(tmp_path.rglob("*.json"))


def test_each_option_and_its_default_is_that_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[RunOptions] = []

    def heard(options: RunOptions, how: object, *, asked: int | None) -> int:
        found.append(options)
        return 0

    monkeypatch.setattr(running, "alone_or_joined", heard)
    monkeypatch.setenv("PIPEBENCH_NO_CONFIG", "1")
    assert run(["run"]) == run(["run", "--gpus", "2", *ALL_BUT_DEFAULTS]) == 0
    default, other = found
    assert default == RunOptions(gpus=8)
    same = [name for name in RunOptions.__struct_fields__ if getattr(default, name) == getattr(other, name)]
    assert same == []
    assert (other.deadline_s, other.bucket, other.sequence_length) == (9.0, False, 9)


def test_the_help_has_the_sizes_that_each_schedule_has_by_default() -> None:
    command: Any = typer.main.get_command(application([]))
    texts = {each.name: each.help for each in command.commands["run"].params}
    usual = SCHEDULES["gpipe"]
    for name in ("microbatches", "chunks"):
        said = texts[name].partition("Default: ")[2]
        assert said.startswith(f"{getattr(usual, name)};")
        others = {each.name: getattr(each, name) for each in SCHEDULES.values()}
        told = [f"{which} {size}" for which, size in others.items() if size != getattr(usual, name)]
        assert [each for each in told if each not in said] == []


def test_the_help_says_in_words_what_the_orders_and_their_bounds_do() -> None:
    command: Any = typer.main.get_command(application([]))
    texts = {each.name: each.help for each in command.commands["run"].params}
    assert "zb-h1: as 1f1b, but computes the gradients of the weights when it would" in texts["schedule"]
    assert "with backwards in halves as in zb-h1, ordered by measured costs" in texts["schedule"]
    assert "wavefront: as gpipe, but cuts time into chunks too" in texts["schedule"]
    assert texts["most_alive"].endswith("At least the chunks of one microbatch.")
    assert "may wait for the gradients of their weights, when those of their inputs" in texts["most_waiting"]


# Together they make no sense: nothing is resolved.
ALL_BUT_DEFAULTS = (
    *("--device=cpu", "--machine=local", "--schedule=1f1b", "--microbatches=9", "--chunks=9"),
    *("--partition=balanced", "--softmax-devices=all", "--checkpoint=always", "--cell=split"),
    *(
        "--most-alive=9",
        "--most-waiting=9",
        "--model=transformer",
        "--preset=tiny",
        "--layers=9",
        "--hidden=9",
    ),
    *("--heads=9", "--vocab=9", "--source-vocab=9", "--batch=9", "--sequence-length=9", "--dtype=float64"),
    *("--text=a", "--tokens=spaces", "--synthetic", "--source=b", "--target=c", "--pairs=fr", "--no-bucket"),
    *("--memory=9GiB", "--launches=9", "--quick", "--rigorous", "--steps=9", "--warmup=9", "--seed=9"),
    *("--deadline=9", "--emulation-order=dependence"),
)
