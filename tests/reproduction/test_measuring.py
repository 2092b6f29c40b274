"""Readings in turn, in launches that measure several pipelines against one baseline, until the budget is used up."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from pipebench.config.run_config import RunConfig
from pipebench.errors import InterruptedRunError
from pipebench.launching import messages
from pipebench.plan.device_kind import DeviceKind
from pipebench.plan.schedules import SCHEDULES
from pipebench.records import documents
from pipebench.records.timelines import timeline_record
from pipebench.reproduction import measuring
from pipebench.reproduction.measuring import LEAST_LAUNCHES, Reproduction
from pipebench.reproduction.readings import Pipelines, pipelines
from pipebench.timing.costs import UniformCosts
from pipebench.timing.simulator import simulate
from tests.builders import completed_record, launch
from tests.run.test_experiment import Watcher

RECORD = completed_record()
FIRST_S, LATER_S = 40.0, 20.0  # of a launch
BASELINE_S = 300.0


class Clock:
    """Seconds that only launches take."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


class Launches:
    """A launcher whose launches report what they are asked for; each reading's first one takes longer."""

    def __init__(self, clock: Clock, fails_at: int = 99) -> None:
        self.clock, self.fails_at = clock, fails_at
        self.jobs: list[messages.Job] = []

    def __call__(self, *, deadline: float) -> "Launches":
        assert deadline > self.clock.now
        return self

    def run(self, job: messages.Job) -> Iterator[messages.AnyMessage]:
        if len(self.jobs) == self.fails_at:
            raise InterruptedRunError
        self.jobs.append(job)
        self.clock.now += FIRST_S if job.form is None else LATER_S
        configs = (job.config, *job.beside)
        if job.form is None:
            assert RECORD.baseline is not None
            assert RECORD.verification is not None
            yield messages.Raced(
                form=messages.Form("chain"),
                candidates=RECORD.baseline.candidates,
                host_flops_per_s=80e9,
                found={"onednn_projection": False},
            )
            for which in range(len(configs)):
                yield messages.Verified(verification=RECORD.verification, which=which)
        slower = 1 + 0.01 * (len(self.jobs) // 2 % 3)
        for which, config in enumerate(configs):
            timeline = simulate(SCHEDULES[config.schedule].plan(config.graph), UniformCosts(1, 2))
            stored = timeline_record(timeline, clock="virtual")
            made = launch([BASELINE_S] * 2, [timeline.makespan_s * slower] * 2)
            yield messages.Measured(launch=made, timelines=[stored], which=which)


def tiny() -> list[Pipelines]:
    """The readings, at sizes that nobody waits for."""

    def small(config: RunConfig) -> RunConfig:
        words = {"vocab": 60, "source_vocab": None if config.source_vocab is None else 60}
        return msgspec.structs.replace(config, hidden=8, batch=16, **words)

    return [
        Pipelines(each.reading, each.full_size, tuple(map(small, each.configs)))
        for each in pipelines(DeviceKind.EMULATED, full_size=False)
    ]


def reproduction(
    monkeypatch: pytest.MonkeyPatch, budget_s: float, fails_at: int = 99
) -> tuple[Reproduction, Launches]:
    clock = Clock()
    launches = Launches(clock, fails_at)
    monkeypatch.setattr(measuring, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(measuring, "Launcher", launches)
    return Reproduction(tiny(), Watcher(), budget_s=budget_s), launches


@pytest.mark.parametrize(
    ("budget_s", "each"),
    [
        (1.0, [3, 3]),  # three of each in any case: 2 x 40 + 4 x 20 = 160 s
        (160.0, [3, 3]),
        (179.0, [3, 3]),
        (180.0, [4, 3]),  # one more ends just in time
        (200.0, [4, 4]),
        (240.0, [5, 5]),
    ],
)
def test_a_launch_begins_only_if_it_would_end_within_the_budget(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, budget_s: float, each: list[int]
) -> None:
    made, launches = reproduction(monkeypatch, budget_s)
    made.prepare(tmp_path)
    made.measure()
    models = [job.config.model for job in launches.jobs]
    assert [models.count("stacked-lstm"), models.count("seq2seq")] == each
    assert models[:4] == ["stacked-lstm", "seq2seq", "stacked-lstm", "seq2seq"]  # in turn
    assert min(each) >= LEAST_LAUNCHES == 3
    record = made.record()
    assert [len(run.launches) for run in record.runs] == [each[0], each[0], each[1], each[1]]
    assert [run.config.launches for run in record.runs] == [each[0], each[0], each[1], each[1]]


def test_each_launch_measures_one_baseline_and_all_pipelines_of_its_reading(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, launches = reproduction(monkeypatch, 1.0)
    made.prepare(tmp_path)
    made.measure()
    for job in launches.jobs:
        (other,) = job.beside
        assert (job.config.model, job.config.batch) == (other.model, other.batch)
        assert (job.config.schedule, job.config.chunks) != (other.schedule, other.chunks)
    assert [job.form for job in launches.jobs[:3]] == [None, None, messages.Form("chain")]
    record = made.record()
    for first, other in ((0, 1), (2, 3)):
        one, two = record.runs[first], record.runs[other]
        assert [each.baseline for each in one.launches] == [each.baseline for each in two.launches]


def test_the_record_has_a_verdict_for_each_pipeline_and_is_read_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, _ = reproduction(monkeypatch, 1.0)
    made.prepare(tmp_path)
    made.measure()
    record = made.record()
    assert [verdict.reading for verdict in record.verdicts] == ["talk", "talk", "paper", "paper"]
    assert [verdict.claimed for verdict in record.verdicts] == [3.5, 3.5, 6300 / 1700, 6300 / 1700]
    for number, verdict in enumerate(record.verdicts):
        run = record.runs[number]
        assert (verdict.value, verdict.run, verdict.evidence) == (run.speedup.value, number, "emulated")
        assert verdict.verdict in {"consistent", "inconsistent", "unclear"}
        assert verdict.low is not None
        assert verdict.high is not None
        assert verdict.low <= verdict.value <= verdict.high
        lost = verdict.lost
        assert lost is not None
        step = lost.devices / (lost.overlap * lost.unequal * lost.transfer * lost.shared * lost.work)
        assert step == pytest.approx(BASELINE_S / run.timeline.makespan_s)
        assert run.timeline.spans == []
    document = documents.encode(record)
    assert len(document) < 200_000
    assert documents.decode(document, "here") == record


def test_what_was_measured_before_an_interrupt_is_in_the_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, _ = reproduction(monkeypatch, 1.0, fails_at=3)
    made.prepare(tmp_path)
    with pytest.raises(InterruptedRunError) as raised:
        made.measure()
    record = made.ended("aborted", raised.value)
    assert (record.status, record.failure is not None) == ("aborted", True)
    assert [len(run.launches) for run in record.runs] == [2, 2, 1, 1]
    assert [verdict.verdict for verdict in record.verdicts[2:]] == ["unclear", "unclear"]  # no interval
    nothing, _ = reproduction(monkeypatch, 1.0, fails_at=0)
    nothing.prepare(tmp_path)
    with pytest.raises(InterruptedRunError) as raised:
        nothing.measure()
    assert nothing.ended("aborted", raised.value).verdicts == []
