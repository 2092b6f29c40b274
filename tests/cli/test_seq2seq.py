"""The encoder-decoder from the command line: what is planned, refused, measured, shown and compared."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from pipebench.records import documents
from pipebench.records.run import CompletedRun
from tests.cli.conftest import Pipebench
from tests.cli.inside import printed

TINY = ("run", "--model", "seq2seq", "--preset", "seq2seq-tiny")
SHORT = ("--launches", "1", "--steps", "1", "--warmup", "0")


class Runs(NamedTuple):
    """A folder with the records of two runs of the same, and what they translated."""

    folder: Path
    files: tuple[str, ...]
    records: list[dict[str, Any]]
    err: str


@pytest.fixture(scope="module")
def runs(pipebench: Pipebench, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("translator")
    for name, word in (("a.en", "a"), ("a.fr", "b")):
        lines = [" ".join(f"{word}{(n + k) % 9}" for k in range(1 + (n * n) % 9)) for n in range(150)]
        (folder / name).write_text("\n".join([*lines, "", f"{word} " * 40]) + "\n")
    files = ("--source", "a.en", "--target", "a.fr")
    ended = [
        pipebench(
            *TINY,
            "--gpus",
            "4",
            *files,
            *SHORT,
            "--schedule",
            "wavefront",
            "--chunks",
            "5",
            "--json",
            cwd=folder,
        )
        for _ in range(2)
    ]
    assert [each.code for each in ended] == [0, 0], ended[0].err
    return Runs(folder, files, [json.loads(each.out) for each in ended], ended[0].err)


def refusal(*arguments: str, cwd: Path, code: int = 2) -> str:
    """The line on stderr, the only one."""
    ended, out, err = printed(*arguments, cwd=cwd)
    (line,) = err.decode().splitlines()
    assert (ended, out) == (code, b""), line
    assert line.startswith("pipebench: error: ")
    return line.removeprefix("pipebench: error: ")


def test_a_record_says_what_was_trained_and_how(runs: Runs) -> None:
    config = runs.records[0]["config"]
    sizes = (
        "layers",
        "hidden",
        "source_vocab",
        "vocab",
        "batch",
        "sequence_length",
        "microbatches",
        "chunks",
    )
    assert [config[name] for name in sizes] == [4, 32, 200, 150, 32, 12, 4, 5]
    assert config["model"]["name"] == "seq2seq"
    assert config["model"]["sha256"] is None
    lstm = 2 * (4 * 32 * 64 + 8 * 32)
    assert config["model"]["layers"] == [
        {"name": "embeddings + LSTM pair 0", "parameters": lstm + 350 * 32},
        {"name": "LSTM pair 1", "parameters": lstm},
        {"name": "LSTM pair 2", "parameters": lstm},
        {"name": "LSTM pair 3 + projection", "parameters": lstm + 150 * 33},
    ]
    assert config["optimizer"] == {"name": "SGD", "learning_rate": 0.7, "momentum": 0.0, "clipping": 5.0}
    assert (config["preset"], config["bucket"], config["partition"]) == ("seq2seq-tiny", True, [1, 1, 1, 1])
    assert (config["source"], config["target"], config["pairs"]) == ("a.en", "a.fr", None)


def test_a_record_says_where_the_pairs_are_from_and_how_many_there_are(runs: Runs) -> None:
    found = runs.records[0]["config"]["input"]
    assert found["pairs"] == 150
    assert found["origin"] == "two files, parallel by lines"
    assert (found["unit"], found["whole"]) == ("words", True)
    assert found["bytes_read"] == sum((runs.folder / name).stat().st_size for name in ("a.en", "a.fr"))
    assert found["words_per_step"] > 2 * 32
    record = runs.records[0]
    words_per_s = record["pipeline"]["words_per_s"]
    assert words_per_s == pytest.approx(found["words_per_step"] / record["pipeline"]["step_s"], rel=1e-9)


def test_the_norm_of_all_gradients_is_in_the_step_that_is_timed(runs: Runs) -> None:
    timeline = runs.records[0]["timeline"]
    names = [(other["device"], other["name"]) for other in timeline["other"]]
    everywhere = [(d, name) for d in range(4) for name in ("clip", "norm", "optimizer", "zero_grad")]
    assert sorted(names) == sorted([*everywhere, (0, "norm_total")])
    ends = {(other["device"], other["name"]): other["end_s"] for other in timeline["other"]}
    starts = {(other["device"], other["name"]): other["start_s"] for other in timeline["other"]}
    for device in range(4):
        assert (
            ends[device, "norm"] <= starts[0, "norm_total"] < ends[0, "norm_total"] <= starts[device, "clip"]
        )
        assert ends[device, "clip"] <= starts[device, "optimizer"]
    assert len(timeline["spans"]) == 2 * 4 * 4 * 2 * 5  # devices, microbatches, chunks of either side
    shares = [t["bytes"] for t in timeline["transfers"] if "NORM" in t["action"] or "TOTAL" in t["action"]]
    assert shares == [8] * 6


def test_slices_are_of_unequal_lengths_and_the_record_says_so(runs: Runs) -> None:
    record = runs.records[0]
    sent = [t["bytes"] for t in record["timeline"]["transfers"] if t["action"][:2] == "0F"]
    steps = {size // (8 * 32 * 4) for size in sent}  # sentences of a slice, cells, bytes of a number
    least, most = record["config"]["input"]["slice_steps"]
    assert 1 <= least <= min(steps) < max(steps) <= most <= 3
    assert record["pipeline"]["longest_slice"] > 1


def test_what_was_verified_is_the_whole_model_and_a_clipped_update(runs: Runs) -> None:
    verification = runs.records[0]["verification"]
    assert verification["tensors"] == 2 + 4 * 2 * 4 + 2
    assert verification["max_relative_gradient_error"] <= 1e-5
    assert verification["max_relative_parameter_error"] <= 1e-5


def test_a_record_is_shown_with_its_picture(pipebench: Pipebench, runs: Runs) -> None:
    brief = pipebench("show", "latest", cwd=runs.folder, COLUMNS="200")
    assert ": seq2seq, wavefront, 4 emulated devices, virtual time" in brief.out
    shown = pipebench("show", "latest", "--all", cwd=runs.folder, COLUMNS="200")
    assert shown.code == 0, shown.err
    assert "of two files, parallel by lines" in shown.out
    assert "; optimizer SGD, the gradients' norm clipped at 5\n" in shown.out
    for words in (
        "seq2seq: 4 layers",
        "wavefront, 4 microbatches x 5 chunks",
        "embeddings + LSTM pair",
        "words/s",
    ):
        assert words in shown.out
    for report in (brief, shown):
        drawn = [line[:3] for line in report.out.splitlines() if line[1:3] == " |"]
        assert drawn == ["0 |", "1 |", "2 |", "3 |"]
    assert "Traceback" not in shown.err


def test_two_records_of_the_same_are_compared(pipebench: Pipebench, runs: Runs) -> None:
    compared = pipebench("compare", "latest~1", "latest", "--json", cwd=runs.folder)
    assert compared.code == 0, compared.err
    assert {"words_per_s", "speedup", "efficiency"} <= json.loads(compared.out)["metrics"].keys()


@pytest.mark.parametrize(
    ("field", "value"),
    [("bucket", False), ("source_vocab", 300), ("optimizer", {"learning_rate": 0.7, "clipping": 4.0})],
)
def test_records_of_other_translators_are_not_compared(
    runs: Runs, tmp_path: Path, field: str, value: object
) -> None:
    for name, record in (("a", runs.records[0]), ("b", runs.records[1])):
        changed = {**record, "config": {**record["config"], **({field: value} if name == "b" else {})}}
        (tmp_path / f"{name}.json").write_bytes(documents.encode(msgspec.convert(changed, CompletedRun)))
    ended, out, err = printed("compare", "a.json", "b.json", cwd=tmp_path)
    assert ended != 0
    assert f"config.{field}" in (out + err).decode()


def test_a_dry_run_plans_both_sides_and_reads_the_files(runs: Runs) -> None:
    dry = (*TINY, "--gpus", "6", "--softmax-devices", "2", *runs.files, "--dry-run", "--chunks", "5")
    ended, out, err = printed(*dry, "--json", cwd=runs.folder)
    assert ended == 0, err
    document = json.loads(out)
    assert [device["layers"] for device in document["devices"]] == [
        *("embeddings + LSTM pair 0", "LSTM pair 1", "LSTM pair 2", "LSTM pair 3"),
        *("softmax 0-74 + loss", "softmax 75-149"),
    ]
    assert (document["config"]["source"], document["config"]["clipping"]) == ("a.en", 5.0)
    source, target = document["config"]["positions_read"]
    assert 0 < source < 32 * 12
    assert 0 < target < 32 * 12
    ended, out, err = printed(*dry, cwd=runs.folder, columns="100")
    assert (ended, b"two files, parallel by lines" in out, b"Traceback" in err) == (0, True, False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--source", "a.en"), "--source goes with --target"),
        (("--target", "a.fr"), "--target goes with --source"),
        (("--source", "a.en", "--target", "missing"), "--target missing"),
        (
            ("--source", "a.en", "--target", "a.fr", "--pairs", "fr"),
            "--source and --pairs exclude each other",
        ),
        (("--pairs", "xx_YY"), "--pairs xx_YY: "),
        (("--pairs", "../fr"), "--pairs '../fr': expected a language such as fr or pt_BR"),
        (("--text", "a.en"), "--text: --model seq2seq does not take it: leave it out"),
        (("--chunks", "13"), "--chunks must be at most 12, got 13"),
        (("--source-vocab", "3"), "--source-vocab must be at least 4, got 3"),
        (("--gpus", "5"), "5 devices for 4 pairs of layers: expected at most 4"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(runs: Runs, options: tuple[str, ...], words: str) -> None:
    assert words in refusal(*TINY, "--dry-run", "--quiet", *options, cwd=runs.folder)


@pytest.mark.parametrize("option", ["--no-bucket", "--source-vocab=20", "--source=a.en", "--pairs=fr"])
def test_what_only_it_takes_is_refused_with_the_stacked_lstm(runs: Runs, option: str) -> None:
    options = (option, "--target=a.fr") if "--source=" in option else (option,)
    said = refusal("run", "--gpus", "4", "--dry-run", "--quiet", *options, cwd=runs.folder)
    assert said == f"{option.split('=', maxsplit=1)[0]}: --model stacked-lstm does not take it: leave it out"


def test_two_real_processes_train_it(pipebench: Pipebench, tmp_path: Path) -> None:
    ended = pipebench(
        *(*TINY, "--gpus", "2", "--device", "cpu", "--synthetic", "--no-bucket", "--softmax-devices", "all"),
        *(*SHORT, "-M", "4", "--json"),
        cwd=tmp_path,
    )
    assert ended.code == 0, ended.err
    record = json.loads(ended.out)
    assert (record["clock"], record["config"]["bucket"]) == ("wall", False)
    assert record["config"]["input"]["words_per_step"] == 2 * 32 * 12
    assert record["config"]["input"]["pairs"] == 4 * 32
    names = {other["name"] for other in record["timeline"]["other"]}
    assert names == {"zero_grad", "norm", "norm_total", "clip", "optimizer"}
    assert record["verification"]["max_relative_parameter_error"] <= 1e-5
    for options in ((), ("--all",)):
        shown = pipebench("show", "latest", *options, cwd=tmp_path)
        assert (shown.code, shown.err) == (0, "")
