import msgspec
import pytest

from pipebench.comparison.contradictions import contradictions
from pipebench.comparison.metrics import METRICS, ONE_VALUE, check_trustworthy, samples
from pipebench.errors import CorruptRecordError
from pipebench.records.figures import Memory
from pipebench.records.launches import Launch, PipelineSamples
from pipebench.records.run import CompletedRun
from pipebench.records.terms import Terms
from tests.builders import ended_run, launch, measured_record, own_record


def record() -> CompletedRun:
    return measured_record([launch([20.0, 30.0, 22.0], [10.0, 12.0]), launch([18.0], [9.0])])


def test_a_launch_s_values_are_of_its_medians() -> None:
    found = samples(record())
    assert found["step_s"].values == (11.0, 9.0)
    assert found["speedup"].values == (2.0, 2.0)
    assert found["efficiency"].values == (1.0, 1.0)
    assert found["words_per_s"].values == (512 / 11, 512 / 9)
    assert found["baseline_words_per_s"].values == (512 / 22, 512 / 18)


def test_the_bubble_is_of_the_timeline_s_spans() -> None:
    """2 devices busy 6 s each of 9.5 s."""
    assert samples(record())["bubble_fraction"].values == (pytest.approx(1 - 12 / 19),)


def test_the_peak_is_the_fullest_device_s_where_all_were_measured() -> None:
    def with_peaks(*peaks: int | None) -> CompletedRun:
        devices = [
            msgspec.structs.replace(device, memory=Memory(1, 1, 0, 1, peak_bytes=peak))
            for device, peak in zip(record().devices, peaks, strict=True)
        ]
        return msgspec.structs.replace(record(), devices=devices)

    assert samples(with_peaks(5, 7))["peak_memory_bytes"].values == (7.0,)
    assert "peak_memory_bytes" not in samples(with_peaks(5, None))
    assert "peak_memory_bytes" not in samples(record())


def by_launch(*busy_s: list[float], peaks_bytes: list[list[int] | None] | None = None) -> CompletedRun:
    """Launches of two steps of 10 and 12 s on 2 devices."""
    made = [launch([20.0, 30.0], [10.0, 12.0]) for _ in busy_s]
    peaks: list[list[int] | None] = peaks_bytes or [None] * len(busy_s)
    return measured_record(
        [
            msgspec.structs.replace(each, pipeline=PipelineSamples([10.0, 12.0], busy), peaks_bytes=most)
            for each, busy, most in zip(made, busy_s, peaks, strict=True)
        ]
    )


def test_a_ratio_is_its_parts_in_every_launch() -> None:
    found = samples(by_launch([16.0, 12.0], [20.0, 24.0]))
    for words, alone, ratio in zip(
        *(found[name].values for name in ("words_per_s", "baseline_words_per_s", "speedup")), strict=True
    ):
        assert words / alone == pytest.approx(ratio, rel=1e-12)
    assert found["busy_s"].values == (14.0 / 2, 22.0 / 2)  # of a device, the median of a launch's steps
    assert "busy_s" not in samples(by_launch([16.0, 12.0], []))


def test_a_launch_s_bubble_is_the_median_of_its_steps() -> None:
    found = samples(by_launch([16.0, 12.0], [20.0, 24.0]))["bubble_fraction"]
    assert found.values == (pytest.approx((0.2 + 0.5) / 2), 0.0)
    assert found.source not in ONE_VALUE


def test_one_launch_that_does_not_say_how_busy_it_was_leaves_the_timeline_s_bubble() -> None:
    found = samples(by_launch([16.0, 12.0], []))["bubble_fraction"]
    assert (found.values, found.source) == ((pytest.approx(1 - 12 / 19),), "timeline")


def test_a_launch_s_peak_is_its_fullest_device_s() -> None:
    both = by_launch([], [], peaks_bytes=[[5, 7], [6, 4]])
    assert samples(both)["peak_memory_bytes"].values == (7.0, 6.0)
    assert "peak_memory_bytes" not in samples(by_launch([], [], peaks_bytes=[[5, 7], None]))


@pytest.mark.parametrize("busy_s", [[20.1, 24.0], [20.0], [20.0, 24.0, 1.0]])
def test_busy_times_that_are_not_of_these_steps_are_left_aside_and_told(busy_s: list[float]) -> None:
    """Steps are what counts: whoever edits those leaves a record that is still one."""
    odd = by_launch([20.0, 24.0], busy_s)
    found = samples(odd)
    assert found["bubble_fraction"].source in ONE_VALUE
    assert found["step_s"].values == (11.0, 11.0)
    assert contradictions(odd, found) == ["launch 2: pipeline.busy_s is not that of its 2 steps"]


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 1e308), (3.0, 2.0)])
def test_a_timeline_that_no_step_can_have_had_is_corrupt(start_s: float, end_s: float) -> None:
    timeline = record().timeline
    assert timeline is not None
    odd = msgspec.structs.replace(timeline.spans[0], start_s=start_s, end_s=end_s)
    with pytest.raises(CorruptRecordError, match="timeline: nothing can run from"):
        samples(
            msgspec.structs.replace(
                record(), timeline=msgspec.structs.replace(timeline, spans=[odd, *timeline.spans[1:]])
            )
        )


@pytest.mark.parametrize("status", ["aborted", "failed"])
def test_only_a_completed_run_has_metrics(status: str) -> None:
    assert samples(ended_run(record(), status)) == {}


@pytest.mark.parametrize("steps", [[], [1e-12], [1e300], [1.0, 5e-324]])
@pytest.mark.parametrize("kind", ["baseline", "pipeline"])
def test_steps_that_no_clock_can_have_read_are_corrupt(kind: str, steps: list[float]) -> None:
    odd: Launch = msgspec.structs.replace(record().launches[1], **{kind: PipelineSamples(steps)})
    with pytest.raises(CorruptRecordError, match=f"launch 2: expected {kind} steps"):
        check_trustworthy(msgspec.structs.replace(record(), launches=[record().launches[0], odd]))


def test_a_completed_run_with_wrong_gradients_is_corrupt() -> None:
    found = record()
    wrong = msgspec.structs.replace(found.verification, max_relative_gradient_error=0.1)
    with pytest.raises(CorruptRecordError, match="its gradients differ"):
        samples(msgspec.structs.replace(found, verification=wrong))


def test_an_error_shows_a_record_s_id_as_text() -> None:
    odd = msgspec.structs.replace(record(), id="a\n\x1b[31mb", launches=[launch([1e-30], [1e-30])])
    with pytest.raises(CorruptRecordError) as caught:
        samples(odd)
    assert str(caught.value).isprintable()


def test_each_metric_knows_which_way_is_better() -> None:
    better = {name for name, metric in METRICS.items() if metric.higher_is_better}
    rates = {"words_per_s", "throughput", "baseline_words_per_s", "baseline_throughput"}
    assert better == {*rates, "speedup", "efficiency"}
    assert set(METRICS) - better == {"step_s", "bubble_fraction", "busy_s", "peak_memory_bytes"}
    assert all(metric.name == name for name, metric in METRICS.items())


def test_throughput_has_a_second_name_where_words_are_counted() -> None:
    found = samples(record())
    assert found["throughput"] == found["words_per_s"]
    assert found["baseline_throughput"] == found["baseline_words_per_s"]
    own = samples(own_record())
    assert own["throughput"].values[0] == pytest.approx(64 / 9.4)
    assert not {"words_per_s", "baseline_words_per_s"} & own.keys()


def test_a_model_of_the_user_s_that_counts_words_has_words() -> None:
    own = own_record()
    assert own.config.input is not None
    words = msgspec.structs.replace(own.config.input, unit="words")
    found = samples(msgspec.structs.replace(own, config=msgspec.structs.replace(own.config, input=words)))
    assert found["words_per_s"] == found["throughput"]


def test_efficiency_is_relative_to_the_baseline_s_devices() -> None:
    one, two = (samples(own_record(devices=devices))["efficiency"] for devices in (1, 2))
    assert [2 * value for value in one.values] == list(two.values)
    assert contradictions(own_record(devices=2), samples(own_record(devices=2))) == []


@pytest.mark.parametrize(
    ("terms", "titles"),
    [
        (Terms(), ["words/s", "words/s", "one device's words/s", "one device's words/s", "speed-up"]),
        (
            Terms("samples", 2),
            [
                *("words/s", "samples/s", "2 devices' words/s", "2 devices' samples/s"),
                "speed-up relative to 2 devices",
            ],
        ),
    ],
)
def test_titles_are_in_the_record_s_terms(terms: Terms, titles: list[str]) -> None:
    assert [metric.title(terms) for metric in METRICS.values()][:5] == titles
    assert METRICS["baseline_throughput"].heading(terms) == terms.row


def test_an_odd_number_of_items_is_corrupt_in_its_own_unit() -> None:
    own = own_record()
    assert own.config.input is not None
    odd = msgspec.structs.replace(own.config.input, items_per_step=1e300)
    with pytest.raises(CorruptRecordError, match=r"no step has 1e\+300 samples"):
        samples(msgspec.structs.replace(own, config=msgspec.structs.replace(own.config, input=odd)))
