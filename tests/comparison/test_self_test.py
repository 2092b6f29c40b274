from pathlib import Path

import pytest

from pipebench.comparison.compare import Rules, compare
from pipebench.comparison.contradictions import contradictions
from pipebench.comparison.metrics import samples
from pipebench.comparison.self_test import SelfTest, Trial, self_test, slowed
from pipebench.comparison.specimen import specimen
from pipebench.errors import ExitCode, MissingError
from pipebench.records import store
from pipebench.records.comparison import MetricName
from pipebench.records.selection import Source
from tests.builders import launch, measured_record, steady_record


def test_all_that_is_put_in_is_caught(tmp_path: Path) -> None:
    found = self_test(None, tmp_path, Rules())
    assert [trial.found for trial in found.trials] == [0, 3, 9, 10, 5, 9]
    assert found.exit_code is ExitCode.DONE


@pytest.mark.parametrize("threshold", [0.005, 0.03, 0.2, 0.6, 0.95])
def test_any_threshold_has_a_slowdown_that_passes_it(tmp_path: Path, threshold: float) -> None:
    found = self_test(None, tmp_path, Rules(gates={"words_per_s": threshold, "step_s": threshold}))
    assert found.trials[1].found is ExitCode.REGRESSION


@pytest.mark.parametrize(
    ("metric", "trial"),
    [("bubble_fraction", "a bubble 6 % larger"), ("peak_memory_bytes", "a peak of memory 6 % higher")],
)
def test_what_is_gated_is_what_is_made_worse(tmp_path: Path, metric: MetricName, trial: str) -> None:
    found = self_test(None, tmp_path, Rules(gates={metric: 0.03}))
    assert found.exit_code is ExitCode.DONE
    assert (found.trials[1].name, found.trials[1].found) == (trial, ExitCode.REGRESSION)
    both = self_test(None, tmp_path, Rules(gates={metric: 0.03, "speedup": 0.05}))
    assert [each.found for each in both.trials[:3]] == [0, 3, 3]


def test_a_gate_on_what_a_record_lacks_is_not_tried_on_it(tmp_path: Path) -> None:
    store.write(steady_record(id="no-peaks"), tmp_path)
    with pytest.raises(MissingError, match="'no-peaks' has no peak_memory_bytes"):
        self_test("no-peaks", tmp_path, Rules(gates={"peak_memory_bytes": 0.03}))


def test_a_record_s_own_noise_may_hide_the_slowdown(tmp_path: Path) -> None:
    noisy = measured_record(
        [launch([19.0], [step]) for step in (8.0, 11.0, 9.0, 12.0, 7.5, 10.0)], id="noisy"
    )
    store.write(noisy, tmp_path)
    found = self_test("noisy", tmp_path, Rules())
    assert [trial.name for trial in found.trials if not trial.passed] == ["a slowdown, 6 % fewer words/s"]
    assert found.exit_code is ExitCode.INCONCLUSIVE


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
    assert store.decode(store.encode(record), "x") == record
    assert contradictions(record, samples(record)) == []
    assert record.id == record.device.names[0] == "specimen"
