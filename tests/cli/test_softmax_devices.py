"""``--softmax-devices``: what is planned, what is refused and how, and what is passed on."""

import json
from pathlib import Path

import pytest

from tests.builders import own_record, steady_record, with_config
from tests.cli.inside import printed
from tests.cli.saved import save

DRY = ("run", "--dry-run", "--synthetic", "--preset", "tiny")
SIMULATE = ("simulate", "--microbatches", "2")
NEITHER = "expected a number of devices from 1 on, or all"


def words_of(*arguments: str, cwd: Path, code: int = 0) -> str:
    """What is printed, on one line; nothing but that."""
    ended, out, err = printed(*arguments, cwd=cwd, columns="100")
    assert (ended, err) == (code, b""), err
    return " ".join(out.decode().split())


def refusal(*arguments: str, cwd: Path, code: int = 2) -> str:
    """The line on stderr, the only one."""
    ended, out, err = printed(*arguments, cwd=cwd)
    (line,) = err.decode().splitlines()
    assert (ended, out) == (code, b""), line
    assert line.startswith("pipebench: error: ")
    return line


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--softmax-devices", given], f"--softmax-devices {given!r}: {NEITHER}")
        for given in ("0", "-1", "x", "1.5", "", "All", "٣")
    ]
    + [
        (["--softmax-devices=8"], "less than --gpus 8, which counts them too"),
        (["--softmax-devices=1", "--gpus=1"], "use --gpus 2 or more, or --softmax-devices all"),
        ([f"--softmax-devices={'9' * 5000}"], "use a smaller number"),
        ([f"--softmax-devices={'9' * 5000}", "--partition=4,4"], "use a smaller number"),
        (["--softmax-devices=99999999", "--partition=4,4"], "--gpus must be at most 65536"),
        (
            ["--softmax-devices=5", "--vocab=4", "--gpus=9"],
            "--softmax-devices 5: 5 devices for a vocabulary of 4 words: expected at most a device for each word",
        ),
        (["--softmax-devices=all", "--vocab=4"], "use fewer devices or a larger --vocab"),
        (
            ["--softmax-devices=2", "--gpus=12"],
            "10 devices for 8 LSTM layers (12 less 2 for the softmax): expected at most 8; use --gpus 10 or more",
        ),
        (
            ["--softmax-devices=2", "--gpus=12", "--partition=balanced"],
            "10 devices for 8 LSTM layers (12 less 2",
        ),
        (["--softmax-devices=all", "--gpus=9"], "9 devices for 8 LSTM layers: expected at most 8"),
        (["--softmax-devices=all", "--gpus=9", "--partition=balanced"], "9 devices for 8 LSTM layers"),
        (
            ["--softmax-devices=all", "--partition=4,4,0"],
            "--partition 4,4,0: expected at least 1 layer on each device, got 0 on the last one: with "
            "--softmax-devices the softmax needs none to itself; leave the 0 out",
        ),
        (["--softmax-devices=1", "--gpus=3", "--partition=8,0"], "leave the 0 out"),
        (
            ["--softmax-devices=1", "--partition=0,8"],
            "--partition 0,8: expected at least 1 layer on each device",
        ),
        (
            ["--softmax-devices=1", "--gpus=3", "--partition=3,3,2"],
            "--partition 3,3,2: expected 2 counts, one for each of the 3 devices that is not for the softmax, got 3",
        ),
        (
            ["--softmax-devices=1", "--partition=4,3"],
            "--partition 4,3: expected counts that sum to 8 layers, got 7",
        ),
        (["--softmax-devices=all", "--gpus=3", "--partition=4,4"], "expected 3 counts, one a device, got 2"),
    ],
)
def test_a_run_refuses_what_makes_no_sense_in_one_line(
    options: list[str], words: str, tmp_path: Path
) -> None:
    assert words in refusal(*DRY, *options, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_model_of_the_user_s_own_has_no_softmax_that_pipebench_knows(tmp_path: Path) -> None:
    """Refused before their code is looked at: there is no such file."""
    for given in ("all", "2"):
        line = refusal("run", "--model", "file.py:NAME", "--softmax-devices", given, cwd=tmp_path)
        assert "--softmax-devices: --model file.py:NAME does not take it: leave it out" in line


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--softmax-devices", given], f"--softmax-devices {given!r}: {NEITHER}")
        for given in ("0", "-1", "x", "1.5", "")
    ]
    + [
        (["--softmax-devices=8"], "less than --stages 8, which counts them too"),
        (["--softmax-devices=1", "--stages=1"], "use --stages 2 or more, or --softmax-devices all"),
        ([f"--softmax-devices={'1' * 400}"], "use a smaller number"),
        (
            ["--softmax-devices=all", "--stages=5000"],
            "expected at most 10,000 stages, got 5000 with layers, 5000 with a piece of the softmax, and the loss",
        ),
        (["--softmax-devices=all", "--stages=1000000000000"], "expected at most 10,000 stages"),
        (["--softmax-devices=999999998", "--stages=999999999"], "expected at most 10,000 stages"),
    ]
    + [
        (["--softmax", given], f"--softmax must be a number of seconds from 0 to 1e+15, got {float(given)}")
        for given in ("-1", "nan", "inf", "1e16")
    ],
)
@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_a_simulation_refuses_it_too(options: list[str], words: str, form: list[str], tmp_path: Path) -> None:
    assert words in refusal(*SIMULATE, *options, *form, cwd=tmp_path)


def test_a_dry_run_shows_who_has_what(tmp_path: Path) -> None:
    everywhere = words_of(*DRY, "--gpus", "2", "--softmax-devices", "all", cwd=tmp_path)
    assert "layers 4,4 (as it will run), softmax shared by both devices" in everywhere
    assert "embedding + LSTM 0-3 + softmax 0-" in everywhere
    assert "+ loss" in everywhere
    beside = words_of(*DRY, "--gpus", "4", "--softmax-devices", "2", cwd=tmp_path)
    assert "4 emulated devices" in beside
    assert "layers 4,4 (as it will run), softmax shared by 2 devices of their own" in beside
    assert "1 LSTM 4-7" in beside
    assert "2 softmax 0-99 + loss" in beside
    assert "3 softmax 100-199" in beside
    assert "softmax" not in words_of(*DRY, cwd=tmp_path)


def test_a_dry_run_as_json_has_the_parts_too(tmp_path: Path) -> None:
    code, out, _ = printed(*DRY, "--partition", "5,3", "--softmax-devices", "1", "--json", cwd=tmp_path)
    document = json.loads(out)
    assert (code, document["config"]["gpus"], document["config"]["softmax_devices"]) == (0, 3, 1)
    assert [device["layers"] for device in document["devices"]] == [
        "embedding + LSTM 0-4",
        "LSTM 5-7",
        "softmax 0-199 + loss",
    ]


def test_a_simulation_says_that_it_is_shared(tmp_path: Path) -> None:
    everywhere = words_of(*SIMULATE, "--stages", "3", "--softmax-devices", "all", cwd=tmp_path)
    assert "gpipe, 3 devices, 2 microbatches, 1 chunk, softmax shared by all 3 devices; costs" in everywhere
    assert "1 stage 1 + softmax 1/3 + loss" in everywhere
    assert "softmax on a device of its own" in words_of(*SIMULATE, "--softmax-devices", "1", cwd=tmp_path)


def test_a_list_and_a_history_tell_shared_and_unshared_runs_apart(tmp_path: Path) -> None:
    runs = {"own": 1, "everywhere": "all", "nobody": None}
    save(tmp_path, **{name: with_config(steady_record(), softmax_devices=who) for name, who in runs.items()})
    code, out, _ = printed("list", ".", cwd=tmp_path, columns="160")
    lines = {line.split()[0]: line for line in out.decode().splitlines()}
    assert code == 0
    assert "C 1, softmax on 1 " in lines["own"]
    assert "C 1, softmax on all " in lines["everywhere"]
    assert "softmax" not in lines["nobody"]
    course = words_of("history", "speedup", ".", cwd=tmp_path)
    assert "2 runs of other configurations" in course


def test_they_are_not_compared_unless_that_is_allowed(tmp_path: Path) -> None:
    save(tmp_path, a=steady_record(), b=with_config(steady_record(), softmax_devices="all"))
    compared = ("compare", "a.json", "b.json")
    code, out, _ = printed(*compared, cwd=tmp_path, columns="100")
    assert code == 5
    assert "config.softmax_devices: none -> all" in " ".join(out.decode().split())
    assert "C 1, softmax on all; 6 launches" in " ".join(out.decode().split())
    code, out, _ = printed(*compared, "--allow-mismatch", "softmax_devices", "--json", cwd=tmp_path)
    document = json.loads(out)
    assert code == 0
    assert document["allowed"] == [{"field": "config.softmax_devices", "reference": None, "candidate": "all"}]
    sides = document["reference"], document["candidate"]
    assert [side["softmax_devices"] for side in sides] == [None, "all"]


@pytest.mark.parametrize("value", [0, -1, 2, 3, 10**18, 10**30, 1.5, True, "1", "", "ALL", [], [1], {}])
@pytest.mark.parametrize("command", [["show"], ["compare", "good.json"], ["check", "--against", "good.json"]])
def test_an_odd_value_in_a_record_is_unreadable(value: object, command: list[str], tmp_path: Path) -> None:
    save(tmp_path, good=steady_record())
    document = json.loads((tmp_path / "good.json").read_text())
    document["config"]["softmax_devices"] = value
    (tmp_path / "odd.json").write_text(json.dumps(document))
    assert "softmax_devices" in refusal(*command, "odd.json", cwd=tmp_path, code=10)


def test_a_record_of_more_stages_than_any_step_has_is_unreadable(tmp_path: Path) -> None:
    save(tmp_path, good=steady_record())
    document = json.loads((tmp_path / "good.json").read_text())
    for gpus, sharing in ((10**18, 10**17), (10**18, "all"), (10**18, 10**18 - 1), (10**18, None)):
        document["config"] |= {"gpus": gpus, "softmax_devices": sharing}
        (tmp_path / "odd.json").write_text(json.dumps(document))
        assert "timeline: not one of this configuration" in refusal("show", "odd.json", cwd=tmp_path, code=10)


def test_an_own_model_s_record_that_says_it_is_shared_is_shown_all_the_same(tmp_path: Path) -> None:
    record = with_config(own_record(), softmax_devices="all")
    save(tmp_path, odd=record)
    assert "net, gpipe, softmax on all, 2 " in words_of("show", "odd.json", cwd=tmp_path)
    assert "softmax shared by both devices" in words_of("show", "odd.json", "--all", cwd=tmp_path)
