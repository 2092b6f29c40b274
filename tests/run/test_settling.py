from pathlib import Path

import pytest

from pipebench.errors import (
    RunFailedError,
)
from pipebench.plan.schedules import SCHEDULES
from pipebench.run import ending, experiment
from tests.run.launches import FOUND, Launches, Watcher, config, odd_costs, tasks


def test_balanced_measures_the_layers_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    launches = Launches()
    monkeypatch.setattr(experiment, "Launcher", launches)
    asked = config(partition="balanced")
    try:
        record, _ = experiment.run(asked, folder=tmp_path, listener=Watcher())
    except ending.RunEndedError as ended:
        pytest.fail(str(ended))
    assert launches.jobs[0].config.partition is None
    assert launches.jobs[1].config.partition == tuple(record.config.partition or ())


def test_an_order_is_settled_once_from_measured_costs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After the partition, by the bounds that were asked for; both launches run it."""
    launches = Launches()
    monkeypatch.setattr(experiment, "Launcher", launches)
    asked = config(schedule="wavefront-zb", partition="balanced", chunks=4, most_waiting=5)
    tried = experiment.Experiment(asked, Watcher())
    tried.prepare(tmp_path)
    for _ in range(2):
        tried.launch(launches)  # type: ignore[arg-type]
    assert tasks(launches) == ["layers", "costs", "launch", "launch"]
    measured, *run = launches.jobs[1:]
    assert measured.config.order is None
    assert measured.config.partition is not None
    schedule, graph = SCHEDULES["wavefront-zb"], measured.config.graph
    expected = schedule.plan(graph, odd_costs(graph), most_waiting=5)
    assert [job.config.plan for job in run] == [expected, expected]
    assert expected != schedule.plan(graph, odd_costs(graph)), "or the bound is not seen"
    assert run[0].config.found == FOUND, "nothing is tried twice"


@pytest.mark.parametrize("fits", [True, False])
def test_where_the_costs_are_from_is_recorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, fits: bool
) -> None:
    launches = Launches(fits=fits)
    monkeypatch.setattr(experiment, "Launcher", launches)
    tried = experiment.Experiment(config(schedule="wavefront-zb", chunks=4), Watcher())
    tried.prepare(tmp_path)
    tried.launch(launches)  # type: ignore[arg-type]
    ran = tried.so_far
    assert ran.environment["order_costs"] == ("measured" if fits else "on paper")
    costs = odd_costs(ran.config.graph) if fits else None
    assert ran.config.plan == SCHEDULES["wavefront-zb"].plan(ran.config.graph, costs)


def test_costs_that_nobody_measured_end_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    launches = Launches(measures=False)
    monkeypatch.setattr(experiment, "Launcher", launches)
    tried = experiment.Experiment(config(schedule="wavefront-zb"), Watcher())
    tried.prepare(tmp_path)
    with pytest.raises(RunFailedError, match="measuring the actions ended without a result"):
        tried.launch(launches)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "speeds", "partition"),
    [
        # layers of 3 + 1 + 1 against 5 and a head of 1; then the second device is faster, or slower
        ({}, (), (3, 5)),
        ({}, (7.0, 6.9), (3, 5)),
        ({}, (1.0, 2.0), (1, 7)),
        ({}, (3.0, 1.0), (6, 2)),
        ({"gpus": 3, "softmax_devices": "1"}, (1.0, 2.0, 9.0), (1, 7)),
    ],
)
def test_a_balanced_partition_follows_the_speeds_of_the_devices(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: dict[str, object],
    speeds: tuple[float, ...],
    partition: tuple[int, ...],
) -> None:
    launches = Launches(speeds=speeds)
    monkeypatch.setattr(experiment, "Launcher", launches)
    tried = experiment.Experiment(config(partition="balanced", layers=8, **options), Watcher())
    tried.prepare(tmp_path)
    tried.launch(launches)  # type: ignore[arg-type]
    assert tried.so_far.config.partition == partition
