"""Which side of a ratio moved, through the installed command, on records made from a committed one."""

import json
from collections.abc import Callable
from html import unescape
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from pipebench.comparison.metrics import METRICS
from pipebench.records.launches import Samples
from pipebench.records.run import RunRecord
from tests.builders import launch, measured_record, noisy_launches, steady_record
from tests.cli.conftest import Pipebench
from tests.cli.saved import save

(COMMITTED,) = (Path(__file__).parents[2] / "results/schedules").glob("*gpipe*.json")
Scaled = Callable[..., Path]


@pytest.fixture
def scaled(tmp_path: Path) -> Scaled:
    """The committed record, with the samples of one device, of the pipeline and of its busy devices so much longer."""

    def write(name: str, alone: float, step: float, busy: float | None = None, **changes: Any) -> Path:
        record = json.loads(COMMITTED.read_text()) | changes
        for each in record["launches"]:
            each["baseline"]["step_s"] = [alone * value for value in each["baseline"]["step_s"]]
            pipeline = each["pipeline"]
            pipeline["step_s"] = [step * value for value in pipeline["step_s"]]
            pipeline["busy_s"] = [(busy or step) * value for value in pipeline["busy_s"]]
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(record))
        return path

    return write


def checked(
    pipebench: Pipebench, path: Path, *options: str, against: Path = COMMITTED
) -> tuple[int, dict[str, Any]]:
    ended = pipebench("check", str(path), "--against", str(against), *options, "--json")
    document: dict[str, Any] = json.loads(ended.out)
    return ended.code, document["metrics"]


@pytest.mark.parametrize(
    ("alone", "step", "code", "told"),
    [
        (0.8, 1, 3, "one device is 25 % faster ({}); the pipeline's own step is unchanged (0.0 %)"),
        (1.25, 1, 4, "one device is 20 % slower ({}); the pipeline's own step is unchanged (0.0 %)"),
        (1, 1.3, 3, "one device is unchanged (0.0 %); the pipeline's own step is 30 % longer ({})"),
        (1, 0.5, 0, "one device is unchanged (0.0 %); the pipeline's own step is 50 % shorter ({})"),
        (
            *(0.8, 0.9, 3),
            "both moved: one device is 25 % faster ({}); the pipeline's own step is 10 % shorter ({})",
        ),
        (
            *(0.5, 0.5, 4),  # and so the speed-up did not: it is too noisy to be called the same
            "both moved: one device is 100 % faster ({}); the pipeline's own step is 50 % shorter ({})",
        ),
    ],
)
def test_the_sentence_says_which_side_moved_and_by_how_much(
    pipebench: Pipebench, scaled: Scaled, alone: float, step: float, code: int, told: str
) -> None:
    ended, metrics = checked(pipebench, scaled("current", alone, step))
    assert ended == code
    changes = {"baseline_words_per_s": 1 / alone, "step_s": step, "speedup": alone / step}
    for name, factor in changes.items():
        assert metrics[name]["change"] == pytest.approx(factor - 1, rel=1e-9, abs=1e-12)
    moved = [name for name in ("baseline_words_per_s", "step_s") if metrics[name]["change"]]
    intervals = [
        f"{100 * metrics[name]['low']:+.1f} to {100 * metrics[name]['high']:+.1f} %" for name in moved
    ]
    assert metrics["speedup"]["explanation"] == told.format(*intervals)
    assert metrics["speedup"]["parts"] == ["baseline_words_per_s", "step_s"]
    assert not metrics["baseline_words_per_s"]["gated"]


def test_the_row_and_the_sentence_stand_in_every_format(
    pipebench: Pipebench, scaled: Scaled, tmp_path: Path
) -> None:
    current = str(scaled("current", 0.8, 1))
    _, metrics = checked(pipebench, Path(current))
    sentence = metrics["speedup"]["explanation"]
    assert sentence.startswith("one device is 25 % faster")
    for form in ("table", "md", "html", "csv", "junit", "github", "json"):
        out = pipebench("compare", str(COMMITTED), current, "--format", form, COLUMNS="250").out
        assert sentence in unescape(out).replace("%25", "%"), form
        row = "baseline_words_per_s" if form in {"csv", "json"} else "one device"
        assert row in out, form
    ended = pipebench(
        *("check", current, "--against", str(COMMITTED), "--junit", str(tmp_path / "x.xml")),
        GITHUB_ACTIONS="true",
    )
    assert ended.code == 3
    assert f"speed-up, efficiency: {sentence}" in " ".join(ended.out.split())
    assert sentence in ended.err.replace("%25", "%")
    (failure,) = ET.parse(tmp_path / "x.xml").getroot().findall(".//testcase[@name='speedup']/failure")
    assert sentence in (failure.get("message") or "")


def test_what_is_noisy_is_unknown_and_never_called_unchanged(pipebench: Pipebench, scaled: Scaled) -> None:
    current = scaled("current", 1, 1.5)
    record = json.loads(current.read_text())
    for number, each in enumerate(record["launches"]):
        each["baseline"]["step_s"] = [value * (1, 1.3)[number % 2] for value in each["baseline"]["step_s"]]
    current.write_text(json.dumps(record))
    code, metrics = checked(pipebench, current, "--gate", "speedup=1%")
    one, other = metrics["speedup"]["explanation"].split("; the pipeline's")
    assert code == 3
    assert one.startswith("it is not known whether one device changed (wide-interval; -1")
    assert other.startswith(" own step is 50 % longer (")


@pytest.mark.parametrize("launches", [1, 3])
def test_few_launches_leave_it_unknown(pipebench: Pipebench, scaled: Scaled, launches: int) -> None:
    record = json.loads(COMMITTED.read_text())
    few = scaled("few", 0.8, 1.1, launches=record["launches"][:launches])
    code, metrics = checked(pipebench, few)
    assert code == 4
    one, other = metrics["speedup"]["explanation"].split("; it is not known whether")
    assert one.startswith("it is not known whether one device changed (too-few-launches; +")
    assert other.startswith(" the pipeline's own step changed (too-few-launches; +")


def test_a_doubt_is_told_beside_the_change(pipebench: Pipebench, scaled: Scaled) -> None:
    """Launches that drift take an improvement back; that one device changed is no less true."""
    current = scaled("current", 0.8, 1)
    record = json.loads(current.read_text())
    for number, each in enumerate(record["launches"]):
        each["baseline"]["step_s"] = [1.0 + number / 100] * 2
    current.write_text(json.dumps(record))
    _, metrics = checked(pipebench, current)
    assert metrics["baseline_words_per_s"]["reason"] == "drift"
    assert "% faster (" in metrics["speedup"]["explanation"]
    assert "; in doubt: drift)" in metrics["speedup"]["explanation"]


def test_a_speed_up_that_stays_while_both_sides_move_is_told(pipebench: Pipebench, tmp_path: Path) -> None:
    faster = measured_record([launch([9.5], [step / 2]) for step in (9.4, 9.5, 9.6, 9.45, 9.55, 9.5)])
    save(tmp_path, base=steady_record(), faster=faster, same=steady_record(1.001))
    code, metrics = checked(pipebench, tmp_path / "faster.json", against=tmp_path / "base.json")
    assert (code, metrics["speedup"]["verdict"]) == (0, "same")
    told = metrics["speedup"]["explanation"]
    assert told.startswith("both moved: one device is 100 % faster (")
    _, metrics = checked(pipebench, tmp_path / "same.json", against=tmp_path / "base.json")
    assert metrics["speedup"]["explanation"] is None  # nothing moved, nothing to explain


@pytest.mark.parametrize(
    ("step", "busy", "told"),
    [
        (
            1.0,
            1.2,
            "the busy time of a device is 20 % longer ({}); the pipeline's own step is unchanged (0.0 %)",
        ),
        (
            1.25,
            1.0,
            "the busy time of a device is unchanged (0.0 %); the pipeline's own step is 25 % longer ({})",
        ),
    ],
)
def test_a_bubble_is_busy_time_and_step(
    pipebench: Pipebench, scaled: Scaled, step: float, busy: float, told: str
) -> None:
    path = scaled("current", 1, step, busy)
    _, metrics = checked(pipebench, path, "--gate", "bubble_fraction=1%")
    part = "busy_s" if busy > 1 else "step_s"
    assert metrics[part]["change"] == pytest.approx(max(step, busy) - 1, rel=1e-9)
    interval = f"{100 * metrics[part]['low']:+.1f} to {100 * metrics[part]['high']:+.1f} %"
    assert metrics["bubble_fraction"]["explanation"] == told.format(interval)
    assert metrics["bubble_fraction"]["parts"] == ["busy_s", "step_s"]
    assert "busy time" in pipebench("compare", str(COMMITTED), str(path)).out


def test_records_of_gpus_are_told_alike(pipebench: Pipebench, scaled: Scaled) -> None:
    gpus = {"device": {"kind": "cuda", "count": 8, "names": ["A GPU"] * 8}, "clock": "wall", "machine": None}
    base, current = scaled("base", 1, 1, **gpus), scaled("gpus", 0.8, 1, **gpus)
    code, metrics = checked(pipebench, current, against=base)
    assert code == 3
    assert metrics["speedup"]["explanation"].startswith("one device is 25 % faster (")


def devices(number: int, alone: float, **changes: object) -> RunRecord:
    """A record of so many devices, of which one alone takes 19 s times ``alone``."""
    record = measured_record(
        [launch([19.0 * alone * s], [19.0 / number * s]) for s in (1.0, 1.01, 1.005, 0.995, 0.99, 1.0)]
    )
    device = msgspec.structs.replace(record.device, count=number, names=["A CPU"] * number)
    return msgspec.structs.replace(record, device=device, id=f"on-{number}", **changes)


def test_a_study_of_devices_says_that_the_baselines_differ(pipebench: Pipebench, tmp_path: Path) -> None:
    """A speed-up over a slower single device is no gain of the pipeline's."""
    two, four = devices(2, 1.0), devices(4, 1.25)
    assert four.baseline is not None
    chain = msgspec.structs.replace(four.baseline, kind="chain-microbatches", microbatches=4)
    save(tmp_path, two=two, four=msgspec.structs.replace(four, baseline=chain))
    arguments = ("compare", str(tmp_path / "two.json"), str(tmp_path / "four.json"), "--by", "gpus")
    metrics = json.loads(pipebench(*arguments, "--json").out)["metrics"]
    told = metrics["speedup"]["explanation"]
    assert told.startswith("both moved: one device is 20 % slower (")
    assert "; the pipeline's own step is 50 % shorter (" in told
    assert told.endswith("; one device's form: fused -> chain-microbatches x 4")
    assert "; devices: 2 -> 4; " in metrics["efficiency"]["explanation"]
    assert metrics["baseline_words_per_s"]["change"] == pytest.approx(-0.2, rel=1e-9)
    out = " ".join(pipebench(*arguments).out.split())
    assert f"parts B: speed-up: {told}" in out


@pytest.mark.parametrize(("metric", "code"), [("baseline_words_per_s", 3), ("busy_s", 3)])
def test_a_part_may_be_gated_and_the_gate_can_fire(
    pipebench: Pipebench, scaled: Scaled, metric: str, code: int
) -> None:
    path, gate = scaled("current", 1.3, 1.3), ("--gate", f"{metric}=3%")
    found, metrics = checked(pipebench, path, *gate)
    assert (found, metrics[metric]["verdict"], metrics[metric]["gated"]) == (code, "regression", True)
    tried = pipebench("check", "--self-test", "--gate", f"{metric}=10%")
    assert (tried.code, "UNSEEN" in tried.out) == (0, False), tried.out


@pytest.mark.parametrize("command", ["check", "history"])
def test_help_lists_every_metric(pipebench: Pipebench, command: str) -> None:
    told = pipebench(command, "--help", COLUMNS="200").out
    assert [name for name in METRICS if name not in told] == []


def test_a_history_says_which_side_changed_where_the_ratio_did(pipebench: Pipebench, tmp_path: Path) -> None:
    def run(number: int) -> RunRecord:
        launches = noisy_launches(Random(number), log_sd=0.002)
        if number >= 10:
            launches = [
                msgspec.structs.replace(each, baseline=Samples([0.8 * s for s in each.baseline.step_s]))
                for each in launches
            ]
        created = f"2026-11-{number + 1:02}T09:00:00+00:00"
        return measured_record(launches, id=f"run-{number}", created=created)

    save(tmp_path / "runs", **{f"run-{number}": run(number) for number in range(20)})
    document = json.loads(pipebench("history", "speedup", "runs", "--json", cwd=tmp_path).out)
    (change,) = document["changes"]
    assert change["id"] == "run-10"
    assert change["change"] == pytest.approx(-0.2, abs=0.01)
    assert change["parts"]["baseline_words_per_s"]["change"] == pytest.approx(0.25, abs=0.01)
    assert {name: part["verdict"] for name, part in change["parts"].items()} == {
        "baseline_words_per_s": "improvement",
        "step_s": "same",
    }
    shown = " ".join(pipebench("history", "speedup", "runs", cwd=tmp_path).out.split())
    assert f"parts {change['explanation']}" in shown
    assert change["explanation"].startswith("one device is 2")
    assert "; the pipeline's own step is unchanged (" in change["explanation"]
    assert "parts" not in pipebench("history", "words_per_s", "runs", cwd=tmp_path).out
