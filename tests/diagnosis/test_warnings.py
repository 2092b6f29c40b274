import msgspec
import pytest

from pipebench.diagnosis.causes import Cores
from pipebench.diagnosis.factors import Factors
from pipebench.diagnosis.warnings import Facts, unthrottled, warnings
from pipebench.models.outline import Doubt
from pipebench.records.figures import DeviceUsage, Speedup
from pipebench.records.launches import Launch
from pipebench.records.schema import WarningRecord
from tests.builders import completed_record, launch, run_config

NARROW = Speedup(3.5, 3.4, 3.6)
UNEQUAL = Factors(devices=2, overlap=1.1, unequal=1.2, transfer=1.0, work=1.0)
FACTS = frozenset(Facts.__dataclass_fields__) - {"config", "launches", "devices"}


def usages(*busy_s: float) -> list[DeviceUsage]:
    """A table of devices that differ in how busy they are; embedding and projection at its ends."""
    layers = [f"LSTM {number}" for number in range(len(busy_s))]
    layers[0], layers[-1] = f"embedding + {layers[0]}", f"{layers[-1]} + projection"
    return [DeviceUsage(number, layers[number], busy, 0.0, 0.0, 0.0, 1) for number, busy in enumerate(busy_s)]


def made(
    samples: list[Launch] | None = None, *, busy_s: tuple[float, ...] = (1.0, 1.0), **given: object
) -> list[WarningRecord]:
    """The warnings of a run that has nothing to warn of but what is given: facts, and options of its run."""
    facts: dict[str, object] = {"measured": NARROW, "factors": UNEQUAL}
    facts |= {name: value for name, value in given.items() if name in FACTS}
    options = {name: value for name, value in given.items() if name not in FACTS}
    return warnings(
        Facts(
            config=run_config(**options),
            launches=samples or [launch([2.0], [1.0])],
            devices=usages(*busy_s),
            **facts,  # type: ignore[arg-type]
        )
    )


def found(samples: list[Launch] | None = None, **given: object) -> dict[str, tuple[str, str]]:
    """Code -> cause, next step."""
    return {each.code: (each.cause, each.next_step) for each in made(samples, **given)}  # type: ignore[arg-type]


def test_a_run_without_doubts_has_no_warnings() -> None:
    assert found() == {}


def test_contention_is_warned_of_above_5_percent() -> None:
    assert found([launch([2.0], [1.0], wall_per_cpu=1.05)]) == {}
    worst = [launch([2.0], [1.0], wall_per_cpu=value) for value in (1.0, 1.27, None)]
    cause, next_step = found(worst)["cpu-contention"]
    assert "1.27x its CPU time" in cause
    assert next_step == "stop other programs and run again"
    assert found([launch([2.0], [1.0], wall_per_cpu=None)]) == {}


def test_another_run_beside_is_warned_of() -> None:
    assert found(environment={"another_run_beside": False}) == {}
    cause, next_step = found(environment={"another_run_beside": True})["run-beside"]
    assert cause.startswith("another pipebench run measured on this machine at the same time")
    assert next_step == "run one after the other"


def test_page_faults_are_counted_by_step_of_either_kind() -> None:
    few, many = (launch([2.0] * 3, [1.0] * 3, page_faults=faults) for faults in (18_000, 19_800))
    assert found([few], steps=3) == {}
    assert "3,300 new memory pages a step" in found([few, many], steps=3)["page-faults"][0]
    assert found([launch([2.0], [1.0], page_faults=None)]) == {}


def test_another_library_than_the_run_s_is_warned_of() -> None:
    assert list(found([launch([2.0], [1.0], other_library=[0])])) == ["other-library"]


def test_one_launch_is_warned_of_with_the_remedy() -> None:
    cause, next_step = found(measured=Speedup(3.5, None, None))["one-launch"]
    assert "no interval" in cause
    assert next_step == "run with --launches 6"


def test_an_interval_wider_than_5_percent_either_way_is_warned_of() -> None:
    assert found(measured=Speedup(2.0, 2.0 / 1.04, 2.0 * 1.04)) == {}
    wide = Speedup(2.0, 2.0 / 1.06, 2.0 * 1.06)
    cause, next_step = found(measured=wide)["wide-interval"]
    assert cause == "the speed-up's interval spans 1.89 to 2.12"
    assert next_step == "run on an idle machine, or with --launches 12"
    for launches, more in (
        (3, "--rigorous in the place of --quick"),
        (6, "--rigorous, 12 launches"),
        (12, "idle machine"),
    ):
        assert more in found(measured=wide, launches=launches)["wide-interval"][1]


def test_a_device_above_1_2_times_the_mean_is_named() -> None:
    assert found(busy_s=(1.0, 1.49)) == {}  # 1.197 times the mean
    cause, _ = found(busy_s=(1.0, 1.6))["imbalance"]
    assert cause == (
        "device 1 (LSTM 1 + projection) is busy 1.23x the mean, and sets the pace: "
        "the step takes 1.20x as long as with equal stages"
    )
    assert found(busy_s=(5.0,), gpus=1) == {}
    messages = found(busy_s=(1.0, 1.6), factors=UNEQUAL._replace(unequal=1.2, transfer=1.3))["imbalance"][0]
    assert messages.endswith(
        "with messages that take no time the step would take 1.20x as long as with equal stages"
    )


def test_unequal_stages_that_do_not_lengthen_the_step_are_none_of_its_causes() -> None:
    turns = Factors(devices=2, overlap=2.0, unequal=1.0, transfer=1.0, work=1.0)
    assert found(busy_s=(1.0, 3.0), factors=turns) == {}


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"layers": 4}, "try --partition balanced"),
        ({"layers": 4, "partition": "3,1"}, "try --partition balanced"),
        (
            {"layers": 4, "partition": "balanced"},
            "a larger --hidden makes LSTM layers weigh more",
        ),
        ({"layers": 2}, "try --gpus 3 --partition 1,1,0: the projection on a device of its own"),
        ({"layers": 1, "partition": "1,0"}, "a larger --hidden makes LSTM layers weigh more"),
        (
            {"layers": 2, "device": "cpu", "available": 2},
            "a larger --hidden makes LSTM layers weigh more",
        ),
        ({"layers": 2, "device": "cpu", "available": 3}, "try --gpus 3 --partition 1,1,0"),
    ],
)
def test_the_remedy_for_imbalance_depends_on_what_was_already_done(
    options: dict[str, object], remedy: str
) -> None:
    assert found(busy_s=(1.0, 2.0), **options)["imbalance"][1].startswith(remedy)


def test_every_warning_fits_into_a_record() -> None:
    warnings = made(
        [launch([2.0], [1.0], wall_per_cpu=2.0, page_faults=10**6)],
        busy_s=(1.0, 9.0),
        measured=Speedup(2.0, 1.0, 4.0),
        doubts=(Doubt("short-text", "the text is short", "use a longer one"),),
    )
    codes = [warning.code for warning in warnings]
    assert codes == ["cpu-contention", "page-faults", "wide-interval", "imbalance", "short-text"]
    record = completed_record(warnings=warnings)
    assert msgspec.json.decode(msgspec.json.encode(record), type=type(record)).warnings == warnings


SLOW = Speedup(0.5, 0.49, 0.51)


def test_a_pipeline_slower_than_one_device_is_explained_by_its_largest_losses() -> None:
    factors = Factors(devices=4, overlap=1.2, unequal=1.05, transfer=1.0, work=6.0)
    cause, next_step = found(measured=SLOW, factors=factors, microbatches=8)["slower-than-one-device"]
    assert cause == (
        "the pipeline is slower than one device: of at most 2x it loses 6.00x to the work of 8 slices, "
        "then 1.20x to fill, drain and waiting"
    )
    assert next_step == "use fewer --microbatches, or a larger --hidden or --batch"


def test_one_slice_is_never_called_small() -> None:
    factors = Factors(devices=2, overlap=2.0, unequal=1.0, transfer=1.06, work=1.01)
    cause, next_step = found(measured=SLOW, factors=factors, microbatches=1)["slower-than-one-device"]
    assert cause.endswith("it loses 2.00x to taking turns")
    assert next_step == "use --microbatches 16: one slice cannot be on two devices"
    cause, next_step = found(measured=SLOW, factors=factors, schedule="naive", microbatches=None)[
        "slower-than-one-device"
    ]
    assert cause.endswith("it loses 2.00x to taking turns")
    assert next_step.startswith("use --schedule gpipe")


def test_a_slow_pipeline_whose_interval_holds_1_is_no_faster() -> None:
    cause, _ = found(measured=Speedup(0.99, 0.97, 1.01))["slower-than-one-device"]
    assert cause.startswith("the pipeline is no faster than one device: of at most 2x")


def test_shared_cores_are_told_and_nothing_else_is_made_of_them() -> None:
    shared = {"device": "cpu", "gpus": 8, "layers": 8, "cores": Cores(2.0)}
    busy = [launch([2.0], [1.0], wall_per_cpu=2.0)]
    only = found(busy, busy_s=(*[1.0] * 7, 9.0), **shared)
    assert only == {
        "cores-shared": (
            "8 devices share 2 cores: the speed-up is not that of 8 devices",
            "use at most --gpus 2 with --device cpu, or use --device emulated",
        )
    }
    factors = Factors(devices=8, overlap=1.5, unequal=1.0, transfer=1.1, work=6.0, shared=1.4)
    slow = found(busy, busy_s=(1.0,) * 8, measured=SLOW, factors=factors, microbatches=16, **shared)
    assert (
        "it loses 6.00x to the work of 16 slices, then 1.50x to fill, drain and waiting, "
        "then 1.40x to sharing 2 cores" in slow["slower-than-one-device"][0]
    )
    assert slow["slower-than-one-device"][1].startswith("use fewer --microbatches")


def test_a_quota_is_the_reason_where_it_binds() -> None:
    cores = Cores(1.0, quota=1.0)
    cause, next_step = found(device="cpu", cores=cores)["cores-shared"]
    assert cause.startswith("2 devices share 1 core, all that the container's quota allows: ")
    assert next_step == "use at most --gpus 1 with --device cpu, or raise the quota, or use --device emulated"
    assert "cores-shared" not in found(device="cpu", cores=Cores(2.0, quota=3.0))
    assert "quota" not in found(device="cpu", cores=Cores(1.0, quota=3.0))["cores-shared"][0]
    assert "1.5 cores" in found(device="cpu", cores=Cores(1.5, quota=1.5))["cores-shared"][0]
    assert found(device="cpu", gpus=1, busy_s=(1.0,), cores=Cores(0.5, quota=0.5)) == {}
    assert found(device="emulated", cores=cores) == {}


def test_gpus_whose_ranks_share_a_core_are_told() -> None:
    cause, _ = found(device="cuda", cores=Cores(1.0))["few-cores"]
    assert cause == "2 GPUs get their work from 1 core: a GPU can wait for its rank's turn"
    assert found(device="cuda", cores=Cores(2.0)) == found(device="cuda") == {}


def test_a_dilation_that_the_card_was_not_rated_for_is_told() -> None:
    assert found(time_dilation=8.0) == {}
    assert found(time_dilation=1000.0, dtype="float32")["dilation"][1] == "use a larger --hidden or --batch"
    assert found(time_dilation=16.0, dtype="float64")["dilation"][1].startswith("use float32 and a larger")


def test_the_remedy_for_lower_clocks_is_that_of_the_driver_s_reasons() -> None:
    assert unthrottled("hw-thermal-slowdown") == "let it cool"
    assert unthrottled("sw-power-cap").startswith("raise its power limit")
    assert unthrottled("hw-power-brake, sw-thermal-slowdown") == "let it cool; look at its power supply"
    environment = {"gpu1_throttle_reasons": "sw-power-cap", "gpu0_throttle_reasons": ""}
    cause, next_step = found(device="cuda", environment=environment)["throttled"]
    assert cause.startswith("GPU 1 ran below its clocks")
    assert "cool" not in next_step


def test_page_faults_of_a_foreign_allocator_are_not_to_be_run_again() -> None:
    many = [launch([2.0], [1.0], page_faults=100_000)]
    assert found(many)["page-faults"][1] == "run again"
    foreign = found(many, environment={"allocator_keeps_memory": False})["page-faults"][1]
    assert foreign.startswith("freed memory is not kept here")
