"""The Transformer from the command line: what is planned, refused, measured, shown and compared."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunOptions
from pipebench.plan.actions import parse_action
from pipebench.run.dry_run import dry_run
from tests.cli.conftest import Pipebench
from tests.cli.inside import printed

TINY = ("run", "--model", "transformer", "--preset", "transformer-tiny")
SHORT = ("--launches", "1", "--steps", "1", "--warmup", "0")
WAVEFRONT = ("--schedule", "wavefront", "--microbatches", "2", "--chunks", "4")


@pytest.fixture(scope="module")
def runs(pipebench: Pipebench, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """A folder with two runs of the same, cut along time."""
    folder = tmp_path_factory.mktemp("transformer")
    ended = [pipebench(*TINY, "--gpus", "4", *SHORT, *WAVEFRONT, "--json", cwd=folder) for _ in range(2)]
    assert [each.code for each in ended] == [0, 0], ended[0].err
    return folder, [json.loads(each.out) for each in ended]


def test_a_record_says_what_was_trained(runs: tuple[Path, list[dict[str, Any]]]) -> None:
    config = runs[1][0]["config"]
    sizes = ("layers", "hidden", "heads", "vocab", "batch", "sequence_length", "microbatches", "chunks")
    assert [config[name] for name in sizes] == [4, 32, 2, 200, 32, 16, 2, 4]
    block, norm = 12 * 32 * 32 + 4 * 32, 2 * 32
    assert config["model"] == {
        "name": "transformer",
        "layers": [
            {"name": "embedding + block 0", "parameters": block + (200 + 16) * 32},
            {"name": "block 1", "parameters": block},
            {"name": "block 2", "parameters": block},
            {"name": "block 3 + projection", "parameters": block + norm + 200 * 33},
        ],
        "sha256": None,
    }
    assert config["optimizer"]["name"] == "SGD"
    assert config["input"]["unit"] == "words"


def test_it_is_verified_and_counts_words(runs: tuple[Path, list[dict[str, Any]]]) -> None:
    for record in runs[1]:
        assert record["verification"]["max_relative_gradient_error"] <= 1e-5
        assert record["verification"]["tensors"] == 2 + 4 * 9 + 2 + 2
        assert record["baseline"]["kind"] in ("chain", "chain-microbatches")
        words = record["config"]["input"]["words_per_step"]
        assert record["pipeline"]["words_per_s"] == pytest.approx(words / record["pipeline"]["step_s"])
        actions = {span["action"] for span in record["timeline"]["spans"]}
        assert {"0F0.0", "3B1.3"} <= actions
        assert len(actions) == 2 * 4 * 2 * 4


def test_it_is_shown_explained_and_compared(
    pipebench: Pipebench, runs: tuple[Path, list[dict[str, Any]]]
) -> None:
    folder, _ = runs
    assert ": transformer, wavefront, " in pipebench("show", "latest", cwd=folder, COLUMNS="200").out
    shown = pipebench("show", "latest", "--all", cwd=folder, COLUMNS="200")
    assert "transformer: 4 layers of 32, 2 heads, vocabulary 200, 63.2 k parameters" in shown.out
    assert "16 words of pydoc_data.topics, " in shown.out
    assert "wavefront, 2 microbatches x 4 chunks" in shown.out
    explained = pipebench("explain", "latest", "--json", cwd=folder)
    factors = [each["factor"] for each in json.loads(explained.out)["waterfall"]]
    product = 1.0
    for factor in factors:
        product *= factor
    assert product == pytest.approx(runs[1][1]["speedup"]["value"], rel=1e-9)
    compared = pipebench("compare", "latest~1", "latest", "--json", cwd=folder)
    assert json.loads(compared.out)["overall"]["verdict"] == "inconclusive", "one launch a side"


def test_heads_are_no_small_matter(pipebench: Pipebench, runs: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, _ = runs
    path = max((folder / "results/runs").glob("*.json"))
    record = json.loads(path.read_text())
    record["config"]["heads"], record["id"] = 4, "other"
    (folder / "other.json").write_text(json.dumps(record))
    compared = pipebench("compare", "latest", "other.json", cwd=folder)
    assert compared.code == 5, compared.err
    assert "config.heads" in compared.out


def test_a_dry_run_counts_keys_and_values_of_all_chunks_before(tmp_path: Path) -> None:
    """(C + 1) / 2 times as many as of the whole."""
    options = (*TINY, "--gpus", "4", "--dry-run", "--json", "--dtype", "float64", "--microbatches", "1")
    saved = []
    for chunks in (1, 2, 4, 8):
        ended, out, err = printed(*options, "--chunks", str(chunks), cwd=tmp_path)
        assert ended == 0, err
        saved.append(json.loads(out)["devices"][1]["memory"]["saved_tensors_bytes"])
    positions, width, element = 32 * 16, 32, 8
    kept = positions * element * (14 * width + 4 + 2)
    key_and_value = positions * element * 2 * width
    assert saved == [kept + key_and_value * (chunks + 1) // 2 for chunks in (1, 2, 4, 8)]


def test_a_dry_run_gives_later_chunks_more_time() -> None:
    options = {"model": "transformer", "preset": "transformer-tiny", "gpus": 4, "device": "emulated"}
    cut = {"schedule": "wavefront", "microbatches": 2, "chunks": 4}
    config = resolve(RunOptions(**options, **cut))  # type: ignore[arg-type]
    _, timeline = dry_run(config, lambda _: None)
    lasts = {span.action: span.end_s - span.start_s for span in timeline.spans}
    assert len(lasts) == 2 * 4 * 2 * 4
    shares = config.outline.chunk_shares(config.layout.parts[1], 4)
    for letter, times in (("F", 1), ("B", 2)):
        found = [lasts[parse_action(f"1{letter}1.{chunk}")] for chunk in range(4)]
        assert found == pytest.approx([found[0] * share / shares[0] for share in shares])
        assert found[0] == pytest.approx(times * lasts[parse_action("1F0.0")])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--heads", "3"), "--hidden 32: expected a multiple of the 3 heads"),
        (("--heads", "0"), "--heads must be at least 1, got 0"),
        (("--chunks", "5"), "--chunks 5 does not divide the sequence length of 16"),
        (("--gpus", "6"), "6 devices for 4 blocks: expected at most 4"),
        (("--source-vocab", "9"), "--source-vocab: --model transformer does not take it"),
        (("--pairs", "fr"), "--pairs: --model transformer does not take it"),
        (
            ("--preset", "tiny"),
            "unknown --preset 'tiny': expected one of transformer-small, transformer-tiny",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(tmp_path: Path, options: tuple[str, ...], error: str) -> None:
    ended, out, err = printed(*TINY, *options, cwd=tmp_path)
    (line,) = err.decode().splitlines()
    assert (ended, out) == (2, b"")
    assert line.startswith(f"pipebench: error: {error}")


@pytest.mark.parametrize("model", ["stacked-lstm", "seq2seq"])
def test_heads_are_a_transformer_s(tmp_path: Path, model: str) -> None:
    ended, _, err = printed("run", "--model", model, "--heads", "2", cwd=tmp_path)
    assert ended == 2
    assert f"--heads: --model {model} does not take it: leave it out" in err.decode()


def test_real_ranks_share_its_softmax(pipebench: Pipebench, tmp_path: Path) -> None:
    options = (*TINY, "--gpus", "2", "--device", "cpu", "--softmax-devices", "all", *SHORT, *WAVEFRONT)
    ended = pipebench(*options, "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    assert (record["clock"], record["config"]["softmax_devices"]) == ("wall", "all")
    assert record["verification"]["max_relative_gradient_error"] <= 1e-5
    texts = [device["layers"] for device in record["devices"]]
    assert texts[0].startswith("embedding + blocks 0-1 + softmax 0-")
