import shlex
from pathlib import Path

import msgspec
import pytest
import typer

from pipebench.cli.app import application
from pipebench.config.memory_sizes import bytes_of
from pipebench.config.resolving import resolve
from pipebench.config.run_config import RunConfig, RunOptions
from pipebench.diagnosis.explaining import explanation
from pipebench.diagnosis.same_run import change_text, command
from pipebench.records import store
from pipebench.records.devices import RankRecord
from pipebench.records.run import RunRecord
from tests.builders import completed_record, own_record, with_config

RESULTS = Path(__file__).parent.parent.parent / "results"
RECORDS = [
    *(RESULTS / "schedules").glob("*.json"),
    *(RESULTS / "full-size-2014").glob("*.json"),
    *(RESULTS / "shared-softmax").glob("*-256-shared/*.json"),
    *(RESULTS / "buckets" / "4-microbatches-any").glob("*.json"),
]


def words(record: RunRecord, **changes: object) -> list[str]:
    line = command(record, changes)
    assert line is not None
    program, *rest = shlex.split(line)
    assert program == "pipebench"
    return rest


def resolved_from(given: list[str]) -> RunConfig:
    """What ``run`` makes of a command line, or refuses."""
    parser = typer.main.get_command(application(["run"]))
    assert isinstance(parser, typer.core.TyperGroup)
    context = parser.commands["run"].make_context("run", given[1:])
    named = {name: name for name in RunOptions.__struct_fields__} | {"device": "kind"}
    options = {
        name: value for name, given_as in named.items() if (value := context.params.get(given_as)) is not None
    }
    options["bucket"] = not context.params["no_bucket"]
    return resolve(RunOptions(**options))


def test_the_defaults_are_left_out_and_changes_come_last() -> None:
    found = words(with_config(completed_record(), preset="talk8-small"), microbatches=32)
    assert found[:5] == ["run", "--gpus", "2", "--device", "emulated"]
    assert "--schedule" not in found
    assert found[found.index("--microbatches") + 1] == "32"


def test_an_option_without_a_value_and_one_that_is_left_out() -> None:
    record = with_config(completed_record(), synthetic=True)
    assert "--synthetic" in words(record)
    assert "--synthetic" not in words(record, synthetic=False)


def test_what_makes_the_run_another_one_is_in_it() -> None:
    found = words(
        with_config(
            completed_record(), schedule="wavefront", chunks=1, memory_bytes=24 << 30, seed=3, launches=3
        )
    )
    for option, value in (("chunks", "1"), ("memory", "25769803776B"), ("seed", "3"), ("launches", "3")):
        assert found[found.index(f"--{option}") + 1] == value
    assert bytes_of("25769803776B", "--memory") == 24 << 30


def test_ranks_that_a_launcher_started_are_not_started_so() -> None:
    record = completed_record()
    ranks = [
        RankRecord(host="a", local_rank=0, name="A CPU"),
        RankRecord(host="b", local_rank=0, name="A CPU"),
    ]
    several = msgspec.structs.replace(record, device=msgspec.structs.replace(record.device, ranks=ranks))
    assert command(several, {"microbatches": 4}) is None


def test_a_model_that_a_record_cannot_find_is_told_by_its_change() -> None:
    assert command(own_record(), {"microbatches": 4}) is None
    assert change_text({"microbatches": 4, "no_bucket": True}) == "--microbatches 4 --no-bucket"


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.parent.name + "-" + path.stem[-11:])
def test_the_command_line_asks_for_the_recorded_run(path: Path) -> None:
    """What the command asks for, resolved, is the record's configuration."""
    record = store.read(path)
    assert isinstance(record, RunRecord)
    resolved = resolved_from(words(record))
    for name in (
        *(
            "gpus",
            "layers",
            "hidden",
            "vocab",
            "batch",
            "sequence_length",
            "dtype",
            "schedule",
            "microbatches",
        ),
        *("chunks", "softmax_devices", "source_vocab", "bucket", "checkpoint", "tokens", "seed", "steps"),
        *("warmup", "launches", "emulation_order"),
    ):
        assert getattr(resolved, name) == getattr(record.config, name), name
    assert resolved.partition in (None, tuple(record.config.partition or ()))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.parent.name + "-" + path.stem[-11:])
def test_every_command_that_is_recommended_is_one_that_run_takes(path: Path) -> None:
    record = store.read(path)
    assert isinstance(record, RunRecord)
    commands = [step.command for step in explanation(record, str(path)).waterfall if step.command]
    assert commands
    for line in commands:
        resolved_from(shlex.split(line)[1:])
