import msgspec
import pytest

from pipebench.comparison.metrics import METRICS, check_trustworthy, samples
from pipebench.errors import CorruptRecordError
from pipebench.records.schema import Launch, Memory, RunRecord, Samples
from tests.builders import launch, measured_record


def record() -> RunRecord:
    return measured_record([launch([20.0, 30.0, 22.0], [10.0, 12.0]), launch([18.0], [9.0])])


def test_a_launch_s_values_are_of_its_medians() -> None:
    found = samples(record())
    assert found["step_s"].values == (11.0, 9.0)
    assert found["speedup"].values == (2.0, 2.0)
    assert found["efficiency"].values == (1.0, 1.0)
    assert found["words_per_s"].values == (512 / 11, 512 / 9)


def test_the_bubble_is_of_the_timeline_s_spans() -> None:
    """2 devices busy 6 s each of 9.5 s."""
    assert samples(record())["bubble_fraction"].values == (pytest.approx(1 - 12 / 19),)


def test_the_peak_is_the_fullest_device_s_where_all_were_measured() -> None:
    def with_peaks(*peaks: int | None) -> RunRecord:
        devices = [
            msgspec.structs.replace(device, memory=Memory(1, 1, 0, 1, peak_bytes=peak))
            for device, peak in zip(record().devices, peaks, strict=True)
        ]
        return msgspec.structs.replace(record(), devices=devices)

    assert samples(with_peaks(5, 7))["peak_memory_bytes"].values == (7.0,)
    assert "peak_memory_bytes" not in samples(with_peaks(5, None))
    assert "peak_memory_bytes" not in samples(record())


@pytest.mark.parametrize("status", ["aborted", "failed"])
def test_only_a_completed_run_has_metrics(status: str) -> None:
    assert samples(msgspec.structs.replace(record(), status=status)) == {}


@pytest.mark.parametrize("steps", [[], [1e-12], [1e300], [1.0, 5e-324]])
@pytest.mark.parametrize("kind", ["baseline", "pipeline"])
def test_steps_that_no_clock_can_have_read_are_corrupt(kind: str, steps: list[float]) -> None:
    odd: Launch = msgspec.structs.replace(record().launches[1], **{kind: Samples(steps)})
    with pytest.raises(CorruptRecordError, match=f"launch 2: expected {kind} steps"):
        check_trustworthy(msgspec.structs.replace(record(), launches=[record().launches[0], odd]))


def test_a_completed_run_with_wrong_gradients_is_corrupt() -> None:
    found = record()
    assert found.verification is not None
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
    assert better == {"words_per_s", "speedup", "efficiency"}
    assert set(METRICS) - better == {"step_s", "bubble_fraction", "peak_memory_bytes"}
    assert all(metric.name == name for name, metric in METRICS.items())
