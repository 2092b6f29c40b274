import json
from math import inf, nan
from typing import Any

import msgspec
import pytest

from pipebench.records.figures import Speedup
from pipebench.records.run import CompletedRun, EndedEarly, Run, RunRecord, ended_early, told_apart
from pipebench.records.schema import Ending, Failure
from pipebench.records.simulation import SimulationRecord
from tests.builders import completed_record, ended_run, simulation_record, with_config

PROMISED = (
    *("baseline", "pipeline", "speedup", "efficiency", "verification"),
    *("bubble", "timeline", "launches", "devices"),
)


def document() -> dict[str, Any]:
    """A valid completed record as JSON values."""
    return json.loads(msgspec.json.encode(completed_record()))


def decoded(values: dict[str, Any]) -> RunRecord:
    """The record that these JSON values stand for, if they are valid."""
    return told_apart(msgspec.json.decode(json.dumps(values), type=Run))


def changed(path: str, value: object) -> dict[str, Any]:
    """A valid document with the field at ``path`` replaced."""
    values = document()
    *way, last = [int(part) if part.isdecimal() else part for part in path.split(".")]
    inner: Any = values
    for part in way:
        inner = inner[part]
    assert last in inner or isinstance(inner, list), f"{path} is no field of a record"
    inner[last] = value
    return values


def test_a_completed_record_is_valid_and_comes_back_the_same() -> None:
    assert decoded(document()) == completed_record()


def test_names_that_outsiders_rely_on() -> None:
    values = document()
    assert values["schema"] == {"name": "pipebench", "version": 1}
    assert values["kind"] == "run"
    assert values["bubble"]["definition"] == "1 - busy / (devices x makespan)"
    assert {
        *("id", "created", "status", "device", "clock", "machine", "config", "baseline", "pipeline"),
        *("speedup", "efficiency", "verification", "launches", "timeline", "devices", "bubble", "warnings"),
        "environment",
    } <= values.keys()
    assert values["device"].keys() >= {"kind", "count", "names"}
    assert values["machine"].keys() >= {"name", "time_dilation", "link"}
    assert values["config"].keys() >= {
        *("layers", "hidden", "vocab", "batch", "sequence_length", "dtype", "schedule", "microbatches"),
        *("chunks", "partition", "launches", "steps", "warmup", "seed", "optimizer", "input"),
    }
    assert values["config"]["input"].keys() >= {"kind", "sha256", "tokens", "vocabulary"}
    assert values["launches"][0].keys() >= {"baseline", "pipeline", "blocks", "page_faults", "wall_per_cpu"}
    assert values["launches"][0]["blocks"][0].keys() >= {"kind", "start_s", "steps"}
    assert values["verification"].keys() >= {"max_relative_gradient_error", "tolerance", "loss"}
    assert values["timeline"].keys() >= {"makespan_s", "spans", "transfers", "other"}
    assert values["timeline"]["spans"][0].keys() >= {"device", "action", "start_s", "end_s"}
    assert values["devices"][0].keys() >= {
        *("device", "layers", "busy_s", "waiting_s", "transfer_s", "idle_s", "memory"),
    }


@pytest.mark.parametrize("name", PROMISED)
def test_a_completed_record_without_results_is_refused(name: str) -> None:
    empty = [] if name in {"launches", "devices"} else None
    with pytest.raises(ValueError, match=f"a completed record needs {name}"):
        completed_record(**{name: empty})
    with pytest.raises(msgspec.ValidationError):
        decoded(changed(name, empty))


def test_a_completed_record_of_no_time_or_of_a_machine_without_a_link_is_refused() -> None:
    record = completed_record()
    with pytest.raises(ValueError, match=r"needs timeline\.makespan_s above 0"):
        completed_record(timeline=msgspec.structs.replace(record.timeline, makespan_s=0.0))
    assert record.machine is not None
    with pytest.raises(ValueError, match=r"of a machine needs machine\.link"):
        completed_record(machine=msgspec.structs.replace(record.machine, link=None))


def test_all_results_that_are_missing_are_named() -> None:
    with pytest.raises(ValueError, match="a completed record needs baseline, speedup, launches"):
        completed_record(baseline=None, speedup=None, launches=[])


@pytest.mark.parametrize("status", ["aborted", "failed"])
def test_a_record_that_is_not_completed_promises_no_results(status: Ending) -> None:
    nothing: dict[str, Any] = {name: [] if name in {"launches", "devices"} else None for name in PROMISED}
    failure = Failure(exit_code=8, message="the deadline passed")
    record = ended_run(completed_record(), status, failure=failure, **nothing)
    assert decoded(json.loads(msgspec.json.encode(record))) == record


def test_runs_are_told_apart_by_their_status_alone() -> None:
    for status, kind in (("completed", CompletedRun), ("aborted", EndedEarly), ("failed", EndedEarly)):
        found = decoded(document() | {"status": status})
        assert (type(found), found.status) == (kind, status)
        assert json.loads(msgspec.json.encode(found)) == document() | {"status": status}


def test_whichever_it_is_a_record_has_the_same_keys_in_the_same_order() -> None:
    assert CompletedRun.__struct_encode_fields__ == Run.__struct_encode_fields__
    assert EndedEarly.__struct_encode_fields__ == Run.__struct_encode_fields__
    assert [*Run.__struct_encode_fields__[:6]] == ["schema", "kind", "id", "created", "status", "device"]


def test_what_was_measured_of_a_completed_run_stays_if_it_is_made_one_that_ended() -> None:
    failure = Failure(exit_code=130, message="interrupted")
    ended = ended_early(completed_record(), "aborted", failure)
    assert msgspec.structs.replace(ended, failure=None) == decoded(document() | {"status": "aborted"})
    assert ended.failure == failure


def test_a_completed_run_says_what_it_counts() -> None:
    assert completed_record().input == completed_record().config.input
    with pytest.raises(ValueError, match=r"a speed-up needs baseline, pipeline and config\.input"):
        with_config(completed_record(), input=None)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("status", "done"),
        ("kind", "sweep"),
        ("schema.name", "other"),
        ("schema.version", 2),
        ("clock", "cpu"),
        ("device.kind", "tpu"),
        ("device.count", 0),
        ("id", ""),
        ("created", "yesterday"),
        ("config.layers", 0),
        ("config.layers", "8"),
        ("config.seed", -1),
        ("config.deadline_s", 0.0),
        ("config.partition", [1, -1]),
        ("config.optimizer.learning_rate", 0.0),
        ("config.input.sha256", "abc"),
        ("config.input.sha256", "g" * 64),
        ("config.input.words_per_step", 0),
        ("machine.time_dilation", 0.0),
        ("machine.link.bytes_per_s", -1.0),
        ("baseline.kind", "slow"),
        ("baseline.step_s", 0.0),
        ("pipeline.words_per_s", -1.0),
        ("speedup.value", 0.0),
        ("efficiency", -0.5),
        ("verification.max_relative_gradient_error", -1e-9),
        ("bubble.fraction", 1.01),
        ("launches.0.baseline.step_s", [1.0, -1.0]),
        ("launches.1.pipeline.step_s", [0.0]),
        ("launches.0.blocks.0.kind", "warmup"),
        ("launches.0.page_faults", -1),
        ("launches.0.wall_per_cpu", 0.0),
        ("devices.1.busy_s", -1e-12),
        ("devices.0.activations_alive", -1),
        ("timeline.clock", "sundial"),
        ("timeline.spans.0.device", -1),
        ("timeline.spans.0.action", ""),
        ("timeline.spans.0.end_s", None),
        ("timeline.transfers.0.bytes", -1),
        ("environment", {"nested": {"a": 1}}),
    ],
)
def test_a_value_that_is_out_of_range_or_of_another_type_is_refused(path: str, value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        decoded(changed(path, value))


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize("path", ["pipeline.step_s", "timeline.makespan_s", "verification.loss"])
def test_nan_and_infinity_are_no_numbers_of_a_record(path: str, value: float) -> None:
    with pytest.raises(msgspec.DecodeError):
        decoded(changed(path, value))


def _fields_without_default(kind: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind) if field.required]


@pytest.mark.parametrize("name", _fields_without_default(Run))
def test_a_missing_field_of_a_run_is_refused_by_its_name(name: str) -> None:
    values = document()
    del values[name]
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{name}`"):
        decoded(values)


@pytest.mark.parametrize("name", _fields_without_default(SimulationRecord))
def test_a_missing_field_of_a_simulation_is_refused_by_its_name(name: str) -> None:
    values = json.loads(msgspec.json.encode(simulation_record()))
    del values[name]
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{name}`"):
        msgspec.json.decode(json.dumps(values), type=SimulationRecord)


def test_fields_of_a_later_pipebench_are_ignored() -> None:
    values = document() | {"energy_joules": 12.5}
    values["device"]["watts"] = 250
    assert decoded(values) == completed_record()


def test_unknown_is_null_and_never_a_number() -> None:
    record = completed_record(machine=None, speedup=Speedup(2.0, None, None))
    values = json.loads(msgspec.json.encode(record))
    assert values["machine"] is None
    assert values["speedup"] == {"value": 2.0, "low": None, "high": None, "confidence": 0.95}
    assert values["environment"]["libc"] is None
    assert values["timeline"]["transfers"][0]["bytes"] is None


def test_a_record_and_its_parts_cannot_be_changed() -> None:
    record = completed_record()
    for part, name in ((record, "status"), (record.device, "count"), (record.config, "layers")):
        with pytest.raises(AttributeError):
            setattr(part, name, None)
