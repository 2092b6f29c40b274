from math import log
from pathlib import Path
from statistics import stdev

import msgspec
import pytest

from pipebench.comparison import noise_cache
from pipebench.comparison.calibration import detectable, key_of, noise_of, with_warnings
from pipebench.comparison.compare import Rules
from pipebench.comparison.compare import compare as compare_records
from pipebench.comparison.overall import comparisons_of
from pipebench.records.comparison import ComparisonRecord, Looks
from pipebench.records.selection import Source
from pipebench.statistics import minimum_detectable_effect
from tests.builders import STEADY_S, own_record, steady_record, with_config

RECORD = steady_record()


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def keep(log_sd: float) -> noise_cache.Noise:
    noise = msgspec.structs.replace(noise_of(RECORD), log_sd={"words_per_s": log_sd, "speedup": log_sd})
    noise_cache.save(noise)
    return noise


def compared(gates: dict[str, float] | None = None, records: int = 2) -> ComparisonRecord:
    sources = [Source(steady_record(1 + n / 1000, id=str(n)), Path(f"{n}.json")) for n in range(records)]
    rules = Rules(gates=gates) if gates else Rules()
    return compare_records(sources, rules)


def codes(record: ComparisonRecord) -> list[list[str]]:
    return [[each.code for each in pair.warnings] for pair in comparisons_of(record)]


def test_the_noise_is_the_spread_of_the_logarithms() -> None:
    noise = noise_of(RECORD)
    assert noise.launches == 6
    assert noise.log_sd["speedup"] == pytest.approx(stdev(map(log, STEADY_S)))
    assert noise.log_sd["words_per_s"] == pytest.approx(stdev(map(log, STEADY_S)))


def test_what_can_be_found_falls_with_launches_and_has_no_threshold() -> None:
    noise = keep(0.02)
    found = [detectable(noise, "speedup", launches) for launches in (3, 6, 12)]
    assert found == sorted(found, reverse=True)
    longer = minimum_detectable_effect(0.02, 6, threshold=0.0, confidence=0.975)  # two default gates
    assert found[1] == pytest.approx(longer / (1 + longer))  # a step so much longer has so much less speed-up
    assert detectable(noise, "speedup", 6, questions=1) < found[1]
    assert detectable(noise, "speedup", 6, level=0.01) > found[1]


def test_a_threshold_below_the_noise_is_warned_of_with_both_numbers() -> None:
    smallest = 100 * detectable(keep(0.03), "words_per_s", 6)
    first, second = with_warnings(compared(), RECORD).warnings
    assert first.code == "threshold-below-noise"
    assert f"words/s: the threshold of 3 % is below the {smallest:.3g} % that 6 launches" in first.cause
    assert "(calibrated 2026-11-24)" in first.cause
    assert second.cause.startswith("speed-up: ")


def test_a_threshold_above_it_is_not() -> None:
    keep(0.005)
    assert codes(with_warnings(compared(), RECORD)) == [[]]
    assert codes(with_warnings(compared({"speedup": 0.005}), RECORD)) == [["threshold-below-noise"]]


@pytest.mark.parametrize("metric", ["step_s", "efficiency"])
def test_metrics_that_spread_alike_share_a_calibration(metric: str) -> None:
    keep(0.03)
    assert codes(with_warnings(compared({metric: 0.03}), RECORD)) == [["threshold-below-noise"]]


def test_looks_need_more() -> None:
    noise = keep(0.011)
    assert detectable(noise, "speedup", 6) < 0.03
    looks = Looks(taken=1, planned=6, level=0.05 / 6)
    watched = msgspec.structs.replace(compared(), looks=looks)
    assert codes(with_warnings(watched, RECORD)) == [["threshold-below-noise"] * 2]


def test_every_record_of_many_is_warned_of() -> None:
    keep(0.03)
    assert codes(with_warnings(compared(records=3), RECORD)) == [["threshold-below-noise"] * 2] * 2


def test_without_a_calibration_nothing_is_said() -> None:
    record = compared()
    assert with_warnings(record, RECORD) is record


@pytest.mark.parametrize("changes", [{"hidden": 64}, {"steps": 9}, {"schedule": "1f1b"}])
def test_a_calibration_is_of_one_configuration(changes: dict[str, object]) -> None:
    keep(0.03)
    assert noise_cache.load(key_of(with_config(RECORD, **changes))) is None


def test_a_calibration_is_of_one_machine() -> None:
    keep(0.03)
    elsewhere = msgspec.structs.replace(RECORD, environment=RECORD.environment | {"cpu_model": "Other"})
    assert noise_cache.load(key_of(elsewhere)) is None


def test_the_noise_of_an_own_model_is_of_its_throughput() -> None:
    own = own_record()
    noise = noise_of(own)
    assert list(noise.log_sd) == ["throughput", "baseline_throughput", "speedup"]
    assert (noise.unit, noise.baseline_devices) == ("samples", 1)
    assert list(noise_of(RECORD).log_sd) == ["words_per_s", "baseline_words_per_s", "speedup"]
    noise_cache.save(msgspec.structs.replace(noise, log_sd=dict.fromkeys(noise.log_sd, 0.03)))
    found = compare_records([Source(own, Path("a")), Source(own_record(id="x"), Path("b"))])
    causes = [each.cause.partition(":")[0] for each in with_warnings(found, own).warnings]
    assert causes == ["samples/s", "speed-up"]


def test_a_gate_on_throughput_is_held_against_a_calibration_of_words() -> None:
    keep(0.03)
    (warning,) = with_warnings(compared({"throughput": 0.03}), RECORD).warnings
    assert warning.cause.startswith("words/s: the threshold of 3 %")
    both = with_warnings(compared({"throughput": 0.03, "words_per_s": 0.03}), RECORD)
    assert both.warnings == [warning]  # one question, however often it is asked


def test_a_noise_kept_before_there_were_units_is_still_good() -> None:
    assert "config.input.words_per_step" in key_of(RECORD)
    assert not [name for name in key_of(RECORD) if name.startswith(("config.model", "baseline."))]
