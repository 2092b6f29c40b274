"""When the link of this machine is measured, waited for and kept."""

import time
from pathlib import Path

import pytest

from pipebench.errors import DeadlineError
from pipebench.launching import messages
from pipebench.run import local_link
from pipebench.telemetry import link_cache, other_runs
from pipebench.timing.measured_link import MeasuredLink
from tests.builders import run_config
from tests.run.test_experiment import Launches, Watcher
from tests.timing.test_measured_link import LINK


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(local_link, "load_average", lambda: 0.0)
    return tmp_path / "pipebench"


def launches(left_s: float = 60.0) -> Launches:
    return Launches()(deadline=time.monotonic() + left_s)


def known(started: Launches, watcher: Watcher, *, remeasure: bool = False) -> MeasuredLink:
    job = messages.Job(config=run_config(machine="local", synthetic=True), data=None)  # type: ignore[arg-type]
    return local_link.known(job, started, watcher, remeasure=remeasure)  # type: ignore[arg-type]


def test_an_idle_machine_s_link_is_kept_and_then_taken() -> None:
    first, second, watcher = launches(), launches(), Watcher()
    assert known(first, watcher) == known(second, watcher) == link_cache.load()
    assert (len(first.jobs), len(second.jobs)) == (1, 0)
    assert "link: measured between 2 processes, kept in" in watcher.notices[0]
    assert "link: as measured on" in watcher.notices[1]


def test_under_load_it_is_used_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_link, "load_average", lambda: 3.2)
    watcher = Watcher()
    assert known(launches(), watcher).times == LINK.times
    assert watcher.notices == [
        "link: measured between 2 processes, not kept: other programs ran in the minute before (load 3.2)"
    ]
    assert link_cache.load() is None


def test_beside_another_run_it_is_used_and_not_kept() -> None:
    watcher = Watcher()
    with other_runs.watched():
        known(launches(), watcher)
    assert watcher.notices == [
        "link: measured between 2 processes, not kept: another pipebench run measured beside it"
    ]
    assert link_cache.load() is None


def test_one_that_was_kept_under_load_counts_no_more() -> None:
    link_cache.save(
        MeasuredLink(**{name: getattr(LINK, name) for name in LINK.__struct_fields__} | {"load_average": 5.0})
    )
    started = launches()
    known(started, Watcher())
    assert len(started.jobs) == 1
    kept = link_cache.load()
    assert kept is not None
    assert kept.load_average == 0.0


def test_what_is_measured_again_under_load_leaves_what_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    known(launches(), Watcher())
    kept = link_cache.load()
    monkeypatch.setattr(local_link, "load_average", lambda: 3.2)
    known(launches(), Watcher(), remeasure=True)
    assert link_cache.load() == kept


def test_whoever_waits_takes_what_the_other_has_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    started, watcher = launches(), Watcher()
    other = link_cache.measuring(lambda: None)
    other.__enter__()

    def pause(seconds: float) -> None:
        link_cache.save(LINK)
        other.__exit__(None, None, None)

    monkeypatch.setattr("pipebench.telemetry.cache.time.sleep", pause)
    assert known(started, watcher) == LINK
    assert started.jobs == []


def test_the_deadline_counts_while_waiting() -> None:
    with (
        link_cache.measuring(lambda: None),
        pytest.raises(DeadlineError, match="measured the link of this machine"),
    ):
        known(launches(left_s=0.0), Watcher())


def test_where_nothing_can_be_kept_it_is_measured_and_said(cache: Path) -> None:
    cache.write_text("in the way")
    watcher = Watcher()
    known(launches(), watcher)
    assert watcher.notices == [
        "link: measured between 2 processes, not kept: the cache folder cannot be written or locked"
    ]
