"""The order of a run and what is kept of it, with a launcher that reports what it is told to."""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest

from pipebench.config.run_config import RunConfig
from pipebench.errors import (
    CorruptRecordError,
    DeadlineError,
    EnvironmentRefusedError,
    InterruptedRunError,
    RunFailedError,
    UsageError,
)
from pipebench.launching import messages
from pipebench.launching.messages import Form
from pipebench.launching.phases import Phase
from pipebench.records import store
from pipebench.records.figures import Candidate
from pipebench.records.launches import Launch
from pipebench.records.run import EndedEarly
from pipebench.records.schema import Failure
from pipebench.run import ending, experiment, local_link, recording
from pipebench.telemetry import link_cache, other_runs
from tests.run.launches import Launches, Watcher, config, run, tasks
from tests.timing.test_measured_link import LINK


def test_the_first_launch_races_and_the_others_get_its_form_and_speed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    launches = Launches()
    record, path = run(monkeypatch, tmp_path, launches)
    assert [job.form for job in launches.jobs] == [None, Form("fused"), Form("fused")]
    assert [job.host_flops_per_s for job in launches.jobs] == [None, 1e11, 1e11]
    assert (record.status, len(record.launches)) == ("completed", 3)
    assert record.speedup.value == pytest.approx(2.0)
    assert store.read(path) == record


@pytest.mark.parametrize(("raced_s", "warned"), [(1.6, False), (1.5, True)])
def test_a_baseline_that_is_far_slower_than_in_its_race_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, raced_s: float, warned: bool
) -> None:
    raced = [Candidate("chain", 1, [0.1], 1), Candidate("fused", 1, [raced_s] * 3, 3)]
    record, _ = run(monkeypatch, tmp_path, Launches(raced=raced))
    assert ("baseline-slowed" in [each.code for each in record.warnings]) is warned


@pytest.mark.parametrize(
    ("error", "status"),
    [(RunFailedError("x"), "failed"), (DeadlineError("x"), "aborted"), (InterruptedRunError("x"), "aborted")],
)
@pytest.mark.parametrize("complete", [0, 2])
def test_complete_launches_are_kept_whatever_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, status: str, complete: int
) -> None:
    with pytest.raises(ending.RunEndedError) as ended:
        run(monkeypatch, tmp_path, Launches(error, fails_at=complete))
    record = store.read(ended.value.path)
    assert isinstance(record, EndedEarly)
    assert (record.status, len(record.launches), ended.value.launches) == (status, complete, complete)
    assert (record.speedup is not None) == (complete > 0)
    assert list(tmp_path.iterdir()) == [ended.value.path]


@pytest.mark.parametrize(
    "error", [EnvironmentRefusedError("no room left"), OSError(errno.EMFILE, "Too many open files")]
)
def test_a_machine_that_refuses_later_leaves_complete_launches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    with pytest.raises(EnvironmentRefusedError):
        run(monkeypatch, tmp_path, Launches(error, fails_at=0))
    assert not list(tmp_path.iterdir())
    with pytest.raises(ending.RunEndedError) as ended:
        run(monkeypatch, tmp_path, Launches(error, fails_at=2))
    assert ended.value.cause.exit_code == 7
    assert ended.value.kept.record.status == "failed"
    assert len(ended.value.kept.record.launches) == 2


@pytest.mark.parametrize("complete", [0, 1])
def test_a_bug_of_ours_costs_no_complete_launch_and_stays_a_bug(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, complete: int
) -> None:
    with pytest.raises(KeyError) as bug:
        run(monkeypatch, tmp_path, Launches(KeyError("layer"), fails_at=complete))
    paths = list(tmp_path.iterdir())
    assert len(paths) == complete
    for path in paths:
        record = store.read(path)
        assert isinstance(record, EndedEarly)
        assert (record.status, len(record.launches)) == ("failed", 1)
        assert record.failure == Failure(1, "a bug in pipebench: KeyError('layer')")
        assert bug.value.__notes__ == [f"kept: complete launches: 1, pipebench show {path}"]


@pytest.mark.parametrize("error", [None, RunFailedError("x")])
def test_figures_that_cannot_be_computed_cost_no_complete_launch(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception | None
) -> None:
    def broken(launches: list[Launch]) -> float:
        raise ZeroDivisionError

    monkeypatch.setattr(recording.summary, "pipeline_step_s", broken)
    with pytest.raises(ZeroDivisionError):
        run(monkeypatch, tmp_path, Launches(error, fails_at=2))
    (path,) = tmp_path.iterdir()
    record = store.read(path)
    assert isinstance(record, EndedEarly)
    assert (record.status, len(record.launches)) == ("failed", 3 if error is None else 2)
    assert record.speedup is None


def test_any_error_of_the_user_s_leaves_complete_launches(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ending.RunEndedError) as ended:
        run(monkeypatch, tmp_path, Launches(CorruptRecordError("no JSON"), fails_at=1))
    assert (ended.value.cause.exit_code, ended.value.launches) == (10, 1)


def test_a_folder_that_cannot_be_written_any_more_costs_no_figures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, other = tmp_path / "runs", tmp_path / "tmp"
    other.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(other))

    class Vanishing(Launches):
        def run(self, job: messages.Job) -> Iterator[messages.AnyMessage]:
            yield from super().run(job)
            if folder.is_dir():
                folder.rmdir()
                folder.touch()

    with pytest.raises(ending.NotStoredError, match="a file is in the way") as ended:
        run(monkeypatch, folder, Vanishing())
    record, path, trouble = ended.value.kept
    assert (record.status, path) == ("completed", other / f"{record.id}.json")
    assert f"{record.id}.json cannot be written in {folder}" in str(trouble)
    assert store.read(other / f"{record.id}.json") == record
    with pytest.raises(ending.RunEndedError) as broken:
        run(monkeypatch, tmp_path / "runs2", Launches(RunFailedError("x", log="last words"), fails_at=1))
    assert broken.value.log is not None


def test_gpus_are_watched_from_the_first_timed_step_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: list[str] = []

    class Watch:
        def begin(self) -> None:
            told.append("begin")

        def end(self) -> None:
            told.append("end")

        def environment(self) -> dict[str, str]:
            return {"gpu0_throttle_reasons": "hot"}

    class Timed(Launches):
        def run(self, job: messages.Job) -> Iterator[messages.AnyMessage]:
            first, *others = super().run(job)
            told.append("launched")
            yield from (messages.Progress(Phase.WARM_UP, 0.1), first, messages.Progress(Phase.TIMED, 0.5))
            yield from others

    tried = experiment.Experiment(config(launches=1), Watcher())
    tried.prepare(tmp_path)
    tried.gpus = Watch()  # type: ignore[assignment]
    tried.measure(Timed())  # type: ignore[arg-type]
    assert told == ["launched", "begin", "end", "end"]
    assert tried.so_far.environment["gpu0_throttle_reasons"] == "hot"


def test_progress_only_grows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    watcher = Watcher()
    monkeypatch.setattr(experiment, "Launcher", Launches())
    experiment.run(config(), folder=tmp_path, listener=watcher)
    assert watcher.shares == sorted(watcher.shares)
    assert watcher.doing[0] == "launch 1 of 3: starting"
    assert watcher.notices == ["device: emulated (auto: no GPU visible, 2 asked for)"]


def test_bad_input_leaves_no_record_and_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    with pytest.raises(UsageError, match=r"none\.txt"):
        run(monkeypatch, folder, Launches(), synthetic=False, text="/nowhere/none.txt")
    with pytest.raises(EnvironmentRefusedError, match="would not fit"):
        run(monkeypatch, folder, Launches(), hidden=100_000)
    assert not folder.exists()


def test_an_interrupt_while_reading_the_words_leaves_a_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(config: RunConfig) -> None:
        raise InterruptedRunError("interrupted")

    monkeypatch.setattr(experiment, "given_to", interrupted)
    with pytest.raises(ending.RunEndedError) as ended:
        run(monkeypatch, tmp_path, Launches())
    record = store.read(ended.value.path)
    assert isinstance(record, EndedEarly)
    assert (record.status, record.config.input) == ("aborted", None)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(local_link, "load_average", lambda: 0.0)
    return tmp_path / "cache"


def test_the_local_link_is_measured_once_a_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    first, second = Launches(), Launches()
    record, _ = run(monkeypatch, tmp_path, first, machine="local")
    run(monkeypatch, tmp_path, second, machine="local")
    assert tasks(first) == ["link", "launch", "launch", "launch"]
    assert tasks(second) == ["launch"] * 3
    links = [job.link for job in [*first.jobs[1:], *second.jobs]]
    assert all(link and msgspec.structs.replace(link, load_average=None) == LINK for link in links)
    assert record.machine is not None
    assert record.machine.time_dilation == 1.0
    assert record.machine.link is not None
    assert record.machine.link.overhead_s == LINK.at(record_message_bytes()).overhead_s


def record_message_bytes() -> int:
    return config(machine="local").message_bytes


def test_remeasure_measures_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> None:
    link_cache.save(LINK)
    launches = Launches()
    monkeypatch.setattr(experiment, "Launcher", launches)
    experiment.run(config(machine="local"), folder=tmp_path, listener=Watcher(), remeasure=True)
    assert tasks(launches)[0] == "link"


@pytest.mark.parametrize("busy", [True, False])
def test_another_run_beside_is_told_and_recorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path, *, busy: bool
) -> None:
    monkeypatch.setattr(experiment, "Launcher", Launches())
    watcher = Watcher()
    with other_runs.watched() if busy else nullcontext():
        record, _ = experiment.run(config(), folder=tmp_path, listener=watcher)
    assert record.environment["another_run_beside"] is busy
    assert ("run-beside" in {warning.code for warning in record.warnings}) is busy
    assert sum("another pipebench run measures" in text for text in watcher.notices) == busy


def test_a_preset_needs_no_link(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> None:
    launches = Launches()
    run(monkeypatch, tmp_path, launches)
    assert tasks(launches) == ["launch"] * 3
    assert not list(cache.rglob("link-*"))


def test_a_local_run_that_broke_before_its_link_keeps_a_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> None:
    class Broken(Launches):
        def run(self, job: messages.Job) -> Iterator[messages.AnyMessage]:
            raise RunFailedError("rank 1 was killed by SIGKILL")
            yield

    with pytest.raises(ending.RunEndedError) as caught:
        run(monkeypatch, tmp_path, Broken(), machine="local")
    record = store.read(caught.value.path)
    assert isinstance(record, EndedEarly)
    assert record.machine is not None
    assert (record.machine.name, record.machine.link) == ("local", None)
