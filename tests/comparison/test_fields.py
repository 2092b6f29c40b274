import msgspec
import pytest

from pipebench.comparison.fields import drift, key_of, mismatches, named_field, split_allowed, value_of
from pipebench.comparison.run_fields import HARD, PLAN, VARIED
from pipebench.errors import UsageError
from pipebench.plan.device_kind import DeviceKind
from pipebench.records.comparison import Difference
from pipebench.records.config import ModelLayer, Optimizer
from pipebench.records.run import RunRecord
from tests.builders import OWN_LAYERS, ended_run, own_record, steady_record, with_config

RECORD = steady_record()
SOFTMAX = "config.softmax_devices"


def fields_of(found: list[Difference]) -> list[str]:
    return [each.field for each in found]


def with_device(**changes: object) -> RunRecord:
    return msgspec.structs.replace(RECORD, device=msgspec.structs.replace(RECORD.device, **changes))


def with_machine(**changes: object) -> RunRecord:
    assert RECORD.machine is not None
    return msgspec.structs.replace(RECORD, machine=msgspec.structs.replace(RECORD.machine, **changes))


def with_input(**changes: object) -> RunRecord:
    assert RECORD.config.input is not None
    return with_config(RECORD, input=msgspec.structs.replace(RECORD.config.input, **changes))


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (msgspec.structs.replace(RECORD, clock="wall"), "clock"),
        (with_device(kind=DeviceKind.CPU), "device.kind"),
        (with_device(count=3), "device.count"),
        (with_device(names=["Another CPU"] * 2), "device.names"),
        (with_machine(name="k40-pcie3"), "machine.name"),
        (msgspec.structs.replace(RECORD, machine=None), "machine.name"),
        *(
            (with_config(RECORD, **{name: 1024}), f"config.{name}")
            for name in ("layers", "hidden", "vocab", "batch", "sequence_length", "microbatches", "chunks")
        ),
        (with_config(RECORD, dtype="float64"), "config.dtype"),
        (with_config(RECORD, schedule="1f1b"), "config.schedule"),
        (with_config(RECORD, partition=[2, 0]), "config.partition"),
        *((with_config(RECORD, softmax_devices=shared), SOFTMAX) for shared in (1, "all")),
        (with_config(RECORD, optimizer=Optimizer(learning_rate=0.1, momentum=0.9)), "config.optimizer"),
        (with_config(RECORD, tokens="characters"), "config.tokens"),
        (with_input(words_per_step=400.0), "config.input.items_per_step"),
    ],
)
def test_each_hard_field_is_found_to_differ(other: RunRecord, field: str) -> None:
    assert fields_of(mismatches(RECORD, other)) == [field]
    assert fields_of(mismatches(other, RECORD)) == [field]


def test_equal_records_differ_in_nothing() -> None:
    assert mismatches(RECORD, RECORD) == drift(RECORD, RECORD) == []


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (with_input(sha256="1" * 64, tokens=5, vocabulary=6), "config.input.sha256"),
        (with_config(RECORD, steps=9), "config.steps"),
        (with_config(RECORD, warmup=9), "config.warmup"),
        (with_config(RECORD, seed=9), "config.seed"),
        (with_config(RECORD, emulation_order="dependence"), "config.emulation_order"),
        (with_machine(time_dilation=12.0), "machine.time_dilation"),
        (steady_record(environment={"load_average_1min": 2.5}), "environment.load_average_1min"),
        (steady_record(environment={"python": "3.12.0"}), "environment.python"),
    ],
)
def test_what_may_drift_is_told_and_no_mismatch(other: RunRecord, field: str) -> None:
    assert mismatches(RECORD, other) == []
    assert fields_of(drift(RECORD, other)) == [field]


def test_small_changes_of_what_is_never_the_same_are_no_drift() -> None:
    assert drift(RECORD, with_machine(time_dilation=10.3)) == []
    assert drift(RECORD, steady_record(environment={"load_average_1min": 1.2})) == []


def test_what_one_side_does_not_tell_is_no_drift() -> None:
    assert drift(RECORD, steady_record(environment={"libc": "glibc 2.36", "python": None})) == []
    assert drift(RECORD, steady_record(environment={})) == []


@pytest.mark.parametrize(("hertz", "drifted"), [(1.40e9, False), (1.30e9, True), (None, False)])
def test_clocks_may_differ_by_2_percent_and_temperatures_by_any(hertz: float | None, drifted: bool) -> None:
    one, other = (
        steady_record(environment={"gpu0_sm_clock_hz_least": clock, "gpu0_temperature_c_most": celsius})
        for clock, celsius in ((1.41e9, 40), (hertz, 70))
    )
    expected = ["environment.gpu0_sm_clock_hz_least"] if drifted else []
    assert fields_of(drift(one, other)) == expected


def test_where_a_process_was_pinned_is_no_drift() -> None:
    one, other = (steady_record(environment={"pinned_core": core}) for core in (0, 1))
    assert drift(one, other) == []


def test_what_a_study_varies_is_no_mismatch() -> None:
    wavefront = with_config(RECORD, schedule="wavefront", microbatches=4, chunks=8)
    assert mismatches(RECORD, wavefront, by="schedule") == []
    assert fields_of(mismatches(RECORD, wavefront, by="gpus")) == [
        "config.schedule",
        "config.microbatches",
        "config.chunks",
    ]
    assert VARIED["schedule"] | VARIED["gpus"] <= set(HARD)


def test_the_bounds_of_a_schedule_follow_from_it() -> None:
    bounded = with_config(
        RECORD, schedule="wavefront-zb", cell="split", chunks=8, most_alive=20, most_waiting=5
    )
    assert mismatches(RECORD, bounded, by="schedule") == []
    assert {"config.most_alive", "config.most_waiting"} <= set(fields_of(mismatches(RECORD, bounded)))


def test_who_shares_the_softmax_is_part_of_the_plan_and_of_a_key_where_somebody_does() -> None:
    own, everywhere = (with_config(RECORD, softmax_devices=shared) for shared in (1, "all"))
    assert mismatches(own, everywhere) == [Difference(SOFTMAX, "1", "all")]
    assert mismatches(RECORD, own) == [Difference(SOFTMAX, None, "1")]
    assert SOFTMAX in PLAN
    assert named_field("softmax_devices") == SOFTMAX
    keys = [key_of(each) for each in (RECORD, own, everywhere)]
    assert [key.get(SOFTMAX, "not in it") for key in keys] == ["not in it", "1", "all"]
    assert fields_of(mismatches(RECORD, everywhere, by="schedule")) == [SOFTMAX]


def test_a_partition_that_is_measured_anew_is_known_by_its_rule() -> None:
    one, other = (
        with_config(RECORD, partition=split, partition_rule="balanced") for split in ([1, 1], [2, 0])
    )
    assert mismatches(one, other) == []
    assert [(each.field, each.candidate) for each in drift(one, other)] == [("layers by device", "2,0")]
    even = with_config(RECORD, partition=[1, 1])
    assert (mismatches(one, even), fields_of(drift(one, even))) == ([], ["config.partition_rule"])
    assert fields_of(mismatches(other, even)) == ["config.partition"]


def test_an_environment_that_says_nothing_of_torch_is_told() -> None:
    known, unknown = (msgspec.structs.replace(RECORD, environment=each) for each in ({"torch": "2.13"}, {}))
    for one, other in ((known, unknown), (unknown, known)):
        assert fields_of(drift(one, other)) == ["environment.torch"]


def test_device_names_are_their_kinds_when_all_are_one() -> None:
    assert value_of(with_device(names=["X"] * 8), "device.names") == "X"
    assert value_of(with_device(names=["X", "Y", "X"]), "device.names") == "2 x X, 1 x Y"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("config.dtype", "config.dtype"),
        ("dtype", "config.dtype"),
        ("machine", "machine.name"),
        ("items_per_step", "config.input.items_per_step"),
        ("words_per_step", "config.input.items_per_step"),  # its name before there were other units
        ("config.input.words_per_step", "config.input.items_per_step"),
    ],
)
def test_a_field_may_be_named_by_its_end(name: str, field: str) -> None:
    assert named_field(name) == field


@pytest.mark.parametrize("name", ["", "count_rule", "config", "environment.python", "hiden"])
def test_a_name_of_no_hard_field_is_refused_with_all_there_are(name: str) -> None:
    with pytest.raises(UsageError, match=r"expected one of .*device\.kind") as caught:
        named_field(name)
    assert " clock," not in str(caught.value)  # naming it would be no use


def test_the_clock_stands_whatever_is_allowed() -> None:
    found = [Difference("clock", "virtual", "wall"), Difference("config.dtype", "a", "b")]
    standing, allowed = split_allowed(found, {"clock", "config.dtype"})
    assert (fields_of(standing), fields_of(allowed)) == (["clock"], ["config.dtype"])


def test_each_hard_field_is_there_once_and_can_be_named() -> None:
    assert len(set(HARD)) == len(HARD)
    assert [named_field(name) for name in HARD] == list(HARD)
    assert named_field("checkpoint") == "config.checkpoint"


def test_another_rule_of_what_a_word_is_is_told() -> None:
    assert fields_of(drift(RECORD, with_input(count_rule="by an older rule"))) == ["config.input.count_rule"]


OWN = own_record()


def with_model(**changes: object) -> RunRecord:
    assert OWN.config.model is not None
    return with_config(OWN, model=msgspec.structs.replace(OWN.config.model, **changes))


def layers(*pairs: tuple[str, int]) -> list[ModelLayer]:
    return [ModelLayer(*pair) for pair in pairs]


def with_own_input(**changes: object) -> RunRecord:
    assert OWN.config.input is not None
    return with_config(OWN, input=msgspec.structs.replace(OWN.config.input, **changes))


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (with_model(name="other"), "config.model.name"),
        (with_model(layers=layers(*OWN_LAYERS[::-1])), "config.model.layers"),
        (with_model(layers=layers(*OWN_LAYERS[:2], ("head", 851))), "config.model.layers"),
        (with_model(layers=layers(*OWN_LAYERS[:2], ("tail", 850))), "config.model.layers"),
        (with_own_input(unit="pixels"), "config.input.unit"),
        (with_own_input(items_per_step=65.0), "config.input.items_per_step"),
        (with_config(OWN, optimizer=Optimizer(name="AdamW", momentum=None)), "config.optimizer"),
        (own_record(devices=2), "baseline.devices"),
    ],
)
def test_each_hard_field_of_an_own_model_is_found_to_differ(other: RunRecord, field: str) -> None:
    assert fields_of(mismatches(OWN, other)) == [field]
    assert fields_of(mismatches(other, OWN)) == [field]


def test_a_model_s_source_may_drift() -> None:
    other = with_model(sha256="7" * 64)
    assert mismatches(OWN, other) == []
    assert fields_of(drift(OWN, other)) == ["config.model.sha256"]


def test_many_layers_are_told_in_short_and_each_of_them_counts() -> None:
    many = [(f"layer number {n}", n) for n in range(200)]
    one, other = (with_model(layers=layers(*pairs)) for pairs in (many, [*many[:-1], ("last", 199)]))
    (found,) = mismatches(one, other)
    assert found.reference is not None
    assert found.reference.startswith("200 layers, 19900 parameters, sha256 ")
    assert len(found.reference) < 300


def test_the_stacked_lstm_is_called_so_beside_a_model_of_the_user_s() -> None:
    found = {each.field: (each.reference, each.candidate) for each in mismatches(RECORD, OWN)}
    assert found["config.model.name"] == ("stacked LSTM", "net")
    assert found["config.input.unit"] == ("words", "samples")
    assert found["config.hidden"] == ("32", None)


def test_a_record_of_before_there_were_units_is_like_one_that_has_both_figures() -> None:
    newer = with_input(items_per_step=512.0)
    assert mismatches(RECORD, newer) == mismatches(newer, RECORD) == drift(RECORD, newer) == []


def test_what_a_speed_up_is_relative_to_is_said_in_words_and_always_stands() -> None:
    found = mismatches(OWN, own_record(devices=2))
    assert found == [Difference("baseline.devices", "one device", "the naive schedule on 2 devices")]
    assert split_allowed(found, {"baseline.devices"}) == (found, [])


def test_a_run_that_ended_before_its_baseline_differs_in_no_baseline() -> None:
    ended = ended_run(own_record(), baseline=None, speedup=None)
    assert mismatches(own_record(devices=2), ended) == mismatches(ended, own_record(devices=2)) == []


def test_the_key_of_a_stacked_lstm_is_what_it_was_before_there_were_other_models() -> None:
    not_told = {
        SOFTMAX,
        "device.hosts",
        "config.source_vocab",
        "config.bucket",
        "baseline.devices",
        "config.heads",
        *("config.cell", "config.most_alive", "config.most_waiting"),
    }
    newer = {"config.model.name", "config.model.layers", "config.input.unit"} | not_told
    before = [name for name in HARD if name not in newer | {"config.input.items_per_step"}]
    assert list(key_of(RECORD)) == [*before, "config.input.words_per_step"]
    assert key_of(RECORD) == key_of(with_input(items_per_step=512.0))
    assert key_of(RECORD)["config.input.words_per_step"] == "512"
    assert list(key_of(OWN)) == [name for name in HARD if name not in not_told]
    assert key_of(own_record(devices=2))["baseline.devices"] == "the naive schedule on 2 devices"
