"""``--device cuda`` from the command to the record, on pretended GPUs: no figure here is a measurement."""

import json
import os
from pathlib import Path

import pytest

import tests.pretend
from tests.cli.conftest import TINY, Ended, Pipebench
from tests.pretend.gpu import PEAK

ROOT = Path(tests.pretend.__file__).parent
PRETENDED = {
    "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT.parent.parent, os.environ.get("PYTHONPATH", "")))),
    "PRETEND_GPUS": "3",
}


def run(pipebench: Pipebench, folder: Path, *arguments: str, **changes: str) -> Ended:
    return pipebench(
        *("run", "--gpus", "2", *TINY, "--launches", "2", "-o", str(folder), *arguments),
        **(PRETENDED | changes),
    )


@pytest.mark.parametrize("nccl", ["1", "0"])
def test_a_run_on_gpus_leaves_a_record_of_gpus(pipebench: Pipebench, tmp_path: Path, nccl: str) -> None:
    ended = run(pipebench, tmp_path, "--device", "cuda", "--json", PRETEND_NCCL=nccl)
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    assert record["device"] == {
        "kind": "cuda",
        "count": 2,
        "names": ["Pretended GPU 0", "Pretended GPU 1"],
    }
    assert (record["clock"], record["machine"]) == ("wall", None)
    assert record["verification"]["max_relative_gradient_error"] <= 1e-5
    assert [device["memory"]["peak_bytes"] for device in record["devices"]] == [PEAK, PEAK + 1]
    assert [launch["peaks_bytes"] for launch in record["launches"]] == 2 * [[PEAK, PEAK + 1]]
    speeds = record["baseline"]["device_flops_per_s"]
    assert len(speeds) == 2
    assert speeds[record["baseline"]["device"]] == min(speeds)  # the lower median of two
    environment = record["environment"]
    assert (environment["driver"], environment["driver_cuda"]) == ("580.65.06", "13.0")
    assert environment["tf32"] is False
    assert environment["nccl"] == ("2.28.9" if nccl == "1" else None)
    assert environment["gpu0_sm_clock_hz_most"] == 1_980_000_000
    assert {warning["code"] for warning in record["warnings"]} >= {"gpu-shared", "throttled"}


def test_auto_takes_them_and_the_report_says_so(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = run(pipebench, tmp_path, "--partition", "balanced")
    assert ended.code == 0, ended.err
    assert "device: cuda (auto: 3 GPUs visible, 2 asked for)" in ended.err
    assert "x, measured, wall clock, CUDA events; " in ended.out.splitlines()[0]
    assert "gpipe, 2 cuda devices, wall clock" in ended.out
    assert "trust     measured by CUDA events; nothing is emulated" in ended.out
    assert "warning  gpu-shared: other processes computed on GPU " in ended.out
    (path,) = tmp_path.glob("*.json")
    whole = pipebench("show", "--all", str(path)).out
    assert "2 cuda devices, wall clock, CUDA events" in whole
    assert "of median speed" in " ".join(whole.split())
    assert "peak" in whole
    assert "virtual" not in ended.out + whole
    assert "4711 python3" in " ".join(whole.split())


@pytest.mark.parametrize(
    ("times", "sharing"), [("1,99,1", ()), ("99,1,1", ()), ("99,1,1", ("--softmax-devices", "1"))]
)
def test_a_slow_gpu_gets_fewer_layers(
    pipebench: Pipebench, tmp_path: Path, times: str, sharing: tuple[str, ...]
) -> None:
    """What a GPU gets that is a hundred times slower is one layer; how the others share the rest is a measurement."""
    ended = pipebench(
        *("run", "--gpus", "3", "--device", "cuda", "--preset", "tiny", "--layers", "8", "--launches", "1"),
        *("--steps", "1", "--partition", "balanced", *sharing, "-o", str(tmp_path), "--json"),
        **(PRETENDED | {"PRETEND_TIMES": times}),
    )
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)["config"]["partition"]
    slow = times.split(",").index("99")
    assert (found[slow], sum(found), len(found)) == (1, 8, 2 if sharing else 3)


def test_too_few_gpus_exit_7(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = run(pipebench, tmp_path, "--device", "cuda", CUDA_VISIBLE_DEVICES="1")
    assert ended.code == 7
    assert "expected 2 visible GPUs, found 1 (this machine has 3, and CUDA_VISIBLE_DEVICES='1')" in ended.err


def test_a_gpu_that_is_listed_twice_leaves_none(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = run(pipebench, tmp_path, "--device", "cuda", CUDA_VISIBLE_DEVICES="0,1,0")
    assert (ended.code, ended.out) == (7, "")
    assert "found none (this machine has 3, and CUDA_VISIBLE_DEVICES='0,1,0')" in ended.err
    assert not list(tmp_path.iterdir())


def test_a_torch_that_cannot_start_cuda_exits_7(pipebench: Pipebench, tmp_path: Path) -> None:
    """The ranks find it out: here the pretence ends at the driver, and the real torch has no CUDA."""
    ended = run(pipebench, tmp_path, "--device", "cuda", PRETEND_TORCH="0")
    assert ended.code == 7
    assert "cannot use GPU " in ended.err
    assert len(ended.err.strip().splitlines()[-1]) > 20
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(("most", "devices"), [("2", 2), ("1", 4)])
def test_a_model_too_big_for_a_gpu_is_held_against_the_fewest_that_it_fits_on(
    pipebench: Pipebench, tmp_path: Path, most: str, devices: int
) -> None:
    """Found out by trying: no size is computed that would not fit."""
    ended = pipebench(
        *("run", "--gpus", "4", "--device", "cuda", "--preset", "tiny", "--layers", "3", "--launches", "2"),
        *("--partition", "1,1,1,0", "--steps", "1", "-o", str(tmp_path), "--json"),
        **(PRETENDED | {"PRETEND_GPUS": "4", "PRETEND_MOST_LAYERS": most}),
    )
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    assert (record["baseline"]["kind"], record["baseline"]["devices"]) == ("naive", devices)
    assert record["baseline"]["device_flops_per_s"] == []
    assert record["efficiency"] == pytest.approx(record["speedup"]["value"] * devices / 4)
    assert record["verification"]["max_relative_gradient_error"] <= 1e-5
    assert f"the speed-up is relative to {devices} devices" in ended.err


def test_a_model_that_fits_on_no_number_of_gpus_exits_7(pipebench: Pipebench, tmp_path: Path) -> None:
    """By computed bytes 3 devices hold 2 layers, 1 and none; the pretended ones take 1 at most."""
    ended = pipebench(
        *("run", "--gpus", "3", "--device", "cuda", "--preset", "tiny", "--layers", "3", "-o", str(tmp_path)),
        **(PRETENDED | {"PRETEND_MOST_LAYERS": "1"}),
    )
    assert ended.code == 7, ended.err
    assert (
        "nothing to compare with: no GPU can hold the model, nor can 3 GPUs with the whole batch at once"
        in ended.err
    )


def test_layers_of_the_user_s_own_run_on_gpus(pipebench: Pipebench, tmp_path: Path) -> None:
    model = Path(__file__).parent.parent / "engine" / "own_models.py"
    ended = pipebench(
        *("run", "--gpus", "2", "--device", "cuda", "--model", f"{model}:masked", "--launches", "1"),
        *("--steps", "1", "-o", str(tmp_path), "--json"),
        **PRETENDED,
    )
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    assert record["verification"]["max_relative_gradient_error"] <= 1e-4
    assert record["baseline"]["kind"] in ("chain", "chain-microbatches")
    assert record["config"]["input"]["unit"] == "words"


def test_a_transformer_is_cut_along_time_there_too(pipebench: Pipebench, tmp_path: Path) -> None:
    """And measured by layers and chunks for a balanced partition."""
    tiny = ("--model", "transformer", "--preset", "transformer-tiny", "--launches", "1")
    cut = ("--schedule", "wavefront", "--microbatches", "2", "--chunks", "4", "--partition", "balanced")
    options = (*tiny, *cut, "--device", "cuda", "--json", "-o", str(tmp_path))
    ended = pipebench("run", "--gpus", "2", *options, **PRETENDED)
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    assert record["verification"]["max_relative_gradient_error"] <= 1e-5
    assert {span["action"] for span in record["timeline"]["spans"]} >= {"0F0.0", "1B1.3"}
    assert record["environment"]["tf32"] is False
