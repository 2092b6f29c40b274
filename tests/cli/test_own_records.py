"""Records of users' own models through the installed command: compared, checked, listed, shown, never in words."""

import json
from pathlib import Path

import pytest

from tests.builders import ended_run, own_record, steady_record
from tests.cli import golden
from tests.cli.conftest import Pipebench
from tests.cli.saved import save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def named(number: int, factor: float = 1.0, devices: int = 1) -> object:
        made = {"id": f"own-{number}", "created": f"2026-12-0{number}T00:00:00+00:00"}
        return own_record(factor, devices=devices, **made)

    save(
        tmp_path,
        a=named(1),
        slower=named(2, 1.1),
        over2=named(3, devices=2),
        slower2=named(4, 1.1, devices=2),
        aborted=ended_run(named(5)),
        lstm=steady_record(id="lstm", created="2026-11-01T00:00:00+00:00"),
    )
    return tmp_path


GOLDEN = {
    "own-show": ("show", "a.json"),
    "own-show-naive": ("show", "over2.json"),
    "own-show-all": ("show", "a.json", "--all"),
    "own-show-naive-all": ("show", "over2.json", "--all"),
    "own-compare": ("compare", "a.json", "slower.json"),
    "own-compare-naive": ("compare", "over2.json", "slower2.json"),
    "own-compare-lstm": ("compare", "a.json", "lstm.json"),
    "own-compare-baselines": ("compare", "a.json", "over2.json"),
    "own-check-words": ("check", "slower.json", "--against", "a.json", "--gate", "words_per_s=3%"),
    "own-list": ("list", "."),
    "own-history": ("history", "throughput", "."),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden(pipebench: Pipebench, folder: Path, write_golden: bool, name: str) -> None:
    golden.check(name, GOLDEN[name], pipebench(*GOLDEN[name], cwd=folder), write=write_golden)


@pytest.mark.parametrize(
    ("current", "against", "gates", "code"),
    [
        ("slower", "a", [], 3),
        ("slower", "a", ["throughput=3%"], 3),
        ("slower", "a", ["throughput=30%"], 0),
        ("slower", "a", ["words_per_s=3%"], 9),
        ("slower", "a", ["baseline_throughput=3%"], 0),
        ("slower2", "over2", [], 3),
        ("over2", "a", [], 5),
        ("lstm", "a", [], 5),
        ("aborted", "a", [], 9),
    ],
)
def test_a_check_of_an_own_model(
    pipebench: Pipebench, folder: Path, current: str, against: str, gates: list[str], code: int
) -> None:
    options = [word for gate in gates for word in ("--gate", gate)]
    ended = pipebench(
        "check", f"{current}.json", "--against", f"{against}.json", *options, "--json", cwd=folder
    )
    document = json.loads(ended.out)
    assert (ended.code, ended.err) == (code, "")
    assert ("words_per_s" in document["metrics"]) == (gates == ["words_per_s=3%"] or current == "lstm")
    assert document["reference"]["unit"] == "samples"


def test_no_option_lets_a_baseline_on_other_devices_pass(pipebench: Pipebench, folder: Path) -> None:
    pair = ("over2.json", "--against", "a.json")
    ended = pipebench("check", *pair, "--allow-mismatch", "baseline.devices", cwd=folder)
    assert ended.code == 5
    assert "no option lets that pass" in " ".join(ended.out.split())


def test_the_gate_takes_both_names_where_words_are_counted(pipebench: Pipebench, tmp_path: Path) -> None:
    save(tmp_path, a=steady_record(), slower=steady_record(1.1))
    for names in (["throughput"], ["words_per_s"], ["throughput", "words_per_s"]):
        options = [word for name in names for word in ("--gate", f"{name}=3%")]
        ended = pipebench("check", "slower.json", "--against", "a.json", *options, "--json", cwd=tmp_path)
        metrics = json.loads(ended.out)["metrics"]
        assert ended.code == 3
        assert metrics["throughput"]["adjusted_p_value"] == metrics["throughput"]["p_value"]
        assert metrics["throughput"]["change"] == metrics["words_per_s"]["change"]
        assert [name for name in metrics if metrics[name]["gated"]] == sorted(names, reverse=True)


def test_history_goes_by_what_the_newest_run_counts(pipebench: Pipebench, folder: Path) -> None:
    (folder / "own").mkdir()
    for name in ("a", "slower"):
        (folder / f"{name}.json").rename(folder / f"own/{name}.json")
    found = json.loads(pipebench("history", "throughput", "own", "--json", cwd=folder).out)
    assert (found["metric"], found["unit"], len(found["runs"])) == ("throughput", "samples", 2)
    words = pipebench("history", "words_per_s", "own", cwd=folder)
    assert (words.code, words.out) == (9, "")
    assert "they count samples: ask for throughput" in words.err
    (folder / "results").mkdir()
    (folder / "own").rename(folder / "results/runs")
    assert "samples/s of 2 runs" in pipebench("history", cwd=folder).out


def test_a_baseline_of_an_own_model_is_found_again(pipebench: Pipebench, folder: Path) -> None:
    for name in ("a", "over2", "lstm"):
        ended = pipebench(
            "baseline", "save", f"{name}.json", "--name", "main", "--reason", "first", cwd=folder
        )
        assert ended.code == 0, ended.err
    assert pipebench("check", "slower.json", "--against", "main", cwd=folder).code == 3
    assert pipebench("check", "slower2.json", "--against", "main", cwd=folder).code == 3
    assert pipebench("check", "--self-test", "--against", "a.json", cwd=folder).code == 0
