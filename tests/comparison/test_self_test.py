from pathlib import Path

import pytest
from msgspec.structs import replace

from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.contradictions import contradictions
from pipebench.comparison.metrics import samples
from pipebench.comparison.self_test import SelfTest, Trial, self_test, slowed
from pipebench.comparison.specimen import specimen
from pipebench.errors import ExitCode, MissingError, UsageError
from pipebench.records import documents
from pipebench.records.comparison import MetricName
from pipebench.records.launches import PipelineSamples
from pipebench.records.selection import Source
from tests.builders import launch, measured_record, own_record, steady_record


def test_all_that_is_put_in_is_caught() -> None:
    found = self_test(None, Rules())
    assert [trial.found for trial in found.trials] == [0, 3, 9, 10, 5, 9]
    assert found.exit_code is ExitCode.DONE


@pytest.mark.parametrize("threshold", [0.005, 0.03, 0.2, 0.6, 0.95])
def test_any_threshold_has_a_slowdown_that_passes_it(threshold: float) -> None:
    found = self_test(None, Rules(gates={"words_per_s": threshold, "step_s": threshold}))
    assert found.trials[1].found is ExitCode.REGRESSION


@pytest.mark.parametrize(
    ("metric", "trial"),
    [("bubble_fraction", "a bubble 6 % larger"), ("peak_memory_bytes", "a peak of memory 6 % higher")],
)
def test_what_is_gated_is_what_is_made_worse(metric: MetricName, trial: str) -> None:
    found = self_test(None, Rules(gates={metric: 0.03}))
    assert found.exit_code is ExitCode.DONE
    assert (found.trials[1].name, found.trials[1].found) == (trial, ExitCode.REGRESSION)
    both = self_test(None, Rules(gates={metric: 0.03, "speedup": 0.05}))
    assert [each.found for each in both.trials[:3]] == [0, 3, 3]


def test_a_gate_on_what_a_record_lacks_is_not_tried_on_it() -> None:
    with pytest.raises(MissingError, match="'no-peaks' has no peak_memory_bytes"):
        self_test(steady_record(id="no-peaks"), Rules(gates={"peak_memory_bytes": 0.03}))


def test_a_record_s_own_noise_may_hide_the_slowdown() -> None:
    noisy = measured_record(
        [launch([19.0], [step]) for step in (8.0, 11.0, 9.0, 12.0, 7.5, 10.0)], id="noisy"
    )
    found = self_test(noisy, Rules())
    assert [trial.name for trial in found.trials if not trial.passed] == ["a slowdown, 6 % fewer words/s"]
    assert found.exit_code is ExitCode.INCONCLUSIVE


def test_a_gate_that_can_never_fire_on_a_record_is_refused() -> None:
    idle = [
        replace(
            each,
            pipeline=PipelineSamples(each.pipeline.step_s, [0.2 * 2 * step for step in each.pipeline.step_s]),
        )
        for each in steady_record().launches
    ]
    record = replace(steady_record(id="idle"), launches=idle)
    with pytest.raises(
        UsageError, match=r"--gate bubble_fraction=30%: can never fire on 'idle', .* by 25.0 % at most"
    ):
        self_test(record, Rules(gates={"bubble_fraction": 0.3}))
    assert self_test(record, Rules(gates={"bubble_fraction": 0.2})).exit_code is ExitCode.DONE


def test_whatever_else_passes_unseen_is_a_bug() -> None:
    passed = Trial("x", (ExitCode.DONE,), ExitCode.DONE)
    unseen = Trial("y", (ExitCode.CORRUPT,), ExitCode.DONE)
    assert SelfTest([passed]).exit_code is ExitCode.DONE
    assert SelfTest([passed, unseen]).exit_code is ExitCode.BUG
    assert unseen.line() == "UNSEEN  y: expected exit 10, found 0"


def test_a_slowdown_takes_its_share_of_the_words() -> None:
    record = steady_record()
    found = compare([Source(record, Path("a")), Source(slowed(record, 0.06), Path("b"))])
    assert found.metrics["words_per_s"].change == pytest.approx(-0.06)


def test_the_specimen_is_a_record_like_any_other_and_says_what_it_is() -> None:
    record = specimen()
    assert documents.decode(documents.encode(record), "x") == record
    assert contradictions(record, samples(record)) == []
    assert record.id == record.device.names[0] == "specimen"


@pytest.mark.parametrize("devices", [1, 2])
def test_a_gate_is_tried_on_an_own_model_in_its_own_unit(devices: int) -> None:
    gates: dict[MetricName, float] = {"throughput": 0.03, "baseline_throughput": 0.03}
    found = self_test(own_record(devices=devices), Rules(gates=gates))
    assert found.exit_code is ExitCode.DONE
    told = [trial.name for trial in found.trials]
    assert "a slowdown, 6 % fewer samples/s" in told
    alone = {1: "single device", 2: "baseline on 2 devices"}[devices]
    assert f"a slower {alone}, 6 % fewer samples/s" in told
    assert self_test(own_record(), Rules()).exit_code is ExitCode.DONE


def test_a_gate_on_words_has_nothing_to_try_where_none_are_counted() -> None:
    with pytest.raises(MissingError, match=r"no words_per_s: .* it counts samples: gate on throughput$"):
        self_test(own_record(), Rules(gates={"words_per_s": 0.03}))
