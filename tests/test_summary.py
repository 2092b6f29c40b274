import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipebench import summary
from pipebench.records.schema import DeviceUsage, Launch, Speedup, TimelineRecord
from tests.builders import PROPERTY, completed_record, launch, run_config

NARROW = Speedup(3.5, 3.4, 3.6)
steps = st.lists(st.floats(0.01, 10.0), min_size=1, max_size=4)


def usages(*busy_s: float) -> list[DeviceUsage]:
    """A table of devices that differ in how busy they are."""
    return [
        DeviceUsage(number, f"LSTM {number}", busy, 0.0, 0.0, 0.0, 1) for number, busy in enumerate(busy_s)
    ]


def found(
    samples: list[Launch] | None = None,
    *,
    busy_s: tuple[float, ...] = (1.0, 1.0),
    measured: Speedup = NARROW,
    repeated: bool = False,
    unknown: tuple[float, int | None] = (0.0, None),
    **options: object,
) -> dict[str, tuple[str, str]]:
    """The warnings of a run that has nothing to warn of but what is given: code -> cause, next step."""
    warnings = summary.warnings(
        run_config(**options),
        samples or [launch([2.0], [1.0])],
        usages(*busy_s),
        measured,
        repeated_text=repeated,
        unknown_share=unknown[0],
        enough_vocab=unknown[1],
    )
    return {warning.code: (warning.cause, warning.next_step) for warning in warnings}


def test_a_launch_s_ratio_is_of_medians_and_the_speed_up_their_geometric_mean() -> None:
    launches = [launch([8.0, 100.0, 7.0], [2.0, 1.0, 90.0]), launch([9.0, 9.0], [8.0, 10.0])]
    # medians 8 / 2 = 4 and 9 / 9 = 1
    assert summary.speedup(launches).value == pytest.approx(2.0, rel=1e-12)
    assert summary.baseline_step_s(launches) == pytest.approx((8 * 9) ** 0.5, rel=1e-12)
    assert summary.pipeline_step_s(launches) == pytest.approx((2 * 9) ** 0.5, rel=1e-12)


def test_the_interval_of_two_launches_is_student_s_on_the_logarithms() -> None:
    from scipy import stats

    result = summary.speedup([launch([4.0], [1.0]), launch([9.0], [1.0])])
    half = (9 / 4) ** (stats.t.ppf(0.975, 1) / 2)  # logs differ by log(9/4): standard error is half of it
    assert result.value == pytest.approx(6.0, rel=1e-12)
    assert result.low == pytest.approx(6.0 / half, rel=1e-9)
    assert result.high == pytest.approx(6.0 * half, rel=1e-9)
    assert result.confidence == 0.95


def test_one_launch_has_no_interval() -> None:
    assert summary.speedup([launch([7.0], [2.0])]) == Speedup(pytest.approx(3.5, rel=1e-12), None, None)


@PROPERTY
@given(st.lists(st.tuples(steps, steps), min_size=1, max_size=6))
def test_speed_up_is_exactly_baseline_over_pipeline(samples: list[tuple[list[float], list[float]]]) -> None:
    launches = [launch(baseline, pipeline) for baseline, pipeline in samples]
    ratio = summary.baseline_step_s(launches) / summary.pipeline_step_s(launches)
    assert summary.speedup(launches).value == pytest.approx(ratio, rel=1e-12)


def test_the_stored_timeline_is_the_one_nearest_to_the_step() -> None:
    timelines = [TimelineRecord("virtual", makespan, [], [], []) for makespan in (1.0, 2.0, 3.1, 9.0)]
    assert summary.nearest(timelines, 2.6) is timelines[2]
    assert summary.nearest(timelines, 0.0) is timelines[0]
    assert summary.nearest(timelines, 100.0) is timelines[3]


def test_a_run_without_doubts_has_no_warnings() -> None:
    assert found() == {}


def test_contention_is_warned_of_above_5_percent() -> None:
    assert found([launch([2.0], [1.0], wall_per_cpu=1.05)]) == {}
    worst = [launch([2.0], [1.0], wall_per_cpu=value) for value in (1.0, 1.27, None)]
    cause, next_step = found(worst)["cpu-contention"]
    assert "1.27x its CPU time" in cause
    assert next_step == "stop other programs and run again"
    assert found([launch([2.0], [1.0], wall_per_cpu=None)]) == {}


def test_page_faults_are_counted_by_step_of_either_kind() -> None:
    few, many = (launch([2.0] * 3, [1.0] * 3, page_faults=faults) for faults in (18_000, 19_800))
    assert found([few], steps=3) == {}
    assert "3,300 new memory pages a step" in found([few, many], steps=3)["page-faults"][0]
    assert found([launch([2.0], [1.0], page_faults=None)]) == {}


def test_one_launch_is_warned_of_with_the_remedy() -> None:
    cause, next_step = found(measured=Speedup(3.5, None, None))["one-launch"]
    assert "no interval" in cause
    assert next_step == "run with --launches 6"


def test_an_interval_wider_than_5_percent_either_way_is_warned_of() -> None:
    assert found(measured=Speedup(2.0, 2.0 / 1.04, 2.0 * 1.04)) == {}
    wide = Speedup(2.0, 2.0 / 1.06, 2.0 * 1.06)
    cause, next_step = found(measured=wide)["wide-interval"]
    assert cause == "the speed-up's interval spans 1.89 to 2.12"
    assert "--rigorous" in next_step
    assert "--rigorous" not in found(measured=wide, launches=12)["wide-interval"][1]


def test_a_device_above_1_2_times_the_mean_is_named() -> None:
    assert found(busy_s=(1.0, 1.49)) == {}  # 1.197 times the mean
    cause, _ = found(busy_s=(1.0, 1.6))["imbalance"]
    assert cause == "device 1 (LSTM 1) is busy 1.23x the mean and sets the pace"
    assert found(busy_s=(5.0,), gpus=1) == {}


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        ({"layers": 4}, "try --partition balanced"),
        ({"layers": 4, "partition": "3,1"}, "try --partition balanced"),
        ({"layers": 4, "partition": "balanced"}, "a larger --hidden makes LSTM layers weigh more"),
        ({"layers": 2}, "try --gpus 3 --partition 1,1,0: the projection on a device of its own"),
        ({"layers": 1, "partition": "1,0"}, "a larger --hidden makes LSTM layers weigh more"),
    ],
)
def test_the_remedy_for_imbalance_depends_on_what_was_already_done(
    options: dict[str, object], remedy: str
) -> None:
    assert found(busy_s=(1.0, 2.0), **options)["imbalance"][1].startswith(remedy)


def test_a_text_that_is_too_short_is_warned_of() -> None:
    assert "--text" in found(repeated=True)["short-text"][1]


def test_every_warning_fits_into_a_record() -> None:
    warnings = summary.warnings(
        run_config(),
        [launch([2.0], [1.0], wall_per_cpu=2.0, page_faults=10**6)],
        usages(1.0, 9.0),
        Speedup(2.0, 1.0, 4.0),
        repeated_text=True,
    )
    codes = [warning.code for warning in warnings]
    assert codes == ["cpu-contention", "page-faults", "wide-interval", "imbalance", "short-text"]
    record = completed_record(warnings=warnings)
    assert msgspec.json.decode(msgspec.json.encode(record), type=type(record)).warnings == warnings


def test_a_pipeline_slower_than_one_device_is_told_so() -> None:
    assert "slower-than-one-device" in found(measured=Speedup(0.5, 0.49, 0.51))


def test_shared_cores_are_told_and_nothing_else_is_made_of_them() -> None:
    warnings = summary.warnings(
        run_config(device="cpu", gpus=8, layers=8),
        [launch([2.0], [1.0], wall_per_cpu=2.0)],
        usages(*[1.0] * 7, 9.0),
        Speedup(2.0, 1.99, 2.01),
        repeated_text=False,
        cpus_allowed=2,
    )
    assert [warning.code for warning in warnings] == ["cores-shared"]


def test_a_dilation_that_the_card_was_not_rated_for_is_told() -> None:
    def codes(dilation: float, dtype: str) -> list[str]:
        warnings = summary.warnings(
            run_config(dtype=dtype),
            [launch([2.0], [1.0])],
            usages(1.0, 1.0),
            Speedup(2.0, 1.99, 2.01),
            repeated_text=False,
            time_dilation=dilation,
        )
        return [warning.code for warning in warnings]

    assert codes(8.0, "float32") == []
    assert codes(1000.0, "float32") == codes(16.0, "float64") == ["dilation"]


@pytest.mark.parametrize(
    ("tokens", "enough", "step"),
    [
        ("words", 1200, "--vocab 1200"),
        ("words", 500_000, "--tokens characters"),
        ("spaces", 500_000, "--tokens characters, or words"),
        ("spaces", 1200, "--vocab 1200"),
        ("characters", 500_000, "--vocab 500000"),
        ("words", None, "rare words were not replaced"),
    ],
)
def test_more_than_a_third_of_unknown_words_is_warned_of(tokens: str, enough: int | None, step: str) -> None:
    warned = found(unknown=(0.34, enough), tokens=tokens)["unknown-words"]
    assert warned[0].startswith("34 % of the ")
    assert step in warned[1]
    assert "unknown-words" not in found(unknown=(1 / 3, enough), tokens=tokens)
