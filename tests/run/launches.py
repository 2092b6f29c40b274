"""A launcher that reports what it is told to, and whoever watches the run."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pipebench.config.run_config import RunConfig
from pipebench.launching import messages
from pipebench.launching.messages import Form
from pipebench.launching.phases import Phase
from pipebench.plan.graph import Graph
from pipebench.plan.order_costs import CellCost, OrderCosts, costs_on_paper
from pipebench.records.config import Config
from pipebench.records.figures import Candidate
from pipebench.records.run import CompletedRun
from pipebench.run import experiment
from pipebench.run.listener import Doing
from tests.builders import completed_record, launch, run_config
from tests.timing.test_measured_link import LINK

RECORD = completed_record()
FOUND = {"onednn_projection": False, "packed_products": True}


class Watcher:
    def __init__(self) -> None:
        self.shares: list[float] = []
        self.notices: list[str] = []
        self.doing: list[str] = []

    def progress(self, doing: Doing, share: float) -> None:
        self.doing.append(doing.text)
        self.shares.append(share)

    def notice(self, text: str) -> None:
        self.notices.append(text)


class Launches:
    """A launcher: each launch reports, the one numbered ``fails_at`` raises ``error`` instead."""

    def __init__(
        self,
        error: Exception | None = None,
        fails_at: int = 99,
        speeds: Sequence[float] = (),
        *,
        measures: bool = True,
        fits: bool = True,
        raced: Sequence[Candidate] = (),
    ) -> None:
        self.measures, self.fits, self.raced = measures, fits, list(raced)
        self.error, self.fails_at, self.speeds, self.jobs = error, fails_at, list(speeds), []

    def __call__(self, *, deadline: float, company: None = None) -> "Launches":
        assert deadline > 0
        assert company is None
        self.deadline = deadline
        return self

    def run(self, job: messages.Job) -> Iterator[messages.AnyMessage]:
        number = len(self.jobs)
        self.jobs.append(job)
        if job.task == "link":
            yield messages.LinkTimes(link=LINK)
            return
        if job.task == "costs":
            if self.measures:
                yield messages.Progress(Phase.ACTIONS, 0.5)
                costs = odd_costs(job.config.graph) if self.fits else None
                yield messages.ActionCosts(costs=costs, found=FOUND)
            return
        if job.task == "layers":
            costs = [3.0] + [1.0] * (job.config.layers - 1)
            yield messages.LayerCosts(costs, 1.0, self.speeds)
            return
        if job.form is None:
            yield messages.Raced(Form("fused"), self.raced, 1e11)
            yield messages.Verified(RECORD.verification)
        if number == self.fails_at and self.error is not None:
            raise self.error
        yield messages.Measured(launch([2.0, 2.0], [1.0, 1.0]), [RECORD.timeline] * 2)


def odd_costs(graph: Graph) -> OrderCosts:
    """A call of W costs more on each stage."""
    paper = costs_on_paper(graph)
    weights = tuple(CellCost(each.slice_s, 2.0 * stage) for stage, each in enumerate(paper.backward_weight))
    return replace(paper, backward_weight=weights)


def run(
    monkeypatch: pytest.MonkeyPatch, folder: Path, launches: Launches, **options: object
) -> tuple[CompletedRun, Path]:
    monkeypatch.setattr(experiment, "Launcher", launches)
    return experiment.run(config(**options), folder=folder, listener=Watcher())


def config(**options: object) -> RunConfig:
    assert isinstance(RECORD.config, Config)
    same = {
        "gpus": RECORD.config.gpus,
        "layers": RECORD.config.layers,
        "microbatches": RECORD.config.microbatches,
    }
    return run_config(**(same | {"synthetic": True, "launches": 3} | options))


def tasks(launches: Launches) -> list[str]:
    return [job.task for job in launches.jobs]
